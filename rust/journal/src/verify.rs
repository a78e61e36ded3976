//! Reading everything again while the journal is in use, and saying which file is not what it was.
//!
//! Rule 1: nothing is changed and nothing stops at the first fault: each file is judged by itself.

use std::sync::Arc;

use crate::error::JournalError;
use crate::files::{DataFile, Files};
use crate::frame::{Digest, SegmentHeader};
use crate::header::read_header;
use crate::released::{self, Found, Released};
use crate::segment::{Segment, name};
use crate::walk::{Rules, Stop, walk_to};

/// What reading everything again found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Segments in the folder.
    pub segments: u64,
    /// Whole records in them.
    pub records: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Segments that went and left their entry.
    pub released: u64,
    /// Rows that no segment ever held: given up in a salvage.
    pub given_up: Vec<(u64, u64)>,
    /// What is not as it was written.
    pub faults: Vec<Fault>,
    /// Covers the newest segment that has a successor, and through it all before.
    pub head: Option<[u8; 32]>,
}

/// A file that is missing, altered or out of its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub path: String,
    /// Where in it.
    pub offset: u64,
    /// What does not fit.
    pub reason: String,
}

/// Reads the list of released segments and `segments`, as they stood when this was called.
pub(crate) fn verify(
    files: &Arc<dyn Files>,
    node: u32,
    segments: &[Segment],
) -> Result<Verified, JournalError> {
    let mut verifier = Verifier {
        files,
        node,
        found: Verified::default(),
        before: None,
    };
    verifier.released(segments.first().map_or(u64::MAX, |each| each.first))?;
    for segment in segments {
        verifier.segment(segment)?;
    }
    Ok(verifier.found)
}

struct Verifier<'a> {
    files: &'a Arc<dyn Files>,
    node: u32,
    found: Verified,
    /// Where the segment before ended, and the digest its successor must hold.
    before: Option<(u64, Digest)>,
}

impl Verifier<'_> {
    fn released(&mut self, oldest: u64) -> Result<(), JournalError> {
        let path = released::path(self.files);
        match released::read(self.files, self.node)? {
            Found::Nothing => self.fault(path, 0, "the file is missing".to_owned()),
            Found::Bad { offset, reason } => self.fault(path, offset, reason.to_owned()),
            Found::Entries(entries) => {
                let gone = entries.iter().enumerate();
                let gone = gone.take_while(|(at, each)| *at == 0 || each.first < oldest);
                for (at, entry) in gone {
                    self.follow(entry);
                    self.found.released = at as u64;
                }
            }
        }
        Ok(())
    }

    fn follow(&mut self, entry: &Released) {
        if let Some((next, _)) = self.before.filter(|(next, _)| *next != entry.first) {
            self.found.given_up.push((next, entry.first));
        }
        self.before = Some((entry.next, entry.digest));
        self.found.head = Some(entry.digest);
    }

    fn segment(&mut self, segment: &Segment) -> Result<(), JournalError> {
        let path = self.files.path(&name(segment.first));
        let file = match self.files.open(&name(segment.first)) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if !self.has_gone(segment)? {
                    self.fault(path, 0, "the file is missing".to_owned());
                }
                self.pass(segment);
                return Ok(());
            }
            Err(source) => {
                let step = "opening a segment";
                return Err(JournalError::Io { path, step, source });
            }
        };
        match read_header(self.files, segment.first) {
            Ok(header) => {
                self.check_header(&path, &header);
                self.walk(&path, file.as_ref(), &header, segment)?;
            }
            Err(JournalError::Corrupt { offset, reason, .. }) => self.fault(path, offset, reason),
            Err(error) => return Err(error),
        }
        self.pass(segment);
        Ok(())
    }

    /// Whether the segment was released since the shelf was looked at.
    fn has_gone(&self, segment: &Segment) -> Result<bool, JournalError> {
        let Found::Entries(entries) = released::read(self.files, self.node)? else {
            return Ok(false);
        };
        Ok(entries
            .iter()
            .skip(1)
            .any(|each| each.first == segment.first))
    }

    fn check_header(&mut self, path: &str, header: &SegmentHeader) {
        let Some((next, digest)) = self.before else {
            return;
        };
        if next != header.first && self.found.segments == 0 {
            let first = header.first;
            let reason = format!("rows {next} to {first} are in no entry and in no segment");
            self.fault(released::path(self.files), 0, reason);
        } else if next != header.first {
            self.found.given_up.push((next, header.first));
        } else if digest != header.previous {
            let reason = "the segment before it is not the one it was written after".to_owned();
            self.fault(path.to_owned(), 0, reason);
        }
    }

    fn walk(
        &mut self,
        path: &str,
        file: &dyn DataFile,
        header: &SegmentHeader,
        segment: &Segment,
    ) -> Result<(), JournalError> {
        let rules = Rules {
            last: segment.digest.is_none(),
            reaches: segment.next,
            salvage: false,
            accepted: &segment.skips,
        };
        let walk = match walk_to(file, header, &rules, segment.bytes) {
            Ok(walk) => walk,
            Err(Stop::Corrupt { offset, reason }) => {
                self.fault(path.to_owned(), offset, reason);
                return Ok(());
            }
            Err(Stop::Io(source)) => {
                let (path, step) = (path.to_owned(), "reading a segment");
                return Err(JournalError::Io { path, step, source });
            }
        };
        self.found.records = self.found.records.saturating_add(walk.records);
        let damaged = walk.segment.skips.iter().any(|skip| skip.next > skip.first);
        let digest = walk.chain.digest();
        if !damaged && segment.digest.is_some_and(|wanted| wanted != digest) {
            let reason = "its records are not those that its successor was written after";
            self.fault(path.to_owned(), 0, reason.to_owned());
        }
        Ok(())
    }

    fn pass(&mut self, segment: &Segment) {
        self.found.segments = self.found.segments.saturating_add(1);
        self.found.bytes = self.found.bytes.saturating_add(segment.bytes);
        self.before = segment.digest.map(|digest| (segment.next, digest));
        self.found.head = segment.digest.or(self.found.head);
    }

    fn fault(&mut self, path: String, offset: u64, reason: String) {
        self.found.faults.push(Fault {
            path,
            offset,
            reason,
        });
    }
}
