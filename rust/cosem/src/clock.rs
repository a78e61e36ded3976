//! COSEM date-times: twelve bytes to seconds, and the meter model's policy from those seconds to UTC.
//!
//! Rule 1: the raw deviation and status are kept beside the seconds, never merged into them; reprocessing
//! will need them. Rule 2: nothing is guessed: a field that names no instant is `BadClock`.
//! The present time is unknown here.

use crate::Kind;

mod policy;
#[cfg(test)]
mod tests;
mod zone;

pub use policy::TimePolicy;
pub use zone::Zone;

/// The deviation 0x8000: the meter does not say.
pub const DEVIATION_UNSPECIFIED: i16 = i16::MIN;
/// In place of a deviation: the meter counts seconds of UTC since 1970, and no policy applies.
pub const DEVIATION_UNIX: i16 = i16::MIN + 1;

/// Seconds of a day.
const DAY_S: i64 = 86_400;
/// The widest civil offset in use is fourteen hours; the standard itself says twelve.
const DEVIATION_MIN_MAX: u16 = 840;
/// Years that the store's 32-bit seconds can hold.
const YEARS: core::ops::RangeInclusive<u16> = 1970..=2105;
/// 2000-01-01: nothing that counts seconds was built before.
const UNIX_MIN_S: u32 = 946_684_800;
/// A byte that says "not specified".
const UNSPECIFIED: u8 = 0xff;

/// A date-time as the meter wrote it (Green Book 9, clause 4.1.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RawClock {
    /// Seconds since 1970-01-01 of the written fields, read as if they were UTC.
    pub local_s: i64,
    /// Minutes as written; [`DEVIATION_UNSPECIFIED`] when the meter does not say. Its sign depends on the model.
    pub deviation_min: i16,
    /// Clock status as written: 0x01 invalid, 0x02 doubtful, 0x04 other base, 0x08 invalid status, 0x80 summer time, 0xff not specified.
    pub status: u8,
}

impl RawClock {
    /// Reads twelve bytes. The day of the week is not compared with the date: meters get it wrong, and nothing uses it.
    ///
    /// Seconds may be unspecified (then 0); date, hour and minute may not, nor may they be "last day" wildcards.
    pub fn parse(bytes: &[u8; 12]) -> Result<Self, Kind> {
        Days::default().clock(bytes)
    }

    /// A clock that counts seconds since 1970 in UTC, as some meters capture it in a double-long-unsigned.
    ///
    /// A number from before this century is none: it is a register where a clock was looked for.
    pub(crate) fn unix(seconds: u32) -> Option<Self> {
        (seconds >= UNIX_MIN_S).then_some(Self {
            local_s: i64::from(seconds),
            deviation_min: DEVIATION_UNIX,
            status: UNSPECIFIED,
        })
    }
}

/// Reads date-times and remembers what the last one had besides its time of day: the rows of a body
/// mostly share their date, deviation and status, which then need not be checked again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Days {
    last: Day,
}

/// Everything of a date-time but hour, minute and second.
#[derive(Debug, Clone, Copy)]
struct Day {
    /// The first five bytes as a number: one comparison tells two dates apart.
    date: u64,
    rest: u32,
    /// A clock of that day at midnight.
    midnight: RawClock,
}

/// A day that no five bytes are.
impl Default for Day {
    fn default() -> Self {
        Self {
            date: u64::MAX,
            rest: 0,
            midnight: RawClock::default(),
        }
    }
}

impl Days {
    /// Reads one date-time.
    #[inline]
    pub(crate) fn clock(&mut self, bytes: &[u8; 12]) -> Result<RawClock, Kind> {
        let [
            y1,
            y0,
            month,
            day,
            weekday,
            hour,
            minute,
            second,
            h,
            d1,
            d0,
            status,
        ] = *bytes;
        let front = u64::from_be_bytes([y1, y0, month, day, weekday, hour, minute, second]);
        let (date, rest) = (front >> 24, u32::from_be_bytes([h, d1, d0, status]));
        if self.last.date != date || self.last.rest != rest {
            self.last = Day::new(date, rest)?;
        }
        let second = if second == UNSPECIFIED { 0 } else { second };
        if hour > 23 || minute > 59 || second > 59 {
            return Err(Kind::BadClock);
        }
        let of_day_s = u32::from(hour)
            .wrapping_mul(3600)
            .wrapping_add(u32::from(minute).wrapping_mul(60))
            .wrapping_add(u32::from(second));
        let midnight = self.last.midnight;
        let local_s = midnight.local_s.wrapping_add(i64::from(of_day_s));
        Ok(RawClock {
            local_s,
            ..midnight
        })
    }
}

impl Day {
    #[cold]
    #[inline(never)]
    fn new(date: u64, rest: u32) -> Result<Self, Kind> {
        let [.., y1, y0, month, day, weekday] = date.to_be_bytes();
        let [hundredths, d1, d0, status] = rest.to_be_bytes();
        let deviation_min = i16::from_be_bytes([d1, d0]);
        let sound = (hundredths < 100 || hundredths == UNSPECIFIED)
            && (weekday < 8 || weekday == UNSPECIFIED)
            && (deviation_min.unsigned_abs() <= DEVIATION_MIN_MAX
                || deviation_min == DEVIATION_UNSPECIFIED);
        let midnight_s = midnight_s([y1, y0, month, day]).filter(|_| sound);
        let midnight = RawClock {
            local_s: midnight_s.ok_or(Kind::BadClock)?,
            deviation_min,
            status,
        };
        Ok(Self {
            date,
            rest,
            midnight,
        })
    }
}

/// Seconds from 1970 to midnight of a date in the Gregorian calendar; `None` for a date that is not in it.
fn midnight_s([y1, y0, month, day]: [u8; 4]) -> Option<i64> {
    let year = u16::from_be_bytes([y1, y0]);
    if !YEARS.contains(&year) || day == 0 || day > days_in(year, month)? {
        return None;
    }
    // Years begin in March, so that a leap day is a year's last day and months before it have fixed lengths.
    let (year, month) = if month > 2 {
        (i64::from(year), i64::from(month).checked_sub(3)?)
    } else {
        (
            i64::from(year).checked_sub(1)?,
            i64::from(month).checked_add(9)?,
        )
    };
    // 153 days are the five months March to July, and again August to December;
    // 719_469 days lie between the March-based day 0 and the day before 1970-01-01.
    let leap_days = (year / 4)
        .checked_sub(year / 100)?
        .checked_add(year / 400)?;
    let of_year = month.checked_mul(153)?.checked_add(2)? / 5;
    let days = year
        .checked_mul(365)?
        .checked_add(leap_days)?
        .checked_add(of_year)?
        .checked_add(i64::from(day))?
        .checked_sub(719_469)?;
    days.checked_mul(DAY_S)
}

/// Length of a month.
const fn days_in(year: u16, month: u8) -> Option<u8> {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            Some(29)
        }
        2 => Some(28),
        _ => None,
    }
}
