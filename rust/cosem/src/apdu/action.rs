//! ACTION: request and response, each normal, by block and with a list (Green Book 9, clause 9.3.8).

use super::{
    Apdu, Field, Fields, access_result, body, data_block, descriptor, get, invoke_id, list,
    optional, value,
};
use crate::axdr::Limits;
use crate::{DecodeError, Kind, Reader};

/// action-request or action-response.
pub(super) fn parse(reader: &mut Reader<'_>, limits: Limits) -> Result<Apdu, DecodeError> {
    let request = reader.u8()? == 0xc3;
    let unknown = reader.error(Kind::BadTag);
    let kind = reader.u8()?;
    let fields = invoke_id(reader)?;
    let read = match (request, kind) {
        (true, 1) => return normal_request(reader, fields, limits),
        (true, 2) => {
            let fields = fields.with("block_number", reader.be_u32()?);
            Apdu::new("action-request-next-pblock", fields)
        }
        (true, 3..=6) => request_of_many(reader, kind, fields, limits)?,
        (false, 1) => return normal_response(reader, fields, limits),
        (false, 2) => Apdu::new("action-response-with-pblock", data_block(reader, fields)?),
        (false, 3) => {
            let results = list(reader, |reader| one_response(reader, limits))?;
            Apdu::new("action-response-with-list", fields.with("results", results))
        }
        (false, 4) => {
            let fields = fields.with("block_number", reader.be_u32()?);
            Apdu::new("action-response-next-pblock", fields)
        }
        _ => return Err(unknown),
    };
    reader.end()?;
    Ok(read)
}

fn normal_request(
    reader: &mut Reader<'_>,
    fields: Fields,
    limits: Limits,
) -> Result<Apdu, DecodeError> {
    let fields = fields.with("method", descriptor(reader, "method")?);
    let read = Apdu::new("action-request-normal", fields);
    let unknown = reader.error(Kind::BadTag);
    match reader.u8()? {
        0 => reader.end().map(|()| read),
        1 => body(read, reader, limits),
        _ => Err(unknown),
    }
}

/// Methods with a list, or parameters in blocks.
fn request_of_many(
    reader: &mut Reader<'_>,
    kind: u8,
    fields: Fields,
    limits: Limits,
) -> Result<Apdu, DecodeError> {
    let method = |reader: &mut Reader<'_>| descriptor(reader, "method");
    Ok(match kind {
        3 => {
            let methods = list(reader, method)?;
            let values = list(reader, |reader| value(reader, limits))?;
            let fields = fields.with("methods", methods).with("values", values);
            Apdu::new("action-request-with-list", fields)
        }
        4 => {
            let fields = fields.with("method", method(reader)?);
            Apdu::new(
                "action-request-with-first-pblock",
                data_block(reader, fields)?,
            )
        }
        5 => {
            let fields = fields.with("methods", list(reader, method)?);
            let fields = data_block(reader, fields)?;
            Apdu::new("action-request-with-list-and-first-pblock", fields)
        }
        _ => Apdu::new("action-request-with-pblock", data_block(reader, fields)?),
    })
}

/// A result and what the method returned. After a failure nothing is due, and what some meters
/// still send there is kept as it stands.
fn normal_response(
    reader: &mut Reader<'_>,
    fields: Fields,
    limits: Limits,
) -> Result<Apdu, DecodeError> {
    let failed = reader.peek()? != 0;
    let fields = fields.with("result", access_result(reader)?);
    let mut read = Apdu::new("action-response-normal", fields);
    let before = reader.clone();
    let returned = optional(reader, |reader| returned(reader, limits));
    match (returned, reader.end()) {
        (Ok(None), Ok(())) => {}
        (Ok(Some(Field::Data(value))), Ok(())) => read.fields.push("body", value),
        (Ok(Some(error)), Ok(())) => read.fields.push("returned", error),
        (Err(_), _) | (_, Err(_)) if failed => read.fields.push("returned", before.rest()),
        (Err(error), _) | (_, Err(error)) => return Err(error),
    }
    Ok(read)
}

fn one_response(reader: &mut Reader<'_>, limits: Limits) -> Result<Fields, DecodeError> {
    let fields = Fields::default().with("result", access_result(reader)?);
    let returned = optional(reader, |reader| returned(reader, limits))?;
    Ok(fields.with("returned", returned))
}

/// Get-Data-Result: the choice of data or error.
fn returned(reader: &mut Reader<'_>, limits: Limits) -> Result<Field, DecodeError> {
    get::result(reader, limits)
}
