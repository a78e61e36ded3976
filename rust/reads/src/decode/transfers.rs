//! general-block-transfer: the blocks of a push joined into the message that they are.
//!
//! Rule 1: what waits here is bounded, per message and in all, and for how long.
//! Rule 2: a run that breaks off is kept as a reject with the bytes of its blocks: nothing that
//! came in is dropped. An uplink's blocks never wait past their batch, because it is acknowledged.
//!
//! A block that is held counts as accepted; what becomes of the message is told by its last block.

use std::collections::BTreeMap;

use cosem::apdu::Block;
use cosem::block_transfer::Blocks;
use cosem::framing::What;
use cosem::{DecodeError, Kind, Layer};

use super::{Decoder, Frame, Known};
use crate::batch::Sender;
use crate::ledger::{Outcome, ReadCounts};
use crate::settings::Settings;

/// The tag of general-block-transfer.
pub(super) const TAG_GENERAL_BLOCK_TRANSFER: u8 = 0xe0;

/// Messages that have begun.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    open: BTreeMap<Way, Transfer>,
    bytes: usize,
}

/// Whose message it is: link, ports, and the device behind a gateway or in an envelope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    link: u64,
    source: u16,
    destination: u16,
    device: Vec<u8>,
}

/// A message as far as it has come, with the frames it came in.
#[derive(Debug, Default)]
struct Transfer {
    blocks: Blocks,
    raw: Vec<u8>,
    since_s: i64,
    dcu: u32,
    peer: String,
    /// Whether its envelopes are acknowledged.
    acked: bool,
}

/// A whole message.
struct Joined {
    message: Vec<u8>,
    /// The frames it came in.
    raw: Vec<u8>,
}

impl Way {
    fn of(frame: &Frame<'_>) -> Self {
        let (source, destination) = match frame.what {
            What::Apdu {
                source,
                destination,
                ..
            } => (source, destination),
            What::Link { .. } | What::Notice | What::Reject(_) | What::Envelope { .. } => (0, 0),
        };
        let device = match frame.envelope {
            Some(envelope) => envelope.meter,
            None => frame.gateway_address(),
        };
        Self {
            link: frame.link.link,
            source,
            destination,
            device: device.to_vec(),
        }
    }
}

impl Transfers {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Bytes held.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    fn close(&mut self, way: &Way) -> Option<Transfer> {
        let transfer = self.open.remove(way)?;
        self.bytes = self.bytes.saturating_sub(transfer.raw.len());
        Some(transfer)
    }

    /// Adds a block; returns the whole message when it was the last one.
    fn take(
        &mut self,
        way: &Way,
        block: &Block<'_>,
        frame: &Frame<'_>,
        settings: &Settings,
    ) -> Result<Option<Joined>, DecodeError> {
        let limit = usize::try_from(settings.transfer_bytes_max).unwrap_or(usize::MAX);
        let room = usize::try_from(settings.transfers_bytes_max).unwrap_or(usize::MAX);
        if self.bytes.saturating_add(frame.raw.len()) > room {
            return Err(DecodeError::new(Layer::BlockTransfer, 6, Kind::TooMany));
        }
        let transfer = self.open.entry(way.clone()).or_default();
        let number = u32::from(block.number);
        let joined = transfer
            .blocks
            .take(number, block.last, block.bytes, limit)?;
        if transfer.raw.is_empty() {
            transfer.since_s = frame.now_s;
            transfer.dcu = frame.link.dcu;
            transfer.acked = frame.envelope.is_some();
            frame.link.peer.clone_into(&mut transfer.peer);
        }
        transfer.raw.extend_from_slice(frame.raw);
        self.bytes = self.bytes.saturating_add(frame.raw.len());
        Ok(joined.and_then(|message| {
            let raw = self.close(way)?.raw;
            Some(Joined { message, raw })
        }))
    }

    /// Takes out the messages that `gone` says are over.
    fn drain(&mut self, gone: impl Fn(&Way, &Transfer) -> bool) -> Vec<Transfer> {
        let ways = self.open.iter();
        let over: Vec<Way> = ways
            .filter(|(way, transfer)| gone(way, transfer))
            .map(|(way, _)| way.clone())
            .collect();
        over.iter().filter_map(|way| self.close(way)).collect()
    }
}

impl Decoder {
    /// A block of a message: held, or the end of it.
    #[cold]
    pub(super) fn block(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
    ) -> Result<(Outcome, ReadCounts), DecodeError> {
        let truncated = DecodeError::new(Layer::BlockTransfer, 0, Kind::Truncated);
        let block = Block::parse(frame.apdu).ok_or(truncated)??;
        let held = (Outcome::Accepted, ReadCounts::default());
        if block.bytes.is_empty() && !block.last {
            return Ok(held); // It only acknowledges.
        }
        let way = Way::of(frame);
        if block.number == 1 {
            let before = self.transfers.close(&way);
            self.abandon(before, Kind::BadSequence);
        }
        let taken = self.transfers.take(&way, &block, frame, &self.settings);
        let Some(Joined { message, raw }) = taken.inspect_err(|error| {
            let before = self.transfers.close(&way);
            self.abandon(before, error.kind);
        })?
        else {
            return Ok(held);
        };
        let whole = Frame {
            apdu: &message,
            raw: &raw,
            ..*frame
        };
        match self.apdu(&whole, known) {
            // It is the message that is refused, with all of its frames.
            Err(error) if frame.again.is_none() && !frame.resent() => {
                let sender = known.sender(frame);
                self.building.reject(sender, error, &raw, &self.settings);
                Ok((Outcome::Quarantined, ReadCounts::default()))
            }
            taken => taken,
        }
    }

    /// Gives up messages that have waited too long.
    pub(super) fn expire_transfers(&mut self, now_s: i64) {
        let patience = i64::from(self.settings.transfer_timeout_s);
        let over = self
            .transfers
            .drain(|_, each| now_s.saturating_sub(each.since_s) > patience);
        for transfer in over {
            self.abandon(Some(transfer), Kind::Truncated);
        }
    }

    /// Gives up the messages of one link; whether there was any.
    pub(super) fn close_transfers(&mut self, link: u64, keep: bool) -> bool {
        let over = self.transfers.drain(|way, _| way.link == link);
        let any = !over.is_empty();
        for transfer in over.into_iter().filter(|_| keep) {
            self.abandon(Some(transfer), Kind::Truncated);
        }
        any
    }

    /// Keeps the frames of a message that will never be whole. They were counted when they came.
    fn abandon(&mut self, transfer: Option<Transfer>, kind: Kind) {
        let Some(transfer) = transfer.filter(|each| !each.raw.is_empty()) else {
            return;
        };
        let sender = Sender {
            peer: &transfer.peer,
            dcu: transfer.dcu,
            meter: 0,
            counter: 0,
            acked: transfer.acked,
        };
        let error = DecodeError::new(Layer::BlockTransfer, 2, kind);
        self.building
            .reject(sender, error, &transfer.raw, &self.settings);
    }
}
