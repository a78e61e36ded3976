//! What is kept in memory of a segment: where its records are, never what they hold.

use sha2::{Digest as _, Sha256};

use crate::frame::{Digest, FRAME_BYTES, Frame, SegmentHeader};
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
    index: Vec<(u64, u64)>,
}

impl Segment {
    pub(crate) fn new(first: u64, bytes: u64) -> Self {
        Self {
            first,
            next: first,
            bytes,
            skips: Vec::new(),
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

/// The running digest of a segment: its header and its records' headers, whose checksums cover
/// the bodies.
#[derive(Debug, Clone)]
pub(crate) struct Chain(Sha256);

impl Chain {
    pub(crate) fn new(header: &SegmentHeader) -> Self {
        Self(Sha256::new_with_prefix(header.to_bytes()))
    }

    /// Adds a record as it was written.
    pub(crate) fn add_bytes(&mut self, header: &[u8]) {
        self.0.update(header.get(..FRAME_BYTES).unwrap_or(header));
    }

    /// Adds a record as it was parsed.
    pub(crate) fn add(&mut self, frame: &Frame, seed: u32) {
        let mut header = Vec::with_capacity(FRAME_BYTES);
        frame.write(seed, &mut header);
        self.add_bytes(&header);
    }

    pub(crate) fn digest(&self) -> Digest {
        self.0.clone().finalize().into()
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
