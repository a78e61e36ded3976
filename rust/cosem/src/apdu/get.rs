//! GET: request and response, each normal, by block and with a list (Green Book 9, clause 9.3.6).

use super::{Apdu, Field, Fields, access_result, attribute, body, invoke_id, list, value};
use crate::axdr::Limits;
use crate::{DecodeError, Kind, Reader};

/// get-request or get-response.
pub(super) fn parse(reader: &mut Reader<'_>, limits: Limits) -> Result<Apdu, DecodeError> {
    let request = reader.u8()? == 0xc0;
    let unknown = reader.error(Kind::BadTag);
    let kind = reader.u8()?;
    let fields = invoke_id(reader)?;
    let read = match (request, kind) {
        (true, 1) => {
            let attribute = attribute(reader, limits)?;
            Apdu::new("get-request-normal", fields.with("attribute", attribute))
        }
        (true, 2) => Apdu::new(
            "get-request-next",
            fields.with("block_number", reader.be_u32()?),
        ),
        (true, 3) => {
            let attributes = list(reader, |reader| attribute(reader, limits))?;
            Apdu::new(
                "get-request-with-list",
                fields.with("attributes", attributes),
            )
        }
        (false, 1) => return normal(reader, fields, limits),
        (false, 2) => block(reader, fields)?,
        (false, 3) => {
            let results = list(reader, |reader| result(reader, limits))?;
            Apdu::new("get-response-with-list", fields.with("results", results))
        }
        _ => return Err(unknown),
    };
    reader.end()?;
    Ok(read)
}

fn normal(reader: &mut Reader<'_>, fields: Fields, limits: Limits) -> Result<Apdu, DecodeError> {
    const NAME: &str = "get-response-normal";
    let unknown = reader.error(Kind::BadTag);
    match reader.u8()? {
        0 => body(Apdu::new(NAME, fields), reader, limits),
        1 => {
            let error = access_result(reader)?;
            reader.end()?;
            Ok(Apdu::new(NAME, fields.with("error", error)))
        }
        _ => Err(unknown),
    }
}

fn block(reader: &mut Reader<'_>, fields: Fields) -> Result<Apdu, DecodeError> {
    const NAME: &str = "get-response-with-datablock";
    let last = reader.u8()? != 0;
    let number = reader.be_u32()?;
    let fields = fields.with("last_block", last).with("block_number", number);
    let unknown = reader.error(Kind::BadTag);
    let fields = match reader.u8()? {
        0 => fields.with("raw_data", reader.counted()?),
        1 => fields.with("error", access_result(reader)?),
        _ => return Err(unknown),
    };
    Ok(Apdu::new(NAME, fields))
}

/// One result of a list. Some meters leave out the choice byte before data (dlms-cosem issue 51): a
/// byte that is neither choice is then the data's own tag.
pub(super) fn result(reader: &mut Reader<'_>, limits: Limits) -> Result<Field, DecodeError> {
    match reader.peek()? {
        0 => {
            reader.u8()?;
            value(reader, limits).map(Field::from)
        }
        1 => {
            reader.u8()?;
            let error = access_result(reader)?;
            Ok(Fields::default().with("error", error).into())
        }
        _ => value(reader, limits).map(Field::from),
    }
}
