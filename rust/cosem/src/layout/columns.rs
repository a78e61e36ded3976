//! The columns that reads are extracted into: one entry per read in each of them.

use super::Channel;
use crate::clock::RawClock;

/// Reads, column by column. All columns have the same length at all times a caller can see them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    /// The meter's clock at the end of the interval.
    pub clocks: Vec<RawClock>,
    /// One column per [`Channel`], by its index; 0 where the read does not have it.
    pub channels: [Vec<u32>; Channel::COUNT],
    /// Which channels the read has: bit i is channel i.
    pub present: Vec<u16>,
    /// The meter's health word, 0 where the layout has none.
    pub status: Vec<u32>,
    /// The row's bytes in the body, start and end, to quarantine a read with what it came from.
    pub spans: Vec<(u32, u32)>,
}

/// One row on its way into the columns.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Row {
    pub(super) clock: RawClock,
    pub(super) values: [u32; Channel::COUNT],
    pub(super) present: u16,
    pub(super) status: u32,
}

impl Columns {
    /// How many reads there are.
    pub fn len(&self) -> usize {
        self.clocks.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.clocks.is_empty()
    }

    /// Forgets all reads and keeps the memory.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Forgets the reads from `rows` on.
    pub fn truncate(&mut self, rows: usize) {
        self.clocks.truncate(rows);
        for channel in &mut self.channels {
            channel.truncate(rows);
        }
        self.present.truncate(rows);
        self.status.truncate(rows);
        self.spans.truncate(rows);
    }

    /// Appends one read.
    pub(super) fn push(&mut self, row: &Row, span: (u32, u32)) {
        self.clocks.push(row.clock);
        for (channel, value) in self.channels.iter_mut().zip(row.values) {
            channel.push(value);
        }
        self.present.push(row.present);
        self.status.push(row.status);
        self.spans.push(span);
    }
}
