//! M-Bus long frames with the COSEM transport (EN 13757-2 clause 5.6; EN 13757-3): what Austrian and
//! Swiss meters push, and some concentrators relay.
//!
//! `68 L L 68 | C A CI STSAP DTSAP | message | sum | 16`, where L counts from C to the message's end.
//! The low half of CI numbers the segment and 0x10 marks the last one.
//! Sagemcom lets L overflow: L = 01 stands for 257 bytes. So a frame that does not end where L says
//! is tried once more 256 bytes further on, where its sum and stop byte must hold.

use super::hdlc::without_llc;
use super::resync::Lost;
use super::{Entry, Frames, Framing, Limits, Next, Progress, What};
use crate::{DecodeError, Kind, Layer};

const START: u8 = 0x68;
const STOP: u8 = 0x16;
/// What L does not count: the header of four bytes, the sum and the stop byte.
const AROUND: usize = 6;
/// C, A, CI, STSAP and DTSAP.
const TRANSPORT: usize = 5;
const OVERFLOW: usize = 256;

/// The state of one M-Bus link.
#[derive(Debug, Default)]
pub(super) struct MBus {
    lost: Lost,
    /// Bytes of the segments taken so far.
    raw: Vec<u8>,
    message: Vec<u8>,
    /// How many segments of the open message came; 0 when none is open.
    segments: u8,
}

/// One long frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongFrame<'a> {
    /// Control field.
    pub control: u8,
    /// Address field.
    pub address: u8,
    /// Control information: segment number and last mark.
    pub control_information: u8,
    /// Source transport service access point.
    pub source: u8,
    /// Destination transport service access point.
    pub destination: u8,
    /// The part of the message in this frame.
    pub message: &'a [u8],
    /// Bytes of the whole frame.
    pub bytes: usize,
}

/// Why there is no frame at the head of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoFrame {
    /// It may become one with this many bytes.
    Need(usize),
    /// These many bytes begin none.
    Noise(usize, DecodeError),
}

impl<'a> LongFrame<'a> {
    /// The frame at the head of `bytes`; `ended` when no more bytes will come.
    pub fn at_head(bytes: &'a [u8], ended: bool) -> Result<Self, NoFrame> {
        let length = match bytes {
            [] => return Err(NoFrame::Need(1)),
            [START, a, b, START, ..] if a == b => usize::from(*a),
            [START] | [START, _] | [START, _, _] if !ended => return Err(NoFrame::Need(4)),
            [START, ..] => return Err(NoFrame::Noise(1, error(1, Kind::BadTag))),
            [_, rest @ ..] => {
                let run = rest.iter().take_while(|byte| **byte != START).count();
                let run = run.saturating_add(1);
                return Err(NoFrame::Noise(run, error(0, Kind::BadTag)));
            }
        };
        let overflown = length.saturating_add(OVERFLOW);
        let mut wrong = error(bytes.len(), Kind::Truncated);
        for length in [length, overflown] {
            if length < TRANSPORT {
                continue;
            }
            let total = length.saturating_add(AROUND);
            match bytes.get(..total) {
                Some(whole) => match Self::of(whole) {
                    Ok(frame) => return Ok(frame),
                    Err(why) => wrong = why,
                },
                None if ended => {}
                None => return Err(NoFrame::Need(total)),
            }
        }
        Err(NoFrame::Noise(1, wrong))
    }

    fn of(whole: &'a [u8]) -> Result<Self, DecodeError> {
        let frame = Self::unproven(whole)?;
        let at = whole.len().saturating_sub(2);
        let (body, sum) = (whole.get(4..at).unwrap_or_default(), whole.get(at));
        let sum_here = body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        if Some(&sum_here) == sum {
            Ok(frame)
        } else {
            Err(error(at, Kind::BadChecksum))
        }
    }

    /// The frame that is `whole`, whatever its sum says.
    fn unproven(whole: &'a [u8]) -> Result<Self, DecodeError> {
        let [_, _, _, _, body @ .., _, STOP] = whole else {
            return Err(error(whole.len().saturating_sub(1), Kind::BadLength));
        };
        let Some(([control, address, ci, source, destination], message)) =
            body.split_first_chunk::<TRANSPORT>()
        else {
            return Err(error(1, Kind::BadLength));
        };
        Ok(Self {
            control: *control,
            address: *address,
            control_information: *ci,
            source: *source,
            destination: *destination,
            message,
            bytes: whole.len(),
        })
    }

