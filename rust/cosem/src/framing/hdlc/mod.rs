//! HDLC over a byte stream (IEC 62056-46, frame format type 3), and finding it again after noise.
//!
//! There is no byte stuffing: the length field decides where a frame ends, and 7E may stand inside.
//! One flag may close a frame and open the next, and any number of flags may stand between.
//! A candidate is believed when its HCS, its closing flag and its FCS all hold. The HCS is checked
//! as soon as it is there, so that noise that looks like a frame is not waited for.
//!
//! Three tolerances that the field needs, each narrow enough not to let damage through:
//! - a frame shorter than its length field says is found by its flag and FCS (see `lying`);
//! - an FCS that fails is forgiven when the APDU carries an authentication tag, which is the
//!   stronger proof and is checked when it is opened (see `vouched_for`);
//! - a segmented message may be abandoned by its sender: a new LLC header starts a new one.

mod answer;
mod frame;
mod join;

pub(super) use answer::answer;
pub use frame::{Address, Frame, without_llc};

use super::resync::Lost;
use super::{Frames, Limits, Next, Progress, checksum};
use crate::{DecodeError, Kind, Layer};
use frame::Header;
use join::Join;

const FLAG: u8 = 0x7e;
/// Flag, format, the longest addresses, control and HCS: enough to check any header.
const HEADER_BYTES_MAX: usize = 14;

/// The state of one HDLC link.
#[derive(Debug, Default)]
pub(super) struct Hdlc {
    lost: Lost,
    join: Join,
}

/// What the bytes at the head of the stream are.
enum Head<'a> {
    /// Idle flags.
    Idle,
    /// These many bytes begin no frame.
    Noise(usize, DecodeError),
    /// A frame, and how many bytes to step: its closing flag may open the next one.
    Frame(Frame<'a>, usize),
}

/// How many bytes it takes to judge the head, and what is wrong if no more come.
struct Need(usize, DecodeError);

impl Hdlc {
    /// Takes every frame that is whole.
    pub(super) fn walk(&mut self, bytes: &[u8], limits: &Limits, out: &mut Frames) -> Progress {
        let mut used = 0_usize;
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            match head(rest) {
                Ok(found) => {
                    let step = self.take(rest, &found, limits, out);
                    used = used.saturating_add(step);
                }
                Err(Need(need, _)) => {
                    let next = Next::Need(need);
                    return Progress { used, next };
                }
            }
        }
    }

    /// The link has ended: a frame that is not whole is noise, but one behind it may be sound.
    pub(super) fn finish(&mut self, bytes: &[u8], limits: &Limits, out: &mut Frames) {
        let mut rest = bytes;
        // One flag alone closed the last frame and opened none.
        while !rest.is_empty() && rest != [FLAG] {
            let found = head(rest).unwrap_or_else(|Need(_, error)| lying(rest, error));
            let step = self.take(rest, &found, limits, out);
            rest = rest.get(step..).unwrap_or_default();
        }
        self.join.abandon(out);
        self.lost.leave(out);
    }

    /// Acts on what was found at the head of `rest`; returns how far to step.
    fn take(&mut self, rest: &[u8], found: &Head<'_>, limits: &Limits, out: &mut Frames) -> usize {
        match *found {
            Head::Idle => 1,
            Head::Noise(step, error) => {
                let noise = rest.get(..step).unwrap_or(rest);
                self.lost.lose(noise, error, limits.frame_bytes_max, out);
                noise.len()
            }
            Head::Frame(ref frame, step) => {
                self.lost.leave(out);
                let raw = rest.get(..step.saturating_add(1)).unwrap_or(rest);
                self.join.take(frame, raw, limits, out);
                step
            }
        }
    }
}

/// Judges the head of the stream.
fn head(bytes: &[u8]) -> Result<Head<'_>, Need> {
    let short = error(bytes.len(), Kind::Truncated);
    match bytes {
        [] => Err(Need(1, short)),
        [FLAG] | [FLAG, _] if bytes != [FLAG, FLAG] => Err(Need(3, short)),
        [FLAG, FLAG, ..] => Ok(Head::Idle),
        [FLAG, rest @ ..] => match Header::parse(rest) {
            Ok(header) => whole(bytes, &header),
            Err(wrong) if wrong.kind == Kind::Truncated => {
                let enough = Header::total(rest).min(HEADER_BYTES_MAX);
                Err(Need(enough.max(bytes.len().saturating_add(1)), wrong))
            }
            Err(wrong) => Ok(Head::Noise(1, wrong)),
        },
        [_, rest @ ..] => {
            let run = rest.iter().take_while(|byte| **byte != FLAG).count();
            Ok(Head::Noise(run.saturating_add(1), error(0, Kind::BadTag)))
        }
    }
}

/// A sound header: waits for the whole frame and checks its end.
fn whole<'a>(bytes: &'a [u8], header: &Header) -> Result<Head<'a>, Need> {
    let close = header.length.saturating_add(1);
    let total = close.saturating_add(1);
    let (Some(content), Some(last)) = (bytes.get(1..close), bytes.get(close)) else {
        return Err(Need(total, error(bytes.len(), Kind::Truncated)));
    };
    if *last != FLAG {
        let seen = bytes.get(..total).unwrap_or(bytes);
        return Ok(lying(seen, error(close, Kind::BadLength)));
    }
    Ok(match Frame::of(content, header) {
        Ok(frame) => Head::Frame(frame, close),
        Err(wrong) => Head::Noise(close, wrong),
    })
}

/// A short frame whose length field says more than it holds (E650's SNRM says one byte too many): it
/// is believed when its bytes up to a flag end in their own FCS.
fn lying(bytes: &[u8], wrong: DecodeError) -> Head<'_> {
    let content = bytes.get(1..).unwrap_or_default();
    let short = content.get(..LYING_BYTES_MAX).unwrap_or(content);
    let found = checksum::ends(short)
        .filter(|end| content.get(*end) == Some(&FLAG))
        .find_map(|end| Frame::short_of_its_length(content.get(..end)?));
    match found {
        Some((frame, length)) => Head::Frame(frame, length.saturating_add(1)),
        None => Head::Noise(1, wrong),
    }
}

/// How far a frame with a wrong length is searched for: link control frames are no longer, and every
/// byte of noise may cost this many.
const LYING_BYTES_MAX: usize = 64;

fn error(offset: usize, kind: Kind) -> DecodeError {
    let offset = u32::try_from(offset).unwrap_or(u32::MAX);
    DecodeError::new(Layer::Hdlc, offset, kind)
}

#[cfg(test)]
mod tests;
