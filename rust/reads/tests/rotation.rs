//! A meter turns to its next key; the old one is taken for a while and never again.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use cosem::security::OpenKey;
use proptest::prelude::*;
use reads::{Batch, Decoder, Protection, Settings, flags};
use world::record::parse;
use world::{Interval, Meter, NOW_MS, decode, decode_at, wrapped};

const NEXT: [u8; 16] = [0x77; 16];
const DAY_MS: i64 = 86_400_000;

fn knowing() -> Decoder {
    let mut decoder = world::decoder(Settings::default());
    register(&mut decoder);
    decoder
}

/// As the registry tells it at every start.
fn register(decoder: &mut Decoder) {
    register_as(decoder, Protection::ENCRYPT_AUTHENTICATE);
}

fn register_as(decoder: &mut Decoder, protection: Protection) {
    let meter = Meter::new(1);
    meter.register(decoder, protection);
    assert!(
        decoder
            .set_next_keys(1, &NEXT, &meter.authentication_key())
            .unwrap()
    );
}

/// A push of one interval under the old or the next key.
fn frame(next: bool, counter: u32, n: i64) -> Vec<u8> {
    frame_of(Meter::new(1), next, counter, n)
}

fn frame_of(meter: Meter, next: bool, counter: u32, n: i64) -> Vec<u8> {
    let push = meter.push(&[Interval::nth(n, 5)]);
    if !next {
        return wrapped(&meter.seal(counter, &push));
    }
    let key = OpenKey::new(&NEXT, &meter.authentication_key()).unwrap();
    let mut out = Vec::new();
    cosem::encode::general_glo(
        &key,
        meter.control,
        &meter.title(),
        counter,
        &push,
        &mut out,
    )
    .unwrap();
    wrapped(&out)
}

fn outcome(batch: &Batch) -> &'static str {
    match (batch.tally.reads_stored, batch.tally.frames_duplicate) {
        (1, 0) => "stored",
        (0, 1) => "duplicate",
        _ => batch.rejected.keys().next().copied().unwrap_or("nothing"),
    }
}

#[test]
fn a_frame_under_the_next_key_turns_the_meter_and_the_old_key_has_its_overlap() {
    let mut decoder = knowing();
    for (next, counter, n, expected) in [
        (false, 100, 1, "stored"),
        (true, 1, 2, "stored"),
        (false, 101, 3, "stored"),
        (true, 2, 4, "stored"),
        (false, 101, 3, "duplicate"),
        (false, 99, 5, "replayed_counter"),
        (true, 1, 6, "replayed_counter"),
    ] {
        let batch = decode(&mut decoder, &frame(next, counter, n));
        assert_eq!(outcome(&batch), expected, "{next} {counter}");
        if (next, counter) == (true, 1) && n == 2 {
            let (meter, _, retired, until_s) = parse(&batch.record).turns[0];
            assert_eq!(
                (meter, retired, until_s),
                (1, 100, NOW_MS / 1_000 + 7 * 86_400)
            );
        }
        if expected == "stored" && counter == 101 {
            let flag = parse(&batch.record).reads[0]["flags"];
            assert_eq!(flag, i64::from(flags::RETIRED_KEY));
        }
    }
    let late = NOW_MS + 8 * DAY_MS;
    let refused = decode_at(&mut decoder, late, &frame(false, 200, 7));
    assert_eq!(outcome(&refused), "bad_authentication");
    assert_eq!(
        outcome(&decode_at(&mut decoder, late, &frame(true, 3, 8))),
        "stored"
    );
}

#[test]
fn a_meter_that_began_with_the_next_key_never_takes_the_other() {
    let mut decoder = knowing();
    assert_eq!(outcome(&decode(&mut decoder, &frame(true, 1, 1))), "stored");
    assert_eq!(
        outcome(&decode(&mut decoder, &frame(false, 9, 2))),
        "bad_authentication"
    );
}

#[test]
fn an_altered_frame_turns_nothing() {
    let mut decoder = knowing();
    decode(&mut decoder, &frame(false, 1, 1));
    let mut forged = frame(true, 5, 2);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert_eq!(
        outcome(&decode(&mut decoder, &forged)),
        "bad_authentication"
    );
    assert_eq!(
        outcome(&decode(&mut decoder, &frame(false, 2, 3))),
        "stored"
    );
}

/// A frame without a tag, as encrypt-only meters send.
fn untagged(next: bool, counter: u32, n: i64) -> Vec<u8> {
    frame_of(Meter::with(1, 0x20), next, counter, n)
}

fn knowing_untagged() -> Decoder {
    let mut decoder = world::decoder(Settings::default());
    register_as(&mut decoder, Protection::ENCRYPT);
    decoder
}

/// Both, as a decoder that was started anew from the other's snapshot or journal.
fn restarted(decoder: &Decoder, records: &[Vec<u8>], from_journal: bool) -> Decoder {
    let mut restarted = world::decoder(Settings::default());
    if from_journal {
        for record in records {
            restarted.replay(record).unwrap();
        }
    } else {
        restarted.restore(&decoder.snapshot()).unwrap();
    }
    register_as(&mut restarted, Protection::ENCRYPT);
    restarted
}

