//! A date-time's twelve bytes taken apart: local fields, deviation and status, nothing assumed.

use super::Fields;

/// Length of a date-time.
pub const CLOCK_BYTES: usize = 12;

/// The fields of a date-time. Unspecified ones are absent from `local`; no zone is chosen here.
pub fn date_time(clock: [u8; CLOCK_BYTES]) -> Fields {
    let [
        y0,
        y1,
        month,
        day,
        weekday,
        hour,
        minute,
        second,
        hundredths,
        d0,
        d1,
        status,
    ] = clock;
    let year = u16::from_be_bytes([y0, y1]);
    let deviation = i16::from_be_bytes([d0, d1]);
    let local = format!(
        "{}-{}-{}T{}:{}:{}",
        specified(year, u16::MAX, 4),
        specified(month.into(), 0xff, 2),
        specified(day.into(), 0xff, 2),
        specified(hour.into(), 0xff, 2),
        specified(minute.into(), 0xff, 2),
        specified(second.into(), 0xff, 2),
    );
    Fields::default()
        .with("raw", &clock[..])
        .with("local", local)
        .with("dow", weekday)
        .with("hundredths", hundredths)
        .with(
            "deviation_min",
            (deviation != UNSPECIFIED).then_some(deviation),
        )
        .with("status", status)
}

const UNSPECIFIED: i16 = i16::MIN;

/// `number` with leading zeros, or as many question marks when it is not specified.
fn specified(number: u16, unspecified: u16, digits: usize) -> String {
    if number == unspecified {
        "?".repeat(digits)
    } else {
        format!("{number:0digits$}")
    }
}
