//! The other direction: values into frames, for the simulator and for tests of the decoder.
//!
//! Everything appends to a `Vec<u8>` the caller reuses. Nothing here knows meters, layouts or what
//! time it is: a caller writes the fields of its body in order, seals the APDU and frames it.

use crate::Kind;
use crate::security::{OpenKey, SecurityControl};

/// A date-time as COSEM carries it inside octet strings (IEC 62056-6-2, clause 4.1.6).
pub type DateTime = [u8; 12];

/// The deviation that says nothing about the time zone.
pub const DEVIATION_UNSPECIFIED: i16 = i16::MIN;

/// The push setup of IS 15959 smart meters, 0.0.25.9.0.255.
pub const PUSH_SETUP: [u8; 6] = [0, 0, 25, 9, 0, 255];

/// Long-invoke-id bit that asks for a data-notification-confirm.
pub const CONFIRMED: u32 = 0x4000_0000;

const TAG_ARRAY: u8 = 0x01;
const TAG_STRUCTURE: u8 = 0x02;
const TAG_U32: u8 = 0x06;
const TAG_OCTETS: u8 = 0x09;
const TAG_U16: u8 = 0x12;
const TAG_DATA_NOTIFICATION: u8 = 0x0f;
const TAG_GENERAL_GLO: u8 = 0xdb;
const TAG_GATEWAY_REPLY: u8 = 0xe7;
const WRAPPER_VERSION: u16 = 1;
const DAY_S: i64 = 86_400;

/// Appends an A-XDR length in its shortest form.
pub fn length(count: usize, out: &mut Vec<u8>) {
    let [.., b2, b1, b0] = count.to_be_bytes();
    match count {
        0..0x80 => out.push(b0),
        0x80..0x100 => out.extend([0x81, b0]),
        0x100..0x1_0000 => out.extend([0x82, b1, b0]),
        _ => out.extend([0x83, b2, b1, b0]),
    }
}

/// Opens a structure of `count` fields.
pub fn structure(count: u8, out: &mut Vec<u8>) {
    out.extend([TAG_STRUCTURE, count]);
}

/// Opens an array of `count` elements.
pub fn array(count: usize, out: &mut Vec<u8>) {
    out.push(TAG_ARRAY);
    length(count, out);
}

/// Appends an octet-string.
pub fn octets(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(TAG_OCTETS);
    length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Appends a long-unsigned.
pub fn long_unsigned(value: u16, out: &mut Vec<u8>) {
    let [b1, b0] = value.to_be_bytes();
    out.extend([TAG_U16, b1, b0]);
}

/// Appends a double-long-unsigned.
pub fn double_long_unsigned(value: u32, out: &mut Vec<u8>) {
    let [b3, b2, b1, b0] = value.to_be_bytes();
    out.extend([TAG_U32, b3, b2, b1, b0]);
}

/// The date-time that `local_s` names: seconds since 1970 of the clock on the wall, zone ignored.
///
/// Years outside 1970..=9999 do not come out as themselves; no meter is that old.
pub fn date_time(local_s: i64, deviation_min: i16, status: u8) -> DateTime {
    let day = local_s.div_euclid(DAY_S);
    let second = local_s.rem_euclid(DAY_S);
    let (year, month, dom) = civil(day);
    // 1970-01-01 was a Thursday, day 4 of a week that starts on Monday as 1.
    let weekday = day.saturating_add(3).rem_euclid(7).saturating_add(1);
    let [y1, y0] = u16::try_from(year).unwrap_or(u16::MAX).to_be_bytes();
    let [d1, d0] = deviation_min.to_be_bytes();
    [
        y1,
        y0,
        byte(month),
        byte(dom),
        byte(weekday),
        byte(second.div_euclid(3600)),
        byte(second.div_euclid(60).rem_euclid(60)),
        byte(second.rem_euclid(60)),
        0,
        d1,
        d0,
        status,
    ]
}

/// Appends a data-notification APDU without a notification time; the body follows.
pub fn data_notification(long_invoke_id_and_priority: u32, out: &mut Vec<u8>) {
    out.push(TAG_DATA_NOTIFICATION);
    out.extend(long_invoke_id_and_priority.to_be_bytes());
    out.push(0);
}

/// Seals `apdu` and appends it as general-glo-ciphering.
pub fn general_glo(
    key: &OpenKey,
    control: SecurityControl,
    title: &[u8; 8],
    counter: u32,
    apdu: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Kind> {
    let tag_bytes = if control.authenticated() {
        crate::security::TAG_BYTES
    } else {
        0
    };
    out.push(TAG_GENERAL_GLO);
    length(title.len(), out);
    out.extend_from_slice(title);
    // Control byte and counter stand inside the counted part.
    length(apdu.len().saturating_add(tag_bytes).saturating_add(5), out);
    out.push(control.0);
    out.extend(counter.to_be_bytes());
    key.seal(control, title, counter, apdu, out)
}

/// Appends the prefix a concentrator puts in front of a forwarded APDU: whose it is.
pub fn gateway_prefix(network: u8, device: &[u8], out: &mut Vec<u8>) {
    out.extend([TAG_GATEWAY_REPLY, network]);
    length(device.len(), out);
    out.extend_from_slice(device);
}

/// Appends one IEC 62056-47 wrapper frame around whatever `fill` appends.
///
/// Refuses with `TooLong` what a 16-bit length cannot say; `out` is then as it was.
pub fn wrapper(
    source: u16,
    destination: u16,
    out: &mut Vec<u8>,
    fill: impl FnOnce(&mut Vec<u8>) -> Result<(), Kind>,
) -> Result<(), Kind> {
    let start = out.len();
    for word in [WRAPPER_VERSION, source, destination, 0] {
        out.extend(word.to_be_bytes());
    }
    let filled = out.len();
    let outcome = fill(out).and_then(|()| {
        let apdu_len = out.len().saturating_sub(filled);
        u16::try_from(apdu_len).map_err(|_| Kind::TooLong)
    });
    let field = out
        .get_mut(filled.saturating_sub(2)..filled)
        .ok_or(Kind::BadLength);
    match outcome.and_then(|apdu_len| Ok((apdu_len, field?))) {
        Ok((apdu_len, field)) => field.copy_from_slice(&apdu_len.to_be_bytes()),
        Err(kind) => {
            out.truncate(start);
            return Err(kind);
        }
    }
    Ok(())
}

/// Year, month and day of month of a day since 1970: eras of 400 years that start in March.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "the remainders bound every term below one era; only the era itself is large, and an i64 \
              of seconds has less than 2^47 days"
)]
const fn civil(day: i64) -> (i64, i64, i64) {
    const ERA_DAYS: i64 = 146_097;
    let shifted = day + 719_468;
    let era = shifted.div_euclid(ERA_DAYS);
    let day_of_era = shifted.rem_euclid(ERA_DAYS);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * march_month + 2) / 5 + 1;
    let (month, next_year) = if march_month < 10 {
        (march_month + 3, 0)
    } else {
        (march_month - 9, 1)
    };
    (era * 400 + year_of_era + next_year, month, day_of_month)
}

