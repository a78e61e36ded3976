//! The columns that reads are extracted into: one entry per read in each of them.

use super::Channel;
use crate::clock::RawClock;

/// Reads, column by column. All columns have the same length at all times a caller can see them,
/// but for the channels that no read has: those are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    /// The meter's clock at the end of the interval.
    pub clocks: Vec<RawClock>,
    /// One column per [`Channel`], by its index; 0 where the read does not have it, empty when none has.
    pub channels: [Vec<u32>; Channel::COUNT],
    /// Which channels the read has: bit i is channel i.
    pub present: Vec<u16>,
    /// The meter's health word, 0 where the layout has none.
    pub status: Vec<u32>,
    /// The row's bytes in the body, start and end, to quarantine a read with what it came from.
    pub spans: Vec<(u32, u32)>,
    /// The channels that have entries, bit by bit as in `present`.
    pub(super) filled: u16,
}

/// One row on its way into the columns.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Row {
    pub(super) clock: RawClock,
    pub(super) values: [u32; Channel::COUNT],
    pub(super) present: u16,
    pub(super) status: u32,
}

/// A length of the columns, and which channels had any entry at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    rows: usize,
    filled: u16,
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
        for channel in channels(self.filled) {
            if let Some(column) = self.channels.get_mut(channel.index()) {
                column.clear();
            }
        }
        self.filled = 0;
        self.clocks.clear();
        self.present.clear();
        self.status.clear();
        self.spans.clear();
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

    /// The present end, to come back to.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            rows: self.len(),
            filled: self.filled,
        }
    }

    /// Forgets everything after `mark`.
    pub(super) fn roll_back(&mut self, mark: Mark) {
        self.truncate(mark.rows);
        for channel in channels(self.filled & !mark.filled) {
            if let Some(column) = self.channels.get_mut(channel.index()) {
                column.clear();
            }
        }
        self.filled = mark.filled;
    }

    /// A channel's column, made as long as the others were before the rows that are being appended.
    pub(super) fn channel_from(&mut self, channel: Channel, rows: usize) -> Option<&mut Vec<u32>> {
        let column = self.channels.get_mut(channel.index())?;
        if self.filled & channel.bit() == 0 {
            self.filled |= channel.bit();
            column.resize(rows, 0);
        }
        Some(column)
    }

    /// Fills the channels that have entries, but not in the rows just appended.
    pub(super) fn fill_absent(&mut self, present: u16, rows: usize) {
        for channel in channels(self.filled & !present) {
            if let Some(column) = self.channels.get_mut(channel.index()) {
                column.resize(rows, 0);
            }
        }
    }

    /// Appends one read.
    pub(super) fn push(&mut self, row: &Row, span: (u32, u32)) {
        let before = self.len();
        for channel in channels(row.present) {
            if let Some(column) = self.channel_from(channel, before) {
                column.extend(row.values.get(channel.index()));
            }
        }
        self.fill_absent(row.present, before.saturating_add(1));
        self.clocks.push(row.clock);
        self.present.push(row.present);
        self.status.push(row.status);
        self.spans.push(span);
    }
}

/// The channels of a mask.
fn channels(mask: u16) -> impl Iterator<Item = Channel> {
    let any = if mask == 0 {
        &[][..]
    } else {
        &Channel::ALL[..]
    };
    any.iter()
        .copied()
        .filter(move |channel| mask & channel.bit() != 0)
}
