//! IEC 62056-47 wrapper: version, source wPort, destination wPort and length, each a big-endian
//! `u16`, then the APDU. The common case on a concentrator's link, so it makes one pass.
//!
//! There is no checksum and no marker to find a lost stream by: a wrong version ends the link.

use super::{Entry, Framing, Limits, Next, Progress, Span, What, gateway};
use crate::{DecodeError, Kind, Layer};

/// Bytes before the APDU.
pub(super) const HEADER: usize = 8;
const VERSION: [u8; 2] = [0, 1];

/// Cuts `bytes`, which the caller keeps at `base` of the arena, into entries.
pub(super) fn walk(
    bytes: &[u8],
    base: usize,
    limits: &Limits,
    entries: &mut Vec<Entry>,
) -> Progress {
    let mut used = 0_usize;
    let mut rest = bytes;
    let next = loop {
        let frame = match head(rest, limits) {
            Ok(frame) => frame,
            Err(next) => break next,
        };
        let start = base.saturating_add(used);
        let (source, destination) = (frame.source, frame.destination);
        entries.push(entry(frame.content, start, source, destination));
        used = used.saturating_add(frame.bytes);
        rest = rest.get(frame.bytes..).unwrap_or_default();
    };
    Progress { used, next }
}

/// One frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wrapped<'a> {
    pub(super) source: u16,
    pub(super) destination: u16,
    pub(super) content: &'a [u8],
    /// Bytes of the whole frame.
    pub(super) bytes: usize,
}

/// The frame at the head of `bytes`.
#[inline]
pub(super) fn head<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Wrapped<'a>, Next> {
    let Some((head, body)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(early(bytes));
    };
    let [v0, v1, s0, s1, d0, d1, l0, l1] = *head;
    if [v0, v1] != VERSION {
        return Err(Next::Close(DecodeError::new(
            Layer::Wrapper,
            0,
            Kind::BadValue,
        )));
    }
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let total = length.saturating_add(HEADER);
    if total > limits.frame_bytes_max {
        return Err(Next::Close(DecodeError::new(
            Layer::Wrapper,
            6,
            Kind::TooLong,
        )));
    }
    let Some(content) = body.get(..length) else {
        return Err(Next::Need(total));
    };
    Ok(Wrapped {
        source: u16::from_be_bytes([s0, s1]),
        destination: u16::from_be_bytes([d0, d1]),
        content,
        bytes: total,
    })
}

/// A header that is not all there yet: its version is judged as soon as it is.
fn early(rest: &[u8]) -> Next {
    match rest.first_chunk() {
        None => Next::Need(VERSION.len()),
        Some(&VERSION) => Next::Need(HEADER),
        Some(_) => Next::Close(DecodeError::new(Layer::Wrapper, 0, Kind::BadValue)),
    }
}

fn entry(apdu: &[u8], start: usize, source: u16, destination: u16) -> Entry {
    let body = start.saturating_add(HEADER);
    let end = body.saturating_add(apdu.len());
    let raw = Span::new(start, end);
    if apdu.is_empty() {
        return Entry::reject(raw, DecodeError::new(Layer::Wrapper, 6, Kind::BadLength));
    }
    match gateway::strip(apdu, body) {
        Ok((gateway, prefix)) => Entry {
            raw,
            apdu: Span::new(body.saturating_add(prefix), end),
            what: What::Apdu {
                framing: Framing::Wrapper,
                source,
                destination,
                gateway,
            },
        },
        Err(error) => Entry::reject(raw, error),
    }
}
