//! Meter 1 under full protection, a push of its, and what came of its frames.

use reads::{Batch, Decoder, Protection, Settings};

use super::{Interval, Meter};

/// A decoder that knows the meter.
pub(crate) fn knowing(settings: Settings) -> Decoder {
    let mut decoder = super::decoder(settings);
    Meter::new(1).register(&mut decoder, PROTECTED);
    decoder
}

pub(crate) fn day() -> Vec<Interval> {
    (1..=4).map(|n| Interval::nth(n, 10)).collect()
}

/// Its day, sealed.
pub(crate) fn sealed(counter: u32) -> Vec<u8> {
    Meter::new(1).seal(counter, &Meter::new(1).push(&day()))
}

/// Accepted, quarantined, duplicate frames, and reads stored.
pub(crate) fn frames(batch: &Batch) -> [u64; 4] {
    let tally = &batch.tally;
    assert!(tally.balances());
    [
        tally.frames_accepted,
        tally.frames_quarantined,
        tally.frames_duplicate,
        tally.reads_stored,
    ]
}

pub(crate) const PROTECTED: Protection = Protection::ENCRYPT_AUTHENTICATE;
