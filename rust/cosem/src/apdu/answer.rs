//! Values that a server answers with or reports, as views over its bytes: what ingest takes from a
//! get-response, a read-response or an information-report that a concentrator hands on.
//!
//! Unlike the tree of [`parse`](super::parse), nothing here is for people: a value is a range of
//! bytes that a layout may fit.

#[cfg(test)]
mod tests;

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
