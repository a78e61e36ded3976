//! Blocks: general-block-transfer around an APDU or inside its cipher, and the data-blocks of GET.
//!
//! Rule 1: a frame that is held is counted when the fate of its message is known, and shares it.
//! Rule 2: a run that breaks off is kept as a reject with the bytes of its frames: nothing that came
//! in is dropped. Rule 3: only what the journal has is acknowledged: replies wait for the record.

use cosem::apdu::Block;
use cosem::apdu::answer::DataBlock;
use cosem::block_transfer::Part;
use cosem::framing::What;
use cosem::{DecodeError, Kind, Layer};

use super::opening::{Proof, Took};
use super::{Decoder, Frame, Known, reply};
use crate::batch::Sender;
use crate::ledger::{Outcome, ReadCounts};
use crate::state::Order;
use crate::transfers::{Carrier, Run, Step, Transfer, Via, Way};

/// The tag of general-block-transfer.
pub(super) const TAG_GENERAL_BLOCK_TRANSFER: u8 = 0xe0;

/// Messages in blocks may lie inside blocks of others so often; the field shows none.
const DEPTH_MAX: u8 = 3;

const HELD: Took = Ok((Outcome::Held, ReadCounts::NONE));
const REPEATED: Took = Ok((Outcome::Duplicate, ReadCounts::NONE));

/// Whose message a block belongs to, as far as opening it has told.
pub(super) type Under = Option<(usize, Proof)>;

/// A block on its way into its message.
struct Piece<'a> {
    run: Run,
    part: Part<'a>,
    under: Under,
    /// Whether its sender waits for an acknowledgement now.
    awaited: bool,
}

impl Way {
    pub(super) fn of(frame: &Frame<'_>, run: Run) -> Self {
        let (source, destination) = match frame.what {
            What::Apdu {
                source,
                destination,
                ..
            } => (source, destination),
            What::Link { .. } | What::Notice | What::Reject(_) | What::Envelope { .. } => (0, 0),
        };
        let (via, device) = match frame.envelope {
            Some(envelope) => (Via::Concentrator(frame.link.dcu), envelope.meter),
            None => (Via::Link(frame.link.link), frame.gateway_address()),
        };
        Self {
            via,
            source,
            destination,
            device: device.to_vec(),
            depth: frame.depth,
            run,
        }
    }
}

impl Decoder {
    /// A block of general-block-transfer: held, or the end of its message.
    #[cold]
    pub(super) fn block(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
        under: Under,
        apdu: &[u8],
    ) -> Took {
        let truncated = DecodeError::new(Layer::BlockTransfer, 0, Kind::Truncated);
        let block = Block::parse(apdu).ok_or(truncated)??;
        if block.bytes.is_empty() && !block.last {
            return Ok((Outcome::Accepted, ReadCounts::NONE)); // It only acknowledges.
        }
        // Inside a cipher an acknowledgement would have to be ciphered too.
        let recoverable = under.is_none() && block.window > 0 && frame.answerable();
        let piece = Piece {
            run: match under {
                None => Run::General,
                Some((_, proof)) => Run::Sealed {
                    meter: known.meter,
                    key_check: proof.verified.unwrap_or_default(),
                },
            },
            part: Part {
                number: u32::from(block.number),
                last: block.last,
                recoverable,
                bytes: block.bytes,
            },
            under,
            awaited: recoverable && !block.streaming,
        };
        self.piece(frame, known, &piece)
    }

    /// A data-block of an answer to GET.
    #[cold]
    pub(super) fn data_block(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
        under: Under,
        block: &DataBlock<'_>,
    ) -> Took {
        let key_check = under.and_then(|(_, proof)| proof.verified);
        let piece = Piece {
            run: Run::Answer {
                invoke_id: block.invoke_id,
                meter: known.meter,
                key_check: key_check.unwrap_or_default(),
            },
            part: Part {
                number: block.number,
                last: block.last,
                recoverable: false,
                bytes: block.bytes,
            },
            under,
            awaited: false,
        };
        self.piece(frame, known, &piece)
    }