    /// Like [`at_head`](Self::at_head) at the end of a capture, but the sum may be wrong. For people.
    pub fn damaged_at_head(bytes: &'a [u8]) -> Option<Self> {
        let [START, a, b, START, ..] = bytes else {
            return None;
        };
        let length = usize::from(*a);
        let lengths = [length, length.saturating_add(OVERFLOW)];
        lengths.into_iter().filter(|_| a == b).find_map(|length| {
            let whole = bytes.get(..length.saturating_add(AROUND))?;
            Self::unproven(whole).ok()
        })
    }
}

impl MBus {
    /// Takes every frame that is whole.
    pub(super) fn walk(&mut self, bytes: &[u8], limits: &Limits, out: &mut Frames) -> Progress {
        let mut used = 0_usize;
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            match self.step(rest, false, limits, out) {
                Ok(step) => used = used.saturating_add(step),
                Err(need) => {
                    let next = Next::Need(need);
                    return Progress { used, next };
                }
            }
        }
    }

    /// The link has ended: a frame that is not whole is noise, but one behind it may be sound.
    pub(super) fn finish(&mut self, bytes: &[u8], limits: &Limits, out: &mut Frames) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let step = self.step(rest, true, limits, out).unwrap_or(rest.len());
            rest = rest.get(step..).unwrap_or_default();
        }
        self.abandon(out);
        self.lost.leave(out);
    }

    /// One step: how many bytes it took, or how many are needed for it.
    fn step(
        &mut self,
        rest: &[u8],
        ended: bool,
        limits: &Limits,
        out: &mut Frames,
    ) -> Result<usize, usize> {
        match LongFrame::at_head(rest, ended) {
            Ok(frame) => {
                self.lost.leave(out);
                let raw = rest.get(..frame.bytes).unwrap_or(rest);
                self.take(&frame, raw, limits, out);
                Ok(frame.bytes)
            }
            Err(NoFrame::Need(need)) => Err(need),
            Err(NoFrame::Noise(step, error)) => {
                let noise = rest.get(..step).unwrap_or(rest);
                self.lost.lose(noise, error, limits.frame_bytes_max, out);
                Ok(noise.len())
            }
        }
    }

    fn take(&mut self, frame: &LongFrame<'_>, raw: &[u8], limits: &Limits, out: &mut Frames) {
        let ci = frame.control_information;
        if ci & 0xe0 != 0 {
            return out.reject(raw, error(6, Kind::Unsupported));
        }
        let number = ci & 0x0f;
        if number == 0 {
            self.abandon(out);
        }
        // More than sixteen segments number on from zero, which abandons: no meter sends so many.
        if number != self.segments {
            self.abandon(out);
            return out.reject(raw, error(6, Kind::BadSequence));
        }
        self.segments = self.segments.saturating_add(1);
        self.raw.extend_from_slice(raw);
        self.message.extend_from_slice(frame.message);
        if self.raw.len() > limits.frame_bytes_max {
            out.reject(&self.raw, error(1, Kind::TooLong));
            self.clear();
        } else if ci & 0x10 != 0 {
            self.deliver(frame, out);
        }
    }

    fn deliver(&mut self, frame: &LongFrame<'_>, out: &mut Frames) {
        let message = without_llc(&self.message);
        if message.is_empty() {
            out.reject(&self.raw, error(1, Kind::BadLength));
        } else {
            let raw = out.keep(&self.raw);
            let apdu = out.keep(message);
            let what = What::Apdu {
                framing: Framing::MBus,
                source: u16::from(frame.source),
                destination: u16::from(frame.destination),
                gateway: None,
            };
            out.entries.push(Entry { raw, apdu, what });
        }
        self.clear();
    }

    fn abandon(&mut self, out: &mut Frames) {
        if self.segments > 0 {
            out.reject(&self.raw, error(self.raw.len(), Kind::BadSequence));
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.segments = 0;
        self.raw = Vec::new();
        self.message = Vec::new();
    }
}

fn error(offset: usize, kind: Kind) -> DecodeError {
    let offset = u32::try_from(offset).unwrap_or(u32::MAX);
    DecodeError::new(Layer::MBus, offset, kind)
}
