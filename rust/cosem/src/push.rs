//! The two headers of a pushed frame: general-glo-ciphering around it, data-notification inside it.
//!
//! Both are views over the caller's bytes. What the body means is the layout's affair, whether the sender
//! may be believed is decided by key and policy elsewhere.

use crate::security::SecurityControl;
use crate::{DecodeError, Kind, Layer, Reader};

/// general-glo-ciphering, protected by the global key of the sender.
pub const TAG_GENERAL_GLO: u8 = 0xdb;
/// general-ded-ciphering, protected by the association's dedicated key.
pub const TAG_GENERAL_DED: u8 = 0xdc;
/// data-notification, the push.
pub const TAG_DATA_NOTIFICATION: u8 = 0x0f;
/// data-notification-confirm, its answer in confirmed service.
pub const TAG_DATA_NOTIFICATION_CONFIRM: u8 = 0x10;

/// Length of a COSEM date-time.
const DATE_TIME_BYTES: u8 = 12;
/// Data tag of an octet-string, which Kaifa meters write in front of the date's length.
const TAG_OCTET_STRING: u8 = 0x09;
/// Data tag of a date-time.
const TAG_DATE_TIME: u8 = 0x19;
/// The `long-invoke-id` in its `u32`: the upper byte holds flags.
const INVOKE_ID_MASK: u32 = 0x00ff_ffff;
/// Service class bit: the sender awaits a confirm.
const CONFIRMED: u32 = 0x4000_0000;

/// The header of a general-glo- or general-ded-ciphering APDU (Green Book 9, clause 9.2.7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glo<'a> {
    /// The sender's system title: 8 bytes, or none when an association already told it.
    pub title: &'a [u8],
    /// How the body is protected.
    pub control: SecurityControl,
    /// Invocation counter, the changing half of the initialisation vector.
    pub counter: u32,
    /// Ciphertext and tag, or plaintext and tag, as on the wire.
    pub body: &'a [u8],
}

/// Reads the header of a general-glo- or general-ded-ciphering APDU.
pub fn glo(apdu: &[u8]) -> Result<Glo<'_>, DecodeError> {
    let mut reader = Reader::new(apdu, Layer::Ciphering);
    let tag = reader.error(Kind::BadTag);
    if !matches!(reader.u8()?, TAG_GENERAL_GLO | TAG_GENERAL_DED) {
        return Err(tag);
    }
    let at_title = reader.error(Kind::BadLength);
    let title = reader.counted()?;
    if !matches!(title.len(), 0 | 8) {
        return Err(at_title);
    }
    let length = reader.length()?;
    if length > reader.rest().len() {
        return Err(reader.error(Kind::Truncated));
    }
    if length < reader.rest().len() {
        return Err(reader.error(Kind::TrailingBytes));
    }
    Ok(Glo {
        title,
        control: SecurityControl(reader.u8()?),
        counter: reader.be_u32()?,
        body: reader.rest(),
    })
}

/// The header of a data-notification (Green Book 9, clause 9.3.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification<'a> {
    /// The low 24 bits of `long-invoke-id-and-priority`.
    pub long_invoke_id: u32,
    /// Whether the sender awaits a confirm.
    pub confirmed: bool,
    /// All 32 bits, which the confirm repeats.
    pub long_invoke_id_and_priority: u32,
    /// When it was sent, by the sender's clock; transport time, not the time of any read.
    pub time: Option<[u8; 12]>,
    /// The notification's data.
    pub body: &'a [u8],
    /// Where the data begins in the APDU.
    pub body_offset: u32,
}

/// Reads the header of a data-notification.
pub fn notification(apdu: &[u8]) -> Result<Notification<'_>, DecodeError> {
    let mut reader = Reader::new(apdu, Layer::Apdu);
    let tag = reader.error(Kind::BadTag);
    if reader.u8()? != TAG_DATA_NOTIFICATION {
        return Err(tag);
    }
    let long_invoke_id_and_priority = reader.be_u32()?;
    let time = notification_time(&mut reader)?;
    if reader.is_empty() {
        return Err(reader.error(Kind::Truncated));
    }
    Ok(Notification {
        long_invoke_id: long_invoke_id_and_priority & INVOKE_ID_MASK,
        confirmed: long_invoke_id_and_priority & CONFIRMED != 0,
        long_invoke_id_and_priority,
        time,
        body: reader.rest(),
        body_offset: reader.offset(),
    })
}

