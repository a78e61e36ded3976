//! Sections 13, 14 and 15: what few records have beside their reads and rejects.

use super::Cursor;
use super::write::counted;

/// What a reject says of itself so that it can be decoded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WhenceRow<'a> {
    /// Which reject of the record, counted from 0.
    pub(crate) reject: u32,
    /// Whether its bytes are one row of a body and not a frame.
    pub(crate) is_row: bool,
    /// The flags that its reads would have had.
    pub(crate) flags: u32,
    /// What the envelope called the meter.
    pub(crate) hint: &'a [u8],
}

/// An attribute of a meter's profile, as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LearnedRow<'a> {
    pub(crate) meter: u32,
    pub(crate) profile: [u8; 6],
    pub(crate) attribute: i8,
    pub(crate) bytes: &'a [u8],
}

impl<'a> WhenceRow<'a> {
    pub(super) fn parse(cursor: &mut Cursor<'a>) -> Option<Self> {
        Some(Self {
            reject: cursor.u32()?,
            is_row: cursor.u8()? != 0,
            flags: cursor.u32()?,
            hint: cursor.counted()?,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.reject.to_le_bytes());
        out.push(u8::from(self.is_row));
        out.extend(self.flags.to_le_bytes());
        counted(self.hint, out);
    }
}

impl<'a> LearnedRow<'a> {
    pub(crate) fn parse(cursor: &mut Cursor<'a>) -> Option<Self> {
        Some(Self {
            meter: cursor.u32()?,
            profile: cursor.take()?,
            attribute: cursor.take().map(i8::from_le_bytes)?,
            bytes: cursor.counted()?,
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.meter.to_le_bytes());
        out.extend(self.profile);
        out.extend(self.attribute.to_le_bytes());
        counted(self.bytes, out);
    }
}

/// How far clocks were ahead, of each read.
pub(super) fn offsets<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [[u8; 2]]> {
    let count = usize::try_from(cursor.u32()?).ok()?;
    cursor.column(count)
}
