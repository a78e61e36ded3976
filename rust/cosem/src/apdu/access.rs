//! ACCESS: several gets, sets and actions in one APDU (Green Book 9, clause 9.3.9).

use super::{
    Apdu, CLOCK_BYTES, Field, Fields, access_result, date_time, descriptor, list, optional, value,
};
use crate::axdr::Limits;
use crate::{DecodeError, Kind, Reader};

/// access-request or access-response.
pub(super) fn parse(reader: &mut Reader<'_>, limits: Limits) -> Result<Apdu, DecodeError> {
    let request = reader.u8()? == 0xd9;
    let invoke = reader.be_u32()?;
    let fields = Fields::default()
        .with("long_invoke_id", invoke & 0x00ff_ffff)
        .with("invoke_flags", invoke >> 24)
        .with("date_time", time(reader)?);
    let read = if request {
        let specifications = list(reader, |reader| specification(reader, limits))?;
        let values = list(reader, |reader| value(reader, limits))?;
        let fields = fields.with("specifications", specifications);
        Apdu::new("access-request", fields.with("values", values))
    } else {
        let specifications = optional(reader, |reader| {
            list(reader, |reader| specification(reader, limits))
        })?;
        let values = list(reader, |reader| value(reader, limits))?;
        let results = list(reader, result)?;
        let fields = fields
            .with("specifications", specifications)
            .with("values", values);
        Apdu::new("access-response", fields.with("results", results))
    };
    reader.end()?;
    Ok(read)
}

/// The octet-string date-time: empty or twelve bytes.
fn time(reader: &mut Reader<'_>) -> Result<Field, DecodeError> {
    let at = reader.error(Kind::BadLength);
    let bytes = reader.counted()?;
    match <[u8; CLOCK_BYTES]>::try_from(bytes) {
        Ok(clock) => Ok(date_time(clock).into()),
        Err(_) if bytes.is_empty() => Ok(Field::Absent),
        Err(_) => Err(at),
    }
}

fn specification(reader: &mut Reader<'_>, limits: Limits) -> Result<Fields, DecodeError> {
    let unknown = reader.error(Kind::BadTag);
    let (name, index, selective) = match reader.u8()? {
        1 => ("get", "attribute", false),
        2 => ("set", "attribute", false),
        3 => ("action", "method", false),
        4 => ("get-with-selection", "attribute", true),
        5 => ("set-with-selection", "attribute", true),
        _ => return Err(unknown),
    };
    let mut fields = Fields::default().with("access", name);
    fields.0.extend(descriptor(reader, index)?.0);
    if selective {
        fields.push("selector", reader.u8()?);
        fields.push("parameters", value(reader, limits)?);
    }
    Ok(fields)
}

fn result(reader: &mut Reader<'_>) -> Result<Fields, DecodeError> {
    let unknown = reader.error(Kind::BadTag);
    let access = match reader.u8()? {
        1 => "get",
        2 => "set",
        3 => "action",
        _ => return Err(unknown),
    };
    let fields = Fields::default().with("access", access);
    Ok(fields.with("result", access_result(reader)?))
}
