//! Eight bytes of a row at once: what makes comparing shapes cheap.

use super::field;

/// Bytes compared at once.
const WORD_BYTES: usize = 8;

/// Eight bytes of a row: those that the mask covers must be these.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    at: usize,
    bytes: u64,
    mask: u64,
}

impl Word {
    /// The word at `at` of a row; `None` when the row ends before it does.
    fn new(row: &[u8], mask: &[u8], at: usize) -> Option<Self> {
        let mask = u64::from_ne_bytes(*field(mask, at)?);
        let bytes = u64::from_ne_bytes(*field(row, at)?) & mask;
        Some(Self { at, bytes, mask })
    }

    /// Words that together hold every byte the mask covers.
    pub(super) fn covering(row: &[u8], mask: &[u8]) -> Option<Vec<Self>> {
        let mut words = Vec::new();
        let mut covered = 0;
        for at in mask
            .iter()
            .enumerate()
            .filter(|(_, masked)| **masked != 0)
            .map(|(at, _)| at)
        {
            if at >= covered {
                let last = row.len().checked_sub(WORD_BYTES)?;
                words.push(Self::new(row, mask, at.min(last))?);
                covered = at.saturating_add(WORD_BYTES);
            }
        }
        Some(words)
    }

    /// The bits in which `row` differs where it must not.
    #[inline]
    pub(super) fn differing(self, row: &[u8]) -> u64 {
        field(row, self.at).map_or(u64::MAX, |bytes| {
            (u64::from_ne_bytes(*bytes) & self.mask) ^ self.bytes
        })
    }
}
