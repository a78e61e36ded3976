//! Frames to batches, one rule at a time.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

#[path = "decode/checked.rs"]
mod checked;
#[path = "decode/links.rs"]
mod links;
#[path = "decode/trust.rs"]
mod trust;
mod world;

use cosem::framing::Framing;
use cosem::security::SecurityControl;
use reads::{Batch, Decoder, Protection, Settings, flags};
use world::record::{Parsed, parse};
use world::{
    Interval, MIDNIGHT_S, Meter, NOW_MS, decode, decode_at, decode_frames, split, wrapped,
};

const PROTECTED: Protection = Protection::ENCRYPT_AUTHENTICATE;

fn knowing(meters: &[(u32, Protection)]) -> Decoder {
    let mut decoder = world::decoder(Settings::default());
    for (number, protection) in meters {
        Meter::new(*number).register(&mut decoder, *protection);
    }
    decoder
}

fn day(wh: u32) -> Vec<Interval> {
    (1..=24).map(|n| Interval::nth(n, wh)).collect()
}

/// Frames accepted, quarantined, duplicate; reads stored, quarantined, duplicate, changed.
fn counts(batch: &Batch) -> ([u64; 3], [u64; 4]) {
    let tally = &batch.tally;
    assert!(tally.balances(), "{tally:?}");
    (
        [
            tally.frames_accepted,
            tally.frames_quarantined,
            tally.frames_duplicate,
        ],
        [
            tally.reads_stored,
            tally.reads_quarantined,
            tally.reads_duplicate,
            tally.reads_changed,
        ],
    )
}

/// The only reject: layer, kind, offset.
fn refusal(batch: &Batch) -> (String, String, u32) {
    let Parsed { rejects, reads, .. } = parse(&batch.record);
    assert_eq!((reads.len(), rejects.len()), (0, 1), "{rejects:?}");
    let reject = &rejects[0];
    (reject.layer.clone(), reject.kind.clone(), reject.offset)
}

fn refused_as(batch: &Batch, layer: &str, kind: &str) {
    let (seen_layer, seen_kind, _) = refusal(batch);
    assert_eq!((seen_layer.as_str(), seen_kind.as_str()), (layer, kind));
}