    fn piece(&mut self, frame: &Frame<'_>, known: &mut Known, piece: &Piece<'_>) -> Took {
        if frame.depth >= DEPTH_MAX {
            return Err(DecodeError::new(Layer::BlockTransfer, 0, Kind::TooDeep));
        }
        let repeated = piece
            .under
            .is_some_and(|(_, proof)| proof.order != Order::Fresh);
        if frame.resent() || (repeated && frame.again.is_none()) {
            return REPEATED;
        }
        let way = Way::of(frame, piece.run);
        if self.transfers.is_broken_off_by(&way, piece.part) {
            let before = self.transfers.close(&way);
            self.abandon(frame, before, Kind::BadSequence);
        }
        let carrier = Carrier {
            raw: frame.raw,
            frames: frame.frames,
            at_s: frame.now_s,
            dcu: known.dcu,
            meter: known.meter,
            peer: frame.link.peer,
            acked: frame.envelope.is_some(),
        };
        let taken = self
            .transfers
            .take(&way, piece.part, &carrier, &self.settings);
        let step = taken.inspect_err(|error| {
            let before = self.transfers.close(&way);
            self.abandon(frame, before, error.kind);
        })?;
        let whole = matches!(step, Step::Whole(..));
        if piece.awaited || (whole && piece.part.recoverable) {
            let (in_order, count) = self.transfers.acknowledge(&way);
            let bytes = reply::acknowledge(frame, in_order, count);
            self.building.replies.push((frame.link.link, bytes));
        }
        match step {
            Step::Held => HELD,
            Step::Repeated => REPEATED,
            Step::Whole(message, transfer) => self.whole(frame, known, piece, &message, &transfer),
        }
    }

    /// A message that is whole: what becomes of it becomes of all of its frames.
    fn whole(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
        piece: &Piece<'_>,
        message: &[u8],
        transfer: &Transfer,
    ) -> Took {
        let raw = transfer.raw();
        let whole = Frame {
            apdu: message,
            raw: &raw,
            frames: transfer.frames(),
            depth: frame.depth.saturating_add(1),
            ..*frame
        };
        let taken = match (piece.run, piece.under) {
            (Run::Answer { .. }, under) => self.joined_answer(&whole, known, under, message),
            (Run::General | Run::Sealed { .. }, Some((meter, proof))) => {
                self.notified(&whole, known, meter, proof, message)
            }
            (Run::General | Run::Sealed { .. }, None) => self.apdu(&whole, known),
        };
        if frame.again.is_some() {
            return taken;
        }
        // It is the message that is refused, with all of its frames.
        let taken = taken.or_else(|error| {
            let sender = known.sender(frame);
            self.building.reject(sender, error, &raw, &self.settings);
            Ok((Outcome::Quarantined, ReadCounts::NONE))
        });
        if let Ok((outcome, _)) = taken
            && outcome != Outcome::Held
        {
            let others = whole.frames.saturating_sub(frame.frames);
            self.building.count_more(known.dcu, outcome, others);
        }
        taken
    }

    /// Gives up messages that have waited too long.
    pub(super) fn expire_transfers(&mut self, now_s: i64) {
        let patience_s = self.settings.transfer_timeout_s;
        for transfer in self.transfers.expired(now_s, patience_s) {
            self.quarantine(&transfer, Kind::Truncated);
        }
    }

    /// Forgets the messages of a link that no listener has; whether there was any.
    pub(super) fn close_transfers(&mut self, link: u64) -> bool {
        !self.transfers.of_link(link).is_empty()
    }

    fn abandon(&mut self, frame: &Frame<'_>, transfer: Option<Transfer>, kind: Kind) {
        if let Some(transfer) = transfer
            && frame.again.is_none()
        {
            self.quarantine(&transfer, kind);
        }
    }

    /// Keeps the frames of a message that will never be whole.
    fn quarantine(&mut self, transfer: &Transfer, kind: Kind) {
        let sender = Sender {
            peer: &transfer.peer,
            dcu: transfer.dcu,
            meter: transfer.meter,
            counter: 0,
            acked: transfer.acked,
            hint: &[],
            row: None,
        };
        let error = DecodeError::new(Layer::BlockTransfer, 2, kind);
        let raw = transfer.raw();
        self.building.reject(sender, error, &raw, &self.settings);
        let frames = transfer.frames();
        self.building
            .count_more(transfer.dcu, Outcome::Quarantined, frames);
    }
}
