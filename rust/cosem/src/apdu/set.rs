//! SET: request and response, each normal, by block and with a list (Green Book 9, clause 9.3.7).

use super::{
    Apdu, Field, Fields, access_result, attribute, body, data_block, invoke_id, list, value,
};
use crate::axdr::Limits;
use crate::{DecodeError, Kind, Reader};

/// set-request or set-response.
pub(super) fn parse(reader: &mut Reader<'_>, limits: Limits) -> Result<Apdu, DecodeError> {
    let request = reader.u8()? == 0xc1;
    let unknown = reader.error(Kind::BadTag);
    let kind = reader.u8()?;
    let fields = invoke_id(reader)?;
    let read = match (request, kind) {
        (true, 1) => {
            let fields = fields.with("attribute", attribute(reader, limits)?);
            return body(Apdu::new("set-request-normal", fields), reader, limits);
        }
        (true, 2) => {
            let fields = fields.with("attribute", attribute(reader, limits)?);
            Apdu::new(
                "set-request-with-first-datablock",
                data_block(reader, fields)?,
            )
        }
        (true, 3) => Apdu::new("set-request-with-datablock", data_block(reader, fields)?),
        (true, 4) => {
            let attributes = list(reader, |reader| attribute(reader, limits))?;
            let values = list(reader, |reader| value(reader, limits))?;
            let fields = fields.with("attributes", attributes).with("values", values);
            Apdu::new("set-request-with-list", fields)
        }
        (true, 5) => {
            let attributes = list(reader, |reader| attribute(reader, limits))?;
            let fields = data_block(reader, fields.with("attributes", attributes))?;
            Apdu::new("set-request-with-list-and-first-datablock", fields)
        }
        (false, 1..=5) => response(reader, kind, fields)?,
        _ => return Err(unknown),
    };
    reader.end()?;
    Ok(read)
}

fn response(reader: &mut Reader<'_>, kind: u8, fields: Fields) -> Result<Apdu, DecodeError> {
    Ok(match kind {
        1 => Apdu::new("set-response-normal", result(reader, fields)?),
        2 => Apdu::new("set-response-datablock", block(reader, fields)?),
        3 => {
            let fields = result(reader, fields)?;
            Apdu::new("set-response-last-datablock", block(reader, fields)?)
        }
        4 => {
            let fields = fields.with("results", list(reader, access_result)?);
            Apdu::new(
                "set-response-last-datablock-with-list",
                block(reader, fields)?,
            )
        }
        _ => {
            let results: Vec<Field> = list(reader, access_result)?;
            Apdu::new("set-response-with-list", fields.with("results", results))
        }
    })
}

fn result(reader: &mut Reader<'_>, fields: Fields) -> Result<Fields, DecodeError> {
    Ok(fields.with("result", access_result(reader)?))
}

fn block(reader: &mut Reader<'_>, fields: Fields) -> Result<Fields, DecodeError> {
    Ok(fields.with("block_number", reader.be_u32()?))
}
