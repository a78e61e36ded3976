//! Values that a server answers with or reports, as views over its bytes: what ingest takes from a
//! get-response, a read-response or an information-report that a concentrator hands on.
//!
//! Unlike the tree of [`parse`](super::parse), nothing here is for people: a value is a range of
//! bytes that a layout may fit.

use super::CLOCK_BYTES;
use crate::axdr::{self, Limits};
use crate::{DecodeError, Kind, Layer, Reader, Said};

/// get-response.
pub const TAG_GET_RESPONSE: u8 = 0xc4;
/// read-response, its short-name counterpart.
pub const TAG_READ_RESPONSE: u8 = 0x0c;
/// information-report-request.
pub const TAG_INFORMATION_REPORT: u8 = 0x18;
/// confirmed-service-error.
pub const TAG_SERVICE_ERROR: u8 = 0x0e;
/// exception-response.
pub const TAG_EXCEPTION: u8 = 0xd8;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The one value asked for.
    Value(&'a [u8]),
    /// A value for each attribute asked for; nothing where the server refused one.
    Values(Vec<Option<&'a [u8]>>),
    /// A part of an answer that is longer than an APDU.
    Block(DataBlock<'a>),
}

/// One data-block of a get-response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataBlock<'a> {
    /// Which request it answers.
    pub invoke_id: u8,
    /// Whether the answer ends with it.
    pub last: bool,
    /// Its number, from 1.
    pub number: u32,
    /// Its part of the answer, cut anywhere.
    pub bytes: &'a [u8],
}

/// Values that a server reported by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report<'a> {
    /// When, by its clock.
    pub time: Option<[u8; CLOCK_BYTES]>,
    /// Its values.
    pub values: Vec<&'a [u8]>,
}

/// Reads a get-response; a server that refuses is an error that says so.
pub fn get_response(apdu: &[u8]) -> Result<Answer<'_>, DecodeError> {
    let mut reader = Reader::new(apdu, Layer::Apdu);
    reader.u8()?;
    let unknown = reader.error(Kind::BadTag);
    let kind = reader.u8()?;
    let invoke_id = reader.u8()? & 0x0f;
    match kind {
        1 => {
            choice(&mut reader)?;
            Ok(Answer::Value(rest(&mut reader)?))
        }
        2 => {
            let last = reader.u8()? != 0;
            let number = reader.be_u32()?;
            choice(&mut reader)?;
            let bytes = reader.counted()?;
            reader.end()?;
            Ok(Answer::Block(DataBlock {
                invoke_id,
                last,
                number,
                bytes,
            }))
        }
        3 => results(&mut reader),
        _ => Err(unknown),
    }
}

/// Reads a read-response. Its blocks, which are numbered otherwise, are not supported.
pub fn read_response(apdu: &[u8]) -> Result<Answer<'_>, DecodeError> {
    let mut reader = Reader::new(apdu, Layer::Apdu);
    reader.u8()?;
    if let [1, 2 | 3, ..] = reader.rest() {
        return Err(reader.error(Kind::Unsupported));
    }
    results(&mut reader)
}

/// What the data-blocks of an answer hold once joined: a value, or the results of a list.
pub fn joined(bytes: &[u8]) -> Result<Answer<'_>, DecodeError> {
    let mut reader = Reader::new(bytes, Layer::Data);
    match rest(&mut reader) {
        Ok(value) => Ok(Answer::Value(value)),
        Err(error) => results(&mut Reader::new(bytes, Layer::Data)).map_err(|_| error),
    }
}

/// Reads an information-report-request.
pub fn information_report(apdu: &[u8]) -> Result<Report<'_>, DecodeError> {
    let mut reader = Reader::new(apdu, Layer::Apdu);
    reader.u8()?;
    let time = report_time(&mut reader)?;
    let at = reader.error(Kind::BadLength);
    let variables = reader.length()?;
    if variables > reader.rest().len() {
        return Err(at);
    }
    for _ in 0..variables {
        variable(&mut reader)?;
    }
    let at = reader.error(Kind::BadLength);
    if reader.length()? != variables {
        return Err(at);
    }
    let values = (0..variables).map(|_| value(&mut reader)).collect();
    let values: Result<Vec<_>, DecodeError> = values;
    let report = Report {
        time,
        values: values?,
    };
    reader.end()?;
    Ok(report)
}

