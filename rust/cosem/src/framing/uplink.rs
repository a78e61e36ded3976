//! The acked uplink: a length of four bytes, big endian, then one `MessagePack` envelope
//! (`docs/uplink.md`). The hello before the first envelope is the session's, not ours.
//!
//! The envelope says where its frames end, so a bad frame inside is one reject and the link lives;
//! a bad envelope has no number that could be acknowledged, and ends the link.

use rmp::decode::{Bytes, read_bin_len, read_int, read_str_len};
use rmp::{Marker, decode};

use super::{Entry, Frames, Limits, Next, Progress, Span, What, wrapper};
use crate::{DecodeError, Kind, Layer};

/// Bytes of the length field.
const PREFIX: usize = 4;
/// How many keys an envelope may have.
const KEYS_MAX: u32 = 64;

/// Up to which sequence a link's envelopes have come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sequences {
    /// None: nobody said where this link goes on, so any first number will do.
    last: Option<u64>,
}

impl Sequences {
    /// The next envelope is `acked + 1`; lower ones are repeated (`docs/uplink.md`, 4).
    pub(super) const fn after(acked: u64) -> Self {
        Self { last: Some(acked) }
    }

    /// Whether `sequence` leaves nothing out.
    fn take(&mut self, sequence: u64) -> bool {
        let next = self.last.map_or(sequence, |last| last.saturating_add(1));
        if sequence > next {
            return false;
        }
        self.last = self.last.max(Some(sequence));
        true
    }
}

/// Takes every envelope that is whole, up to one that does not follow.
pub(super) fn walk(
    bytes: &[u8],
    limits: &Limits,
    sequences: &mut Sequences,
    out: &mut Frames,
) -> Progress {
    let mut used = 0_usize;
    let mut rest = bytes;
    let next = loop {
        let Some((prefix, behind)) = rest.split_first_chunk::<PREFIX>() else {
            break Next::Need(PREFIX);
        };
        let length = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
        if length == 0 || length > limits.envelope_bytes_max {
            let kind = if length == 0 {
                Kind::BadLength
            } else {
                Kind::TooLong
            };
            break Next::Close(DecodeError::new(Layer::Uplink, 0, kind));
        }
        let total = length.saturating_add(PREFIX);
        let Some((message, behind)) = behind.split_at_checked(length) else {
            break Next::Need(total);
        };
        let Some(envelope) = Envelope::parse(message) else {
            break Next::Close(DecodeError::new(Layer::Uplink, 4, Kind::BadValue));
        };
        if !sequences.take(envelope.sequence) {
            // Acknowledging past the gap would make the client forget what never came.
            break Next::Close(DecodeError::new(Layer::Uplink, 4, Kind::BadSequence));
        }
        envelope.keep(rest.get(..total).unwrap_or(rest), limits, out);
        used = used.saturating_add(total);
        rest = behind;
    };
    Progress { used, next }
}

/// An envelope's fields, each a range of the message.
#[derive(Debug, Default, PartialEq, Eq)]
struct Envelope {
    sequence: u64,
    received_at_ms: i64,
    meter: (usize, usize),
    frame: (usize, usize),
}

impl Envelope {
    /// Reads one message, a map or an array of the four values.
    fn parse(message: &[u8]) -> Option<Self> {
        let mut fields = Fields {
            bytes: Bytes::new(message),
            length: message.len(),
        };
        let mut envelope = Self::default();
        let marker = Marker::from_u8(*message.first()?);
        if matches!(
            marker,
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32
        ) {
            if decode::read_array_len(&mut fields.bytes).ok()? != 4 {
                return None;
            }
            for key in KEYS {
                envelope.read(key, &mut fields)?;
            }
        } else {
            let keys = decode::read_map_len(&mut fields.bytes).ok()?;
            let mut missing = KEYS.to_vec();
            for _ in 0..(keys <= KEYS_MAX).then_some(keys)? {
                let (start, end) = fields.text()?;
                let key = message.get(start..end)?;
                envelope.read(key, &mut fields)?;
                missing.retain(|each| *each != key);
            }
            if !missing.is_empty() {
                return None;
            }
        }
        fields
            .bytes
            .remaining_slice()
            .is_empty()
            .then_some(envelope)
    }

    /// Reads the value of `key`; one that is not ours is passed over (`docs/uplink.md`, 1.6).
    fn read(&mut self, key: &[u8], fields: &mut Fields<'_>) -> Option<()> {
        match key {
            b"sequence" => self.sequence = read_int(&mut fields.bytes).ok()?,
            b"received_at" => self.received_at_ms = read_int(&mut fields.bytes).ok()?,
            b"meter" => self.meter = fields.text()?,
            b"frame" => self.frame = fields.binary()?,
            _ => fields.pass()?,
        }
        Some(())
    }

