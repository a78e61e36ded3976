//! Rows of counters and keys that moved.

use super::cursor::Cursor;
use crate::other_keys::Line;

/// A counter that moved although its frame left no read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CounterRow {
    pub(crate) meter: u32,
    pub(crate) counter: u32,
    pub(crate) key_check: u32,
}

/// A meter that turned to its next key; the fields are the old key's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TurnRow {
    pub(crate) meter: u32,
    pub(crate) key_check: u32,
    pub(crate) counter: u32,
    pub(crate) until_s: i64,
}

/// A counter that moved under another key than the meter's global unicast one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OtherCounterRow {
    pub(crate) meter: u32,
    pub(crate) line: Line,
    pub(crate) counter: u32,
}

impl CounterRow {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            meter: cursor.u32()?,
            counter: cursor.u32()?,
            key_check: cursor.u32()?,
        })
    }
}

impl TurnRow {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            meter: cursor.u32()?,
            key_check: cursor.u32()?,
            counter: cursor.u32()?,
            until_s: cursor.i64()?,
        })
    }
}

impl OtherCounterRow {
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            meter: cursor.u32()?,
            line: Line {
                title: cursor.take()?,
                key_check: cursor.u32()?,
            },
            counter: cursor.u32()?,
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.meter.to_le_bytes());
        out.extend(self.line.title);
        out.extend(self.line.key_check.to_le_bytes());
        out.extend(self.counter.to_le_bytes());
    }
}
