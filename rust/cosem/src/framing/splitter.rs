//! One link's splitter: keeps the head of a frame that TCP cut, and hands runs of bytes to the
//! framing that was chosen or sniffed.
//!
//! A chunk is walked where it lies and copied to the arena in one piece. Only the frame cut by the
//! chunk's end waits in `pending`, and is asked about again only when it has all the bytes its
//! framing said it needs, so a peer that drips single bytes costs no more than one that does not.

use std::mem;

use super::envelope::{self, Envelope};
use super::hdlc::Hdlc;
use super::mbus::MBus;
use super::prime_dc::PrimeDc;
use super::uplink::Sequences;
use super::{Frames, Framing, Limits, Next, Progress, uplink, wrapper};
use crate::{DecodeError, Kind, Layer};

/// Cuts one link's bytes into frames.
#[derive(Debug)]
pub struct Splitter {
    machine: Machine,
    limits: Limits,
    pending: Vec<u8>,
    need: usize,
    closed: Option<DecodeError>,
    discarded: u64,
}

#[derive(Debug)]
enum Machine {
    Sniff,
    Wrapper,
    Hdlc(Hdlc),
    MBus(MBus),
    Uplink(Sequences),
    Vendor(Box<dyn Envelope>),
}

impl Splitter {
    /// A link's splitter before its first byte.
    pub fn new(framing: Framing, limits: Limits) -> Self {
        Self {
            machine: Machine::of(framing),
            limits,
            pending: Vec::new(),
            need: 0,
            closed: None,
            discarded: 0,
        }
    }

    /// An uplink whose next envelope is `acked + 1`; a gap ends it.
    pub fn uplink_after(acked: u64, limits: Limits) -> Self {
        let mut splitter = Self::new(Framing::Uplink, limits);
        splitter.machine = Machine::Uplink(Sequences::after(acked));
        splitter
    }

    /// Why the link is lost, once it is; what is fed after that is discarded.
    pub const fn closed(&self) -> Option<DecodeError> {
        self.closed
    }

    /// The framing in use; [`Framing::Auto`] until the first bytes decide.
    pub fn framing(&self) -> Framing {
        match &self.machine {
            Machine::Sniff => Framing::Auto,
            Machine::Wrapper => Framing::Wrapper,
            Machine::Hdlc(_) => Framing::Hdlc,
            Machine::MBus(_) => Framing::MBus,
            Machine::Uplink(_) => Framing::Uplink,
            Machine::Vendor(envelope) => envelope.framing(),
        }
    }

    /// Bytes waiting for the rest of their frame.
    pub const fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Bytes thrown away unseen: what came after the link was closed.
    pub const fn discarded_bytes(&self) -> u64 {
        self.discarded
    }