/// The optional date-time: length 0 or 12, in long form too, or a data tag in front of them, which
/// Kaifa meters write.
fn notification_time(reader: &mut Reader<'_>) -> Result<Option<[u8; 12]>, DecodeError> {
    match reader.peek()? {
        0 => reader.u8().map(|_| None),
        DATE_TIME_BYTES => {
            reader.u8()?;
            reader.take().map(Some)
        }
        _ => odd_time(reader),
    }
}

/// The optional time of an event-notification: `00`, or `01` and a date-time with its length. Kaifa's
/// MX382 writes the data tag `09` where the presence flag belongs; others leave the flag out.
pub fn event_time(reader: &mut Reader<'_>) -> Result<Option<[u8; 12]>, DecodeError> {
    let at = reader.error(Kind::BadTag);
    match reader.peek()? {
        0 => reader.u8().map(|_| None),
        1 => {
            reader.u8()?;
            notification_time(reader)
        }
        DATE_TIME_BYTES | TAG_OCTET_STRING | TAG_DATE_TIME => notification_time(reader),
        _ => Err(at),
    }
}

#[cold]
fn odd_time(reader: &mut Reader<'_>) -> Result<Option<[u8; 12]>, DecodeError> {
    let at = reader.error(Kind::BadLength);
    match reader.peek()? {
        TAG_DATE_TIME => {
            reader.u8()?;
            return reader.take().map(Some);
        }
        TAG_OCTET_STRING => {
            reader.u8()?;
        }
        _ => {}
    }
    match reader.length()? {
        0 => Ok(None),
        12 => reader.take().map(Some),
        _ => Err(at),
    }
}

