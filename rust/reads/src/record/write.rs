//! Writing a record's sections.

use cosem::DecodeError;

use super::{
    CounterRow, EventRow, HeldRow, LearnedRow, OtherCounterRow, RegisterRow, Resolution, Section,
    TurnRow, VERSION, WhenceRow,
};
use crate::columns::{Column, ReadColumns};
use crate::ledger::LedgerRow;

/// Rows of one batch on their way into a record; kept between batches for its memory.
#[derive(Debug, Default)]
pub(crate) struct RecordWriter {
    rejects: Rows,
    ledger: Rows,
    counters: Rows,
    uplinks: Rows,
    registers: Rows,
    events: Rows,
    resolutions: Rows,
    turns: Rows,
    held: Rows,
    other_counters: Rows,
    failures: Rows,
    whences: Rows,
    learned: Rows,
}

/// Rows of a section that is written row by row.
#[derive(Debug, Default)]
struct Rows {
    count: u32,
    bytes: Vec<u8>,
}

/// What a reject row says, apart from where and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused<'a> {
    pub(crate) at_ms: i64,
    pub(crate) dcu: u32,
    pub(crate) meter: u32,
    pub(crate) counter: u32,
    pub(crate) error: DecodeError,
    pub(crate) peer: &'a str,
    pub(crate) raw: &'a [u8],
    /// What it must say of itself to be decoded again: whether it is a row, with which flags, and
    /// what its envelope called the meter.
    pub(crate) whence: Option<(bool, u32, &'a [u8])>,
}

impl RecordWriter {
    pub(crate) fn clear(&mut self) {
        for rows in [
            &mut self.rejects,
            &mut self.ledger,
            &mut self.counters,
            &mut self.uplinks,
            &mut self.registers,
            &mut self.events,
            &mut self.resolutions,
            &mut self.turns,
            &mut self.held,
            &mut self.other_counters,
            &mut self.failures,
            &mut self.whences,
            &mut self.learned,
        ] {
            rows.count = 0;
            rows.bytes.clear();
        }
    }

    /// Rows so far: with the reads, the positions the record takes.
    pub(crate) fn rows(&self) -> u32 {
        self.rejects
            .count
            .saturating_add(self.ledger.count)
            .saturating_add(self.registers.count)
            .saturating_add(self.events.count)
            .saturating_add(self.resolutions.count)
    }

    pub(crate) fn reject(&mut self, refused: &Refused<'_>) {
        if let Some((is_row, flags, hint)) = refused.whence {
            let reject = self.rejects.count;
            let row = WhenceRow {
                reject,
                is_row,
                flags,
                hint,
            };
            row.write(self.whences.next());
        }
        let out = self.rejects.next();
        out.extend(refused.at_ms.to_le_bytes());
        out.extend(refused.dcu.to_le_bytes());
        out.extend(refused.meter.to_le_bytes());
        out.extend(refused.counter.to_le_bytes());
        out.extend(refused.error.offset.to_le_bytes());
        name(refused.error.layer.name(), out);
        name(refused.error.kind.name(), out);
        name(refused.peer, out);
        counted(refused.raw, out);
    }

    pub(crate) fn ledger(&mut self, row: &LedgerRow) {
        let out = self.ledger.next();
        out.extend(row.at_ms.to_le_bytes());
        out.extend(row.dcu.to_le_bytes());
        for count in row.tally.columns() {
            out.extend(count.to_le_bytes());
        }
    }

    pub(crate) fn counter(&mut self, row: CounterRow) {
        let out = self.counters.next();
        for word in [row.meter, row.counter, row.key_check] {
            out.extend(word.to_le_bytes());
        }
    }

    pub(crate) fn uplink(&mut self, dcu: u32, sequence: u64) {
        let out = self.uplinks.next();
        out.extend(dcu.to_le_bytes());
        out.extend(sequence.to_le_bytes());
    }

    pub(crate) fn register(&mut self, row: &RegisterRow<'_>) {
        row.write(self.registers.next());
    }

    pub(crate) fn event(&mut self, row: &EventRow<'_>) {
        row.write(self.events.next());
    }

    pub(crate) fn resolution(&mut self, row: &Resolution<'_>) {
        row.write(self.resolutions.next());
    }

    pub(crate) fn turn(&mut self, row: TurnRow) {
        let out = self.turns.next();
        for word in [row.meter, row.key_check, row.counter] {
            out.extend(word.to_le_bytes());
        }
        out.extend(row.until_s.to_le_bytes());
    }

