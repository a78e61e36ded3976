//! Reading back whole records, checked again as they are read.

use std::sync::Arc;

use crate::error::JournalError;
use crate::files::Files;
use crate::frame::{Frame, Kind};
use crate::scan::{Scanner, Step};
use crate::segment::Skipped;

/// Whole records in one arena, in the order of their positions.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Records {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    first: u64,
    rows: u32,
    received_at_ms: i64,
    start: usize,
    end: usize,
}

/// One record of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The position of its first row.
    pub first: u64,
    /// How many rows it counts.
    pub rows: u32,
    /// When it was appended, by the caller's clock.
    pub received_at_ms: i64,
    /// What was appended.
    pub body: &'a [u8],
}

/// How much one call may bring; the first record comes whatever its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// No record that ends past this position.
    pub until: u64,
    /// Bytes over all records.
    pub bytes: usize,
}

impl Records {
    /// The records in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        self.entries.iter().map(|entry| Record {
            first: entry.first,
            rows: entry.rows,
            received_at_ms: entry.received_at_ms,
            body: self.bytes.get(entry.start..entry.end).unwrap_or_default(),
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The position after the last row.
    pub fn next(&self) -> Option<u64> {
        let last = self.entries.last()?;
        Some(last.first.saturating_add(u64::from(last.rows)))
    }

    /// Adds a record; false when that would pass the limit.
    fn take(&mut self, frame: &Frame, body: &[u8], limit: Limit) -> bool {
        let end = self.bytes.len().saturating_add(body.len());
        if !self.is_empty() && (frame.next() > limit.until || end > limit.bytes) {
            return false;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(body);
        self.entries.push(Entry {
            first: frame.first,
            rows: frame.rows,
            received_at_ms: frame.received_at_ms,
            start,
            end,
        });
        true
    }
}

/// The part of a segment that a read goes through.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) end: u64,
    pub(crate) skips: Vec<Skipped>,
}

/// Adds the records of `span` from position `from` on; false when the limit was reached.
pub(crate) fn read_span(
    files: &Arc<dyn Files>,
    seed: u32,
    span: &Span,
    (from, limit): (u64, Limit),
    out: &mut Records,
) -> Result<bool, JournalError> {
    let failed = |source| JournalError::Io {
        path: files.path(&span.name),
        step: "reading a segment",
        source,
    };
    let file = files.open(&span.name).map_err(failed)?;
    let mut scanner = Scanner::new(file.as_ref(), seed, span.end);
    let mut offset = span.offset;
    loop {
        let frame = match scanner.step(offset).map_err(failed)? {
            Step::End => return Ok(true),
            Step::Frame(frame) => frame,
            Step::Bad(reason) => {
                offset = past(span, offset).ok_or_else(|| JournalError::Corrupt {
                    path: files.path(&span.name),
                    offset,
                    reason: reason.to_owned(),
                })?;
                continue;
            }
        };
        if frame.kind == Kind::Record && frame.next() > from {
            if frame.first < from {
                return Err(inside(files.path(&span.name), from, &frame));
            }
            let body = scanner.body(offset, &frame).map_err(failed)?;
            if !out.take(&frame, body.unwrap_or_default(), limit) {
                return Ok(false);
            }
        }
        offset = offset.saturating_add(frame.whole_bytes());
    }
}

/// Where reading goes on when no frame stands at `offset` and that is known.
fn past(span: &Span, offset: u64) -> Option<u64> {
    let skip = span.skips.iter().find(|skip| skip.offset == offset)?;
    (skip.end > offset).then_some(skip.end)
}

fn inside(path: String, from: u64, frame: &Frame) -> JournalError {
    let (first, next) = (frame.first, frame.next());
    let reason = format!("position {from} is inside the record of rows {first} to {next}");
    JournalError::Refused { path, reason }
}
