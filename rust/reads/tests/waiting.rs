//! Blocks that wait past their batch: over envelopes, connections and restarts.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use reads::Settings;
use world::one_meter::{frames, knowing, sealed};
use world::record::parse;
use world::transfer::{blocks, decode_uplink, envelopes};
use world::{NOW_MS, decode, decode_frames, split};

#[test]
fn an_envelopes_block_waits_past_its_batch_and_past_a_restart() {
    let parts = blocks(&sealed(5), 60);
    for restart in ["none", "snapshot", "journal"] {
        let mut decoder = knowing(Settings::default());
        let mut records = Vec::new();
        for (at, part) in (1_u8..).zip(&parts) {
            let batch = decode_uplink(&mut decoder, &envelopes(at, std::slice::from_ref(part)));
            assert_eq!(
                batch.uplink,
                [(7, u64::from(at))],
                "it is acknowledged, as the journal has it"
            );
            records.push(batch.record.clone());
            if restart != "none" {
                let before = decoder;
                decoder = knowing(Settings::default());
                if restart == "snapshot" {
                    decoder.restore(&before.snapshot()).unwrap();
                } else {
                    for each in &records {
                        decoder.replay(each).unwrap();
                    }
                }
                assert_eq!(
                    decoder.footprint().transfers_bytes,
                    before.footprint().transfers_bytes
                );
            }
            let all = u64::try_from(parts.len()).unwrap();
            let whole = u64::from(at) == all;
            assert_eq!(
                frames(&batch),
                if whole { [all, 0, 0, 4] } else { [0; 4] },
                "{restart}"
            );
        }
    }
}

#[test]
fn an_envelope_that_is_sent_again_adds_no_block_and_breaks_no_run() {
    let mut decoder = knowing(Settings::default());
    let parts = blocks(&sealed(5), 60);
    decode_uplink(&mut decoder, &envelopes(1, &parts[..2]));
    let resent = decode_uplink(&mut decoder, &envelopes(1, &parts));
    let all = u64::try_from(parts.len()).unwrap();
    assert_eq!(frames(&resent), [all, 0, 2, 4]);
}

#[test]
fn what_a_link_held_when_the_program_ended_is_quarantined_after_the_restart() {
    let mut running = knowing(Settings::default());
    let parts = blocks(&sealed(5), 60);
    let record = decode(&mut running, &parts[..2].concat()).record;
    let mut restarted = knowing(Settings::default());
    restarted.replay(&record).unwrap();
    // A new link of the same number goes on with other blocks: they never join.
    let batch = decode(&mut restarted, &parts[2..].concat());
    assert_eq!(batch.tally.reads_stored, 0);
    let reject = parse(&batch.record).rejects.remove(0);
    assert_eq!(
        (reject.kind.as_str(), reject.raw),
        ("truncated", parts[..2].concat())
    );
    // And the journal knows that it is over.
    let mut third = knowing(Settings::default());
    for each in [&record, &batch.record] {
        third.replay(each).unwrap();
    }
    let quiet = decode_frames(
        &mut third,
        NOW_MS,
        &split(cosem::framing::Framing::Wrapper, &[]),
    );
    assert_eq!((quiet.rows, third.footprint().transfers_bytes), (0, 0));
}
