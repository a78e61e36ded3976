//! Messages out of HDLC frames: one frame, or segments whose information fields are one message.
//!
//! The LLC header stands in the first segment only. One message is joined at a time: a segment from
//! another sender, or one with a new LLC header, means that the old message was abandoned.

use super::{Frame, error};
use crate::Kind;
use crate::framing::{Entry, Frames, Framing, Limits, Span, What};

/// The message being joined, if any.
#[derive(Debug, Default)]
pub(super) struct Join {
    /// Destination and source bytes of the frames, or nothing when no message is open.
    between: Vec<u8>,
    raw: Vec<u8>,
    message: Vec<u8>,
}

impl Join {
    /// Takes a frame, whose bytes with both flags are `raw`.
    pub(super) fn take(
        &mut self,
        frame: &Frame<'_>,
        raw: &[u8],
        limits: &Limits,
        out: &mut Frames,
    ) {
        if !frame.carries_message() {
            let raw = out.keep(raw);
            let what = What::Link {
                control: frame.control,
            };
            let apdu = Span::default();
            out.entries.push(Entry { raw, apdu, what });
            return;
        }
        if !self.continues(frame) {
            self.abandon(out);
        }
        self.raw.extend_from_slice(raw);
        self.message.extend_from_slice(if self.between.is_empty() {
            frame.apdu()
        } else {
            frame.info
        });
        self.between = between(frame);
        if self.raw.len().max(self.message.len()) > limits.frame_bytes_max {
            out.reject(&self.raw, error(1, Kind::TooLong));
            self.clear();
        } else if !frame.segmented {
            self.deliver(frame, out);
        }
    }

    /// Gives up the open message: the rest of it will not come.
    pub(super) fn abandon(&mut self, out: &mut Frames) {
        if !self.between.is_empty() {
            out.reject(&self.raw, error(self.raw.len(), Kind::BadSequence));
            self.clear();
        }
    }

    fn continues(&self, frame: &Frame<'_>) -> bool {
        !frame.begins_message() && self.between == between(frame)
    }

    fn deliver(&mut self, frame: &Frame<'_>, out: &mut Frames) {
        let raw = out.keep(&self.raw);
        if self.message.is_empty() {
            let control = frame.control;
            let what = What::Link { control };
            let apdu = Span::default();
            out.entries.push(Entry { raw, apdu, what });
        } else {
            let apdu = out.keep(&self.message);
            let what = What::Apdu {
                framing: Framing::Hdlc,
                source: frame.source.upper(),
                destination: frame.destination.upper(),
                gateway: None,
            };
            out.entries.push(Entry { raw, apdu, what });
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.between.clear();
        self.raw = Vec::new();
        self.message = Vec::new();
    }
}

fn between(frame: &Frame<'_>) -> Vec<u8> {
    [frame.destination.0, frame.source.0].concat()
}
