//! A zone with summer time, as its rule: no table of zones is compiled in.
//!
//! The rule is what POSIX writes into `TZ` (IEEE 1003.1-2017, clause 8.3), of its forms the one in
//! which zones with a lasting law are written: `CET-1CEST,M3.5.0,M10.5.0/3`. Which zones there are,
//! and from when a law holds, is configuration.
//!
//! Twice a year the written hour does not say enough: in autumn it comes twice, in spring it is left
//! out. There, and only there, bit 0x80 of the clock status decides, and an interval's end that is the
//! very instant of the change may be written either way.

use super::{DAY_S, DEVIATION_MIN_MAX, RawClock, UNSPECIFIED, midnight_s};

/// The clock status bit of a clock that is on summer time (Blue Book 15, clause 4.1.6.1).
const STATUS_SUMMER: u8 = 0x80;
/// Seconds of a Gregorian year on average.
const YEAR_S: i64 = 31_556_952;
/// 1970-01-01 was a Thursday; Sunday is 0.
const THURSDAY: i64 = 4;
/// When a change comes if its rule does not say: two in the morning.
const TWO_MIN: i16 = 120;

/// A zone's offset, and its summer time if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    /// Minutes east of Greenwich without summer time.
    east_min: i16,
    summer: Option<Summer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Summer {
    /// Minutes east of Greenwich.
    east_min: i16,
    begins: Change,
    ends: Change,
}

/// A day of every year and a wall-clock time on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    month: u8,
    /// 1 to 4; 5 is the last one.
    week: u8,
    /// 0 is Sunday.
    weekday: u8,
    at_min: i16,
}

impl Zone {
    /// Reads `CET-1CEST,M3.5.0,M10.5.0/3`, or `IST-5:30` where there is no summer time.
    pub fn parse(rule: &str) -> Option<Self> {
        let (east_min, rest) = named_offset(rule)?;
        let east_min = east_min?;
        if rest.is_empty() {
            return Some(Self::fixed(east_min));
        }
        let (summer_min, rest) = named_offset(rest)?;
        let (begins, ends) = rest.strip_prefix(',')?.split_once(',')?;
        Some(Self {
            east_min,
            summer: Some(Summer {
                east_min: summer_min.or_else(|| east_min.checked_add(60))?,
                begins: Change::parse(begins)?,
                ends: Change::parse(ends)?,
            }),
        })
    }

    /// An offset all year.
    pub(super) const fn fixed(east_min: i16) -> Self {
        Self {
            east_min,
            summer: None,
        }
    }

    /// The same zone for a clock that ignores summer time.
    pub(super) const fn standard_time(self) -> Self {
        Self::fixed(self.east_min)
    }

    /// The offset, if it is the same all year.
    pub(super) const fn all_year_min(self) -> Option<i16> {
        match self.summer {
            None => Some(self.east_min),
            Some(_) => None,
        }
    }

    /// Minutes east of Greenwich that `clock` was written in.
    #[cold]
    #[inline(never)]
    pub(super) fn east_min(&self, clock: &RawClock) -> Option<i16> {
        let Some(summer) = self.summer else {
            return Some(self.east_min);
        };
        let local_s = clock.local_s;
        let year = year_of(local_s)?;
        let shift_s = i64::from(summer.east_min)
            .checked_sub(i64::from(self.east_min))?
            .checked_mul(60)?;
        // In spring the clock jumps from `begins` to `begun`, in autumn from `ends` back to `again`.
        let begins = summer.begins.local_s(year)?;
        let begun = begins.checked_add(shift_s)?;
        let ends = summer.ends.local_s(year)?;
        let again = ends.checked_sub(shift_s)?;
        let is_summer = if (begins..begun).contains(&local_s) || (again..ends).contains(&local_s) {
            (clock.status != UNSPECIFIED).then_some(clock.status & STATUS_SUMMER != 0)?
        } else if local_s == ends {
            clock.status != UNSPECIFIED && clock.status & STATUS_SUMMER != 0
        } else if begins < ends {
            (begun..again).contains(&local_s)
        } else {
            !(ends..begins).contains(&local_s)
        };
        Some(if is_summer {
            summer.east_min
        } else {
            self.east_min
        })
    }
}

