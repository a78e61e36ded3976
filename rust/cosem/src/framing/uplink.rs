//! The acked uplink: a length of four bytes, big endian, then one `MessagePack` envelope
//! (`docs/uplink.md`). The hello before the first envelope is the session's, not ours.
//!
//! The envelope says where its frames end, so a bad frame inside is one reject and the link lives;
//! a bad envelope has no number that could be acknowledged, and ends the link.

use rmp::decode::{Bytes, MessageLen, read_bin_len, read_int, read_str_len};
use rmp::{Marker, decode};

use super::{Entry, Frames, Limits, Next, Progress, Span, What, wrapper};
use crate::{DecodeError, Kind, Layer};

/// Bytes of the length field.
const PREFIX: usize = 4;
/// How deep a field we do not know may nest, and how many keys an envelope may have.
const DEPTH_MAX: usize = 16;
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

    /// Passes over a value of any type.
    fn pass(&mut self) -> Option<()> {
        let rest = self.bytes.remaining_slice();
        let length = MessageLen::with_limits(DEPTH_MAX, rest.len())
            .incremental_len(rest)
            .ok()?;
        self.bytes = Bytes::new(rest.get(length..)?);
        Some(())
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
mod tests {
    use super::*;

    /// `{"sequence": 7, "received_at": -1, "meter": "M", "frame": <frame>}` with a key unknown here.
    fn map(frame: &[u8]) -> Vec<u8> {
        let mut body = vec![0x85];
        body.extend_from_slice(b"\xa8sequence\x07\xabreceived_at\xff\xa5meter\xa1M");
        body.extend_from_slice(b"\xa5later\x92\xc0\x81\x01\x02");
        body.extend_from_slice(b"\xa5frame\xc4");
        body.push(u8::try_from(frame.len()).unwrap());
        body.extend_from_slice(frame);
        prefixed(&body)
    }

    fn prefixed(body: &[u8]) -> Vec<u8> {
        let mut message = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        message.extend_from_slice(body);
        message
    }

    fn walk_any(bytes: &[u8], out: &mut Frames) -> Progress {
        walk(bytes, &Limits::default(), &mut Sequences::default(), out)
    }

    fn numbered(sequence: u8) -> Vec<u8> {
        prefixed(&[0x94, sequence, 0, 0xa0, 0xc4, 0])
    }

    #[test]
    fn repeated_envelopes_pass_and_a_gap_ends_the_link_before_it_is_kept() {
        let gap = Next::Close(DecodeError::new(Layer::Uplink, 4, Kind::BadSequence));
        for (numbers, kept, next) in [
            (&[8, 9][..], 2, Next::Need(4)),
            (&[6, 7, 8, 7, 9], 5, Next::Need(4)),
            (&[9], 0, gap),
            (&[8, 10, 11], 1, gap),
            (&[3, 5], 1, gap),
        ] {
            let bytes: Vec<u8> = numbers.iter().flat_map(|each| numbered(*each)).collect();
            let mut out = Frames::default();
            let mut sequences = Sequences::after(if numbers[0] == 3 { 2 } else { 7 });
            let progress = walk(&bytes, &Limits::default(), &mut sequences, &mut out);
            assert_eq!(
                (out.entries.len(), progress.next),
                (kept, next),
                "{numbers:?}"
            );
        }
    }

    const FRAME: &[u8] = &[0, 1, 0, 1, 0, 64, 0, 1, 0x0f];

    #[test]
    fn an_envelope_goes_before_the_frames_it_carries() {
        let bytes = map(&[FRAME, FRAME].concat());
        let mut out = Frames::default();
        let progress = walk_any(&bytes, &mut out);
        assert_eq!(progress.used, bytes.len());
        let [envelope, first, second] = &out.entries[..] else {
            panic!("{:?}", out.entries);
        };
        let What::Envelope {
            sequence: 7,
            received_at_ms: -1,
            meter,
        } = envelope.what
        else {
            panic!("{envelope:?}");
        };
        assert_eq!(out.get(meter), b"M");
        assert_eq!(out.get(envelope.raw), bytes);
        assert_eq!(
            (out.get(first.apdu), out.get(second.raw)),
            (&[0x0f][..], FRAME)
        );
    }

    #[test]
    fn an_array_says_the_same_and_a_bad_frame_inside_leaves_the_link_alone() {
        let bytes = prefixed(b"\x94\x07\xff\xa0\xc4\x03\x00\x01\x00");
        let mut out = Frames::default();
        assert_eq!(walk_any(&bytes, &mut out).next, Next::Need(4));
        let error = DecodeError::new(Layer::Wrapper, 3, Kind::Truncated);
        assert_eq!(out.entries[1].what, What::Reject(error));
        assert_eq!(out.get(out.entries[1].raw), [0, 1, 0]);
    }

    #[test]
    fn what_cannot_be_acknowledged_ends_the_link() {
        let no_time = b"\x84\xa8sequence\x07\xa8sequence\x07\xa5meter\xa0\xa5frame\xc4\x00";
        for body in [
            &b"\x93\x07\xff\xa0"[..],
            b"\x80",
            b"\xc0",
            b"\x94\x07\xff\xa0\xc4\x09",
            no_time,
        ] {
            let next = walk_any(&prefixed(body), &mut Frames::default()).next;
            let error = DecodeError::new(Layer::Uplink, 4, Kind::BadValue);
            assert_eq!(next, Next::Close(error), "{body:02x?}");
        }
        let two_gib = [0x7f, 0xff, 0xff, 0xff, 0x84];
        let next = walk_any(&two_gib, &mut Frames::default()).next;
        assert_eq!(
            next,
            Next::Close(DecodeError::new(Layer::Uplink, 0, Kind::TooLong))
        );
    }
}