/// The APDU that confirms a data-notification: the same invoke id and priority, no date.
pub fn confirm(long_invoke_id_and_priority: u32) -> [u8; 6] {
    let [a, b, c, d] = long_invoke_id_and_priority.to_be_bytes();
    [TAG_DATA_NOTIFICATION_CONFIRM, a, b, c, d, 0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn headers_of_any_bytes_are_refused_or_lie_inside_them(mut apdu: Vec<u8>, tag in 0usize..3) {
            if let Some(first) = apdu.first_mut() {
                *first = [TAG_GENERAL_GLO, TAG_GENERAL_DED, TAG_DATA_NOTIFICATION][tag];
            }
            if let Ok(header) = glo(&apdu) {
                prop_assert!(apdu.ends_with(header.body));
            }
            if let Ok(push) = notification(&apdu) {
                prop_assert_eq!(&apdu[push.body_offset as usize..], push.body);
            }
        }
    }

    const DATE: [u8; 12] = [7, 0xea, 11, 20, 5, 10, 30, 0, 0, 1, 0x4a, 0];

    #[test]
    fn a_ciphered_push_shows_its_title_control_and_counter() {
        let apdu = [
            &[0xdb, 8][..],
            b"ALL\0\0\x51\x9a\xbd",
            &[7, 0x20, 0, 0, 1, 2, 0xaa, 0xbb],
        ]
        .concat();
        let header = glo(&apdu).unwrap();
        assert_eq!(header.title, b"ALL\0\0\x51\x9a\xbd");
        assert_eq!(
            (header.control, header.counter),
            (SecurityControl(0x20), 0x0102)
        );
        assert_eq!(header.body, [0xaa, 0xbb]);
        assert_eq!(
            glo(&[0xdb, 0, 0x81, 5, 0x30, 0, 0, 0, 9]).unwrap().title,
            b""
        );
    }

    #[test]
    fn a_ciphering_length_must_reach_the_end_exactly() {
        let refused = |apdu: &[u8]| {
            glo(apdu)
                .map(|_| ())
                .map_err(|error| (error.offset, error.kind))
        };
        assert_eq!(
            refused(&[0xdb, 0, 6, 0x30, 0, 0, 0, 9]),
            Err((3, Kind::Truncated))
        );
        assert_eq!(
            refused(&[0xdb, 0, 4, 0x30, 0, 0, 0, 9]),
            Err((3, Kind::TrailingBytes))
        );
        assert_eq!(
            refused(&[0xdb, 0, 4, 0x30, 0, 0, 0]),
            Err((4, Kind::Truncated))
        );
        assert_eq!(
            refused(&[0xdb, 7, 0, 0, 0, 0, 0, 0, 0, 0]),
            Err((1, Kind::BadLength))
        );
        assert_eq!(
            refused(&[0xda, 0, 5, 0x30, 0, 0, 0, 9]),
            Err((0, Kind::BadTag))
        );
        assert_eq!(refused(&[]), Err((0, Kind::Truncated)));
    }

    #[test]
    fn the_date_is_absent_plain_or_tagged_as_kaifa_does() {
        let push = |date: &[u8]| [&[0x0f, 0x40, 0, 0, 7][..], date, &[0x06, 0, 0, 0, 1]].concat();
        let time = |apdu: &[u8]| notification(apdu).map(|push| (push.time, push.body_offset));
        assert_eq!(time(&push(&[0])), Ok((None, 6)));
        assert_eq!(
            time(&push(&[&[0x0c][..], &DATE].concat())),
            Ok((Some(DATE), 18))
        );
        assert_eq!(
            time(&push(&[&[0x09, 0x0c][..], &DATE].concat())),
            Ok((Some(DATE), 19))
        );
        for odd in [&[0x19][..], &[0x81, 0x0c], &[0x09, 0x82, 0, 0x0c]] {
            let written = push(&[odd, &DATE].concat());
            let offset = u32::try_from(5 + odd.len() + 12).unwrap();
            assert_eq!(time(&written), Ok((Some(DATE), offset)), "{odd:02x?}");
        }
        assert_eq!(time(&push(&[0x09, 0])), Ok((None, 7)));
        let length = DecodeError::new(Layer::Apdu, 5, Kind::BadLength);
        assert_eq!(time(&push(&[0x09])), Err(length), "length nine is no date");
        assert_eq!(time(&push(&[0x0d])), Err(length));
    }

    #[test]
    fn the_time_of_an_event_is_absent_flagged_tagged_or_bare() {
        let time = |front: &[u8]| {
            let bytes = [front, &DATE, &[0xff]].concat();
            let mut reader = Reader::new(&bytes, Layer::Apdu);
            event_time(&mut reader).map(|time| (time.is_some(), reader.rest().len()))
        };
        for (front, expected) in [
            (&[0][..], (false, 13)),
            (&[1, 0x0c], (true, 1)),
            (&[9, 0x0c], (true, 1)),
            (&[0x0c], (true, 1)),
            (&[0x19], (true, 1)),
            (&[1, 9, 0x0c], (true, 1)),
            (&[1, 0], (false, 13)),
        ] {
            assert_eq!(time(front), Ok(expected), "{front:02x?}");
        }
        for front in [&[2][..], &[1, 5], &[0x0d], &[0x80]] {
            assert!(time(front).is_err(), "{front:02x?}");
        }
    }

    #[test]
    fn a_confirmed_push_is_answered_with_its_own_invoke_id() {
        let push = notification(&[0x0f, 0xc0, 0, 1, 2, 0, 0x00]).unwrap();
        assert_eq!((push.long_invoke_id, push.confirmed), (0x102, true));
        assert_eq!(
            confirm(push.long_invoke_id_and_priority),
            [0x10, 0xc0, 0, 1, 2, 0]
        );
        assert!(
            !notification(&[0x0f, 0x80, 0, 1, 2, 0, 0x00])
                .unwrap()
                .confirmed
        );
    }

    #[test]
    fn a_push_cut_anywhere_is_truncated_at_the_cut() {
        let whole = [&[0x0f, 0, 0, 0, 1, 0x0c][..], &DATE, &[0]].concat();
        for cut in 0..whole.len() {
            let refused = notification(&whole[..cut]).unwrap_err();
            assert_eq!(refused.kind, Kind::Truncated, "cut at {cut}");
        }
        assert!(notification(&whole).is_ok());
    }
}
