//! The journal record of one batch: written here, read here, bytes to everyone else.
//!
//! A record is a run of sections: id (`u8`), length of the body (`u32`), body. Empty sections are
//! left out. All integers are little-endian; the first byte of every body is its version.
//!
//! | id | section | body after the version |
//! |---|---|---|
//! | 1 | reads | channel mask `u16`, rows `u32`, then the columns in the order of `m.reads` |
//! | 2 | rejects | rows `u32`, then row after row, see [`Reject`] |
//! | 3 | ledger | rows `u32`, then row after row, see [`LedgerRow`] |
//! | 4 | counters | rows `u32`, then meter, counter and key check of each |
//! | 5 | uplink | rows `u32`, then concentrator `u32` and sequence `u64` of each |
//! | 6 | registers | rows `u32`, then row after row, see [`RegisterRow`] |
//! | 7 | events | rows `u32`, then row after row, see [`EventRow`] |
//! | 8 | resolutions | rows `u32`, then row after row, see [`Resolution`] |
//! | 9 | turns | rows `u32`, then meter, key check and counter of the old key, and until when it is taken (`i64`) |
//! | 10 | held | rows `u32`, then row after row, see [`HeldRow`]: blocks that wait for the rest of their message |
//! | 11 | other counters | rows `u32`, then meter, system title, key check and counter of each |
//! | 12 | failures | rows `u32`, then meter and how many of its frames in a row its key did not open |
//! | 13 | offsets | rows `u32`, then of each read how far its clock was ahead of UTC, in minutes (`i16`) |
//! | 14 | whences | rows `u32`, then row after row, see [`WhenceRow`] |
//! | 15 | learned | rows `u32`, then row after row, see [`LearnedRow`] |
//!
//! Positions count the rows of sections 1, 2, 3, 6, 7 and 8 in this order.

mod beside;
mod cursor;
mod held;
mod moved;
mod told;
mod write;

use core::fmt;

use cosem::layout::Channel;

use crate::ledger::{LedgerRow, Tally};
pub(crate) use beside::{LearnedRow, WhenceRow};
pub(crate) use cursor::Cursor;
pub(crate) use held::HeldRow;
pub(crate) use moved::{CounterRow, OtherCounterRow, TurnRow};
pub(crate) use told::{EventRow, RegisterRow, Resolution, Stamp};
pub(crate) use write::{RecordWriter, Refused};

/// The version every section is written with.
const VERSION: u8 = 1;

/// A section's place in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Section {
    /// Accepted reads.
    Reads = 1,
    /// Refused frames and reads.
    Rejects = 2,
    /// What was counted.
    Ledger = 3,
    /// Counters that moved without leaving a read.
    Counters = 4,
    /// Envelopes taken.
    Uplink = 5,
    /// Registers of other profiles.
    Registers = 6,
    /// Events.
    Events = 7,
    /// What became of earlier rejects.
    Resolutions = 8,
    /// Meters that turned to their next key.
    Turns = 9,
    /// Blocks that wait for the rest of their message.
    Held = 10,
    /// Counters that moved under other keys.
    OtherCounters = 11,
    /// Meters whose frames fail under their key.
    Failures = 12,
    /// How far the clocks of reads were ahead of UTC, where any was not on Indian time.
    Offsets = 13,
    /// What rejects say of themselves.
    Whences = 14,
    /// What meters told of their profiles.
    Learned = 15,
}

/// Why bytes are not a record written here: damage, or a newer program wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordError {
    /// The section that was read, if it had begun.
    pub section: Option<Section>,
    /// What was wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for RecordError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.section {
            Some(section) => write!(out, "record section {section:?}: {}", self.reason),
            None => write!(out, "record: {}", self.reason),
        }
    }
}

impl core::error::Error for RecordError {}

