//! Short-name services: read, write and information-report (Green Book 9, clause 9.3.14 on).

use super::{Apdu, Field, Fields, access_result, list, optional, value};
use crate::axdr::Limits;
use crate::{DecodeError, Kind, Reader};

/// Any of the short-name services.
pub(super) fn parse(reader: &mut Reader<'_>, limits: Limits) -> Result<Apdu, DecodeError> {
    let variables = |reader: &mut Reader<'_>| list(reader, |reader| variable(reader, limits));
    let values = |reader: &mut Reader<'_>| list(reader, |reader| value(reader, limits));
    let fields = Fields::default();
    let read = match reader.u8()? {
        0x05 => Apdu::new("read-request", fields.with("variables", variables(reader)?)),
        0x06 => {
            let fields = fields.with("variables", variables(reader)?);
            Apdu::new("write-request", fields.with("values", values(reader)?))
        }
        0x0c => {
            let results = list(reader, |reader| read_result(reader, limits))?;
            Apdu::new("read-response", fields.with("results", results))
        }
        0x0d => Apdu::new(
            "write-response",
            fields.with("results", list(reader, write_result)?),
        ),
        0x16 => {
            let fields = fields.with("variables", variables(reader)?);
            Apdu::new(
                "unconfirmed-write-request",
                fields.with("values", values(reader)?),
            )
        }
        _ => {
            let time = optional(reader, Reader::counted)?;
            let fields = fields
                .with("time", time)
                .with("variables", variables(reader)?);
            Apdu::new("information-report", fields.with("values", values(reader)?))
        }
    };
    reader.end()?;
    Ok(one_value(read))
}

/// A read-response with one value shows it as the body, as get-response does.
fn one_value(mut read: Apdu) -> Apdu {
    let only = match read.fields.get("results") {
        Some(Field::List(results)) => match &results[..] {
            [Field::Data(value)] => Some(value.clone()),
            _ => None,
        },
        _ => None,
    };
    if let Some(value) = only {
        read.fields.push("body", value);
    }
    read
}

/// Variable-Access-Specification: a short name, alone, with a selector, or by block.
fn variable(reader: &mut Reader<'_>, limits: Limits) -> Result<Fields, DecodeError> {
    let unknown = reader.error(Kind::BadTag);
    let fields = Fields::default();
    Ok(match reader.u8()? {
        2 => fields.with("short_name", reader.be_u16()?),
        4 => fields
            .with("short_name", reader.be_u16()?)
            .with("selector", reader.u8()?)
            .with("parameters", value(reader, limits)?),
        5 => fields.with("block_number", reader.be_u16()?),
        6 => fields
            .with("last_block", reader.u8()? != 0)
            .with("block_number", reader.be_u16()?)
            .with("raw_data", reader.counted()?),
        7 => fields
            .with("last_block", reader.u8()? != 0)
            .with("block_number", reader.be_u16()?),
        _ => return Err(unknown),
    })
}

fn read_result(reader: &mut Reader<'_>, limits: Limits) -> Result<Field, DecodeError> {
    let unknown = reader.error(Kind::BadTag);
    Ok(match reader.u8()? {
        0 => value(reader, limits)?.into(),
        1 => Fields::default()
            .with("error", access_result(reader)?)
            .into(),
        2 => Fields::default()
            .with("last_block", reader.u8()? != 0)
            .with("block_number", reader.be_u16()?)
            .with("raw_data", reader.counted()?)
            .into(),
        3 => Fields::default()
            .with("block_number", reader.be_u16()?)
            .into(),
        _ => return Err(unknown),
    })
}

fn write_result(reader: &mut Reader<'_>) -> Result<Field, DecodeError> {
    let unknown = reader.error(Kind::BadTag);
    Ok(match reader.u8()? {
        0 => "success".into(),
        1 => Fields::default()
            .with("error", access_result(reader)?)
            .into(),
        2 => Fields::default()
            .with("block_number", reader.be_u16()?)
            .into(),
        _ => return Err(unknown),
    })
}
