//! Counters, windows and uplink marks as bytes, so that a restart replays only the journal's tail.
//!
//! Layout, little-endian: magic, version `u8`, window slots `u32`, hash key fingerprint `u64`; count
//! `u32` and that many meters: number, key check, counter, floor, head (`u32` each), interval
//! (`u16`), ring entries (`u32` count, then `u32` each, oldest first); count `u32` and that many
//! concentrators: number `u32`, sequence `u64`; count and that many keys that meters have turned from:
//! meter, key check, counter (`u32` each), until (`i64`); count and that many counters under other
//! keys, as section 11 of a record has them; count and that many blocks that wait, as section 10; count
//! and that many meters that fail under their key, as section 12; count and that many attributes of
//! profiles that meters told, as section 15; start `u32` before which reads may be stored that the
//! journal has lost; CRC-32C of all before it. Keys are not in it.

use core::fmt;

use crate::decode::Decoder;
use crate::record::{Cursor, HeldRow, LearnedRow, OtherCounterRow};
use crate::retired::Retired;
use crate::state::Progress;

const MAGIC: &[u8; 4] = b"MIST";
const VERSION: u8 = 4;
/// Without what the journal has lost.
const VERSION_3: u8 = 3;
/// Without counters under other keys, blocks and failures.
const VERSION_2: u8 = 2;
/// Without the keys that meters have turned from as well.
const VERSION_1: u8 = 1;
const CRC_BYTES: usize = 4;

/// Why bytes are not a snapshot that this decoder can continue from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Not one, or damaged.
    Damaged,
    /// Of a version this program does not know.
    Version(u8),
    /// Made under another hash seed, so that its windows mean nothing.
    HashSeed,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => write!(
                out,
                "the snapshot is damaged; replay the journal without it"
            ),
            Self::Version(version) => write!(
                out,
                "the snapshot has version {version}, this program reads {VERSION}"
            ),
            Self::HashSeed => write!(out, "the snapshot was made under another hash seed"),
        }
    }
}

impl core::error::Error for SnapshotError {}

impl Decoder {
    /// Everything that a restart needs and the registry does not hold.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.state.bytes().saturating_add(1024));
        out.extend(MAGIC);
        out.push(VERSION);
        out.extend(self.state.slots.to_le_bytes());
        out.extend(self.state.hash.fingerprint().to_le_bytes());
        let known: Vec<usize> = (0..self.meters.len())
            .filter(|index| self.state.progress(*index) != Progress::default())
            .collect();
        put_count(known.len(), &mut out);
        for index in known {
            self.put_meter(index, &mut out);
        }
        let uplinks = self.state.uplinks.iter();
        put_count(uplinks.len(), &mut out);
        for (dcu, sequence) in uplinks {
            out.extend(dcu.to_le_bytes());
            out.extend(sequence.to_le_bytes());
        }
        put_count(self.state.retired.len(), &mut out);
        for (index, retired) in &self.state.retired {
            let number = self.meters.get(*index).map_or(0, |meter| meter.number);
            for word in [number, retired.key_check, retired.counter] {
                out.extend(word.to_le_bytes());
            }
            out.extend(retired.until_s.to_le_bytes());
        }
        self.put_waiting(&mut out);
        out.extend(self.state.lost_until_s.to_le_bytes());
        out.extend(crc32c::crc32c(&out).to_le_bytes());
        out
    }

    /// Continues from a snapshot; meant for a decoder that has decoded nothing yet. Meters may be
    /// added before or after.
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<(), SnapshotError> {
        let body_bytes = snapshot
            .len()
            .checked_sub(CRC_BYTES)
            .ok_or(SnapshotError::Damaged)?;
        let (body, crc) = snapshot
            .split_at_checked(body_bytes)
            .ok_or(SnapshotError::Damaged)?;
        if crc32c::crc32c(body).to_le_bytes() != crc {
            return Err(SnapshotError::Damaged);
        }
        let mut cursor = Cursor::new(body);
        if cursor.take() != Some(*MAGIC) {
            return Err(SnapshotError::Damaged);
        }
        let version = match cursor.u8() {
            Some(version @ VERSION_1..=VERSION) => version,
            Some(other) => return Err(SnapshotError::Version(other)),
            None => return Err(SnapshotError::Damaged),
        };
        let slots = cursor.u32().ok_or(SnapshotError::Damaged)?;
        if cursor.u64() != Some(self.state.hash.fingerprint()) {
            return Err(SnapshotError::HashSeed);
        }
        self.take_back(&mut cursor, slots)
            .and_then(|()| match version {
                VERSION_1 => Some(()),
                VERSION_2 => self.take_back_retired(&mut cursor),
                VERSION_3 => self.take_back_rest(&mut cursor),
                _ => self
                    .take_back_rest(&mut cursor)
                    .and_then(|()| self.take_back_lost(&mut cursor)),
            })
            .filter(|()| cursor.is_empty())
            .ok_or(SnapshotError::Damaged)
    }

    fn put_meter(&self, index: usize, out: &mut Vec<u8>) {
        let progress = self.state.progress(index);
        let number = self.meters.get(index).map_or(0, |meter| meter.number);
        for word in [
            number,
            progress.key_check,
            progress.counter,
            progress.floor,
            progress.head,
        ] {
            out.extend(word.to_le_bytes());
        }
        out.extend(progress.interval_s.to_le_bytes());
        let at = out.len();
        put_count(0, out);
        let mut entries = 0_u32;
        for hash in self.state.ring(index) {
            entries = entries.saturating_add(1);
            out.extend(hash.to_le_bytes());
        }
        if let Some(place) = out.get_mut(at..at.saturating_add(CRC_BYTES)) {
            place.copy_from_slice(&entries.to_le_bytes());
        }
    }

    fn take_back(&mut self, cursor: &mut Cursor<'_>, slots: u32) -> Option<()> {
        let mut ring = Vec::new();
        for _ in 0..cursor.u32()? {
            let number = cursor.u32()?;
            let progress = Progress {
                key_check: cursor.u32()?,
                counter: cursor.u32()?,
                floor: cursor.u32()?,
                head: cursor.u32()?,
                interval_s: cursor.u16()?,
                ring: 0,
            };
            let entries = cursor.u32()?;
            if entries != 0 && entries != slots {
                return None;
            }
            let held = cursor.column::<4>(usize::try_from(entries).ok()?)?;
            ring.clear();
            ring.extend(held.iter().copied().map(u32::from_le_bytes));
            let index = self.meters.place(number);
            self.state.put_back(index, progress, &ring);
        }
        for _ in 0..cursor.u32()? {
            let (dcu, sequence) = (cursor.u32()?, cursor.u64()?);
            self.state.uplinks.take(dcu, sequence);
        }
        Some(())
    }
}

