//! Opening a folder: every segment is read and checked before anything is appended.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crate::checkpoint;
use crate::error::JournalError;
use crate::files::{DataFile, Files, read_full, write_all};
use crate::frame::{Digest, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::segment::{Segment, Skipped, first_of, name};
use crate::settings::Settings;
use crate::skips;
use crate::walk::{Rules, Stop, Walk, walk};
use crate::writer::{Active, create_segment};

/// What opening found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segment files.
    pub segments: u64,
    /// Whole records in them.
    pub records: u64,
    /// Rows in those.
    pub rows: u64,
    /// Bytes of an unsynced tail that were cut.
    pub torn_bytes: u64,
    /// The next row's position.
    pub appended: u64,
    /// Every row before this position is in the store.
    pub stored: u64,
    /// Damage that was gone past, now or in an earlier salvage.
    pub skipped: Vec<Skipped>,
}

/// A journal ready to be appended to.
pub(crate) struct Recovered {
    pub(crate) segments: VecDeque<Segment>,
    pub(crate) active: Active,
    pub(crate) seed: u32,
    /// A mark stands at the end already.
    pub(crate) marked: bool,
    pub(crate) recovery: Recovery,
}

/// Reads, checks and repairs what `files` hold.
pub(crate) fn recover(
    files: &Arc<dyn Files>,
    settings: &Settings,
) -> Result<Recovered, JournalError> {
    let names = sweep(files)?;
    let mut firsts: Vec<u64> = names.iter().filter_map(|each| first_of(each)).collect();
    firsts.sort_unstable();
    let stored = read_stored(files, settings, firsts.first().copied())?;
    let Some(oldest) = firsts.first().copied() else {
        return begin(files, settings, stored);
    };
    let mut folder = FolderWalk {
        files,
        settings,
        stored,
        accepted: skips::read(files, settings.salvage)?,
        seed: find_seed(files, &firsts)?,
        recovery: Recovery::default(),
        segments: VecDeque::new(),
        before: None,
    };
    folder.check_oldest(oldest)?;
    for (place, first) in firsts.iter().enumerate() {
        folder.enter(*first, firsts.get(place.saturating_add(1)).copied())?;
    }
    folder.finish()
}

/// The segment walked before, as far as its successor must agree with it.
struct Before {
    digest: Digest,
    next: u64,
    broken: bool,
    active: Active,
    marked: bool,
    sealed: bool,
}

struct FolderWalk<'a> {
    files: &'a Arc<dyn Files>,
    settings: &'a Settings,
    stored: Option<u64>,
    accepted: Vec<Skipped>,
    seed: u32,
    recovery: Recovery,
    segments: VecDeque<Segment>,
    before: Option<Before>,
}

