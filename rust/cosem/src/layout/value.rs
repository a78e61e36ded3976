//! A-XDR values as rows hold them: any integer, a clock, a status word, or something to step over.
//!
//! Tags and encodings: Green Book 9, clause 9.5; IEC 61334-6.

use crate::{DecodeError, Kind, Reader};

/// Deepest nesting of a value that is only stepped over.
const DEPTH_MAX: u8 = 16;

pub(super) mod tag {
    pub(in crate::layout) const NULL: u8 = 0x00;
    pub(in crate::layout) const ARRAY: u8 = 0x01;
    pub(in crate::layout) const STRUCTURE: u8 = 0x02;
    pub(in crate::layout) const BOOLEAN: u8 = 0x03;
    pub(in crate::layout) const BIT_STRING: u8 = 0x04;
    pub(in crate::layout) const DOUBLE_LONG: u8 = 0x05;
    pub(in crate::layout) const DOUBLE_LONG_UNSIGNED: u8 = 0x06;
    pub(in crate::layout) const FLOATING_POINT: u8 = 0x07;
    pub(in crate::layout) const OCTET_STRING: u8 = 0x09;
    pub(in crate::layout) const VISIBLE_STRING: u8 = 0x0a;
    pub(in crate::layout) const UTF8_STRING: u8 = 0x0c;
    pub(in crate::layout) const BCD: u8 = 0x0d;
    pub(in crate::layout) const INTEGER: u8 = 0x0f;
    pub(in crate::layout) const LONG: u8 = 0x10;
    pub(in crate::layout) const UNSIGNED: u8 = 0x11;
    pub(in crate::layout) const LONG_UNSIGNED: u8 = 0x12;
    pub(in crate::layout) const COMPACT_ARRAY: u8 = 0x13;
    pub(in crate::layout) const LONG64: u8 = 0x14;
    pub(in crate::layout) const LONG64_UNSIGNED: u8 = 0x15;
    pub(in crate::layout) const ENUM: u8 = 0x16;
    pub(in crate::layout) const FLOAT32: u8 = 0x17;
    pub(in crate::layout) const FLOAT64: u8 = 0x18;
    pub(in crate::layout) const DATE_TIME: u8 = 0x19;
    pub(in crate::layout) const DATE: u8 = 0x1a;
    pub(in crate::layout) const TIME: u8 = 0x1b;
    pub(in crate::layout) const DELTA_INTEGER: u8 = 0x1c;
    pub(in crate::layout) const DELTA_LONG: u8 = 0x1d;
    pub(in crate::layout) const DELTA_DOUBLE_LONG: u8 = 0x1e;
    pub(in crate::layout) const DELTA_UNSIGNED: u8 = 0x1f;
    pub(in crate::layout) const DELTA_LONG_UNSIGNED: u8 = 0x20;
    pub(in crate::layout) const DELTA_DOUBLE_LONG_UNSIGNED: u8 = 0x21;
    pub(in crate::layout) const DONT_CARE: u8 = 0xff;
}

/// What stands in a numeric field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    /// null-data: as in the row above.
    Null,
    /// The number itself.
    Absolute(i64),
    /// The difference from the row above.
    Delta(i64),
    /// Beyond 63 bits: no channel holds it under any scale, but the row is whole.
    Huge,
    /// Not an integer: nothing was taken but the tag.
    Other(u8),
}

/// Takes a tag and, when it is an integer's, the integer.
#[inline]
pub(super) fn number(reader: &mut Reader<'_>) -> Result<Number, DecodeError> {
    let absolute = match reader.u8()? {
        tag::NULL => return Ok(Number::Null),
        tag::DOUBLE_LONG => i64::from(i32::from_be_bytes(reader.take()?)),
        tag::DOUBLE_LONG_UNSIGNED => i64::from(reader.be_u32()?),
        tag::INTEGER => i64::from(i8::from_be_bytes(reader.take()?)),
        tag::LONG => i64::from(i16::from_be_bytes(reader.take()?)),
        tag::UNSIGNED | tag::ENUM => i64::from(reader.u8()?),
        tag::LONG_UNSIGNED => i64::from(reader.be_u16()?),
        tag::LONG64 => i64::from_be_bytes(reader.take()?),
        tag::LONG64_UNSIGNED => match i64::try_from(u64::from_be_bytes(reader.take()?)) {
            Ok(number) => number,
            Err(_) => return Ok(Number::Huge),
        },
        other => return delta(reader, other),
    };
    Ok(Number::Absolute(absolute))
}

