//! compact-array: one type description, then rows packed without tags (IEC 62056-5-3 annex A).
//!
//! `description | length in bytes | contents`. A description is a tag; for a structure a count and
//! that many descriptions follow, for an array a `u16` count (not a length field) and one.
//! How many rows there are follows from the bytes, so a row that takes none would never end, and one
//! that takes few must not stand for many values: both are refused.

use super::Value;
use super::parser::Parser;
use crate::{DecodeError, Kind};

/// What one row looks like.
enum Shape {
    Scalar(u8),
    Structure(Vec<Self>),
    Array(u16, Box<Self>),
}

impl Shape {
    /// How many values one row has.
    fn values(&self) -> usize {
        let inside = match self {
            Self::Scalar(_) => 0,
            Self::Structure(fields) => fields
                .iter()
                .map(Self::values)
                .fold(0, usize::saturating_add),
            Self::Array(count, element) => usize::from(*count).saturating_mul(element.values()),
        };
        inside.saturating_add(1)
    }
}

/// Reads description, length and rows.
pub(super) fn rows(parser: &mut Parser<'_>) -> Result<Vec<Value>, DecodeError> {
    let shape = shape(parser)?;
    let length = parser.reader.length()?;
    let Some(end) = parser.reader.rest().len().checked_sub(length) else {
        return Err(parser.reader.error(Kind::Truncated));
    };
    // Before anything is unpacked: a few bytes must not make room for thousands of values.
    if length > 0 && shape.values() > length.saturating_mul(VALUES_PER_BYTE) {
        return Err(parser.reader.error(Kind::TooMany));
    }
    let mut rows = Vec::new();
    while parser.reader.rest().len() > end {
        let before = parser.reader.clone();
        let elements_before = parser.elements_left();
        rows.push(unpack(parser, &shape)?);
        let left = parser.reader.rest().len();
        let bytes = before.rest().len().saturating_sub(left);
        if bytes == 0 || left < end {
            return Err(before.error(Kind::BadLength));
        }
        let values = elements_before.saturating_sub(parser.elements_left());
        if usize::try_from(values).unwrap_or(usize::MAX) > bytes.saturating_mul(VALUES_PER_BYTE) {
            return Err(before.error(Kind::TooMany));
        }
    }
    Ok(rows)
}

fn shape(parser: &mut Parser<'_>) -> Result<Shape, DecodeError> {
    let at = parser.reader.clone();
    match parser.reader.u8()? {
        1 => parser.nested(|parser| {
            let count = parser.reader.be_u16()?;
            Ok(Shape::Array(count, Box::new(shape(parser)?)))
        }),
        2 => parser.nested(|parser| {
            let count = parser.reader.length()?;
            if count > parser.reader.rest().len() {
                return Err(at.error(Kind::BadLength));
            }
            let fields = (0..count).map(|_| shape(parser));
            Ok(Shape::Structure(fields.collect::<Result<_, _>>()?))
        }),
        // A compact array inside a compact array is not defined; other tags fail on the first row.
        19 => Err(at.error(Kind::BadTag)),
        tag => Ok(Shape::Scalar(tag)),
    }
}

fn unpack(parser: &mut Parser<'_>, shape: &Shape) -> Result<Value, DecodeError> {
    parser.count_one()?;
    match shape {
        Shape::Scalar(tag) => {
            let unknown = parser.reader.error(Kind::BadTag);
            parser.scalar(*tag, unknown)
        }
        Shape::Structure(fields) => {
            let fields = fields.iter().map(|field| unpack(parser, field));
            Ok(Value::Structure(fields.collect::<Result<_, _>>()?))
        }
        Shape::Array(count, element) => {
            let elements = (0..*count).map(|_| unpack(parser, element));
            Ok(Value::Array(elements.collect::<Result<_, _>>()?))
        }
    }
}

/// How many values a byte of a row may stand for; only columns of null-data take no bytes.
const VALUES_PER_BYTE: usize = 32;