    /// Splits `chunk`, appending what is whole to `out`.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Frames) {
        let mut chunk = chunk;
        while self.closed.is_none() && !chunk.is_empty() {
            chunk = if self.pending.is_empty() {
                self.walk(chunk, out)
            } else {
                self.top_up(chunk, out)
            };
        }
        self.discard(chunk.len());
    }

    /// The link has ended: what is not whole by now never will be.
    pub fn finish(&mut self, out: &mut Frames) {
        let pending = mem::take(&mut self.pending);
        let layer = match &mut self.machine {
            Machine::Hdlc(hdlc) => return hdlc.finish(&pending, &self.limits, out),
            Machine::MBus(mbus) => return mbus.finish(&pending, &self.limits, out),
            Machine::Sniff | Machine::Vendor(_) => Layer::Link,
            Machine::Wrapper => Layer::Wrapper,
            Machine::Uplink(_) => Layer::Uplink,
        };
        if !pending.is_empty() {
            let at = u32::try_from(pending.len()).unwrap_or(u32::MAX);
            out.reject(&pending, DecodeError::new(layer, at, Kind::Truncated));
        }
    }

    /// Walks a chunk that begins with a frame; returns what is left of it, which is nothing.
    fn walk<'c>(&mut self, chunk: &'c [u8], out: &mut Frames) -> &'c [u8] {
        let progress = self.advance(chunk, out);
        let rest = chunk.get(progress.used..).unwrap_or_default();
        match progress.next {
            Next::Need(need) => {
                self.need = need;
                self.pending.extend_from_slice(rest);
            }
            Next::Close(error) => self.close(error, &[rest], out),
        }
        &[]
    }

    /// Adds to the cut frame no more than it lacks; returns what is left of the chunk.
    fn top_up<'c>(&mut self, chunk: &'c [u8], out: &mut Frames) -> &'c [u8] {
        let lack = self.need.saturating_sub(self.pending.len()).max(1);
        let (now, later) = chunk.split_at_checked(lack).unwrap_or((chunk, &[]));
        self.pending.extend_from_slice(now);
        if self.pending.len() < self.need {
            return later;
        }
        let mut pending = mem::take(&mut self.pending);
        let progress = self.advance(&pending, out);
        match progress.next {
            Next::Need(need) => {
                self.need = need;
                pending.drain(..progress.used.min(pending.len()));
                if !pending.is_empty() || pending.capacity() <= PENDING_BYTES_KEPT {
                    self.pending = pending;
                }
                later
            }
            Next::Close(error) => {
                let rest = pending.get(progress.used..).unwrap_or_default();
                self.close(error, &[rest, later], out);
                &[]
            }
        }
    }

    fn advance(&mut self, bytes: &[u8], out: &mut Frames) -> Progress {
        if let Machine::Sniff = self.machine {
            match sniff(bytes) {
                Ok(framing) => self.machine = Machine::of(framing),
                Err(next) => return Progress { used: 0, next },
            }
        }
        match &mut self.machine {
            Machine::Hdlc(hdlc) => hdlc.walk(bytes, &self.limits, out),
            Machine::MBus(mbus) => mbus.walk(bytes, &self.limits, out),
            Machine::Uplink(sequences) => uplink::walk(bytes, &self.limits, sequences, out),
            Machine::Vendor(vendor) => envelope::walk(vendor.as_mut(), bytes, &self.limits, out),
            Machine::Wrapper | Machine::Sniff => {
                let base = out.bytes.len();
                let progress = wrapper::walk(bytes, base, &self.limits, &mut out.entries);
                out.keep(bytes.get(..progress.used).unwrap_or_default());
                progress
            }
        }
    }

    fn close(&mut self, error: DecodeError, rest: &[&[u8]], out: &mut Frames) {
        let raw = rest.concat();
        let kept = raw.get(..self.limits.frame_bytes_max).unwrap_or(&raw);
        self.discard(raw.len().saturating_sub(kept.len()));
        out.reject(kept, error);
        self.closed = Some(error);
        self.pending = Vec::new();
    }

    fn discard(&mut self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.discarded = self.discarded.saturating_add(count);
    }
}

impl Machine {
    fn of(framing: Framing) -> Self {
        match framing {
            Framing::Auto => Self::Sniff,
            Framing::Wrapper => Self::Wrapper,
            Framing::Hdlc => Self::Hdlc(Hdlc::default()),
            Framing::MBus => Self::MBus(MBus::default()),
            Framing::Uplink => Self::Uplink(Sequences::default()),
            Framing::PrimeDc => Self::Vendor(Box::new(PrimeDc::default())),
        }
    }
}

/// Tells the framing by a link's first bytes, or how many it takes, or that there is none.
///
/// The uplink is not guessed: its length field may look like a wrapper's version.
fn sniff(bytes: &[u8]) -> Result<Framing, Next> {
    match bytes {
        [0, 1, ..] => Ok(Framing::Wrapper),
        [0x7e, ..] => Ok(Framing::Hdlc),
        [0x68, a, b, 0x68, ..] if a == b => Ok(Framing::MBus),
        [] | [0] => Err(Next::Need(2)),
        [0x68] | [0x68, _] => Err(Next::Need(3)),
        [0x68, a, b] if a == b => Err(Next::Need(4)),
        _ => Err(Next::Close(DecodeError::new(Layer::Link, 0, Kind::BadTag))),
    }
}

/// A cut frame's buffer is kept for the next one up to this size, so that idle links stay small.
const PENDING_BYTES_KEPT: usize = 2_048;
