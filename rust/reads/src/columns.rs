//! Accepted reads of one batch, column by column, in the bytes the journal and `ClickHouse` want.
//!
//! Every column holds little-endian values as byte arrays, so that writing a record or a block is a
//! copy and nothing else. A channel's column is empty as long as no read of the batch has it.

use core::iter::repeat_n;

use cosem::layout::Channel;

/// A column of `W`-byte values.
pub(crate) type Column<const W: usize> = Vec<[u8; W]>;

/// The offset that a read has if no other is said: five and a half hours.
pub(crate) const INDIA_MIN: i16 = 330;
pub(crate) const INDIA: [u8; 2] = INDIA_MIN.to_le_bytes();
/// The seconds that are as many minutes.
pub(crate) const INDIA_S: core::ops::Range<i64> = 19_800..19_860;

/// The columns of `m.reads`, without the version, which the journal's position gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ReadColumns {
    pub(crate) meter: Column<4>,
    pub(crate) interval_start: Column<4>,
    pub(crate) interval_s: Column<2>,
    pub(crate) channels: [Column<4>; Channel::COUNT],
    pub(crate) present: Column<2>,
    pub(crate) quality: Column<1>,
    pub(crate) flags: Column<4>,
    pub(crate) status: Column<4>,
    pub(crate) deviation_min: Column<2>,
    pub(crate) clock_status: Column<1>,
    /// How far the clock was ahead of UTC; empty as long as all were on Indian time.
    pub(crate) offset_min: Column<2>,
    pub(crate) dcu: Column<4>,
    pub(crate) counter: Column<4>,
}

/// What all reads of a frame share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameFields {
    pub(crate) meter: u32,
    pub(crate) interval_s: u16,
    pub(crate) dcu: u32,
    pub(crate) counter: u32,
}

impl ReadColumns {
    pub(crate) fn rows(&self) -> usize {
        self.meter.len()
    }

    pub(crate) fn clear(&mut self) {
        self.meter.clear();
        self.interval_start.clear();
        self.interval_s.clear();
        self.channels.iter_mut().for_each(Vec::clear);
        self.present.clear();
        self.quality.clear();
        self.flags.clear();
        self.status.clear();
        self.deviation_min.clear();
        self.clock_status.clear();
        self.offset_min.clear();
        self.dcu.clear();
        self.counter.clear();
    }

    /// Appends what the `rows` new reads of a frame share.
    pub(crate) fn push_frame(&mut self, frame: FrameFields, rows: usize) {
        self.meter.extend(repeat_n(frame.meter.to_le_bytes(), rows));
        self.interval_s
            .extend(repeat_n(frame.interval_s.to_le_bytes(), rows));
        self.dcu.extend(repeat_n(frame.dcu.to_le_bytes(), rows));
        self.counter
            .extend(repeat_n(frame.counter.to_le_bytes(), rows));
    }

    /// Fills up the channels that the last frames did not have.
    pub(crate) fn level(&mut self) {
        let rows = self.rows();
        if !self.offset_min.is_empty() {
            self.offset_min.resize(rows, INDIA);
        }
        for column in &mut self.channels {
            if !column.is_empty() {
                column.resize(rows, [0; 4]);
            }
        }
    }
}
