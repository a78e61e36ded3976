//! APDUs of every kind, read for people: a name and its fields in the order they stand.
//!
//! This is how `meteringest decode` and the reject browser see the wire. Reads take the short way
//! through `push` and `layout`; nothing here is fast, and nothing here decides what is trusted.
//! The tags are those of IEC 62056-5-3 (Green Book 9, clauses 9.4 and 9.5).

mod access;
mod action;
pub mod answer;
mod association;
pub mod between;
mod block;
mod exception;
mod field;
mod get;
mod initiate;
mod moment;
mod notification;
mod protected;
mod set;
mod short_name;
mod terms;
#[cfg(test)]
mod tests;

pub use block::Block;
pub use field::{Field, Fields};
pub use moment::{CLOCK_BYTES, date_time};
pub use protected::{Opened, Opener, Protected};

use crate::axdr::{self, Quirk, Value};
use crate::framing;
use crate::{DecodeError, Kind, Layer, Reader};

/// One APDU, and what it carries.
#[derive(Debug, Clone, PartialEq)]
pub struct Apdu {
    /// The standard's name of the service.
    pub name: &'static str,
    /// Its fields in wire order.
    pub fields: Fields,
    /// The APDU inside a protecting, forwarding or block-carrying one.
    pub inside: Option<Box<Self>>,
    /// The departures from the standard that had to be allowed.
    pub quirks: Vec<Quirk>,
}

impl Apdu {
    fn new(name: &'static str, fields: Fields) -> Self {
        Self {
            name,
            fields,
            inside: None,
            quirks: Vec::new(),
        }
    }

    /// The innermost APDU.
    pub fn innermost(&self) -> &Self {
        self.inside.as_deref().map_or(self, Self::innermost)
    }
}

/// What reading an APDU needs to know and to ask.
pub struct Context<'o> {
    /// What its data may cost.
    pub limits: axdr::Limits,
    /// Who holds the keys.
    pub opener: &'o mut dyn Opener,
    /// How many more APDUs may lie inside one another.
    pub depth_left: u8,
    /// The sender's system title, when an association or the caller knows it.
    pub title: Option<[u8; 8]>,
}

/// How deep protection, blocks, signatures and gateways may nest; the field shows four.
pub const DEPTH_MAX: u8 = 8;

/// Reads `apdu`, all of which must be one APDU.
pub fn parse(apdu: &[u8], context: &mut Context<'_>) -> Result<Apdu, DecodeError> {
    let mut reader = Reader::new(apdu, Layer::Apdu);
    let Some(left) = context.depth_left.checked_sub(1) else {
        return Err(reader.error(Kind::TooDeep));
    };
    let unknown = reader.error(Kind::BadTag);
    let tag = reader.peek()?;
    context.depth_left = left;
    let read = match tag {
        0x0f => notification::data(apdu, context),
        0x01 | 0x08 => initiate::parse(&mut reader),
        0x0e => exception::confirmed_service_error(&mut reader),
        0x10 => notification::confirm(&mut reader),
        0x05 | 0x06 | 0x0c | 0x0d | 0x18 | 0x16 => short_name::parse(&mut reader, context.limits),
        0x60..=0x63 => association::parse(apdu, context),
        0xc0 | 0xc4 => get::parse(&mut reader, context.limits),
        0xc1 | 0xc5 => set::parse(&mut reader, context.limits),
        0xc2 => notification::event(&mut reader, context.limits),
        0xc3 | 0xc7 => action::parse(&mut reader, context.limits),
        0xd8 => exception::exception(&mut reader),
        0xd9 | 0xda => access::parse(&mut reader, context.limits),
        0xe0 => block::parse(apdu, context),
        0xe6 | 0xe7 => gateway(apdu, context),
        _ => match protected::name(tag) {
            Some(name) => protected::parse(name, apdu, context),
            None => Err(unknown),
        },
    };
    context.depth_left = left.saturating_add(1);
    read
}

