//! The meter model's rule from a written clock to UTC.

use super::{DEVIATION_MIN_MAX, DEVIATION_UNIX, DEVIATION_UNSPECIFIED, RawClock, Zone};

/// India's only time zone, five and a half hours ahead of UTC.
const IST_MIN: i16 = 330;

/// How a meter model's clock becomes UTC. It belongs to the model, never to the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimePolicy {
    /// The written time is Indian Standard Time whatever the deviation says: the safe rule in India.
    #[default]
    Ist,
    /// The standard's sign: UTC = local + deviation. Without a deviation there is no answer.
    Standard,
    /// The reversed sign of many Indian meters: UTC = local - deviation. Without a deviation there is no answer.
    Indian,
    /// A fixed offset in minutes, positive east of Greenwich: UTC = local - offset.
    FixedMinutes(i16),
    /// The zone's own time, summer time included, whatever the deviation says.
    Civil(Zone),
    /// The standard's sign; without a deviation, the zone's time.
    StandardOr(Zone),
    /// The reversed sign; without a deviation, the zone's time.
    IndianOr(Zone),
}

impl TimePolicy {
    /// Parses `ist`, `standard`, `indian`, `fixed:+0530` (or a plain number of minutes after `fixed:`),
    /// `civil:RULE` and `standard-time:RULE`, where `RULE` is what [`Zone::parse`] takes; a standard
    /// time is the zone's winter offset all year. What to do without a deviation may follow
    /// `standard` and `indian`: `standard+civil:RULE`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('+') {
            Some(("standard", rest)) => zoned(rest).map(Self::StandardOr),
            Some(("indian", rest)) => zoned(rest).map(Self::IndianOr),
            _ => match text {
                "ist" => Some(Self::Ist),
                "standard" => Some(Self::Standard),
                "indian" => Some(Self::Indian),
                other => zoned(other).map(|zone| match zone.all_year_min() {
                    Some(minutes) => Self::FixedMinutes(minutes),
                    None => Self::Civil(zone),
                }),
            },
        }
    }

    /// UTC in seconds since 1970; `None` when the clock does not say which of two hours it means.
    #[inline]
    pub fn utc_s(self, clock: &RawClock) -> Option<i64> {
        if clock.deviation_min == DEVIATION_UNIX {
            return Some(clock.local_s);
        }
        let told = clock.deviation_min != DEVIATION_UNSPECIFIED;
        let east_min = match self {
            Self::Ist => IST_MIN,
            Self::FixedMinutes(minutes) => minutes,
            Self::Standard | Self::StandardOr(_) if told => clock.deviation_min.wrapping_neg(),
            Self::Indian | Self::IndianOr(_) if told => clock.deviation_min,
            Self::Civil(zone) | Self::StandardOr(zone) | Self::IndianOr(zone) => {
                zone.east_min(clock)?
            }
            Self::Standard | Self::Indian => return None,
        };
        let east_s = i64::from(east_min).wrapping_mul(60);
        clock.local_s.checked_sub(east_s)
    }

    /// Whether clocks an interval apart that say the same deviation are always an interval apart in
    /// UTC: not so where the zone alone moves them.
    #[inline]
    pub const fn is_steady(self) -> bool {
        match self {
            Self::Ist | Self::Standard | Self::Indian | Self::FixedMinutes(_) => true,
            Self::Civil(zone) | Self::StandardOr(zone) | Self::IndianOr(zone) => {
                zone.all_year_min().is_some()
            }
        }
    }
}

/// A zone as policies name it.
fn zoned(text: &str) -> Option<Zone> {
    match text.split_once(':')? {
        ("fixed", offset) => fixed_minutes(offset).map(Zone::fixed),
        ("civil", rule) => Zone::parse(rule),
        ("standard-time", rule) => Zone::parse(rule).map(Zone::standard_time),
        _ => None,
    }
}

/// `+0530` is hours and minutes; without four digits behind a sign it is minutes.
fn fixed_minutes(text: &str) -> Option<i16> {
    let number: i16 = text.parse().ok()?;
    if text.len() != 5 {
        return (number.unsigned_abs() <= DEVIATION_MIN_MAX).then_some(number);
    }
    let (hours, minutes) = (number / 100, number % 100);
    let total = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes.unsigned_abs() < 60 && total.unsigned_abs() <= DEVIATION_MIN_MAX).then_some(total)
}
