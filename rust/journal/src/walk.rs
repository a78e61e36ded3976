//! One segment, walked from its header to its end when the journal opens.
//!
//! Rule 1: what was synced is never cut. Only bytes that nothing proves durable are a torn tail.
//! Rule 2: damage stops the walk unless it was accepted before or is to be salvaged now.

use std::io;

use crate::files::DataFile;
use crate::frame::{Frame, Kind, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::scan::{Scanner, Step};
use crate::segment::{Chain, Segment, Skipped};

/// What a walk found.
pub(crate) struct Walk {
    pub(crate) segment: Segment,
    pub(crate) chain: Chain,
    pub(crate) records: u64,
    pub(crate) rows: u64,
    /// A seal stands at its end: its successor was created.
    pub(crate) sealed: bool,
    /// Nothing stands behind the last mark or the header.
    pub(crate) marked: bool,
    /// Whether what stands from here on was ever synced is not known.
    pub(crate) unsure: u64,
    /// Bytes after the end that are no whole frame and were never synced.
    pub(crate) torn_bytes: u64,
}

/// How to judge what does not fit.
pub(crate) struct Rules<'a> {
    /// The journal's newest segment: the only one whose tail may be torn.
    pub(crate) last: bool,
    /// The first position of the segment after it, or the position known to be stored.
    pub(crate) reaches: u64,
    /// Go past damage instead of stopping.
    pub(crate) salvage: bool,
    /// Damage that was gone past before.
    pub(crate) accepted: &'a [Skipped],
}

/// Why a walk stopped.
pub(crate) enum Stop {
    Io(io::Error),
    Corrupt { offset: u64, reason: String },
}

enum Verdict {
    Skip(Skipped),
    Torn,
}

struct Walker<'a> {
    scanner: Scanner<'a>,
    rules: &'a Rules<'a>,
    seed: u32,
    offset: u64,
    end: u64,
    walk: Walk,
}

/// Walks `file`, whose header has been read.
pub(crate) fn walk(
    file: &dyn DataFile,
    header: &SegmentHeader,
    rules: &Rules<'_>,
) -> Result<Walk, Stop> {
    walk_to(file, header, rules, file.bytes()?)
}

/// The same for the first `end` bytes of it.
pub(crate) fn walk_to(
    file: &dyn DataFile,
    header: &SegmentHeader,
    rules: &Rules<'_>,
    end: u64,
) -> Result<Walk, Stop> {
    let start = SEGMENT_HEADER_BYTES as u64;
    let mut walker = Walker {
        scanner: Scanner::new(file, header.seed, end),
        rules,
        seed: header.seed,
        offset: start,
        end,
        walk: Walk {
            segment: Segment::new(header.first, start),
            chain: Chain::new(header),
            records: 0,
            rows: 0,
            sealed: false,
            marked: true,
            unsure: start,
            torn_bytes: 0,
        },
    };
    walker.run()?;
    Ok(walker.walk)
}

impl Walker<'_> {
    fn run(&mut self) -> Result<(), Stop> {
        loop {
            if let Some(skip) = self.accepted() {
                self.skip(skip);
                continue;
            }
            let reason = match self.scanner.step(self.offset)? {
                Step::Frame(frame) if frame.first == self.walk.segment.next => {
                    self.take(&frame)?;
                    continue;
                }
                // A seal says how far it reached: what should follow is for the folder to judge.
                Step::End if self.walk.sealed => break,
                Step::End if self.walk.segment.next >= self.rules.reaches => break,
                Step::End => "the file ends too early",
                Step::Frame(_) => "rows are missing before this frame",
                Step::Bad(reason) => reason,
            };
            match self.judge(reason)? {
                Verdict::Skip(skip) => self.skip(skip),
                Verdict::Torn => {
                    self.walk.torn_bytes = self.end.saturating_sub(self.offset);
                    break;
                }
            }
        }
        self.walk.segment.bytes = self.offset;
        Ok(())
    }

    fn take(&mut self, frame: &Frame) -> io::Result<()> {
        self.walk.marked = frame.kind != Kind::Record;
        match frame.kind {
            Kind::Record => {
                self.walk.segment.note(frame.first, self.offset);
                let body = self.scanner.body(self.offset, frame)?;
                self.walk
                    .chain
                    .add(frame, body.unwrap_or_default(), self.seed);
                self.walk.records = self.walk.records.saturating_add(1);
                self.walk.rows = self.walk.rows.saturating_add(u64::from(frame.rows));
                self.walk.segment.next = frame.next();
            }
            Kind::Mark => self.walk.unsure = self.offset,
            Kind::Seal => self.walk.sealed = true,
        }
        self.offset = self.offset.saturating_add(frame.whole_bytes());
        Ok(())
    }

    fn skip(&mut self, skip: Skipped) {
        self.walk.marked = false;
        self.offset = skip.end;
        self.walk.segment.next = skip.next;
        self.walk.segment.skips.push(skip);
    }

    fn accepted(&self) -> Option<Skipped> {
        let segment = &self.walk.segment;
        let here = |skip: &&Skipped| {
            skip.segment == segment.first
                && skip.offset == self.offset
                && skip.first == segment.next
                && skip.next > skip.first
        };
        self.rules.accepted.iter().find(here).copied()
    }

    fn judge(&mut self, reason: &str) -> Result<Verdict, Stop> {
        let segment = &self.walk.segment;
        let next = segment.next;
        let found = self.scanner.search(self.offset, next)?;
        let skip = Skipped {
            segment: segment.first,
            offset: self.offset,
            end: found.map_or(self.end, |(at, _)| at),
            first: next,
            next: found.map_or_else(|| self.rules.reaches.max(next), |(_, frame)| frame.first),
        };
        // Only a mark or a half-written seal stood here: no row is lost.
        if skip.next == next && (found.is_some() || !self.rules.last) {
            return Ok(Verdict::Skip(skip));
        }
        if self.rules.last && !self.was_durable(next)? {
            return Ok(Verdict::Torn);
        }
        if self.rules.salvage {
            return Ok(Verdict::Skip(skip));
        }
        let (offset, lost) = (self.offset, skip.next);
        let reason = format!("{reason}, though rows {next} to {lost} were synced here");
        Err(Stop::Corrupt { offset, reason })
    }

    /// Whether anything behind the bad bytes proves that row `next` had been synced.
    fn was_durable(&mut self, next: u64) -> io::Result<bool> {
        if self.rules.reaches > next || matches!(self.scanner.step(self.offset)?, Step::Frame(_)) {
            return Ok(true);
        }
        let mut at = self.offset;
        while let Some((found, frame)) = self.scanner.search(at, next)? {
            if frame.durable > next {
                return Ok(true);
            }
            at = found.saturating_add(frame.whole_bytes());
        }
        Ok(false)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