/// Why the sender of an exception-response or confirmed-service-error could not serve.
pub fn said(apdu: &[u8]) -> DecodeError {
    let mut reader = Reader::new(apdu, Layer::Apdu);
    let mut read = || {
        let tag = reader.u8()?;
        let _state_or_service = reader.u8()?;
        let at = reader.offset();
        let code = reader.u8()?;
        let said = if tag == TAG_EXCEPTION {
            Said::Exception(code)
        } else {
            Said::ServiceError(code)
        };
        Ok(DecodeError::new(Layer::Apdu, at, Kind::Said(said)))
    };
    match read() {
        Ok(error) | Err(error) => error,
    }
}

/// Takes the choice between data and a refusal.
fn choice(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let unknown = reader.error(Kind::BadTag);
    match reader.u8()? {
        0 => Ok(()),
        1 => {
            let at = reader.offset();
            let said = Said::Access(reader.u8()?);
            Err(DecodeError::new(Layer::Apdu, at, Kind::Said(said)))
        }
        _ => Err(unknown),
    }
}

/// Results of a list, to the end. Some meters leave out the choice byte before data (dlms-cosem
/// issue 51): what is no choice is then the data's own tag, and where reading choices does not come
/// out even, there are none.
fn results<'a>(reader: &mut Reader<'a>) -> Result<Answer<'a>, DecodeError> {
    let at = reader.error(Kind::BadLength);
    let count = reader.length()?;
    if count > reader.rest().len() {
        return Err(at);
    }
    chosen(&mut reader.clone(), count).or_else(|error| {
        let bare: Result<Vec<_>, DecodeError> =
            (0..count).map(|_| value(reader).map(Some)).collect();
        match (bare, reader.is_empty(), error.kind) {
            (Ok(values), true, kind) if !matches!(kind, Kind::Said(_)) => Ok(several(values)),
            _ => Err(error),
        }
    })
}

/// Results with their choices.
fn chosen<'a>(reader: &mut Reader<'a>, count: usize) -> Result<Answer<'a>, DecodeError> {
    let mut values = Vec::new();
    let mut refused = None;
    for _ in 0..count {
        values.push(match reader.peek()? {
            0 | 1 => match choice(reader) {
                Ok(()) => Some(value(reader)?),
                Err(error) if matches!(error.kind, Kind::Said(_)) => {
                    refused = refused.or(Some(error));
                    None
                }
                Err(error) => return Err(error),
            },
            _ => Some(value(reader)?),
        });
    }
    reader.end()?;
    match refused {
        Some(refused) if values.iter().all(Option::is_none) => Err(refused),
        _ => Ok(several(values)),
    }
}

fn several(values: Vec<Option<&[u8]>>) -> Answer<'_> {
    match values.as_slice() {
        [Some(only)] => Answer::Value(only),
        _ => Answer::Values(values),
    }
}

/// Takes one value.
fn value<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let (_, used) = axdr::head(reader.rest(), Limits::default())?;
    reader.bytes(used)
}

/// Takes all that is left, which must be one value.
fn rest<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let rest = reader.bytes(reader.rest().len())?;
    axdr::tolerant(rest, Limits::default())?;
    Ok(rest)
}

/// Absent, counted, or counted behind a presence flag or a data tag: editions and vendors differ.
fn report_time(reader: &mut Reader<'_>) -> Result<Option<[u8; CLOCK_BYTES]>, DecodeError> {
    let at = reader.error(Kind::BadLength);
    match reader.u8()? {
        0 => Ok(None),
        12 => reader.take().map(Some),
        1 | 9 if reader.peek()? == 12 => {
            reader.u8()?;
            reader.take().map(Some)
        }
        _ => Err(at),
    }
}

