//! One message as far as it has come, with the frames it came in.

use cosem::block_transfer::{Blocks, Part};

use super::{Carrier, Way};
use crate::record::HeldRow;

/// A message that has begun.
#[derive(Debug, Default)]
pub(crate) struct Transfer {
    pub(super) blocks: Blocks,
    pub(super) held: Vec<Held>,
    /// How many of `held` the journal has.
    pub(super) saved: usize,
    pub(super) bytes: usize,
    pub(super) at_s: i64,
    pub(crate) dcu: u32,
    pub(crate) meter: u32,
    pub(crate) peer: String,
    pub(crate) acked: bool,
    /// Acknowledgements sent.
    pub(super) acknowledged: u16,
    /// Whether its link ended with the program.
    pub(super) orphan: bool,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) number: u32,
    last: bool,
    recoverable: bool,
    frames: u32,
    /// Checksum of its block.
    pub(super) sum: u32,
    raw: Vec<u8>,
}

impl Transfer {
    /// All the frames it came in.
    pub(crate) fn raw(&self) -> Vec<u8> {
        let raw: Vec<&[u8]> = self.held.iter().map(|held| held.raw.as_slice()).collect();
        raw.concat()
    }

    /// How many they are.
    pub(crate) fn frames(&self) -> u32 {
        self.held
            .iter()
            .fold(0, |frames, held| frames.saturating_add(held.frames))
    }

    pub(super) fn keep(&mut self, part: Part<'_>, carrier: &Carrier<'_>, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.at_s = carrier.at_s;
        if self.held.is_empty() {
            (self.dcu, self.meter) = (carrier.dcu, carrier.meter);
            self.acked = carrier.acked;
            carrier.peer.clone_into(&mut self.peer);
        }
        self.held.push(Held {
            number: part.number,
            last: part.last,
            recoverable: part.recoverable,
            frames: carrier.frames,
            sum: crc32c::crc32c(part.bytes),
            raw: carrier.raw.to_vec(),
        });
    }

    pub(super) fn rows(&self, way: &Way, from: usize) -> impl Iterator<Item = HeldRow<'_>> {
        self.held.iter().skip(from).map(|held| {
            let part = Part {
                number: held.number,
                last: held.last,
                recoverable: held.recoverable,
                bytes: self.blocks.part(held.number).unwrap_or_default(),
            };
            let carrier = Carrier {
                raw: &held.raw,
                frames: held.frames,
                at_s: self.at_s,
                dcu: self.dcu,
                meter: self.meter,
                peer: &self.peer,
                acked: self.acked,
            };
            HeldRow {
                way: way.clone(),
                held: Some((part, carrier)),
            }
        })
    }
}