    pub(crate) fn held(&mut self, row: &HeldRow<'_>) {
        row.write(self.held.next());
    }

    pub(crate) fn other_counter(&mut self, row: &OtherCounterRow) {
        row.write(self.other_counters.next());
    }

    pub(crate) fn failures(&mut self, meter: u32, failures: u32) {
        let out = self.failures.next();
        for word in [meter, failures] {
            out.extend(word.to_le_bytes());
        }
    }

    pub(crate) fn learned(&mut self, row: &LearnedRow<'_>) {
        row.write(self.learned.next());
    }

    /// Registers and events so far.
    pub(crate) const fn told(&self) -> (u32, u32) {
        (self.registers.count, self.events.count)
    }

    /// The whole record, in the memory of `out`.
    pub(crate) fn finish(&self, reads: &ReadColumns, mut out: Vec<u8>) -> Vec<u8> {
        let rows = [
            (Section::Rejects, &self.rejects),
            (Section::Ledger, &self.ledger),
            (Section::Counters, &self.counters),
            (Section::Uplink, &self.uplinks),
            (Section::Registers, &self.registers),
            (Section::Events, &self.events),
            (Section::Resolutions, &self.resolutions),
            (Section::Turns, &self.turns),
            (Section::Held, &self.held),
            (Section::OtherCounters, &self.other_counters),
            (Section::Failures, &self.failures),
            (Section::Whences, &self.whences),
            (Section::Learned, &self.learned),
        ];
        let bytes = rows.iter().fold(reads_bytes(reads), |bytes, (_, rows)| {
            bytes.saturating_add(rows.bytes.len()).saturating_add(10)
        });
        out.clear();
        out.reserve(bytes);
        if reads.rows() > 0 {
            section(Section::Reads, &mut out, |out| write_reads(reads, out));
        }
        if !reads.offset_min.is_empty() {
            section(Section::Offsets, &mut out, |out| {
                out.extend(
                    u32::try_from(reads.rows())
                        .unwrap_or(u32::MAX)
                        .to_le_bytes(),
                );
                column(&reads.offset_min, out);
            });
        }
        for (id, rows) in rows.into_iter().filter(|(_, rows)| rows.count > 0) {
            section(id, &mut out, |out| {
                out.extend(rows.count.to_le_bytes());
                out.extend_from_slice(&rows.bytes);
            });
        }
        out
    }
}

impl Rows {
    fn next(&mut self) -> &mut Vec<u8> {
        self.count = self.count.saturating_add(1);
        &mut self.bytes
    }
}

/// Writes a section; its length goes in once it is known.
fn section(id: Section, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(id as u8);
    let at = out.len();
    out.extend([0; 4]);
    let start = out.len();
    out.push(VERSION);
    body(out);
    // A batch is bounded by the links' pending bytes, far below 4 GiB.
    let length = u32::try_from(out.len().saturating_sub(start)).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(at..start) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}

fn write_reads(reads: &ReadColumns, out: &mut Vec<u8>) {
    let present = reads.channels.iter().rev().fold(0_u16, |mask, column| {
        mask << 1 | u16::from(!column.is_empty())
    });
    out.extend(present.to_le_bytes());
    out.extend(
        u32::try_from(reads.rows())
            .unwrap_or(u32::MAX)
            .to_le_bytes(),
    );
    column(&reads.meter, out);
    column(&reads.interval_start, out);
    column(&reads.interval_s, out);
    reads.channels.iter().for_each(|values| column(values, out));
    column(&reads.present, out);
    column(&reads.quality, out);
    column(&reads.flags, out);
    column(&reads.status, out);
    column(&reads.deviation_min, out);
    column(&reads.clock_status, out);
    column(&reads.dcu, out);
    column(&reads.counter, out);
}

fn column<const W: usize>(values: &Column<W>, out: &mut Vec<u8>) {
    out.extend_from_slice(values.as_flattened());
}

/// Bytes that reads will take, at the most.
fn reads_bytes(reads: &ReadColumns) -> usize {
    let channels = reads
        .channels
        .iter()
        .filter(|column| !column.is_empty())
        .count();
    let row = channels.saturating_mul(4).saturating_add(36);
    reads.rows().saturating_mul(row).saturating_add(16)
}

pub(super) fn name(text: &str, out: &mut Vec<u8>) {
    let text = text.as_bytes();
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend(length.to_le_bytes());
    out.extend_from_slice(text.get(..usize::from(length)).unwrap_or(text));
}

pub(super) fn counted(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(bytes);
}