#[test]
fn an_encrypt_only_meter_turns_when_its_frames_make_sense_under_the_next_key() {
    for restart in [None, Some(false), Some(true)] {
        let mut decoder = knowing_untagged();
        let mut records = Vec::new();
        for (next, n, day, expected, flag) in [
            (false, 1, 0, "stored", 0),
            (true, 2, 0, "stored", 0),
            (false, 3, 0, "stored", flags::RETIRED_KEY),
            (true, 4, 0, "stored", 0),
            (false, 5, 6, "stored", flags::RETIRED_KEY),
            (false, 6, 8, "bad_decryption", 0),
            (true, 7, 8, "stored", 0),
        ] {
            let now_ms = NOW_MS + day * DAY_MS;
            // Its counter stands still: it is advice.
            let batch = decode_at(&mut decoder, now_ms, &untagged(next, 0, n));
            assert_eq!(outcome(&batch), expected, "{next} {n} {restart:?}");
            if expected == "stored" {
                let flags = parse(&batch.record).reads[0]["flags"];
                assert_eq!(flags, i64::from(flag | flags::UNAUTHENTICATED), "{n}");
            }
            records.push(batch.record);
            if let Some(from_journal) = restart {
                decoder = restarted(&decoder, &records, from_journal);
            }
        }
    }
}

#[test]
fn an_encrypt_only_meter_that_began_with_the_next_key_has_an_overlap_for_the_other_one() {
    let mut decoder = knowing_untagged();
    assert_eq!(
        outcome(&decode(&mut decoder, &untagged(true, 0, 1))),
        "stored"
    );
    assert_eq!(
        outcome(&decode(&mut decoder, &untagged(false, 0, 2))),
        "stored"
    );
    let late = NOW_MS + 8 * DAY_MS;
    let refused = decode_at(&mut decoder, late, &untagged(false, 0, 3));
    assert_eq!(outcome(&refused), "bad_decryption");
}

#[test]
fn what_makes_sense_under_no_key_turns_nothing() {
    let mut decoder = knowing_untagged();
    decode(&mut decoder, &untagged(false, 0, 1));
    let mut altered = untagged(true, 0, 2);
    altered[8 + 2 + 8 + 1 + 5] ^= 0x40;
    let refused = decode(&mut decoder, &altered);
    assert_eq!(outcome(&refused), "bad_decryption");
    assert!(parse(&refused.record).turns.is_empty());
    let batch = decode(&mut decoder, &untagged(false, 0, 3));
    assert_eq!(
        parse(&batch.record).reads[0]["flags"],
        i64::from(flags::UNAUTHENTICATED),
        "the old key is in use still"
    );
}

#[test]
fn the_overlap_ends_to_the_second() {
    for (late_s, expected) in [(0, "stored"), (1, "bad_authentication")] {
        let mut decoder = knowing();
        decode(&mut decoder, &frame(false, 1, 1));
        decode(&mut decoder, &frame(true, 1, 2));
        let end_ms = NOW_MS + 7 * DAY_MS + late_s * 1_000;
        let batch = decode_at(&mut decoder, end_ms, &frame(false, 2, 3));
        assert_eq!(outcome(&batch), expected);
    }
}

proptest! {
    /// Over restarts, from snapshot or journal, the same frames are taken and refused.
    #[test]
    fn a_rotation_survives_restarts(
        sent in proptest::collection::vec((any::<bool>(), 1_u32..30, 0_u8..4), 1..25),
    ) {
        let mut running = knowing();
        let mut restarted = knowing();
        for (at, (next, counter, restart)) in (1_i64..).zip(sent) {
            let bytes = frame(next, counter, at);
            let batch = decode(&mut running, &bytes);
            let told = decode(&mut restarted, &bytes);
            prop_assert_eq!(outcome(&batch), outcome(&told));
            if restart == 0 {
                let snapshot = restarted.snapshot();
                restarted = world::decoder(Settings::default());
                restarted.restore(&snapshot).unwrap();
                register(&mut restarted);
            }
        }
    }

    #[test]
    fn a_rotation_is_rebuilt_from_the_journal(
        sent in proptest::collection::vec((any::<bool>(), 1_u32..30), 1..25),
        together in 1_usize..5,
    ) {
        let (mut running, mut rebuilt) = (knowing(), knowing());
        let numbered: Vec<_> = (1_i64..).zip(sent).collect();
        for frames in numbered.chunks(together) {
            let bytes: Vec<u8> = frames.iter().flat_map(|(at, (next, counter))| frame(*next, *counter, *at)).collect();
            let batch = decode(&mut running, &bytes);
            rebuilt.replay(&batch.record).unwrap();
            prop_assert_eq!(running.snapshot(), rebuilt.snapshot());
        }
    }
}
