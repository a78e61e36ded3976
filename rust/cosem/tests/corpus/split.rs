//! Splitting the same bytes in different chunks must find the same.

use cosem::framing::{Frames, Framing, Limits, Splitter, What};

use crate::limits::bounded;

/// Small enough for a fuzzer to reach.
const FRAME_BYTES_MAX: usize = 4_096;

/// The first byte chooses the framing and the second how the rest is cut.
pub(crate) fn check(bytes: &[u8]) {
    let [framing, size, rest @ ..] = bytes else {
        return;
    };
    let framing = match framing % 6 {
        0 => Framing::Auto,
        1 => Framing::Wrapper,
        2 => Framing::Hdlc,
        3 => Framing::MBus,
        4 => Framing::Uplink,
        _ => Framing::PrimeDc,
    };
    let whole = found(framing, rest, rest.len().max(1));
    assert_eq!(whole, found(framing, rest, usize::from(*size).max(1)));
    assert_eq!(whole, found(framing, rest, 1));
}

/// What a splitter makes of `bytes` in chunks of `size`, free of where in the arena it lies.
fn found(framing: Framing, bytes: &[u8], size: usize) -> Vec<(Vec<u8>, String)> {
    let limits = Limits::of_frames(FRAME_BYTES_MAX);
    let mut splitter = Splitter::new(framing, limits);
    let mut frames = Frames::default();
    bounded(bytes.len(), || {
        for chunk in bytes.chunks(size) {
            splitter.feed(chunk, &mut frames);
            assert!(splitter.pending_bytes() <= limits.envelope_bytes_max.saturating_add(4));
        }
        splitter.finish(&mut frames);
    });
    let closing = splitter.closed().map(What::Reject);
    let described = frames.entries.iter().map(|entry| {
        let what = match entry.what {
            What::Apdu {
                source,
                destination,
                gateway,
                ..
            } => {
                let device = gateway.map(|gateway| frames.get(gateway.address));
                format!("apdu {source} {destination} {device:?}")
            }
            What::Envelope {
                sequence, meter, ..
            } => {
                format!("envelope {sequence} {:?}", frames.get(meter))
            }
            What::Link { .. } | What::Reject(_) | What::Notice => format!("{:?}", entry.what),
        };
        // The reject that closes a link keeps whatever had come in by then.
        let closing = closing == Some(entry.what);
        let raw = if closing {
            &[][..]
        } else {
            frames.get(entry.raw)
        };
        ([raw, frames.get(entry.apdu)].concat(), what)
    });
    described.collect()
}