/// A record, read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record<'a> {
    pub(crate) reads: Reads<'a>,
    pub(crate) rejects: Vec<Reject<'a>>,
    pub(crate) ledger: Vec<LedgerRow>,
    pub(crate) counters: Vec<CounterRow>,
    pub(crate) uplinks: Vec<(u32, u64)>,
    pub(crate) registers: Vec<RegisterRow<'a>>,
    pub(crate) events: Vec<EventRow<'a>>,
    pub(crate) resolutions: Vec<Resolution<'a>>,
    pub(crate) turns: Vec<TurnRow>,
    pub(crate) held: Vec<HeldRow<'a>>,
    pub(crate) other_counters: Vec<OtherCounterRow>,
    pub(crate) failures: Vec<(u32, u32)>,
    /// Empty where all clocks were on Indian time.
    pub(crate) offsets: &'a [[u8; 2]],
    pub(crate) whences: Vec<WhenceRow<'a>>,
    pub(crate) learned: Vec<LearnedRow<'a>>,
}

/// The columns of section 1, as they lie in the record.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reads<'a> {
    pub(crate) rows: usize,
    pub(crate) meter: &'a [[u8; 4]],
    pub(crate) interval_start: &'a [[u8; 4]],
    pub(crate) interval_s: &'a [[u8; 2]],
    /// Empty where no read of the record has the channel.
    pub(crate) channels: [&'a [[u8; 4]]; Channel::COUNT],
    pub(crate) present: &'a [[u8; 2]],
    pub(crate) quality: &'a [[u8; 1]],
    pub(crate) flags: &'a [[u8; 4]],
    pub(crate) status: &'a [[u8; 4]],
    pub(crate) deviation_min: &'a [[u8; 2]],
    pub(crate) clock_status: &'a [[u8; 1]],
    pub(crate) dcu: &'a [[u8; 4]],
    pub(crate) counter: &'a [[u8; 4]],
}

/// A refused frame or read, with what it looked like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reject<'a> {
    pub(crate) at_ms: i64,
    pub(crate) dcu: u32,
    pub(crate) meter: u32,
    pub(crate) counter: u32,
    pub(crate) offset: u32,
    pub(crate) layer: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) peer: &'a str,
    pub(crate) raw: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads a whole record; anything unknown or left over is an error.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, RecordError> {
        let mut record = Self::default();
        let mut cursor = Cursor::new(bytes);
        while !cursor.is_empty() {
            let section = cursor.u8().and_then(Section::of);
            let section = section.ok_or(RecordError::outside("no such section"))?;
            let body = cursor
                .counted()
                .ok_or_else(|| section.error("it is cut short"))?;
            record.section(section, body)?;
        }
        Ok(record)
    }

    /// How many positions the record takes.
    pub(crate) fn rows(&self) -> usize {
        self.rows_before_told()
            .saturating_add(self.registers.len())
            .saturating_add(self.events.len())
            .saturating_add(self.resolutions.len())
    }

    /// How many of them come before those of section 6.
    pub(crate) fn rows_before_told(&self) -> usize {
        self.reads
            .rows
            .saturating_add(self.rejects.len())
            .saturating_add(self.ledger.len())
    }

    fn section(&mut self, section: Section, body: &'a [u8]) -> Result<(), RecordError> {
        let mut cursor = Cursor::new(body);
        if cursor.u8() != Some(VERSION) {
            return Err(section.error("a version this program does not know"));
        }
        let whole = match section {
            Section::Reads => Reads::parse(&mut cursor).map(|reads| self.reads = reads),
            Section::Rejects => rows(&mut cursor, Reject::parse).map(|rows| self.rejects = rows),
            Section::Ledger => rows(&mut cursor, ledger_row).map(|rows| self.ledger = rows),
            Section::Counters => {
                rows(&mut cursor, CounterRow::parse).map(|rows| self.counters = rows)
            }
            Section::Uplink => rows(&mut cursor, uplink_row).map(|rows| self.uplinks = rows),
            Section::Registers => {
                rows(&mut cursor, RegisterRow::parse).map(|rows| self.registers = rows)
            }
            Section::Events => rows(&mut cursor, EventRow::parse).map(|rows| self.events = rows),
            Section::Resolutions => {
                rows(&mut cursor, Resolution::parse).map(|rows| self.resolutions = rows)
            }
            Section::Turns => rows(&mut cursor, TurnRow::parse).map(|rows| self.turns = rows),
            Section::Held => rows(&mut cursor, HeldRow::parse).map(|rows| self.held = rows),
            Section::OtherCounters => {
                rows(&mut cursor, OtherCounterRow::parse).map(|rows| self.other_counters = rows)
            }
            Section::Failures => rows(&mut cursor, failures_row).map(|rows| self.failures = rows),
            Section::Offsets => beside::offsets(&mut cursor).map(|column| self.offsets = column),
            Section::Whences => rows(&mut cursor, WhenceRow::parse).map(|rows| self.whences = rows),
            Section::Learned => {
                rows(&mut cursor, LearnedRow::parse).map(|rows| self.learned = rows)
            }
        };
        whole.ok_or_else(|| section.error("it is cut short or holds nonsense"))?;
        if cursor.is_empty() {
            Ok(())
        } else {
            Err(section.error("bytes are left over"))
        }
    }
}

