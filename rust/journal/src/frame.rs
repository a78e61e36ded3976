//! The two fixed layouts of a segment: its header, and the header each frame begins with.
//!
//! All integers are little-endian. docs/journal.md is the specification of these bytes.

use crc32c::{crc32c, crc32c_append};

/// What a segment file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// Which bytes its digest covers.
    pub(crate) version: u32,
    /// Who wrote it; journals of two nodes must never be mixed.
    pub(crate) node: u32,
    /// Every checksum of this journal starts from it: bytes a sender chose cannot pass as a frame.
    pub(crate) seed: u32,
    /// The position of its first row.
    pub(crate) first: u64,
    /// The digest of the segment before; zeros when this is the first of its journal.
    pub(crate) previous: Digest,
}

/// What a segment's successor holds of it: BLAKE3 over its header and its records. In version 1 it
/// was SHA-256 over its header and the headers of its records.
pub(crate) type Digest = [u8; 32];

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Rows.
    Record,
    /// Written right after a sync: all before it is durable.
    Mark,
    /// The segment is complete and its successor exists; the body is the segment's digest.
    Seal,
}

/// The header of a frame; its body follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) body_crc: u32,
    pub(crate) body_bytes: u32,
    pub(crate) rows: u32,
    /// The position of its first row; of the next row when it has none.
    pub(crate) first: u64,
    /// Every row before this position was durable before this frame was written.
    pub(crate) durable: u64,
    pub(crate) received_at_ms: i64,
}

impl SegmentHeader {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        out.extend_from_slice(SEGMENT_MAGIC);
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(&self.node.to_le_bytes());
        out.extend_from_slice(&self.seed.to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.previous);
        out.extend_from_slice(&crc32c(&out).to_le_bytes());
        out
    }

    /// The header at the start of `bytes`, or why it is none.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut fields = Fields(bytes);
        let header = fields.segment_header().ok_or("the header is cut short")?;
        let (magic, header, crc) = header;
        if magic != *SEGMENT_MAGIC {
            return Err("this is not a journal segment".to_owned());
        }
        let covered = bytes.get(..SEGMENT_HEADER_BYTES.saturating_sub(4));
        if covered.map(crc32c) != Some(crc) {
            return Err("the header's checksum does not fit".to_owned());
        }
        if !(VERSION_HEADERS..=VERSION).contains(&header.version) {
            return Err(format!(
                "format version {}, this program knows {VERSION_HEADERS} to {VERSION}",
                header.version
            ));
        }
        Ok(header)
    }
}

impl Frame {
    /// Appends this header; its body must follow.
    pub(crate) fn write(&self, seed: u32, out: &mut Vec<u8>) {
        let mut header = [0; FRAME_BYTES];
        let fields: [&[u8]; 6] = [
            &self.body_crc.to_le_bytes(),
            &self.body_bytes.to_le_bytes(),
            &self.rows.to_le_bytes(),
            &self.first.to_le_bytes(),
            &self.durable.to_le_bytes(),
            &self.received_at_ms.to_le_bytes(),
        ];
        let (named, covered) = header.split_at_mut(8);
        for (place, byte) in covered.iter_mut().zip(fields.into_iter().flatten()) {
            *place = *byte;
        }
        let crc = header_crc(seed, self.kind.letter(), covered).to_le_bytes();
        let name = FRAME_MAGIC.into_iter().chain([self.kind.letter()]);
        for (place, byte) in named.iter_mut().zip(name.chain(crc)) {
            *place = byte;
        }
        out.extend_from_slice(&header);
    }