impl Change {
    /// `M10.5.0/3`: month, week, weekday, and the time when it is not two o'clock.
    fn parse(text: &str) -> Option<Self> {
        let (day, time) = match text.split_once('/') {
            Some((day, time)) => (day, Some(time)),
            None => (text, None),
        };
        let mut numbers = day.strip_prefix('M')?.split('.').map(str::parse::<u8>);
        let mut next = || numbers.next()?.ok();
        let (month, week, weekday) = (next()?, next()?, next()?);
        let sound = (1..=12).contains(&month) && (1..=5).contains(&week) && weekday < 7;
        (sound && numbers.next().is_none()).then_some(())?;
        Some(Self {
            month,
            week,
            weekday,
            at_min: time.map_or(Some(TWO_MIN), minutes)?,
        })
    }

    /// When it comes in `year`, on the clock that is about to change.
    fn local_s(self, year: u16) -> Option<i64> {
        let [y1, y0] = year.to_be_bytes();
        let first = midnight_s([y1, y0, self.month, 1])?;
        let weekday = first.div_euclid(DAY_S).checked_add(THURSDAY)?.rem_euclid(7);
        let ahead = i64::from(self.weekday).checked_sub(weekday)?.rem_euclid(7);
        let weeks = i64::from(self.week).checked_sub(1)?.checked_mul(7)?;
        let day = ahead.checked_add(weeks)?.checked_add(1)?;
        // A fifth one that the month does not have is its last.
        let fits = |day: i64| midnight_s([y1, y0, self.month, u8::try_from(day).ok()?]);
        let midnight = fits(day).or_else(|| fits(day.checked_sub(7)?))?;
        midnight.checked_add(i64::from(self.at_min).checked_mul(60)?)
    }
}

fn year_of(local_s: i64) -> Option<u16> {
    let guess = u16::try_from(local_s.checked_div(YEAR_S)?.checked_add(1970)?).ok()?;
    let begins = |year: u16| {
        let [y1, y0] = year.to_be_bytes();
        midnight_s([y1, y0, 1, 1])
    };
    if local_s < begins(guess)? {
        return guess.checked_sub(1);
    }
    let next = guess.checked_add(1)?;
    Some(match begins(next) {
        Some(begin) if local_s >= begin => next,
        _ => guess,
    })
}

/// A zone's letters, its offset in minutes east if one follows, and the rest. POSIX counts hours west.
fn named_offset(text: &str) -> Option<(Option<i16>, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_alphabetic())?;
    let (name, rest) = text.split_at_checked(end.max(1))?;
    let quoted = text.starts_with('<');
    let (rest, lettered) = if quoted {
        (text.split_once('>')?.1, true)
    } else {
        (rest, name.len() >= 3)
    };
    lettered.then_some(())?;
    let end = rest.find(',').unwrap_or(rest.len());
    let end = rest
        .find(|letter: char| letter.is_ascii_alphabetic() || letter == '<')
        .map_or(end, |at| at.min(end));
    let (offset, rest) = rest.split_at_checked(end)?;
    if offset.is_empty() {
        return Some((None, rest));
    }
    let east_min = minutes(offset)?.checked_neg()?;
    (east_min.unsigned_abs() <= DEVIATION_MIN_MAX).then_some((Some(east_min), rest))
}

/// `3`, `-5:30`: hours and minutes.
fn minutes(text: &str) -> Option<i16> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = text.split_once(':').unwrap_or((text, "0"));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    (digits(hours) && digits(minutes)).then_some(())?;
    let (hours, minutes): (i16, i16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 167 && minutes < 60).then_some(())?;
    let total = hours.checked_mul(60)?.checked_add(minutes)?;
    Some(if negative {
        total.checked_neg()?
    } else {
        total
    })
}
