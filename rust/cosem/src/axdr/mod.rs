//! A-XDR data of any type as an owned tree (IEC 62056-5-3 annex A, IEC 61334-6): for people, for
//! configuration read from meters, and for profiles whose layout is not known yet.
//!
//! Reads never come this way: `layout` walks their bytes without building anything.
//! What a hostile sender can make us do is bounded by [`Limits`] and by the bytes it sent: a count
//! is never larger than the bytes left, and nothing is repeated that takes no bytes.

mod compact;
mod parser;
#[cfg(test)]
mod tests;
mod write;

use crate::DecodeError;
use parser::Parser;
pub(crate) use write::single;
pub use write::write;

/// One value of any data type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// null-data, tag 0.
    Null,
    /// array, tag 1.
    Array(Vec<Self>),
    /// structure, tag 2.
    Structure(Vec<Self>),
    /// boolean, tag 3; any byte but 0 is true.
    Boolean(bool),
    /// bit-string, tag 4: this many bits, the first one the highest of the first byte.
    BitString(usize, Vec<u8>),
    /// A signed integer of the type named: double-long, integer, long, long64 and the deltas.
    Signed(&'static str, i64),
    /// An unsigned integer of the type named, enum and bcd among them.
    Unsigned(&'static str, u64),
    /// Bytes of the type named: octet-string, date-time, date, time.
    Octets(&'static str, Vec<u8>),
    /// Text of the type named: visible-string or utf8-string.
    Text(&'static str, String),
    /// compact-array, tag 19, its rows unpacked.
    CompactArray(Vec<Self>),
    /// float32 or the older floating-point, and float64.
    Float(&'static str, f64),
    /// dont-care, tag 255.
    DontCare,
}

impl Value {
    /// The standard's name of the type.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null-data",
            Self::Array(_) => "array",
            Self::Structure(_) => "structure",
            Self::Boolean(_) => "boolean",
            Self::BitString(..) => "bit-string",
            Self::CompactArray(_) => "compact-array",
            Self::DontCare => "dont-care",
            Self::Signed(name, _)
            | Self::Unsigned(name, _)
            | Self::Octets(name, _)
            | Self::Text(name, _)
            | Self::Float(name, _) => name,
        }
    }
}

/// What a value may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How deep arrays and structures may nest.
    pub depth_max: u8,
    /// How many values there may be in all, those unpacked from compact arrays included.
    pub elements_max: u32,
}

impl Default for Limits {
    /// Deeper and larger than any captured object list or profile.
    fn default() -> Self {
        Self {
            depth_max: 16,
            elements_max: 262_144,
        }
    }
}

/// A departure from the standard that some meters need to be understood with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quirk {
    /// Class, logical name and attribute stand without tags as a structure's first element
    /// (EGD and ZPA meters, Sagemcom XT211).
    UntaggedDescriptor,
    /// `06 09` instead of `09 06` before a logical name (Landis+Gyr ZMF100).
    SwappedLogicalName,
}

impl Quirk {
    /// The name shown to people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UntaggedDescriptor => "untagged_descriptor",
            Self::SwappedLogicalName => "swapped_logical_name",
        }
    }
}

/// Reads the value at the head of `bytes`; returns it and how many bytes it took.
pub fn head(bytes: &[u8], limits: Limits) -> Result<(Value, usize), DecodeError> {
    let mut parser = Parser::strict(bytes, limits);
    let value = parser.value()?;
    Ok((value, parser.used(bytes)))
}

/// Reads `bytes`, which must be one value and nothing else.
pub fn whole(bytes: &[u8], limits: Limits) -> Result<Value, DecodeError> {
    let mut parser = Parser::strict(bytes, limits);
    let value = parser.value()?;
    parser.end()?;
    Ok(value)
}

/// Like [`whole`], but bytes that the standard does not allow are read once more with the known
/// quirks allowed; the quirks that were needed are returned, and the strict error if that fails too.
pub fn tolerant(bytes: &[u8], limits: Limits) -> Result<(Value, Vec<Quirk>), DecodeError> {
    let strict = match whole(bytes, limits) {
        Ok(value) => return Ok((value, Vec::new())),
        Err(error) => error,
    };
    let mut parser = Parser::tolerant(bytes, limits);
    match parser
        .value()
        .and_then(|value| parser.end().map(|()| value))
    {
        Ok(value) => Ok((value, parser.quirks())),
        Err(_) => Err(strict),
    }
}
