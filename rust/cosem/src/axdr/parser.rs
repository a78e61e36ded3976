//! The walk over tagged values: one tag, one line of [`Parser::value`] or [`Parser::scalar`].

use std::collections::BTreeSet;

use super::{Limits, Quirk, Value, compact};
use crate::{DecodeError, Kind, Layer, Reader};

/// Reads values off the front of some bytes.
pub(super) struct Parser<'a> {
    pub(super) reader: Reader<'a>,
    depth_left: u8,
    elements_left: u32,
    /// The quirks met so far, when they are allowed at all.
    quirks: Option<BTreeSet<Quirk>>,
}

impl<'a> Parser<'a> {
    /// Reads as the standard says.
    pub(super) const fn strict(bytes: &'a [u8], limits: Limits) -> Self {
        Self {
            reader: Reader::new(bytes, Layer::Data),
            depth_left: limits.depth_max,
            elements_left: limits.elements_max,
            quirks: None,
        }
    }

    /// Allows the known quirks.
    pub(super) fn tolerant(bytes: &'a [u8], limits: Limits) -> Self {
        let mut parser = Self::strict(bytes, limits);
        parser.quirks = Some(BTreeSet::new());
        parser
    }

    /// How many of `bytes`, which were all there was, have been read.
    pub(super) fn used(&self, bytes: &[u8]) -> usize {
        bytes.len().saturating_sub(self.reader.rest().len())
    }

    pub(super) fn end(&self) -> Result<(), DecodeError> {
        self.reader.end()
    }

    pub(super) fn quirks(self) -> Vec<Quirk> {
        self.quirks.into_iter().flatten().collect()
    }

    /// Reads one tagged value.
    pub(super) fn value(&mut self) -> Result<Value, DecodeError> {
        let unknown = self.reader.error(Kind::BadTag);
        match self.reader.u8()? {
            1 => self.nested(|parser| parser.elements(false).map(Value::Array)),
            2 => self.nested(|parser| parser.elements(true).map(Value::Structure)),
            19 => self.nested(|parser| compact::rows(parser).map(Value::CompactArray)),
            tag => self.scalar(tag, unknown),
        }
    }