/// A calendar field, which always fits.
fn byte(field: i64) -> u8 {
    u8::try_from(field).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a String takes everything");
            text
        })
    }

    #[test]
    fn date_times_are_the_calendars() {
        // Friday 2026-11-20 02:30, then the last second before a leap day and its first.
        let stamp = date_time(1_795_141_800, 330, 0);
        assert_eq!(hex(&stamp), "07ea0b1405021e0000014a00");
        assert_eq!(
            hex(&date_time(951_782_399, 0, 0)),
            "07d0021c01173b3b00000000"
        );
        assert_eq!(
            hex(&date_time(951_782_400, -60, 0x80)),
            "07d0021d0200000000ffc480"
        );
        let unspecified = date_time(0, DEVIATION_UNSPECIFIED, 0xff);
        assert_eq!(hex(&unspecified), "07b2010104000000008000ff");
    }

    #[test]
    fn lengths_take_their_shortest_form() {
        let of = |count| {
            let mut out = Vec::new();
            length(count, &mut out);
            hex(&out)
        };
        assert_eq!(of(0x7f), "7f");
        assert_eq!(of(0x80), "8180");
        assert_eq!(of(0x100), "820100");
        assert_eq!(of(0x1_0000), "83010000");
    }

    #[test]
    fn a_wrapper_says_how_much_follows_and_refuses_what_it_cannot_say() {
        let mut out = vec![0xaa];
        let filled = wrapper(1, 64, &mut out, |out| {
            gateway_prefix(0, b"M1", out);
            data_notification(CONFIRMED | 7, out);
            structure(2, out);
            octets(&PUSH_SETUP, out);
            array(1, out);
            long_unsigned(230, out);
            double_long_unsigned(0x0102_0304, out);
            Ok(())
        });
        assert_eq!(filled, Ok(()));
        assert_eq!(
            hex(&out),
            "aa000100010040001f".to_owned()
                + "e700024d31"
                + "0f4000000700"
                + "02020906000019"
                + "0900ff"
                + "01011200e6"
                + "0601020304"
        );
        let full = wrapper(1, 64, &mut out, |out| {
            out.resize(out.len() + 0x1_0000, 0);
            Ok(())
        });
        assert_eq!(full, Err(Kind::TooLong));
        assert_eq!(out.len(), 40);
    }

    #[test]
    fn a_sealed_apdu_carries_title_control_counter_and_tag() {
        let key = OpenKey::new(&[1; 16], &[2; 16]).expect("16 bytes are a key");
        let title = b"LNT\0\0\0\0\x01";
        let mut out = Vec::new();
        let control = SecurityControl::AUTHENTICATED_ENCRYPTED;
        general_glo(&key, control, title, 7, &[0x0f; 20], &mut out).expect("suite 0 fits the key");
        assert_eq!(hex(&out[..16]), "db084c4e540000000001253000000007");
        assert_eq!(out.len(), 2 + 8 + 1 + 5 + 20 + 12);
        let mut plain = Vec::new();
        key.open(control, title, 7, &out[16..], &mut plain)
            .expect("it is our own seal");
        assert_eq!(plain, [0x0f; 20]);
    }
}
