//! general-block-transfer: one block of an APDU too long for a frame (Green Book 9, clause 9.4.6.13).
//!
//! `E0 | control | block number u16 | acknowledged u16 | length + bytes`. Joining blocks is the
//! affair of `block_transfer`; seen by itself, a block is shown with the message it may be.

use super::{Apdu, Context, Fields, parse as parse_apdu};
use crate::{DecodeError, Layer, Reader};

/// The tag of general-block-transfer.
const TAG: u8 = 0xe0;

/// One block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// The last one of its message.
    pub last: bool,
    /// More follow without waiting for an acknowledgement.
    pub streaming: bool,
    /// How many blocks the sender can take at once; 0 when it takes none.
    pub window: u8,
    /// Its number, from 1; an acknowledgement may have none.
    pub number: u16,
    /// The highest block received from the other side.
    pub acknowledged: u16,
    /// Its part of the message.
    pub bytes: &'a [u8],
}

impl<'a> Block<'a> {
    /// Reads a block; `None` when `apdu` is not one.
    pub fn parse(apdu: &'a [u8]) -> Option<Result<Self, DecodeError>> {
        (apdu.first() == Some(&TAG)).then(|| Self::read(apdu))
    }

    fn read(apdu: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(apdu, Layer::BlockTransfer);
        let [_, control] = reader.take()?;
        let block = Self {
            last: control & 0x80 != 0,
            streaming: control & 0x40 != 0,
            window: control & 0x3f,
            number: reader.be_u16()?,
            acknowledged: reader.be_u16()?,
            bytes: reader.counted()?,
        };
        reader.end()?;
        Ok(block)
    }

    /// Its header as fields.
    pub fn fields(&self) -> Fields {
        Fields::default()
            .with("last_block", self.last)
            .with("streaming", self.streaming)
            .with("window", self.window)
            .with("block_number", self.number)
            .with("acknowledged", self.acknowledged)
    }
}

pub(super) fn parse(apdu: &[u8], context: &mut Context<'_>) -> Result<Apdu, DecodeError> {
    let block = Block::read(apdu)?;
    let mut outer = Apdu::new("general-block-transfer", block.fields());
    if block.last && block.number == 1 {
        outer.inside = parse_apdu(block.bytes, context).ok().map(Box::new);
    }
    if outer.inside.is_none() {
        outer.fields.push("block", block.bytes);
    }
    Ok(outer)
}
