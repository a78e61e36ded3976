//! Blocks in any order, repeated, left out or begun again: what is joined is what was sent, and what
//! waits for the rest stays bounded.

use std::collections::BTreeMap;

use cosem::apdu::Block;
use cosem::block_transfer::{Blocks, Part, Taken};

use crate::limits::bounded;

/// Small enough for a fuzzer to reach.
const MESSAGE_BYTES_MAX: usize = 1_024;

/// Each block is a control byte, a number, how many bytes it has, and these.
pub(crate) fn check(bytes: &[u8]) {
    bounded(bytes.len(), || {
        let mut blocks = Blocks::default();
        let mut sent = Sent::default();
        let mut windowed = Windowed::default();
        let mut rest = bytes;
        while let [control, number, count, behind @ ..] = rest {
            let length = usize::from(*count).min(behind.len());
            let (content, behind) = behind.split_at_checked(length).unwrap_or((behind, &[]));
            let apdu = written(*control, *number, content);
            let Some(Ok(block)) = Block::parse(&apdu) else {
                return assert_eq!(Block::parse(&apdu), None, "a sound block was refused");
            };
            assert_eq!(block.number, u16::from(*number));
            assert_eq!(
                (block.last, block.window),
                (control & 0x80 != 0, control & 0x3f)
            );
            assert_eq!(block.bytes, content);
            let number = u32::from(block.number);
            let joined = blocks.take(number, block.last, block.bytes, MESSAGE_BYTES_MAX);
            assert_eq!(
                joined.ok().flatten(),
                sent.take(number, block.last, content)
            );
            assert_eq!(blocks.is_open(), sent.last > 0);
            windowed.take(number, block.last, content);
            rest = behind;
        }
        // What is left is no block, or one with something wrong.
        if let Some(Ok(block)) = Block::parse(rest) {
            assert!(block.bytes.len() < rest.len());
        }
    });
}

/// A receiver that may ask for what is missing, beside what it was given and did not refuse.
#[derive(Default)]
struct Windowed {
    blocks: Blocks,
    held: BTreeMap<u32, Vec<u8>>,
}

impl Windowed {
    fn take(&mut self, number: u32, last: bool, bytes: &[u8]) {
        let part = Part {
            number,
            last,
            recoverable: true,
            bytes,
        };
        if !self.blocks.continues_with(part) {
            self.held.clear();
        }
        match self.blocks.take_part(part, MESSAGE_BYTES_MAX) {
            Ok(Taken::Held) => {
                assert_eq!(self.held.insert(number, bytes.to_vec()), None);
            }
            Ok(Taken::Repeated) => {
                assert_eq!(self.held.get(&number).map(Vec::as_slice), Some(bytes));
            }
            Ok(Taken::Whole(message)) => {
                self.held.insert(number, bytes.to_vec());
                let numbers = (1_u32..).zip(self.held.keys());
                assert!(numbers.clone().all(|(place, number)| place == *number));
                let sent: Vec<u8> = self.held.values().flatten().copied().collect();
                assert_eq!(message, sent);
                self.held.clear();
            }
            Err(_) => self.held.clear(),
        }
        let bytes: usize = self.held.values().map(Vec::len).sum();
        assert!(bytes <= MESSAGE_BYTES_MAX);
        assert_eq!(self.blocks.is_open(), !self.held.is_empty());
    }
}

/// What a receiver that keeps everything would say.
#[derive(Default)]
struct Sent {
    message: Vec<u8>,
    last: u32,
}

impl Sent {
    fn take(&mut self, number: u32, last: bool, content: &[u8]) -> Option<Vec<u8>> {
        let follows = number == 1 || (self.last > 0 && number == self.last.saturating_add(1));
        if number == 1 {
            self.message.clear();
        }
        let fits = follows && self.message.len().saturating_add(content.len()) <= MESSAGE_BYTES_MAX;
        if !fits {
            self.last = 0;
            return None;
        }
        self.message.extend(content);
        self.last = if last { 0 } else { number };
        last.then(|| self.message.clone())
    }
}

fn written(control: u8, number: u8, content: &[u8]) -> Vec<u8> {
    let mut apdu = vec![0xe0, control, 0, number, 0, 0];
    cosem::encode::length(content.len(), &mut apdu);
    apdu.extend(content);
    apdu
}
