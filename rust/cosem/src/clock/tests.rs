//! Every day the store can hold against a calendar that only counts, and the fields one by one.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "times of a test's own making"
)]

use super::*;
use proptest::prelude::*;

fn bytes(year: u16, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> [u8; 12] {
    let [y1, y0] = year.to_be_bytes();
    [
        y1, y0, month, day, 0xff, hour, minute, second, 0, 1, 0x4a, 0,
    ]
}

/// A calendar that knows nothing but month lengths and leap years, walked one day at a time.
fn every_day() -> impl Iterator<Item = (u16, u8, u8)> {
    let lengths = |year: u16| {
        let leap =
            year.is_multiple_of(400) || (year.is_multiple_of(4) && !year.is_multiple_of(100));
        [
            31,
            if leap { 29 } else { 28 },
            31,
            30,
            31,
            30,
            31,
            31,
            30,
            31,
            30,
            31,
        ]
    };
    (1970..=2105).flat_map(move |year| {
        (1..=12)
            .zip(lengths(year))
            .flat_map(move |(month, length)| (1..=length).map(move |day| (year, month, day)))
    })
}

#[test]
fn every_day_from_1970_to_2105_follows_the_one_before_it() {
    let mut days = Days::default();
    let mut count = 0;
    for (expected, (year, month, day)) in (0..).step_by(86_400).zip(every_day()) {
        let clock = days.clock(&bytes(year, month, day, 0, 0, 0));
        assert_eq!(
            clock.map(|clock| clock.local_s),
            Ok(expected),
            "{year}-{month}-{day}"
        );
        count = day.max(count);
    }
    assert_eq!(count, 31);
}

#[test]
fn no_date_outside_the_calendar_is_accepted() {
    let real: std::collections::HashSet<_> = every_day().collect();
    for year in [0, 1969, 1970, 2000, 2023, 2024, 2100, 2105, 2106, 0xffff] {
        for month in 0..=255 {
            for day in 0..=255 {
                let accepted = RawClock::parse(&bytes(year, month, day, 0, 0, 0)).is_ok();
                assert_eq!(
                    accepted,
                    real.contains(&(year, month, day)),
                    "{year}-{month}-{day}"
                );
            }
        }
    }
}

#[test]
fn every_time_of_day_and_nothing_else_is_accepted() {
    for (hour, minute, second) in [
        (23, 59, 59),
        (24, 0, 0),
        (255, 0, 0),
        (0, 60, 0),
        (0, 255, 0),
        (0, 0, 60),
    ] {
        let accepted = RawClock::parse(&bytes(2026, 11, 20, hour, minute, second)).is_ok();
        assert_eq!(accepted, hour == 23, "{hour}:{minute}:{second}");
    }
    let unspecified = RawClock::parse(&bytes(2026, 11, 20, 10, 30, 0xff)).unwrap();
    assert_eq!(
        unspecified,
        RawClock::parse(&bytes(2026, 11, 20, 10, 30, 0)).unwrap()
    );
}

#[test]
fn captured_date_times_keep_their_deviation_and_status() {
    // Landis+Gyr, unspecified deviation; Energomera, unspecified weekday and hundredths; an Indian load survey.
    let cases: [([u8; 12], i64, i16, u8); 3] = [
        (
            [7, 0xe6, 2, 0x17, 3, 0x15, 0x24, 0, 0xff, 0x80, 0, 0],
            1_645_652_160,
            DEVIATION_UNSPECIFIED,
            0,
        ),
        (
            [7, 0xe6, 11, 3, 0xff, 15, 38, 25, 0xff, 0xff, 0x4c, 0xff],
            1_667_489_905,
            -180,
            0xff,
        ),
        (
            [7, 0xdb, 7, 14, 0xff, 0, 0, 0, 0, 1, 0x4a, 0],
            1_310_601_600,
            330,
            0,
        ),
    ];
    for (bytes, local_s, deviation_min, status) in cases {
        let expected = RawClock {
            local_s,
            deviation_min,
            status,
        };
        assert_eq!(RawClock::parse(&bytes), Ok(expected));
    }
}

#[test]
fn each_policy_reads_the_same_clock_its_own_way() {
    let clock = RawClock {
        local_s: 1_000_000,
        deviation_min: 330,
        status: 0,
    };
    let unspecified = RawClock {
        deviation_min: DEVIATION_UNSPECIFIED,
        ..clock
    };
    assert_eq!(TimePolicy::Ist.utc_s(&clock), Some(980_200));
    assert_eq!(TimePolicy::Ist.utc_s(&unspecified), Some(980_200));
    assert_eq!(TimePolicy::Indian.utc_s(&clock), Some(980_200));
    assert_eq!(TimePolicy::Indian.utc_s(&unspecified), None);
    assert_eq!(TimePolicy::Standard.utc_s(&clock), Some(1_019_800));
    assert_eq!(TimePolicy::Standard.utc_s(&unspecified), None);
    assert_eq!(
        TimePolicy::FixedMinutes(-60).utc_s(&unspecified),
        Some(1_003_600)
    );
}

#[test]
fn a_count_of_seconds_is_utc_under_every_policy() {
    let clock = RawClock::unix(1_795_132_800).unwrap();
    assert_eq!(RawClock::unix(41_234), None, "a register");
    for policy in ["ist", "standard", "indian", "fixed:+0100", ZURICH] {
        let policy = TimePolicy::parse(policy).unwrap();
        assert_eq!(policy.utc_s(&clock), Some(1_795_132_800));
    }
}

#[test]
fn policies_are_named_in_words_and_offsets() {
    let cases = [
        ("ist", Some(TimePolicy::Ist)),
        ("standard", Some(TimePolicy::Standard)),
        ("indian", Some(TimePolicy::Indian)),
        ("fixed:+0530", Some(TimePolicy::FixedMinutes(330))),
        ("fixed:-0330", Some(TimePolicy::FixedMinutes(-210))),
        ("fixed:330", Some(TimePolicy::FixedMinutes(330))),
        ("fixed:0", Some(TimePolicy::FixedMinutes(0))),
        ("fixed:+0560", None),
        ("fixed:+1500", None),
        ("fixed:", None),
        ("utc", None),
        ("civil:IST-5:30", Some(TimePolicy::FixedMinutes(330))),
        (
            "standard-time:CET-1CEST,M3.5.0,M10.5.0/3",
            Some(TimePolicy::FixedMinutes(60)),
        ),
        ("standard+civil", None),
        ("standard+ist", None),
        ("civil:CET", None),
        ("civil:CET-1CEST", None),
        ("civil:CET-1CEST,M3.5.0", None),
        ("civil:CET-1CEST,M13.5.0,M10.5.0", None),
        ("civil:CET-1CEST,M3.6.0,M10.5.0", None),
        ("civil:CET-1CEST,M3.5.7,M10.5.0", None),
        ("civil:CET-1CEST,M3.5.0,M10.5.0/", None),
        ("civil:CET-1CEST,J60,J300", None),
        ("civil:C-1", None),
        ("civil:CET-25", None),
        ("civil:", None),
    ];
    for (text, policy) in cases {
        assert_eq!(TimePolicy::parse(text), policy, "{text}");
    }
    for text in [
        "civil:CET-1CEST,M3.5.0,M10.5.0/3",
        "civil:<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        "indian+civil:CET-1CEST,M3.5.0,M10.5.0/3",
    ] {
        assert!(
            TimePolicy::parse(text).is_some_and(|policy| !policy.is_steady()),
            "{text}"
        );
    }
}

const ZURICH: &str = "civil:CET-1CEST,M3.5.0,M10.5.0/3";

/// UTC of a clock without deviation, in hours and minutes of its day.
fn utc(policy: &str, date: (u16, u8, u8), time: (u8, u8), status: u8) -> Option<(i64, i64)> {
    let mut written = bytes(date.0, date.1, date.2, time.0, time.1, 0);
    (written[9], written[10], written[11]) = (0x80, 0, status);
    let clock = RawClock::parse(&written).unwrap();
    let midnight = RawClock::parse(&bytes(date.0, date.1, date.2, 0, 0, 0)).unwrap();
    let utc_s = TimePolicy::parse(policy).unwrap().utc_s(&clock)?;
    let minutes = (utc_s - midnight.local_s).div_euclid(60);
    Some((minutes.div_euclid(60), minutes.rem_euclid(60)))
}

#[test]
fn summer_time_follows_the_zones_rule_and_the_status_decides_where_the_hour_is_told_twice() {
    let autumn = (2026, 10, 25);
    let spring = (2026, 3, 29);
    for (date, time, status, expected) in [
        ((2026, 7, 1), (12, 0), 0, Some((10, 0))),
        ((2026, 7, 1), (12, 0), 0xff, Some((10, 0))),
        ((2026, 12, 1), (12, 0), 0x80, Some((11, 0))),
        ((2027, 1, 1), (0, 0), 0, Some((-1, 0))),
        ((2026, 12, 31), (23, 30), 0, Some((22, 30))),
        (autumn, (1, 30), 0, Some((-1, 30))),
        (autumn, (2, 0), 0x80, Some((0, 0))),
        (autumn, (2, 30), 0x80, Some((0, 30))),
        (autumn, (2, 30), 0x00, Some((1, 30))),
        (autumn, (2, 30), 0xff, None),
        (autumn, (3, 0), 0x80, Some((1, 0))),
        (autumn, (2, 0), 0x00, Some((1, 0))),
        (autumn, (3, 0), 0x00, Some((2, 0))),
        (autumn, (3, 0), 0xff, Some((2, 0))),
        (spring, (1, 30), 0, Some((0, 30))),
        (spring, (2, 0), 0, Some((1, 0))),
        (spring, (2, 30), 0x80, Some((0, 30))),
        (spring, (2, 30), 0xff, None),
        (spring, (3, 0), 0, Some((1, 0))),
        (spring, (3, 0), 0x80, Some((1, 0))),
    ] {
        assert_eq!(
            utc(ZURICH, date, time, status),
            expected,
            "{date:?} {time:?} {status:#x}"
        );
    }
}

#[test]
fn a_meter_that_ignores_summer_time_keeps_its_zones_standard_time() {
    let oslo = "standard-time:CET-1CEST,M3.5.0,M10.5.0/3";
    assert_eq!(utc(oslo, (2026, 7, 1), (12, 0), 0x80), Some((11, 0)));
    assert_eq!(utc(oslo, (2026, 10, 25), (2, 30), 0x80), Some((1, 30)));
}

#[test]
fn a_zone_south_of_the_equator_has_its_summer_over_new_year() {
    let sydney = "civil:AEST-10AEDT,M10.1.0,M4.1.0/3";
    for (date, hours) in [
        ((2026, 1, 15), -11),
        ((2026, 7, 15), -10),
        ((2026, 12, 31), -11),
        ((2026, 10, 4), -10),
        ((2026, 10, 5), -11),
        ((2026, 4, 6), -10),
    ] {
        assert_eq!(utc(sydney, date, (0, 0), 0), Some((hours, 0)), "{date:?}");
    }
}

#[test]
fn without_a_deviation_a_signed_policy_falls_back_on_its_zone() {
    let clock = |deviation_min| RawClock {
        local_s: 1_782_907_200, // 2026-07-01 12:00
        deviation_min,
        status: 0x80,
    };
    for (policy, told, untold) in [
        (format!("standard+{ZURICH}"), 2, -2),
        (format!("indian+{ZURICH}"), -2, -2),
        ("standard+fixed:+0530".to_owned(), 2, -5),
    ] {
        let policy = TimePolicy::parse(&policy).unwrap();
        let hours = |deviation: i16| {
            let utc_s = policy.utc_s(&clock(deviation)).unwrap();
            (utc_s - 1_782_907_200) / 3_600
        };
        assert_eq!(hours(120), told, "{policy:?}");
        assert_eq!(hours(DEVIATION_UNSPECIFIED), untold, "{policy:?}");
    }
}

proptest! {
    /// Through a year, every instant written as a zone's clock shows it comes back as that instant.
    #[test]
    fn what_a_zones_clock_shows_is_read_as_that_instant(half_hours in 0_i64..40 * 17_532, south: bool) {
        let (rule, summer) = if south {
            ("civil:AEST-10AEDT,M10.1.0,M4.1.0/3", 11)
        } else {
            (ZURICH, 2)
        };
        let policy = TimePolicy::parse(rule).unwrap();
        let utc_s = 1_262_304_000 + half_hours * 1_800;
        // Of the two clocks that can show it, at least the one in force must be read back.
        let shown = |hours: i64, status| RawClock {
            local_s: utc_s + hours * 3_600,
            deviation_min: DEVIATION_UNSPECIFIED,
            status,
        };
        let as_summer = policy.utc_s(&shown(summer, 0x80)) == Some(utc_s);
        let as_winter = policy.utc_s(&shown(summer - 1, 0)) == Some(utc_s);
        prop_assert!(as_summer || as_winter);
    }
}

proptest! {
    #[test]
    fn any_twelve_bytes_are_a_clock_or_refused_and_the_remembered_date_changes_nothing(
        first: [u8; 12],
        second in prop_oneof![any::<[u8; 12]>(), (0u16..3000, 0u8..14, 0u8..33, 0u8..26).prop_map(|(y, m, d, h)| bytes(y, m, d, h, 0, 0))],
    ) {
        let mut days = Days::default();
        let _ = days.clock(&first);
        prop_assert_eq!(days.clock(&second), RawClock::parse(&second));
    }
}
