//! What is kept in memory of a segment: where its records are, never what they hold.

use sha2::{Digest as _, Sha256};

use crate::frame::{Digest, FRAME_BYTES, Frame, SegmentHeader, VERSION_HEADERS};
use crate::reader::Span;

/// Rows that are lost, or bytes that hold none, and were reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// The first position of the segment they belong to.
    pub segment: u64,
    /// The first bad byte.
    pub offset: u64,
    /// The first good byte after it.
    pub end: u64,
    /// The first lost position.
    pub first: u64,
    /// The first position that was not lost.
    pub next: u64,
}

/// One segment file.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) first: u64,
    /// The position after its last durable row.
    pub(crate) next: u64,
    /// Durable frames end here.
    pub(crate) bytes: u64,
    pub(crate) skips: Vec<Skipped>,
    /// What its successor says it was; nothing while it has none.
    pub(crate) digest: Option<Digest>,
    index: Vec<(u64, u64)>,
}

impl Segment {
    pub(crate) fn new(first: u64, bytes: u64) -> Self {
        Self {
            first,
            next: first,
            bytes,
            skips: Vec::new(),
            digest: None,
            index: Vec::new(),
        }
    }

    pub(crate) fn name(&self) -> String {
        name(self.first)
    }

    /// Notes the record of `first` at `offset`, if the last noted one is far enough away.
    pub(crate) fn note(&mut self, first: u64, offset: u64) {
        let due = self
            .index
            .last()
            .is_none_or(|(_, noted)| offset.saturating_sub(*noted) >= INDEX_BYTES);
        if due {
            self.index.push((first, offset));
        }
    }

    /// What a read from `position` on goes through.
    pub(crate) fn span(&self, position: u64) -> Option<Span> {
        let after = self.index.partition_point(|(first, _)| *first <= position);
        let (_, offset) = self.index.get(after.saturating_sub(1))?;
        Some(Span {
            name: self.name(),
            segment: self.first,
            offset: *offset,
            end: self.bytes,
            skips: self.skips.clone(),
        })
    }
}

/// The running digest of a segment: its header and its records, as its version wants them.
#[derive(Debug, Clone)]
pub(crate) enum Chain {
    /// The records whole.
    Whole(Box<blake3::Hasher>),
    /// Their headers, whose checksums cover the bodies.
    Headers(Sha256),
}

impl Chain {
    pub(crate) fn new(header: &SegmentHeader) -> Self {
        let bytes = header.to_bytes();
        if header.version == VERSION_HEADERS {
            return Self::Headers(Sha256::new_with_prefix(bytes));
        }
        let mut hasher = Box::new(blake3::Hasher::new());
        hasher.update(&bytes);
        Self::Whole(hasher)
    }

    /// Adds a group of whole records, which begin at `starts`.
    pub(crate) fn add_group(&mut self, bytes: &[u8], starts: impl Iterator<Item = usize>) {
        match self {
            Self::Whole(hasher) => {
                hasher.update(bytes);
            }
            Self::Headers(hasher) => {
                for start in starts {
                    let end = start.saturating_add(FRAME_BYTES);
                    hasher.update(bytes.get(start..end).unwrap_or_default());
                }
            }
        }
    }

    /// Adds a record as it was read.
    pub(crate) fn add(&mut self, frame: &Frame, body: &[u8], seed: u32) {
        let mut header = Vec::with_capacity(FRAME_BYTES);
        frame.write(seed, &mut header);
        match self {
            Self::Whole(hasher) => {
                hasher.update(&header).update(body);
            }
            Self::Headers(hasher) => hasher.update(&header),
        }
    }

    pub(crate) fn digest(&self) -> Digest {
        match self {
            Self::Whole(hasher) => hasher.finalize().into(),
            Self::Headers(hasher) => hasher.clone().finalize().into(),
        }
    }
}

/// The file of the segment that begins at `first`.
pub(crate) fn name(first: u64) -> String {
    format!("{PREFIX}{first:020}")
}

/// The first position of the segment in `file`, if it is one.
pub(crate) fn first_of(file: &str) -> Option<u64> {
    let digits = file.strip_prefix(PREFIX)?;
    (digits.len() == 20).then(|| digits.parse().ok()).flatten()
}

const PREFIX: &str = "segment-";
const INDEX_BYTES: u64 = 64 << 10;
