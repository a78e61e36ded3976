//! One datagram: whole frames and nothing else, whatever came in the one before.
//!
//! What a stream would wait for will never come, so half a frame is a reject at once, and so are the
//! bytes behind what cannot be understood. Frames that are cut over several datagrams are not joined.

use super::{Frames, Framing, Limits, Splitter};
use crate::{DecodeError, Kind, Layer};

/// Splits `bytes`, appending frames and rejects to `out`. Of more than `bytes_max` bytes, none is
/// believed: whoever read them off the socket has cut them.
pub fn datagram(
    framing: Framing,
    bytes: &[u8],
    bytes_max: usize,
    limits: Limits,
    out: &mut Frames,
) {
    let at = u32::try_from(bytes_max).unwrap_or(u32::MAX);
    match bytes.get(..bytes_max) {
        Some(kept) if bytes.len() > bytes_max => {
            out.reject(kept, DecodeError::new(Layer::Link, at, Kind::TooLong));
        }
        _ if bytes.is_empty() => {
            out.reject(bytes, DecodeError::new(Layer::Link, 0, Kind::Truncated));
        }
        _ => {
            let mut splitter = Splitter::new(framing, limits);
            splitter.feed(bytes, out);
            splitter.finish(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{hex, ui};
    use super::super::{Frames, What};
    use super::*;

    fn found(bytes: &[u8], bytes_max: usize) -> Vec<(Vec<u8>, What)> {
        let mut out = Frames::default();
        datagram(Framing::Auto, bytes, bytes_max, Limits::default(), &mut out);
        let entries = out.entries.iter();
        entries
            .map(|entry| (out.get(entry.raw).to_vec(), entry.what))
            .collect()
    }

    fn frame() -> Vec<u8> {
        hex("00010001004000020f01")
    }

    #[test]
    fn several_whole_frames_are_several_apdus() {
        let entries = found(&[frame(), frame(), frame()].concat(), 100);
        assert_eq!(entries.len(), 3);
        assert!(
            entries
                .iter()
                .all(|(raw, what)| *raw == frame() && matches!(what, What::Apdu { .. }))
        );
        let hdlc = found(&ui(b"\xe6\xe7\x00\x0f", false), 100);
        assert!(matches!(hdlc[..], [(_, What::Apdu { .. })]));
    }

    #[test]
    fn a_cut_frame_is_a_reject_and_what_stands_before_it_is_not() {
        let bytes = [frame(), frame()[..9].to_vec()].concat();
        let entries = found(&bytes, 100);
        let cut = What::Reject(DecodeError::new(Layer::Wrapper, 9, Kind::Truncated));
        assert!(matches!(entries[0].1, What::Apdu { .. }));
        assert_eq!(entries[1..], [(frame()[..9].to_vec(), cut)]);
    }

    #[test]
    fn bytes_behind_a_frame_that_are_none_are_a_reject() {
        let entries = found(&[frame(), b"alarm".to_vec()].concat(), 100);
        let lost = What::Reject(DecodeError::new(Layer::Wrapper, 0, Kind::BadValue));
        assert_eq!(entries[1..], [(b"alarm".to_vec(), lost)]);
    }

    #[test]
    fn over_its_limit_or_empty_it_is_one_reject() {
        let long = What::Reject(DecodeError::new(Layer::Link, 10, Kind::TooLong));
        let two = [frame(), frame()].concat();
        assert_eq!(found(&two, 10), [(two[..10].to_vec(), long)]);
        assert_eq!(found(&two, 20).len(), 2);
        let empty = What::Reject(DecodeError::new(Layer::Link, 0, Kind::Truncated));
        assert_eq!(found(&[], 10), [(Vec::new(), empty)]);
    }
}
