//! Segment after segment, oldest first: each must follow from the one before.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crate::error::JournalError;
use crate::files::{DataFile, Files, read_full, write_all};
use crate::frame::{Digest, SEGMENT_HEADER_BYTES, SegmentHeader, VERSION};
use crate::header::read_header;
use crate::recovery::{Recovered, Recovery};
use crate::released::ReleasedList;
use crate::segment::{Segment, Skipped, name};
use crate::settings::Settings;
use crate::skips;
use crate::walk::{Rules, Stop, Walk, walk};
use crate::writer::{Active, create_segment};

/// The segment walked before, as far as its successor must agree with it.
struct Before {
    digest: Digest,
    next: u64,
    broken: bool,
    active: Active,
    marked: bool,
    sealed: bool,
}

/// The journal's segments as far as they were walked.
pub(crate) struct FolderWalk<'a> {
    pub(crate) files: &'a Arc<dyn Files>,
    pub(crate) settings: &'a Settings,
    pub(crate) stored: Option<u64>,
    accepted: Vec<Skipped>,
    seed: u32,
    recovery: Recovery,
    segments: VecDeque<Segment>,
    before: Option<Before>,
    pub(crate) released: Option<ReleasedList>,
    /// Why there is no list of released segments, though there should be.
    pub(crate) unlisted: Option<(u64, &'static str)>,
}

impl<'a> FolderWalk<'a> {
    pub(crate) fn new(
        files: &'a Arc<dyn Files>,
        settings: &'a Settings,
        (stored, seed): (Option<u64>, u32),
    ) -> Result<Self, JournalError> {
        Ok(Self {
            files,
            settings,
            stored,
            accepted: skips::read(files, settings.salvage)?,
            seed,
            recovery: Recovery::default(),
            segments: VecDeque::new(),
            before: None,
            released: None,
            unlisted: None,
        })
    }

    pub(crate) fn enter(&mut self, first: u64, successor: Option<u64>) -> Result<(), JournalError> {
        let header = self.header(first)?;
        self.check_follows(&header)?;
        let file = self.open(first)?;
        let rules = Rules {
            last: successor.is_none(),
            reaches: successor.or(self.stored).unwrap_or(first),
            salvage: self.settings.salvage,
            accepted: &self.accepted,
        };
        let walk = walk(file.as_ref(), &header, &rules).map_err(|stop| match stop {
            Stop::Io(source) => self.failed(first, "reading a segment", source),
            Stop::Corrupt { offset, reason } => JournalError::Corrupt {
                path: self.files.path(&name(first)),
                offset,
                reason,
            },
        })?;
        if successor.is_none() {
            settle(file.as_ref(), &walk)
                .map_err(|source| self.failed(first, "making the tail durable", source))?;
        }
        if let Some(before) = self.segments.back_mut() {
            before.digest = Some(header.previous);
        }
        self.note(walk, file);
        Ok(())
    }

    fn note(&mut self, walk: Walk, file: Arc<dyn DataFile>) {
        let found = &mut self.recovery;
        found.segments = found.segments.saturating_add(1);
        found.records = found.records.saturating_add(walk.records);
        found.rows = found.rows.saturating_add(walk.rows);
        found.torn_bytes = walk.torn_bytes;
        found.skipped.extend(&walk.segment.skips);
        let lost = |skip: &Skipped| skip.next > skip.first;
        self.before = Some(Before {
            digest: walk.chain.digest(),
            next: walk.segment.next,
            broken: walk.segment.skips.iter().any(lost),
            sealed: walk.sealed,
            marked: walk.marked,
            active: Active {
                file,
                first: walk.segment.first,
                offset: walk.segment.bytes,
                chain: walk.chain,
            },
        });
        self.segments.push_back(walk.segment);
    }

    fn check_follows(&mut self, header: &SegmentHeader) -> Result<(), JournalError> {
        let Some(before) = &self.before else {
            return Ok(());
        };
        let (next, first) = (before.next, header.first);
        if next != first {
            let reason = format!("rows {next} to {first} are missing before this segment");
            return self.accept(first, (next, first), reason);
        }
        if !before.broken && before.digest != header.previous {
            return self.accept(first, (first, first), OTHER_BEFORE.to_owned());
        }
        Ok(())
    }

    /// Passes a break between segments when that was allowed before or is now.
    pub(crate) fn accept(
        &mut self,
        segment: u64,
        (first, next): (u64, u64),
        reason: String,
    ) -> Result<(), JournalError> {
        let skip = Skipped {
            segment,
            offset: 0,
            end: 0,
            first,
            next,
        };
        if !self.settings.salvage && !self.accepted.contains(&skip) {
            return Err(JournalError::Corrupt {
                path: self.files.path(&name(segment)),
                offset: 0,
                reason,
            });
        }
        self.recovery.skipped.push(skip);
        Ok(())
    }