    /// Copies the message, whose bytes with their length field are `raw`, and cuts its frames.
    fn keep(&self, raw: &[u8], limits: &Limits, out: &mut Frames) {
        let span = out.keep(raw);
        let base = out.bytes.len().saturating_sub(raw.len());
        let body = base.saturating_add(PREFIX);
        let at = |offset: usize| body.saturating_add(offset);
        out.entries.push(Entry {
            raw: span,
            apdu: Span::default(),
            what: What::Envelope {
                sequence: self.sequence,
                received_at_ms: self.received_at_ms,
                meter: Span::new(at(self.meter.0), at(self.meter.1)),
            },
        });
        let (start, end) = (at(self.frame.0), at(self.frame.1));
        let frames = Span::new(start, end).of(&out.bytes);
        let progress = wrapper::walk(frames, start, limits, &mut out.entries);
        let left = start.saturating_add(progress.used);
        if left < end {
            let error = match progress.next {
                Next::Close(error) => error,
                Next::Need(_) => {
                    let at = u32::try_from(end.saturating_sub(left)).unwrap_or(u32::MAX);
                    DecodeError::new(Layer::Wrapper, at, Kind::Truncated)
                }
            };
            out.entries.push(Entry::reject(Span::new(left, end), error));
        }
    }
}

const KEYS: [&[u8]; 4] = [b"sequence", b"received_at", b"meter", b"frame"];

/// The rest of a message.
struct Fields<'a> {
    bytes: Bytes<'a>,
    length: usize,
}

impl Fields<'_> {
    fn text(&mut self) -> Option<(usize, usize)> {
        let length = read_str_len(&mut self.bytes).ok()?;
        self.skip(length)
    }

    fn binary(&mut self) -> Option<(usize, usize)> {
        let length = read_bin_len(&mut self.bytes).ok()?;
        self.skip(length)
    }

    /// Passes over a value of any type. What is inside it is counted and not nested, so that depth
    /// costs nothing, and every value takes a byte at least.
    fn pass(&mut self) -> Option<()> {
        let mut values = 1_usize;
        while let Some(left) = values.checked_sub(1) {
            values = left.checked_add(self.pass_one()?)?;
            if values > self.bytes.remaining_slice().len() {
                return None;
            }
        }
        Some(())
    }

    /// Passes over one value's own bytes; returns how many values are inside it.
    fn pass_one(&mut self) -> Option<usize> {
        let [marker] = self.take()?;
        let bytes = match Marker::from_u8(marker) {
            Marker::Reserved => return None,
            Marker::FixMap(count) => return Some(usize::from(count).saturating_mul(2)),
            Marker::FixArray(count) => return Some(count.into()),
            Marker::Map16 => return Some(self.be_u16()?.saturating_mul(2)),
            Marker::Map32 => return Some(self.be_u32()?.saturating_mul(2)),
            Marker::Array16 => return self.be_u16(),
            Marker::Array32 => return self.be_u32(),
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::False | Marker::True => {
                0
            }
            Marker::U8 | Marker::I8 => 1,
            Marker::U16 | Marker::I16 | Marker::FixExt1 => 2,
            Marker::FixExt2 => 3,
            Marker::U32 | Marker::I32 | Marker::F32 => 4,
            Marker::FixExt4 => 5,
            Marker::U64 | Marker::I64 | Marker::F64 => 8,
            Marker::FixExt8 => 9,
            Marker::FixExt16 => 17,
            Marker::FixStr(count) => count.into(),
            Marker::Str8 | Marker::Bin8 => self.take().map(|[count]| count.into())?,
            Marker::Str16 | Marker::Bin16 => self.be_u16()?,
            Marker::Str32 | Marker::Bin32 => self.be_u32()?,
            // The type of an extension stands between its length and its bytes.
            Marker::Ext8 => self
                .take()
                .map(|[count]| usize::from(count))?
                .saturating_add(1),
            Marker::Ext16 => self.be_u16()?.saturating_add(1),
            Marker::Ext32 => self.be_u32()?.saturating_add(1),
        };
        self.bytes = Bytes::new(self.bytes.remaining_slice().get(bytes..)?);
        Some(0)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.bytes.remaining_slice().split_first_chunk()?;
        self.bytes = Bytes::new(rest);
        Some(*taken)
    }

    fn be_u16(&mut self) -> Option<usize> {
        self.take().map(|bytes| u16::from_be_bytes(bytes).into())
    }

    fn be_u32(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(self.take()?)).ok()
    }

    fn skip(&mut self, length: u32) -> Option<(usize, usize)> {
        let rest = self.bytes.remaining_slice();
        let start = self.length.checked_sub(rest.len())?;
        let length = usize::try_from(length).ok()?;
        self.bytes = Bytes::new(rest.get(length..)?);
        Some((start, start.checked_add(length)?))
    }
}

#[cfg(test)]
mod tests;