    /// Runs `read` one level deeper.
    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let Some(left) = self.depth_left.checked_sub(1) else {
            return Err(self.reader.error(Kind::TooDeep));
        };
        self.depth_left = left;
        let read = read(self)?;
        self.depth_left = left.saturating_add(1);
        Ok(read)
    }

    fn elements(&mut self, structure: bool) -> Result<Vec<Value>, DecodeError> {
        let at = self.reader.error(Kind::BadLength);
        let count = self.reader.length()?;
        // Every element takes at least its tag.
        if count > self.reader.rest().len() {
            return Err(at);
        }
        let mut elements = Vec::new();
        if structure && count >= 2 {
            elements.extend(self.quirky_first());
        }
        while elements.len() < count {
            self.count_one()?;
            let value = self.value()?;
            elements.push(value);
        }
        Ok(elements)
    }

    /// How many more values there may be.
    pub(super) const fn elements_left(&self) -> u32 {
        self.elements_left
    }

    /// Takes one value from the limit.
    pub(super) fn count_one(&mut self) -> Result<(), DecodeError> {
        let Some(left) = self.elements_left.checked_sub(1) else {
            return Err(self.reader.error(Kind::TooMany));
        };
        self.elements_left = left;
        Ok(())
    }

    /// A structure's first element, when quirks are allowed and it is one of them.
    fn quirky_first(&mut self) -> Option<Value> {
        let quirks = self.quirks.as_mut()?;
        let (quirk, first, bytes) = untagged_descriptor(self.reader.rest())
            .or_else(|| swapped_logical_name(self.reader.rest()))?;
        quirks.insert(quirk);
        self.reader.bytes(bytes).ok()?;
        Some(first)
    }

    /// Reads the value of a type that holds no others; `unknown` is the error if `tag` is none.
    ///
    /// Compact arrays use this for values that have no tags of their own.
    pub(super) fn scalar(&mut self, tag: u8, unknown: DecodeError) -> Result<Value, DecodeError> {
        let reader = &mut self.reader;
        Ok(match tag {
            0 => Value::Null,
            3 => Value::Boolean(reader.u8()? != 0),
            4 => {
                let bits = reader.length()?;
                Value::BitString(bits, reader.bytes(bits.div_ceil(8))?.to_vec())
            }
            5 => Value::Signed("double-long", be_i32(reader)?),
            6 => Value::Unsigned("double-long-unsigned", reader.be_u32()?.into()),
            7 => float32("floating-point", reader)?,
            9 => Value::Octets("octet-string", reader.counted()?.to_vec()),
            10 => Value::Text("visible-string", latin1(reader.counted()?)),
            12 => Value::Text("utf8-string", utf8(reader.counted()?)),
            13 => Value::Unsigned("bcd", reader.u8()?.into()),
            15 => Value::Signed("integer", be_i8(reader)?),
            16 => Value::Signed("long", be_i16(reader)?),
            17 => Value::Unsigned("unsigned", reader.u8()?.into()),
            18 => Value::Unsigned("long-unsigned", reader.be_u16()?.into()),
            20 => Value::Signed("long64", reader.take().map(i64::from_be_bytes)?),
            21 => Value::Unsigned("long64-unsigned", reader.take().map(u64::from_be_bytes)?),
            22 => Value::Unsigned("enum", reader.u8()?.into()),
            23 => float32("float32", reader)?,
            24 => Value::Float("float64", reader.take().map(f64::from_be_bytes)?),
            25 => Value::Octets("date-time", reader.bytes(12)?.to_vec()),
            26 => Value::Octets("date", reader.bytes(5)?.to_vec()),
            27 => Value::Octets("time", reader.bytes(4)?.to_vec()),
            28 => Value::Signed("delta-integer", be_i8(reader)?),
            29 => Value::Signed("delta-long", be_i16(reader)?),
            30 => Value::Signed("delta-double-long", be_i32(reader)?),
            31 => Value::Unsigned("delta-unsigned", reader.u8()?.into()),
            32 => Value::Unsigned("delta-long-unsigned", reader.be_u16()?.into()),
            33 => Value::Unsigned("delta-double-long-unsigned", reader.be_u32()?.into()),
            255 => Value::DontCare,
            _ => return Err(unknown),
        })
    }
}

fn be_i8(reader: &mut Reader<'_>) -> Result<i64, DecodeError> {
    reader.take().map(i8::from_be_bytes).map(i64::from)
}

fn be_i16(reader: &mut Reader<'_>) -> Result<i64, DecodeError> {
    reader.take().map(i16::from_be_bytes).map(i64::from)
}

fn be_i32(reader: &mut Reader<'_>) -> Result<i64, DecodeError> {
    reader.take().map(i32::from_be_bytes).map(i64::from)
}

fn float32(name: &'static str, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    let float = reader.take().map(f32::from_be_bytes)?;
    Ok(Value::Float(name, f64::from(float)))
}

/// visible-string is ASCII; meters put other bytes there too, and each of them stays one character.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `class u16 | logical name (6) | attribute`, all untagged, where an element should begin.
fn untagged_descriptor(rest: &[u8]) -> Option<(Quirk, Value, usize)> {
    let [class_high, class, name @ .., attribute] = rest.first_chunk::<9>()?;
    let plausible = *class_high == 0
        && *class != 0
        && name.last() == Some(&0xff)
        && (1..=32).contains(attribute);
    let descriptor = Value::Structure(vec![
        Value::Unsigned("long-unsigned", u64::from(*class)),
        Value::Octets("octet-string", name.to_vec()),
        Value::Signed("integer", i64::from(*attribute)),
    ]);
    plausible.then_some((Quirk::UntaggedDescriptor, descriptor, 9))
}

/// `06 09 | logical name (6)`: tag and length of an octet-string, swapped.
fn swapped_logical_name(rest: &[u8]) -> Option<(Quirk, Value, usize)> {
    let [0x06, 0x09, name @ ..] = rest.first_chunk::<8>()? else {
        return None;
    };
    let octets = Value::Octets("octet-string", name.to_vec());
    (name.last() == Some(&0xff)).then_some((Quirk::SwappedLogicalName, octets, 8))
}
