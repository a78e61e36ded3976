//! A stored read as it is fetched, and what is made of it.

use cosem::clock::{RawClock, TimePolicy};
use cosem::layout::Channel;

use crate::columns::{FrameFields, ReadColumns};
use crate::flags::{self, Quality};
use crate::record::Cursor;

/// A row of `m.reads` as it is fetched: the columns of the journal's reads and the version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) meter: u32,
    pub(super) start_s: u32,
    pub(super) interval_s: u16,
    pub(super) channels: [u32; Channel::COUNT],
    pub(super) present: u16,
    pub(super) quality: u8,
    pub(super) flags: u32,
    pub(super) status: u32,
    pub(super) deviation_min: i16,
    pub(super) clock_status: u8,
    pub(super) offset_min: i16,
    pub(super) dcu: u32,
    pub(super) counter: u32,
    pub(super) ver: u64,
}

impl Stored {
    /// All rows; `None` when the bytes are not whole rows.
    pub(super) fn all(bytes: &[u8]) -> Option<Vec<Self>> {
        let mut cursor = Cursor::new(bytes);
        let mut rows = Vec::new();
        while !cursor.is_empty() {
            rows.push(Self::parse(&mut cursor)?);
        }
        Some(rows)
    }

    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Option<Self> {
        let mut row = Self {
            meter: cursor.u32()?,
            start_s: cursor.u32()?,
            interval_s: cursor.u16()?,
            channels: [0; Channel::COUNT],
            present: 0,
            quality: 0,
            flags: 0,
            status: 0,
            deviation_min: 0,
            clock_status: 0,
            offset_min: 0,
            dcu: 0,
            counter: 0,
            ver: 0,
        };
        for channel in &mut row.channels {
            *channel = cursor.u32()?;
        }
        row.present = cursor.u16()?;
        row.quality = cursor.u8()?;
        row.flags = cursor.u32()?;
        row.status = cursor.u32()?;
        row.deviation_min = cursor.take().map(i16::from_le_bytes)?;
        row.clock_status = cursor.u8()?;
        row.offset_min = cursor.take().map(i16::from_le_bytes)?;
        row.dcu = cursor.u32()?;
        row.counter = cursor.u32()?;
        row.ver = cursor.u64()?;
        Some(row)
    }

    /// What the meter's clock showed when the interval ended.
    pub(super) fn clock(&self) -> RawClock {
        let end_s = i64::from(self.start_s).saturating_add(i64::from(self.interval_s));
        let ahead_s = i64::from(self.offset_min).saturating_mul(60);
        RawClock {
            local_s: end_s.saturating_add(ahead_s),
            deviation_min: self.deviation_min,
            status: self.clock_status,
        }
    }

    /// Where the interval began, by `policy`.
    pub(super) fn start_under(&self, policy: TimePolicy) -> Option<u32> {
        let end_s = policy.utc_s(&self.clock())?;
        u32::try_from(end_s.checked_sub(i64::from(self.interval_s))?).ok()
    }

    /// The same read at another interval.
    pub(super) fn at(&self, start_s: u32, replaces: bool) -> Self {
        let moved_min = i64::from(start_s)
            .saturating_sub(i64::from(self.start_s))
            .div_euclid(60);
        let offset_min = i64::from(self.offset_min).saturating_sub(moved_min);
        let replaced = if replaces { flags::CHANGED } else { 0 };
        Self {
            start_s,
            offset_min: i16::try_from(offset_min).unwrap_or_default(),
            flags: self.flags & !flags::CHANGED | flags::RETIMED | replaced,
            ..*self
        }
    }

    /// The version that takes the read away from where it stands.
    pub(super) const fn withdrawn(&self) -> Self {
        Self {
            quality: Quality::Rejected as u8,
            flags: self.flags | flags::RETIMED | flags::CHANGED,
            ..*self
        }
    }

    /// Appends the row to a batch.
    pub(super) fn store(&self, out: &mut ReadColumns) {
        let first = out.rows();
        let frame = FrameFields {
            meter: self.meter,
            interval_s: self.interval_s,
            dcu: self.dcu,
            counter: self.counter,
        };
        out.push_frame(frame, 1);
        out.interval_start.push(self.start_s.to_le_bytes());
        out.present.push(self.present.to_le_bytes());
        out.quality.push([self.quality]);
        out.flags.push(self.flags.to_le_bytes());
        out.status.push(self.status.to_le_bytes());
        out.deviation_min.push(self.deviation_min.to_le_bytes());
        out.clock_status.push([self.clock_status]);
        out.offset_min.push(self.offset_min.to_le_bytes());
        for (channel, column) in Channel::ALL.iter().zip(&mut out.channels) {
            if self.present & channel.bit() != 0 {
                column.resize(first, [0; 4]);
                column.extend(
                    self.channels
                        .get(channel.index())
                        .map(|value| value.to_le_bytes()),
                );
            }
        }
    }
}