    /// The header of the segment that begins at `first`; a salvage writes a damaged one anew.
    pub(crate) fn header(&mut self, first: u64) -> Result<SegmentHeader, JournalError> {
        match read_header(self.files, first) {
            Ok(header) => {
                self.check_header(&header)?;
                Ok(header)
            }
            Err(JournalError::Corrupt { .. }) if self.settings.salvage => self.rebuild(first),
            Err(error) => Err(error),
        }
    }

    /// All that a header says is known from its neighbours and its file's name, but for the
    /// digest before the oldest one.
    fn rebuild(&mut self, first: u64) -> Result<SegmentHeader, JournalError> {
        let header = SegmentHeader {
            version: VERSION,
            node: self.settings.node,
            seed: self.seed,
            first,
            previous: match (&self.before, &self.released) {
                (Some(before), _) => before.digest,
                (None, Some(list)) => list.last().digest,
                (None, None) => Digest::default(),
            },
        };
        let file = self.open(first)?;
        write_all(file.as_ref(), &header.to_bytes(), 0)
            .and_then(|()| file.sync())
            .map_err(|source| self.failed(first, "rebuilding a segment's header", source))?;
        self.recovery.skipped.push(Skipped {
            segment: first,
            offset: 0,
            end: SEGMENT_HEADER_BYTES as u64,
            first,
            next: first,
        });
        Ok(header)
    }

    fn check_header(&self, header: &SegmentHeader) -> Result<(), JournalError> {
        let (theirs, ours) = (header.node, self.settings.node);
        if theirs != ours {
            return Err(JournalError::Refused {
                path: self.files.path(""),
                reason: format!("belongs to node {theirs}, this is node {ours}: give each its own"),
            });
        }
        if header.seed != self.seed {
            return Err(JournalError::Refused {
                path: self.files.path(&name(header.first)),
                reason: "this segment belongs to another journal: move it out".to_owned(),
            });
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Recovered, JournalError> {
        let missing = || JournalError::Refused {
            path: self.files.path(""),
            reason: "no segment was walked".to_owned(),
        };
        let before = self.before.take().ok_or_else(missing)?;
        let released = self.released.take().ok_or_else(missing)?;
        let mut active = before.active;
        if before.sealed {
            let reason = "the segment written after this one is missing".to_owned();
            let (from, to) = (active.first, before.next);
            self.accept(from, (to, to), reason)?;
            let header = SegmentHeader {
                version: VERSION,
                node: self.settings.node,
                seed: self.seed,
                first: before.next,
                previous: before.digest,
            };
            active = create_segment(self.files, &header, self.settings.segment_bytes)?;
            if let Some(sealed) = self.segments.back_mut() {
                sealed.digest = Some(before.digest);
            }
            self.segments
                .push_back(Segment::new(active.first, active.offset));
        }
        let lasting = |skip: &&Skipped| skip.next > skip.first || skip.end == 0;
        let accepted: Vec<_> = self
            .recovery
            .skipped
            .iter()
            .filter(lasting)
            .copied()
            .collect();
        if accepted != self.accepted {
            skips::write(self.files, &accepted)?;
        }
        self.recovery.appended = before.next;
        self.recovery.stored = match (self.stored, self.segments.front()) {
            (Some(stored), _) => stored,
            (None, oldest) => oldest.map_or(before.next, |segment| segment.first),
        };
        Ok(Recovered {
            segments: self.segments,
            active,
            seed: self.seed,
            marked: before.marked,
            released,
            recovery: self.recovery,
        })
    }

    fn open(&self, first: u64) -> Result<Arc<dyn DataFile>, JournalError> {
        self.files
            .open(&name(first))
            .map_err(|source| self.failed(first, "opening a segment", source))
    }

    fn failed(&self, first: u64, step: &'static str, source: io::Error) -> JournalError {
        let path = self.files.path(&name(first));
        JournalError::Io { path, step, source }
    }
}

/// Cuts the torn tail, and writes again what may be in the page cache only: after a failed
/// fsync the kernel calls such pages clean and no later fsync would write them.
fn settle(file: &dyn DataFile, walk: &Walk) -> io::Result<()> {
    if walk.torn_bytes > 0 {
        file.truncate(walk.segment.bytes)?;
    }
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = walk.unsure;
    while at < walk.segment.bytes {
        let filled = read_full(file, &mut chunk, at)?;
        write_all(file, chunk.get(..filled).unwrap_or_default(), at)?;
        at = at.saturating_add(filled as u64);
    }
    file.sync()
}

const CHUNK_BYTES: usize = 1 << 20;
pub(crate) const OTHER_BEFORE: &str =
    "the segment before it is not the one it was written after: that one was altered or replaced";