impl FolderWalk<'_> {
    /// A journal begins at its beginning, or where what is stored was released.
    fn check_oldest(&mut self, first: u64) -> Result<(), JournalError> {
        let header = self.header(first)?;
        let reason = match self.stored {
            Some(stored) if first > stored => format!("rows {stored} to {first} are missing"),
            None if header.previous != Digest::default() => {
                "the segments before this one are missing, and nothing says they were stored"
                    .to_owned()
            }
            Some(_) | None => return Ok(()),
        };
        let from = self.stored.unwrap_or(first);
        self.accept(first, (from, first), reason)
    }

    fn enter(&mut self, first: u64, successor: Option<u64>) -> Result<(), JournalError> {
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
            let reason = "the segment before it is not the one it was written after".to_owned();
            return self.accept(first, (first, first), reason);
        }
        Ok(())
    }

    /// Passes a break between segments when that was allowed before or is now.
    fn accept(
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
    fn header(&mut self, first: u64) -> Result<SegmentHeader, JournalError> {
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
            node: self.settings.node,
            seed: self.seed,
            first,
            previous: self.before.as_ref().map_or([0; 32], |each| each.digest),
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

    fn finish(mut self) -> Result<Recovered, JournalError> {
        let missing = || JournalError::Refused {
            path: self.files.path(""),
            reason: "no segment was walked".to_owned(),
        };
        let before = self.before.take().ok_or_else(missing)?;
        let mut active = before.active;
        if before.sealed {
            let reason = "the segment written after this one is missing".to_owned();
            let (from, to) = (active.first, before.next);
            self.accept(from, (to, to), reason)?;
            let header = SegmentHeader {
                node: self.settings.node,
                seed: self.seed,
                first: before.next,
                previous: before.digest,
            };
            active = create_segment(self.files, &header, self.settings.segment_bytes)?;
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

/// A journal that holds nothing yet.
fn begin(
    files: &Arc<dyn Files>,
    settings: &Settings,
    stored: Option<u64>,
) -> Result<Recovered, JournalError> {
    if let Some(stored) = stored.filter(|_| !settings.salvage) {
        return Err(JournalError::Corrupt {
            path: files.path(""),
            offset: 0,
            reason: format!("no segment is here, though rows up to {stored} were stored from it"),
        });
    }
    let first = settings.first_position.max(stored.unwrap_or(0));
    let header = SegmentHeader {
        node: settings.node,
        seed: settings.seed,
        first,
        previous: Digest::default(),
    };
    let active = create_segment(files, &header, settings.segment_bytes)?;
    Ok(Recovered {
        segments: VecDeque::from([Segment::new(first, active.offset)]),
        seed: settings.seed,
        marked: true,
        recovery: Recovery {
            segments: 1,
            appended: first,
            stored: stored.unwrap_or(first),
            ..Recovery::default()
        },
        active,
    })
}

/// Removes what a crash left half made, and returns the other names.
fn sweep(files: &Arc<dyn Files>) -> Result<Vec<String>, JournalError> {
    let failed = |source| JournalError::Io {
        path: files.path(""),
        step: "reading the folder",
        source,
    };
    let (left, names): (Vec<String>, Vec<String>) = files
        .names()
        .map_err(failed)?
        .into_iter()
        .partition(|each| each.ends_with(checkpoint::TEMPORARY));
    for each in left {
        files.remove(&each).map_err(failed)?;
    }
    Ok(names)
}

fn read_stored(
    files: &Arc<dyn Files>,
    settings: &Settings,
    oldest: Option<u64>,
) -> Result<Option<u64>, JournalError> {
    match checkpoint::read(files, STORED) {
        Ok(bytes) => Ok(bytes
            .and_then(|bytes| bytes.first_chunk().copied())
            .map(u64::from_le_bytes)),
        // What the oldest segment holds is then inserted again, which changes nothing.
        Err(JournalError::Corrupt { .. }) if settings.salvage => Ok(oldest),
        Err(error) => Err(error),
    }
}

fn find_seed(files: &Arc<dyn Files>, firsts: &[u64]) -> Result<u32, JournalError> {
    let mut first_error = None;
    for first in firsts {
        match read_header(files, *first) {
            Ok(header) => return Ok(header.seed),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    first_error.map_or(Ok(0), Err)
}

fn read_header(files: &Arc<dyn Files>, first: u64) -> Result<SegmentHeader, JournalError> {
    let path = || files.path(&name(first));
    let read = || {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        let filled = read_full(files.open(&name(first))?.as_ref(), &mut bytes, 0)?;
        Ok((bytes, filled))
    };
    let (bytes, filled) = read().map_err(|source| JournalError::Io {
        path: path(),
        step: "reading a segment's header",
        source,
    })?;
    let corrupt = |reason| JournalError::Corrupt {
        path: path(),
        offset: 0,
        reason,
    };
    let header = SegmentHeader::parse(bytes.get(..filled).unwrap_or_default()).map_err(corrupt)?;
    if header.first != first {
        let reason = format!(
            "the file is named for row {first}, written for {}",
            header.first
        );
        return Err(corrupt(reason));
    }
    Ok(header)
}

/// The checkpoint that holds the stored position.
pub(crate) const STORED: &str = "stored";
const CHUNK_BYTES: usize = 1 << 20;
