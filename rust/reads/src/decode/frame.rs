//! One frame on its way through the decoder, and what is known of its sender so far.

use cosem::framing::{Entry, What};
use cosem::{DecodeError, Kind, Layer};

use super::LinkFrames;
use super::again::{Again, Rejected};
use crate::batch::Sender;

/// One frame and where it came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) link: LinkFrames<'a>,
    pub(super) raw: &'a [u8],
    pub(super) apdu: &'a [u8],
    pub(super) what: What,
    /// The envelope it came in, if it did.
    pub(super) envelope: Option<Envelope<'a>>,
    pub(super) now_s: i64,
    /// How many frames it came in: more than one when it was joined from blocks.
    pub(super) frames: u32,
    /// How many messages in blocks it was joined out of.
    pub(super) depth: u8,
    /// Set for a reject that is decoded again.
    pub(super) again: Option<Again<'a>>,
}

/// The envelope around a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope<'a> {
    /// The meter's serial as the concentrator knows it.
    pub(super) meter: &'a [u8],
    /// Whether its sequence was taken before: what it brings was journaled then.
    pub(super) resent: bool,
}

/// What is known of a frame so far: what a refusal can say about its sender.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) meter: u32,
    pub(super) dcu: u32,
    pub(super) counter: u32,
}

impl<'a> Frame<'a> {
    pub(super) fn new(
        link: &LinkFrames<'a>,
        entry: &Entry,
        envelope: Option<Envelope<'a>>,
        now_s: i64,
    ) -> Self {
        Self {
            link: *link,
            raw: link.frames.get(entry.raw),
            apdu: link.frames.get(entry.apdu),
            what: entry.what,
            envelope,
            now_s,
            frames: 1,
            depth: 0,
            again: None,
        }
    }

    /// A row that was refused, as if it were a frame.
    pub(super) const fn row(
        link: &LinkFrames<'a>,
        reject: &Rejected<'a>,
        again: Again<'a>,
    ) -> Self {
        Self {
            link: *link,
            raw: reject.raw,
            apdu: &[],
            what: What::Reject(DecodeError::new(Layer::Check, 0, Kind::Unsupported)),
            envelope: None,
            now_s: reject.at_ms.div_euclid(1000),
            frames: 1,
            depth: 0,
            again: Some(again),
        }
    }

    pub(super) fn resent(&self) -> bool {
        self.envelope.is_some_and(|envelope| envelope.resent)
    }

    /// The address a gateway put before the APDU; empty without one.
    pub(super) fn gateway_address(&self) -> &'a [u8] {
        match self.what {
            What::Apdu {
                gateway: Some(gateway),
                ..
            } => self.link.frames.get(gateway.address),
            What::Apdu { .. }
            | What::Link { .. }
            | What::Notice
            | What::Reject(_)
            | What::Envelope { .. } => &[],
        }
    }

    /// Whether its framing can carry an answer back.
    pub(super) fn answerable(&self) -> bool {
        self.envelope.is_none()
            && self.again.is_none()
            && cosem::framing::answerable(&self.what, self.raw)
    }
}

impl Known {
    pub(super) const fn sender<'a>(&self, frame: &Frame<'a>) -> Sender<'a> {
        Sender {
            peer: frame.link.peer,
            dcu: self.dcu,
            meter: self.meter,
            counter: self.counter,
            acked: frame.envelope.is_some(),
            hint: match frame.envelope {
                Some(envelope) => envelope.meter,
                None => &[],
            },
            row: None,
        }
    }
}