/// An APDU that a gateway forwards, behind its prefix.
fn gateway(apdu: &[u8], context: &mut Context<'_>) -> Result<Apdu, DecodeError> {
    let prefix = framing::prefix(apdu)?;
    let name = match apdu.first() {
        Some(0xe6) => "gateway-request",
        _ => "gateway-response",
    };
    let fields = Fields::default()
        .with("network_id", prefix.network)
        .with("physical_device_address", prefix.address);
    let mut outer = Apdu::new(name, fields);
    let forwarded = apdu.get(prefix.bytes..).unwrap_or_default();
    outer.inside = Some(Box::new(parse(forwarded, context)?));
    Ok(outer)
}

/// Takes one value off `reader`.
fn value(reader: &mut Reader<'_>, limits: axdr::Limits) -> Result<Value, DecodeError> {
    let (value, used) = axdr::head(reader.rest(), limits)?;
    reader.bytes(used)?;
    Ok(value)
}

/// Takes all that is left of `reader` as the APDU's one value, quirks allowed.
fn body(
    mut apdu: Apdu,
    reader: &mut Reader<'_>,
    limits: axdr::Limits,
) -> Result<Apdu, DecodeError> {
    let rest = reader.bytes(reader.rest().len())?;
    let (value, quirks) = axdr::tolerant(rest, limits)?;
    apdu.fields.push("body", value);
    apdu.quirks = quirks;
    Ok(apdu)
}

/// Takes a list: a count, then that many of what `one` reads, which must each take a byte.
fn list<'a, T>(
    reader: &mut Reader<'a>,
    mut one: impl FnMut(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<Field>, DecodeError>
where
    Field: From<T>,
{
    let at = reader.error(Kind::BadLength);
    let count = reader.length()?;
    if count > reader.rest().len() {
        return Err(at);
    }
    (0..count).map(|_| one(reader).map(Field::from)).collect()
}

/// Takes an OPTIONAL: `00`, or `01` and what `one` reads.
fn optional<'a, T>(
    reader: &mut Reader<'a>,
    one: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Option<T>, DecodeError> {
    let at = reader.error(Kind::BadTag);
    match reader.u8()? {
        0 => Ok(None),
        1 => one(reader).map(Some),
        _ => Err(at),
    }
}

/// Takes the invoke-id-and-priority of a logical-name service.
fn invoke_id(reader: &mut Reader<'_>) -> Result<Fields, DecodeError> {
    let byte = reader.u8()?;
    Ok(Fields::default()
        .with("invoke_id", byte & 0x0f)
        .with("confirmed", byte & 0x40 != 0)
        .with("high_priority", byte & 0x80 != 0))
}

/// Takes class, logical name and attribute or method.
fn descriptor(reader: &mut Reader<'_>, what: &'static str) -> Result<Fields, DecodeError> {
    let class = reader.be_u16()?;
    let name = reader.take::<6>()?;
    let index = reader.take().map(i8::from_be_bytes)?;
    Ok(Fields::default()
        .with("class", class)
        .with("logical_name", terms::logical_name(name))
        .with(what, index))
}

/// Takes an attribute descriptor and the selective access that may follow it.
fn attribute(reader: &mut Reader<'_>, limits: axdr::Limits) -> Result<Fields, DecodeError> {
    let mut fields = descriptor(reader, "attribute")?;
    let access = optional(reader, |reader| {
        let selector = reader.u8()?;
        let fields = Fields::default().with("selector", selector);
        Ok(fields.with("parameters", value(reader, limits)?))
    })?;
    if let Some(access) = access {
        fields.push("access", access);
    }
    Ok(fields)
}

/// Takes a data-block: last mark, number and the raw bytes of the message.
fn data_block(reader: &mut Reader<'_>, fields: Fields) -> Result<Fields, DecodeError> {
    let last = reader.u8()? != 0;
    let number = reader.be_u32()?;
    let fields = fields.with("last_block", last).with("block_number", number);
    Ok(fields.with("raw_data", reader.counted()?))
}

/// Takes a data-access-result.
fn access_result(reader: &mut Reader<'_>) -> Result<Field, DecodeError> {
    let at = reader.error(Kind::BadValue);
    terms::data_access_result(reader.u8()?)
        .map(Field::from)
        .ok_or(at)
}