    /// The frame whose header `bytes` begin with, if it is one of this journal.
    pub(crate) fn parse(bytes: &[u8], seed: u32) -> Option<Self> {
        let mut fields = Fields(bytes);
        let [m0, m1, m2, letter] = fields.take()?;
        let crc = u32::from_le_bytes(fields.take()?);
        let covered = bytes.get(8..FRAME_BYTES)?;
        if [m0, m1, m2] != FRAME_MAGIC || header_crc(seed, letter, covered) != crc {
            return None;
        }
        Some(Self {
            kind: Kind::of(letter)?,
            body_crc: u32::from_le_bytes(fields.take()?),
            body_bytes: u32::from_le_bytes(fields.take()?),
            rows: u32::from_le_bytes(fields.take()?),
            first: u64::from_le_bytes(fields.take()?),
            durable: u64::from_le_bytes(fields.take()?),
            received_at_ms: i64::from_le_bytes(fields.take()?),
        })
    }

    /// The position after its last row.
    pub(crate) fn next(&self) -> u64 {
        self.first.saturating_add(u64::from(self.rows))
    }

    /// Header and body.
    pub(crate) fn whole_bytes(&self) -> u64 {
        u64::from(self.body_bytes).saturating_add(FRAME_BYTES as u64)
    }
}

fn header_crc(seed: u32, letter: u8, covered: &[u8]) -> u32 {
    crc32c_append(crc32c_append(seed, &[letter]), covered)
}

impl Kind {
    const fn letter(self) -> u8 {
        match self {
            Self::Record => b'R',
            Self::Mark => b'M',
            Self::Seal => b'S',
        }
    }

    const fn of(letter: u8) -> Option<Self> {
        match letter {
            b'R' => Some(Self::Record),
            b'M' => Some(Self::Mark),
            b'S' => Some(Self::Seal),
            _ => None,
        }
    }
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn segment_header(&mut self) -> Option<([u8; 8], SegmentHeader, u32)> {
        let magic = self.take()?;
        let header = SegmentHeader {
            version: u32::from_le_bytes(self.take()?),
            node: u32::from_le_bytes(self.take()?),
            seed: u32::from_le_bytes(self.take()?),
            first: u64::from_le_bytes(self.take()?),
            previous: self.take()?,
        };
        Some((magic, header, u32::from_le_bytes(self.take()?)))
    }
}

pub(crate) const SEGMENT_HEADER_BYTES: usize = 64;
pub(crate) const FRAME_BYTES: usize = 44;
pub(crate) const FRAME_MAGIC: [u8; 3] = *b"MIJ";
const SEGMENT_MAGIC: &[u8; 8] = b"MIJOURNL";
/// What is written now: digests cover the records whole.
pub(crate) const VERSION: u32 = 2;
/// Digests cover the headers of the records only.
pub(crate) const VERSION_HEADERS: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame {
        kind: Kind::Record,
        body_crc: 0x0102_0304,
        body_bytes: 5,
        rows: 3,
        first: 1 << 40,
        durable: 7,
        received_at_ms: -1,
    };

    #[test]
    fn headers_come_back_as_written_and_no_altered_bit_passes() {
        let mut bytes = Vec::new();
        FRAME.write(9, &mut bytes);
        assert_eq!(bytes.len(), FRAME_BYTES);
        assert_eq!(Frame::parse(&bytes, 9), Some(FRAME));
        assert_eq!(Frame::parse(&bytes, 8), None, "another journal's seed");
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Frame::parse(&bytes, 9), None, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_segment_header_says_what_is_wrong_with_it() {
        let header = SegmentHeader {
            version: VERSION,
            node: 3,
            seed: 4,
            first: 5,
            previous: [6; 32],
        };
        let mut bytes = header.to_bytes();
        assert_eq!(bytes.len(), SEGMENT_HEADER_BYTES);
        assert_eq!(SegmentHeader::parse(&bytes), Ok(header));
        assert!(SegmentHeader::parse(&bytes[..63]).is_err_and(|why| why.contains("cut short")));
        bytes[20] ^= 1;
        assert!(SegmentHeader::parse(&bytes).is_err_and(|why| why.contains("checksum")));
        bytes[0] ^= 1;
        assert!(SegmentHeader::parse(&bytes).is_err_and(|why| why.contains("not a journal")));
    }
}
