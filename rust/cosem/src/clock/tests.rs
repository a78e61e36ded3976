//! Every day the store can hold against a calendar that only counts, and the fields one by one.

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
    ];
    for (text, policy) in cases {
        assert_eq!(TimePolicy::parse(text), policy, "{text}");
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