fn delta(reader: &mut Reader<'_>, tag: u8) -> Result<Number, DecodeError> {
    let delta = match tag {
        tag::DELTA_INTEGER => i64::from(i8::from_be_bytes(reader.take()?)),
        tag::DELTA_LONG => i64::from(i16::from_be_bytes(reader.take()?)),
        tag::DELTA_DOUBLE_LONG => i64::from(i32::from_be_bytes(reader.take()?)),
        tag::DELTA_UNSIGNED => i64::from(reader.u8()?),
        tag::DELTA_LONG_UNSIGNED => i64::from(reader.be_u16()?),
        tag::DELTA_DOUBLE_LONG_UNSIGNED => i64::from(reader.be_u32()?),
        // Of one digit it is that digit; of two it may be meant as binary or as digits.
        tag::BCD if reader.peek()? <= 9 => {
            return Ok(Number::Absolute(i64::from(reader.u8()?)));
        }
        other => return Ok(Number::Other(other)),
    };
    Ok(Number::Delta(delta))
}

/// Takes a float behind its tag, in the fewest decimals that name it: what its maker meant by it.
#[cold]
pub(super) fn float(reader: &mut Reader<'_>, tag: u8) -> Result<String, DecodeError> {
    Ok(match tag {
        tag::FLOAT64 => f64::from_be_bytes(reader.take()?).to_string(),
        _ => f32::from_be_bytes(reader.take()?).to_string(),
    })
}

/// Steps over one value of any type.
pub(super) fn skip(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    skip_at(reader, 0)
}

fn skip_at(reader: &mut Reader<'_>, depth: u8) -> Result<(), DecodeError> {
    if depth > DEPTH_MAX {
        return Err(reader.error(Kind::TooDeep));
    }
    let at_tag = reader.error(Kind::BadTag);
    let tag = reader.u8()?;
    let bytes = match tag {
        tag::NULL | tag::DONT_CARE => 0,
        // Every element takes a byte at least, so a wild count ends with the bytes.
        tag::ARRAY | tag::STRUCTURE => {
            for _ in 0..reader.length()? {
                skip_at(reader, depth.saturating_add(1))?;
            }
            0
        }
        tag::OCTET_STRING | tag::VISIBLE_STRING | tag::UTF8_STRING => reader.length()?,
        tag::BIT_STRING => reader.length()?.div_ceil(8),
        tag::COMPACT_ARRAY => {
            skip_type(reader, depth.saturating_add(1))?;
            reader.length()?
        }
        scalar => fixed(scalar).ok_or(at_tag)?,
    };
    reader.bytes(bytes).map(|_| ())
}

/// Length of the types that have one.
const fn fixed(tag: u8) -> Option<usize> {
    Some(match tag {
        tag::BOOLEAN
        | tag::BCD
        | tag::INTEGER
        | tag::UNSIGNED
        | tag::ENUM
        | tag::DELTA_INTEGER
        | tag::DELTA_UNSIGNED => 1,
        tag::LONG | tag::LONG_UNSIGNED | tag::DELTA_LONG | tag::DELTA_LONG_UNSIGNED => 2,
        tag::DOUBLE_LONG
        | tag::DOUBLE_LONG_UNSIGNED
        | tag::FLOATING_POINT
        | tag::FLOAT32
        | tag::DELTA_DOUBLE_LONG
        | tag::DELTA_DOUBLE_LONG_UNSIGNED
        | tag::TIME => 4,
        tag::DATE => 5,
        tag::LONG64 | tag::LONG64_UNSIGNED | tag::FLOAT64 => 8,
        tag::DATE_TIME => 12,
        _ => return None,
    })
}

/// Steps over a compact-array's type description: a tag, with counts for arrays (u16) and structures.
fn skip_type(reader: &mut Reader<'_>, depth: u8) -> Result<(), DecodeError> {
    if depth > DEPTH_MAX {
        return Err(reader.error(Kind::TooDeep));
    }
    let deeper = depth.saturating_add(1);
    match reader.u8()? {
        tag::ARRAY => {
            reader.be_u16()?;
            skip_type(reader, deeper)
        }
        tag::STRUCTURE => {
            for _ in 0..reader.length()? {
                skip_type(reader, deeper)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
