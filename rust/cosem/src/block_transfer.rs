//! Joining the blocks of a message: general-block-transfer and the data-blocks of GET.
//!
//! Blocks are numbered from 1. Block 1 always begins a new message, because senders abandon messages
//! and start over without a word (Landis+Gyr E450). A block that is not the next one ends the message
//! with nothing: bytes joined with a gap must never be read.

use crate::{DecodeError, Kind, Layer};

/// The message of one sender, as far as it has come.
#[derive(Debug, Default)]
pub struct Blocks {
    message: Vec<u8>,
    /// The number of the last block taken; 0 when no message is open.
    last: u32,
}

impl Blocks {
    /// Takes block `number`; returns the whole message with the block that is marked last.
    pub fn take(
        &mut self,
        number: u32,
        last: bool,
        bytes: &[u8],
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, DecodeError> {
        if number == 1 {
            self.abandon();
        }
        if number == 0 || Some(number) != self.last.checked_add(1) {
            self.abandon();
            return Err(DecodeError::new(Layer::BlockTransfer, 2, Kind::BadSequence));
        }
        if self.message.len().saturating_add(bytes.len()) > bytes_max {
            self.abandon();
            return Err(DecodeError::new(Layer::BlockTransfer, 6, Kind::TooLong));
        }
        self.message.extend_from_slice(bytes);
        self.last = number;
        if !last {
            return Ok(None);
        }
        self.last = 0;
        Ok(Some(std::mem::take(&mut self.message)))
    }

    /// Whether a message has begun and not ended.
    pub const fn is_open(&self) -> bool {
        self.last > 0
    }

    /// How many blocks of the open message have come.
    pub const fn blocks(&self) -> u32 {
        self.last
    }

    fn abandon(&mut self) {
        self.last = 0;
        self.message = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEQUENCE: DecodeError = DecodeError::new(Layer::BlockTransfer, 2, Kind::BadSequence);

    #[test]
    fn blocks_in_order_are_one_message() {
        let mut blocks = Blocks::default();
        assert_eq!(blocks.take(1, false, b"ab", 9), Ok(None));
        assert_eq!(blocks.take(2, false, b"", 9), Ok(None));
        assert_eq!(blocks.take(3, true, b"c", 9), Ok(Some(b"abc".to_vec())));
        assert_eq!(blocks.take(4, true, b"d", 9), Err(SEQUENCE));
    }

    #[test]
    fn block_one_starts_over() {
        let mut blocks = Blocks::default();
        for (number, bytes) in [(1, b"x"), (2, b"y"), (1, b"a")] {
            assert_eq!(blocks.take(number, false, bytes, 9), Ok(None));
        }
        assert_eq!(blocks.take(2, true, b"b", 9), Ok(Some(b"ab".to_vec())));
    }

    #[test]
    fn a_gap_a_repetition_or_a_swap_yields_nothing() {
        for order in [[1, 2, 4], [1, 2, 2], [1, 3, 2]] {
            let mut blocks = Blocks::default();
            let joined = order.map(|number| blocks.take(number, number == 4, b"a", 9));
            assert!(joined.contains(&Err(SEQUENCE)), "{order:?}");
            assert_eq!(blocks.take(4, true, b"a", 9), Err(SEQUENCE));
        }
    }

    #[test]
    fn a_message_stops_growing_at_the_limit() {
        let mut blocks = Blocks::default();
        assert_eq!(blocks.take(1, false, b"abc", 4), Ok(None));
        let long = DecodeError::new(Layer::BlockTransfer, 6, Kind::TooLong);
        assert_eq!(blocks.take(2, true, b"de", 4), Err(long));
        assert!(!blocks.is_open());
    }
}
