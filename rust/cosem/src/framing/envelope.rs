//! Where vendors plug in: what a concentrator puts around, or between, the frames it relays.
//!
//! A vendor's framing is one file with an [`Envelope`] in it, a name in [`Framing`] and a line in
//! `Machine::of`. `prime_dc.rs` is the example. Cutting, waiting for the rest of a message, limits
//! and keeping bytes are done here for all of them.

use std::ops::Range;

use super::{Entry, Frames, Framing, Gateway, Limits, Next, Progress, Span, What};
use crate::DecodeError;

/// A vendor's framing, and what it remembers of one link.
pub(super) trait Envelope: core::fmt::Debug + Send {
    /// What it is called.
    fn framing(&self) -> Framing;

    /// Judges the message at the head of `bytes`, of which there is at least one.
    ///
    /// It must not remember anything of a message before it returns it.
    fn head(&mut self, bytes: &[u8], limits: &Limits) -> Result<Message<'_>, Next>;
}

/// One whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message<'a> {
    /// How many bytes it takes.
    pub(super) bytes: usize,
    /// What is in it.
    pub(super) content: Content<'a>,
}

/// What a message holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// An APDU of a meter.
    Apdu {
        /// Where in the message it stands.
        apdu: Range<usize>,
        /// Who sent it, as in [`What::Apdu`].
        source: u16,
        /// Whom it is for.
        destination: u16,
        /// What the concentrator calls the meter; empty when it does not say.
        device: &'a [u8],
    },
    /// The concentrator's own word, with nothing in it for a decoder.
    Notice,
    /// It is not what it should be.
    Refused(DecodeError),
}

/// Takes every message that is whole.
pub(super) fn walk(
    envelope: &mut dyn Envelope,
    bytes: &[u8],
    limits: &Limits,
    out: &mut Frames,
) -> Progress {
    let framing = envelope.framing();
    let mut used = 0_usize;
    loop {
        let rest = bytes.get(used..).unwrap_or_default();
        if rest.is_empty() {
            let next = Next::Need(1);
            return Progress { used, next };
        }
        match envelope.head(rest, limits) {
            Ok(message) => {
                let raw = rest.get(..message.bytes).unwrap_or(rest);
                keep(framing, raw, &message.content, out);
                used = used.saturating_add(raw.len().max(1));
            }
            Err(next) => return Progress { used, next },
        }
    }
}

fn keep(framing: Framing, raw: &[u8], content: &Content<'_>, out: &mut Frames) {
    let start = out.bytes.len();
    let raw = out.keep(raw);
    let at = |offset: usize| start.saturating_add(offset);
    let (apdu, what) = match content {
        Content::Apdu {
            apdu,
            source,
            destination,
            device,
        } => {
            let address = out.keep(device);
            let gateway = (!address.is_empty()).then_some(Gateway {
                network: 0,
                address,
            });
            let what = What::Apdu {
                framing,
                source: *source,
                destination: *destination,
                gateway,
            };
            (Span::new(at(apdu.start), at(apdu.end)), what)
        }
        Content::Notice => (Span::default(), What::Notice),
        Content::Refused(error) => (Span::default(), What::Reject(*error)),
    };
    out.entries.push(Entry { raw, apdu, what });
}