impl Decoder {
    fn take_back_retired(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        for _ in 0..cursor.u32()? {
            let index = self.meters.place(cursor.u32()?);
            self.state.cover(index);
            let retired = Retired {
                key_check: cursor.u32()?,
                counter: cursor.u32()?,
                until_s: cursor.i64()?,
            };
            self.state.retired.insert(index, retired);
        }
        Some(())
    }
}

impl Decoder {
    fn take_back_rest(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        self.take_back_retired(cursor)
            .and_then(|()| self.take_back_waiting(cursor))
    }

    fn take_back_lost(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        self.state.lost_until_s = cursor.u32()?;
        Some(())
    }

    fn put_waiting(&self, out: &mut Vec<u8>) {
        put_count(self.state.lines.iter().count(), out);
        for (index, line, counter) in self.state.lines.iter() {
            let meter = self.meters.get(index).map_or(0, |meter| meter.number);
            let row = OtherCounterRow {
                meter,
                line,
                counter,
            };
            row.write(out);
        }
        put_count(self.transfers.rows().count(), out);
        for row in self.transfers.rows() {
            row.write(out);
        }
        let failing = self.alarms.iter();
        put_count(failing.len(), out);
        for (meter, failures) in failing {
            out.extend(meter.to_le_bytes());
            out.extend(failures.to_le_bytes());
        }
        let learned = self.learned.iter();
        put_count(learned.len(), out);
        for ((index, profile, attribute), bytes) in learned {
            let row = LearnedRow {
                meter: self.meters.get(index).map_or(0, |meter| meter.number),
                profile,
                attribute,
                bytes,
            };
            row.write(out);
        }
    }

    fn take_back_waiting(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        for _ in 0..cursor.u32()? {
            let row = OtherCounterRow::parse(cursor)?;
            let index = self.place(row.meter);
            self.put_back_line(index, row.line, row.counter);
        }
        for _ in 0..cursor.u32()? {
            self.transfers.put_back(&HeldRow::parse(cursor)?);
        }
        for _ in 0..cursor.u32()? {
            let (meter, failures) = (cursor.u32()?, cursor.u32()?);
            self.alarms.put_back(meter, failures);
        }
        for _ in 0..cursor.u32()? {
            let row = LearnedRow::parse(cursor)?;
            let index = self.place(row.meter);
            self.learned
                .keep((index, row.profile, row.attribute), row.bytes);
        }
        Some(())
    }
}

fn put_count(count: usize, out: &mut Vec<u8>) {
    out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}
