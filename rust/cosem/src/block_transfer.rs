//! Joining the blocks of a message: general-block-transfer and the data-blocks of GET.
//!
//! Blocks are numbered from 1. Block 1 begins a new message, because senders abandon messages and
//! start over without a word (Landis+Gyr E450). Where nobody can ask for a block again, one that is
//! not the next ends the message with nothing: bytes joined with a gap must never be read. Where the
//! sender takes acknowledgements, blocks behind a gap are kept until the missing one has come.

use std::collections::BTreeMap;

use crate::{DecodeError, Kind, Layer};

/// How many blocks may be on their way at once: the window is a field of six bits.
pub const WINDOW_MAX: u8 = 0x3f;

/// One block of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its number, from 1.
    pub number: u32,
    /// Whether the message ends with it.
    pub last: bool,
    /// Whether its sender takes acknowledgements, and sends again what they say is missing.
    pub recoverable: bool,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// What became of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The message is not whole yet.
    Held,
    /// It was held before.
    Repeated,
    /// The whole message.
    Whole(Vec<u8>),
}

/// The message of one sender, as far as it has come.
#[derive(Debug, Clone, Default)]
pub struct Blocks {
    parts: BTreeMap<u32, Vec<u8>>,
    bytes: usize,
    /// The number of the last block without a gap before it; 0 when no message is open.
    in_order: u32,
    /// The number of the block that is marked last.
    end: Option<u32>,
}

