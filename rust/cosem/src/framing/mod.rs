//! Chunks in, frames out: where one frame ends and the next begins, in every framing a link may use.
//!
//! Rule 1: where a frame is cut, how a lost stream is found again and when a link is given up is
//! decided here and only here.
//! Rule 2: nothing here looks inside an APDU, with one exception that `hdlc.rs` explains.
//!
//! A [`Splitter`] belongs to one link. It is fed chunks cut anywhere and appends whole frames to
//! [`Frames`], an arena that is decoded and dropped as one. The entries do not depend on how the
//! bytes were chunked; only the raw bytes of the reject that closes a link do, because they hold
//! whatever had come in by then.

mod answer;
mod checksum;
mod datagram;
mod envelope;
mod gateway;
pub mod hdlc;
pub mod mbus;
mod prime_dc;
mod resync;
mod splitter;
mod uplink;
mod wrapper;

pub use answer::{answer, answerable};
pub use datagram::datagram;
pub use gateway::{Gateway, Prefix, prefix};
pub use splitter::Splitter;

use crate::DecodeError;

/// How frames are told apart on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Decided by the first bytes: wrapper, HDLC or M-Bus. Neither the uplink nor a vendor's framing
    /// is ever guessed.
    Auto,
    /// IEC 62056-47 wrapper: eight bytes of header, no checksum.
    Wrapper,
    /// HDLC frame format type 3, IEC 62056-46, over a byte stream and without byte stuffing.
    Hdlc,
    /// M-Bus long frames, EN 13757-2, with the COSEM transport of EN 13757-3.
    MBus,
    /// The acked uplink: length-prefixed `MessagePack` envelopes, see `docs/uplink.md`.
    Uplink,
    /// The wrapper of PRIME data concentrators, whose own messages name the meters.
    PrimeDc,
}

impl Framing {
    /// The framing called `name` in settings.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "wrapper" => Some(Self::Wrapper),
            "hdlc" => Some(Self::Hdlc),
            "mbus" => Some(Self::MBus),
            "uplink" => Some(Self::Uplink),
            "prime-dc" => Some(Self::PrimeDc),
            _ => None,
        }
    }

    /// The name used in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Wrapper => "wrapper",
            Self::Hdlc => "hdlc",
            Self::MBus => "mbus",
            Self::Uplink => "uplink",
            Self::PrimeDc => "prime-dc",
        }
    }
}

/// What a link may make us hold before it yields a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest frame, header included, and the longest message joined from segments.
    pub frame_bytes_max: usize,
    /// The longest envelope of the uplink, its length field excluded (`docs/uplink.md`, 1.4).
    pub envelope_bytes_max: usize,
}

impl Limits {
    /// Frames up to `frame_bytes_max`, and envelopes with room for one such frame.
    pub const fn of_frames(frame_bytes_max: usize) -> Self {
        Self {
            frame_bytes_max,
            envelope_bytes_max: frame_bytes_max.saturating_add(1_024),
        }
    }
}

impl Default for Limits {
    /// The longest wrapper frame there can be.
    fn default() -> Self {
        Self::of_frames(65_543)
    }
}

/// Whole frames and rejects in the order of the link, their bytes in one arena.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frames {
    /// The bytes every [`Span`] points into.
    pub bytes: Vec<u8>,
    /// What was found, in order.
    pub entries: Vec<Entry>,
}

impl Frames {
    /// The bytes of `span`; empty when it lies outside, which no span made here does.
    pub fn get(&self, span: Span) -> &[u8] {
        span.of(&self.bytes)
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Copies `bytes` to the end of the arena.
    fn keep(&mut self, bytes: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        Span::new(start, self.bytes.len())
    }

    /// Copies refused bytes into the arena and says why they were refused.
    fn reject(&mut self, raw: &[u8], error: DecodeError) {
        let raw = self.keep(raw);
        self.entries.push(Entry::reject(raw, error));
    }
}

/// A range of bytes inside an arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// From `start` up to `end`. Arenas are bounded far below 4 GiB by the limits of the links.
    pub fn new(start: usize, end: usize) -> Self {
        Self {
            start: u32::try_from(start).unwrap_or(u32::MAX),
            end: u32::try_from(end).unwrap_or(u32::MAX),
        }
    }

    /// The bytes of `arena` in this range.
    pub fn of(self, arena: &[u8]) -> &[u8] {
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        let end = usize::try_from(self.end).unwrap_or(usize::MAX);
        arena.get(start..end).unwrap_or_default()
    }

    /// How many bytes.
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// One thing found on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The bytes it came in: what a reject row keeps.
    pub raw: Span,
    /// The APDU, when `what` is one; else empty.
    pub apdu: Span,
    /// What it is.
    pub what: What,
}

impl Entry {
    const fn reject(raw: Span, error: DecodeError) -> Self {
        let apdu = Span { start: 0, end: 0 };
        let what = What::Reject(error);
        Self { raw, apdu, what }
    }
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A frame, or a message joined from segments, with an APDU in it.
    Apdu {
        /// The framing it came in.
        framing: Framing,
        /// The sender's wPort, client or logical device address, or M-Bus STSAP.
        source: u16,
        /// The receiver's, likewise.
        destination: u16,
        /// The device behind the concentrator: the gateway prefix that stood before the APDU and
        /// was taken off, or whom a vendor's envelope names.
        gateway: Option<Gateway>,
    },
    /// A sound frame of the link layer without an APDU: SNRM, UA, RR and their like.
    Link {
        /// The control field.
        control: u8,
    },
    /// A concentrator's own word, with no APDU in it: who is behind it, and the like.
    Notice,
    /// Bytes that are no frame.
    Reject(DecodeError),
    /// An envelope of the uplink; the frames it carries follow.
    Envelope {
        /// Its number, to be acknowledged.
        sequence: u64,
        /// When the concentrator received the frames from the meter.
        received_at_ms: i64,
        /// What the concentrator calls the meter; empty when it does not say.
        meter: Span,
    },
}

/// What a framing says after it has looked at the bytes it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The first byte not used begins something that takes this many bytes to judge.
    Need(usize),
    /// The stream is lost and cannot be found again.
    Close(DecodeError),
}

/// How far a framing came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Progress {
    used: usize,
    next: Next,
}

#[cfg(test)]
pub(crate) mod tests;