impl<'a> Reads<'a> {
    fn parse(cursor: &mut Cursor<'a>) -> Option<Self> {
        let mask = cursor.u16()?;
        let rows = usize::try_from(cursor.u32()?).ok()?;
        let mut reads = Self {
            rows,
            meter: cursor.column(rows)?,
            interval_start: cursor.column(rows)?,
            interval_s: cursor.column(rows)?,
            ..Self::default()
        };
        for (channel, column) in reads.channels.iter_mut().enumerate() {
            if mask >> channel & 1 == 1 {
                *column = cursor.column(rows)?;
            }
        }
        reads.present = cursor.column(rows)?;
        reads.quality = cursor.column(rows)?;
        reads.flags = cursor.column(rows)?;
        reads.status = cursor.column(rows)?;
        reads.deviation_min = cursor.column(rows)?;
        reads.clock_status = cursor.column(rows)?;
        reads.dcu = cursor.column(rows)?;
        reads.counter = cursor.column(rows)?;
        Some(reads)
    }
}

impl<'a> Reject<'a> {
    fn parse(cursor: &mut Cursor<'a>) -> Option<Self> {
        Some(Self {
            at_ms: cursor.i64()?,
            dcu: cursor.u32()?,
            meter: cursor.u32()?,
            counter: cursor.u32()?,
            offset: cursor.u32()?,
            layer: cursor.name()?,
            kind: cursor.name()?,
            peer: cursor.name()?,
            raw: cursor.counted()?,
        })
    }
}

impl Section {
    fn of(id: u8) -> Option<Self> {
        [
            Self::Reads,
            Self::Rejects,
            Self::Ledger,
            Self::Counters,
            Self::Uplink,
            Self::Registers,
            Self::Events,
            Self::Resolutions,
            Self::Turns,
            Self::Held,
            Self::OtherCounters,
            Self::Failures,
            Self::Offsets,
            Self::Whences,
            Self::Learned,
        ]
        .into_iter()
        .find(|section| *section as u8 == id)
    }

    const fn error(self, reason: &'static str) -> RecordError {
        RecordError {
            section: Some(self),
            reason,
        }
    }
}

impl RecordError {
    const fn outside(reason: &'static str) -> Self {
        Self {
            section: None,
            reason,
        }
    }
}

/// Reads a count and that many rows; the count is not believed beyond the bytes there are.
fn rows<'a, Row>(
    cursor: &mut Cursor<'a>,
    row: impl Fn(&mut Cursor<'a>) -> Option<Row>,
) -> Option<Vec<Row>> {
    let count = cursor.u32()?;
    (0..count).map(|_| row(cursor)).collect()
}

fn ledger_row(cursor: &mut Cursor<'_>) -> Option<LedgerRow> {
    Some(LedgerRow {
        at_ms: cursor.i64()?,
        dcu: cursor.u32()?,
        tally: Tally {
            frames: cursor.u64()?,
            frames_accepted: cursor.u64()?,
            frames_quarantined: cursor.u64()?,
            frames_duplicate: cursor.u64()?,
            reads: cursor.u64()?,
            reads_stored: cursor.u64()?,
            reads_quarantined: cursor.u64()?,
            reads_duplicate: cursor.u64()?,
            reads_changed: cursor.u64()?,
        },
    })
}

fn failures_row(cursor: &mut Cursor<'_>) -> Option<(u32, u32)> {
    Some((cursor.u32()?, cursor.u32()?))
}

fn uplink_row(cursor: &mut Cursor<'_>) -> Option<(u32, u64)> {
    Some((cursor.u32()?, cursor.u64()?))
}