impl Blocks {
    /// Takes block `number` of a sender that takes no acknowledgements; returns the whole message with
    /// the block that is marked last.
    pub fn take(
        &mut self,
        number: u32,
        last: bool,
        bytes: &[u8],
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, DecodeError> {
        let part = Part {
            number,
            last,
            recoverable: false,
            bytes,
        };
        Ok(match self.take_part(part, bytes_max)? {
            Taken::Whole(message) => Some(message),
            Taken::Held | Taken::Repeated => None,
        })
    }

    /// Takes a block; what it refuses ends the message.
    pub fn take_part(&mut self, part: Part<'_>, bytes_max: usize) -> Result<Taken, DecodeError> {
        let taken = self.hold(part, bytes_max);
        if taken.is_err() {
            *self = Self::default();
        }
        taken
    }

    /// Whether `part` would be held without ending or exchanging the message that is open.
    pub fn continues_with(&self, part: Part<'_>) -> bool {
        let first = part.number == 1 && !self.repeats(part) && !self.awaits_first(part);
        self.is_open() && !first
    }

    /// Whether a message has begun and not ended.
    pub fn is_open(&self) -> bool {
        !self.parts.is_empty()
    }

    /// The highest block without a gap before it.
    pub const fn in_order(&self) -> u32 {
        self.in_order
    }

    /// The bytes of a block that is held.
    pub fn part(&self, number: u32) -> Option<&[u8]> {
        self.parts.get(&number).map(Vec::as_slice)
    }

    fn repeats(&self, part: Part<'_>) -> bool {
        let held = self.parts.get(&part.number);
        part.recoverable && held.is_some_and(|held| held == part.bytes)
    }

    /// Whether later blocks came and the first one, which was lost, may come now.
    const fn awaits_first(&self, part: Part<'_>) -> bool {
        part.recoverable && self.in_order == 0
    }

    fn hold(&mut self, part: Part<'_>, bytes_max: usize) -> Result<Taken, DecodeError> {
        if self.repeats(part) {
            return Ok(Taken::Repeated);
        }
        if part.number == 1 && !self.awaits_first(part) {
            *self = Self::default();
        }
        let next = self.in_order.checked_add(1);
        let ahead = part.number.saturating_sub(self.in_order);
        let in_window = part.recoverable && ahead > 1 && ahead <= u32::from(WINDOW_MAX);
        let beyond = self.end.is_some_and(|end| part.number > end || part.last);
        let fits = Some(part.number) == next || in_window;
        if part.number == 0 || !fits || beyond || self.parts.contains_key(&part.number) {
            return Err(DecodeError::new(Layer::BlockTransfer, 2, Kind::BadSequence));
        }
        if self.bytes.saturating_add(part.bytes.len()) > bytes_max {
            return Err(DecodeError::new(Layer::BlockTransfer, 6, Kind::TooLong));
        }
        if part.last && self.parts.range(part.number..).next().is_some() {
            return Err(DecodeError::new(Layer::BlockTransfer, 1, Kind::BadSequence));
        }
        self.bytes = self.bytes.saturating_add(part.bytes.len());
        self.parts.insert(part.number, part.bytes.to_vec());
        if part.last {
            self.end = Some(part.number);
        }
        while self.parts.contains_key(&self.in_order.saturating_add(1)) {
            self.in_order = self.in_order.saturating_add(1);
        }
        if self.end != Some(self.in_order) {
            return Ok(Taken::Held);
        }
        let whole = core::mem::take(self);
        Ok(Taken::Whole(
            whole.parts.into_values().collect::<Vec<_>>().concat(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEQUENCE: DecodeError = DecodeError::new(Layer::BlockTransfer, 2, Kind::BadSequence);

    const fn recoverable(number: u32, last: bool, bytes: &[u8]) -> Part<'_> {
        Part {
            number,
            last,
            recoverable: true,
            bytes,
        }
    }

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
    fn a_gap_a_repetition_or_a_swap_yields_nothing_where_nobody_can_ask() {
        for order in [[1, 2, 4], [1, 2, 2], [1, 3, 2]] {
            let mut blocks = Blocks::default();
            let joined = order.map(|number| blocks.take(number, number == 4, b"a", 9));
            assert!(joined.contains(&Err(SEQUENCE)), "{order:?}");
            assert_eq!(blocks.take(4, true, b"a", 9), Err(SEQUENCE));
        }
    }

    #[test]
    fn where_a_block_can_be_asked_for_those_behind_the_gap_are_kept() {
        let mut blocks = Blocks::default();
        assert_eq!(
            blocks.take_part(recoverable(1, false, b"a"), 9),
            Ok(Taken::Held)
        );
        assert_eq!(
            blocks.take_part(recoverable(3, true, b"c"), 9),
            Ok(Taken::Held)
        );
        assert_eq!(blocks.in_order(), 1, "block 2 is missing");
        let again = blocks.take_part(recoverable(3, true, b"c"), 9);
        assert_eq!(again, Ok(Taken::Repeated));
        let again = blocks.take_part(recoverable(1, false, b"a"), 9);
        assert_eq!(again, Ok(Taken::Repeated));
        let whole = blocks.take_part(recoverable(2, false, b"b"), 9);
        assert_eq!(whole, Ok(Taken::Whole(b"abc".to_vec())));
        assert_eq!(
            blocks.take_part(recoverable(2, true, b"b"), 9),
            Ok(Taken::Held)
        );
        let whole = blocks.take_part(recoverable(1, false, b"a"), 9);
        assert_eq!(
            whole,
            Ok(Taken::Whole(b"ab".to_vec())),
            "the first one was missing"
        );
    }

    #[test]
    fn another_block_under_a_held_number_or_behind_the_last_ends_the_message() {
        for wrong in [
            recoverable(2, false, b"x"),
            recoverable(4, false, b"x"),
            recoverable(3, false, b"x"),
            recoverable(70, false, b"x"),
        ] {
            let mut blocks = Blocks::default();
            for (number, last) in [(1, false), (2, false), (4, true)] {
                let held = blocks.take_part(recoverable(number, last, b"a"), 9);
                assert_eq!(held, Ok(Taken::Held));
            }
            let taken = blocks.take_part(wrong, 9);
            if wrong.number == 3 {
                assert_eq!(taken, Ok(Taken::Whole(b"aaxa".to_vec())));
            } else {
                assert_eq!(taken, Err(SEQUENCE), "{}", wrong.number);
                assert!(!blocks.is_open());
            }
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

    proptest! {
        /// Whatever comes in whatever order: a whole message is its blocks in order.
        #[test]
        fn a_whole_message_never_has_a_gap(
            sent in proptest::collection::vec((1_u32..6, any::<bool>(), any::<bool>()), 0..40),
        ) {
            let mut blocks = Blocks::default();
            for (number, last, recoverable) in sent {
                let byte = [u8::try_from(number).unwrap()];
                let taken = blocks.take_part(Part { number, last, recoverable, bytes: &byte }, 100);
                if let Ok(Taken::Whole(message)) = taken {
                    let expected: Vec<u8> = (1..=u8::try_from(message.len()).unwrap()).collect();
                    prop_assert_eq!(message, expected);
                }
            }
        }
    }
}