/// Takes a short name, alone or with a selector.
fn variable(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let unknown = reader.error(Kind::BadTag);
    match reader.u8()? {
        2 => reader.be_u16().map(|_| ()),
        4 => {
            reader.be_u16()?;
            reader.u8()?;
            value(reader).map(|_| ())
        }
        _ => Err(unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kind_of<T>(read: Result<T, DecodeError>) -> Option<Kind> {
        read.err().map(|error| error.kind)
    }

    #[test]
    fn a_get_response_is_a_value_a_block_a_list_or_a_refusal() {
        let long = [0x06, 0, 0, 1, 2];
        let normal = [&[0xc4, 1, 0xc1, 0][..], &long].concat();
        assert_eq!(get_response(&normal), Ok(Answer::Value(&long)));
        let block = [0xc4, 2, 0xc1, 0, 0, 0, 0, 7, 0, 2, 0x06, 0];
        let part = DataBlock {
            invoke_id: 1,
            last: false,
            number: 7,
            bytes: &[0x06, 0],
        };
        assert_eq!(get_response(&block), Ok(Answer::Block(part)));
        let list = [&[0xc4, 3, 0x81, 2, 0][..], &long, &[1, 3]].concat();
        let values = Answer::Values(vec![Some(&long), None]);
        assert_eq!(get_response(&list), Ok(values.clone()));
        let without_choice = [&[0xc4, 3, 0x81, 2][..], &long, &[1, 3]].concat();
        assert_eq!(get_response(&without_choice), Ok(values));
        let denied = Kind::Said(Said::Access(3));
        for refused in [&[0xc4, 1, 0xc1, 1, 3][..], &[0xc4, 3, 0x81, 2, 1, 3, 1, 4]] {
            assert_eq!(kind_of(get_response(refused)), Some(denied));
        }
        assert_eq!(denied.name(), "said_read_write_denied");
        let trailing = [&normal[..], &[0]].concat();
        assert_eq!(kind_of(get_response(&trailing)), Some(Kind::TrailingBytes));
    }

    #[test]
    fn joined_blocks_are_a_value_or_the_results_of_a_list() {
        let long = [0x06, 0, 0, 1, 2];
        assert_eq!(joined(&long), Ok(Answer::Value(&long)));
        let list = [&[2, 0][..], &long, &[0], &long].concat();
        let values = Answer::Values(vec![Some(&long), Some(&long)]);
        assert_eq!(joined(&list), Ok(values));
        assert!(joined(&long[..4]).is_err());
    }

    #[test]
    fn an_information_report_has_as_many_values_as_names() {
        let date = [7, 0xea, 11, 20, 5, 10, 30, 0, 0, 1, 0x4a, 0];
        let tail = [1, 2, 0xfa, 0, 1, 0x11, 9];
        for (head, time) in [
            (&[0x18, 0][..], None),
            (&[0x18, 12], Some(date)),
            (&[0x18, 1, 12], Some(date)),
            (&[0x18, 9, 12], Some(date)),
        ] {
            let clock = time.map_or(&[][..], |_| &date);
            let apdu = [head, clock, &tail].concat();
            let read = information_report(&apdu).unwrap();
            assert_eq!((read.time, read.values), (time, vec![&[0x11, 9][..]]));
        }
        let two_names = [0x18, 0, 2, 2, 0, 1, 2, 0, 2, 1, 0x11, 9];
        assert_eq!(
            kind_of(information_report(&two_names)),
            Some(Kind::BadLength)
        );
    }

    #[test]
    fn what_a_server_says_is_named() {
        for (apdu, name) in [
            (&[0xd8, 1, 5][..], "said_deciphering_error"),
            (&[0xd8, 1, 6, 0, 0, 0, 9], "said_invocation_counter_error"),
            (&[0xd8, 2, 77], "said_exception"),
            (&[0x0e, 5, 5, 1], "said_access_error"),
            (&[0x0e, 1, 6, 1], "said_initiate_error"),
            (&[0xd8, 1], "truncated"),
        ] {
            assert_eq!(said(apdu).kind.name(), name);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_lie_inside(mut apdu: Vec<u8>, tag in 0_usize..3) {
            if let Some(first) = apdu.first_mut() {
                *first = [TAG_GET_RESPONSE, TAG_READ_RESPONSE, TAG_INFORMATION_REPORT][tag];
            }
            for read in [get_response(&apdu), read_response(&apdu), joined(&apdu)] {
                if let Ok(Answer::Value(value)) = read {
                    prop_assert!(apdu.ends_with(value));
                }
            }
            if let Ok(report) = information_report(&apdu) {
                let bytes: usize = report.values.iter().map(|value| value.len()).sum();
                prop_assert!(bytes < apdu.len());
            }
            prop_assert!(said(&apdu).layer == Layer::Apdu);
        }
    }
}
