//! Rejects decoded again: what was missing is filled in, and nothing is believed that was not.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use reads::{Decoder, Protection, Rejected, RejectedRow, Settings, Standing, flags};
use world::record::parse;
use world::{Interval, MIDNIGHT_S, Meter, NOW_MS, decode};

const PROTECTED: Protection = Protection::ENCRYPT_AUTHENTICATE;

fn empty() -> Decoder {
    world::decoder(Settings::default())
}

fn day(wh: u32) -> Vec<Interval> {
    (1..=4).map(|n| Interval::nth(n, wh)).collect()
}

fn rejected(raw: &[u8]) -> Rejected<'_> {
    Rejected {
        position: 500,
        at_ms: NOW_MS,
        dcu: 3,
        peer: "192.0.2.1",
        raw,
        hint: &[],
        row: None,
    }
}

fn again(
    decoder: &mut Decoder,
    raw: &[u8],
    standing: &Standing,
) -> (reads::Batch, reads::Reconsidered) {
    let later = NOW_MS + 86_400_000;
    let (batch, mut done) = decoder.reconsider(&[rejected(raw)], standing, later);
    assert!(batch.tally.balances());
    (batch, done.remove(0))
}

fn kind(done: reads::Reconsidered) -> &'static str {
    done.map_or_else(|error| error.kind.name(), |_| "resolved")
}

#[test]
fn an_unknown_meters_frame_is_read_once_the_meter_is_known() {
    let mut decoder = empty();
    let frame = Meter::new(1).frame(7, &day(10));
    let live = decode(&mut decoder, &frame);
    assert_eq!(live.rejected.get("unknown_meter"), Some(&1));
    let before = decoder.survey(&[rejected(&frame)]);
    assert!(before[0].refusal.is_some());
    Meter::new(1).register(&mut decoder, PROTECTED);
    let survey = decoder.survey(&[rejected(&frame)])[0];
    let start = u32::try_from(MIDNIGHT_S).unwrap();
    assert_eq!((survey.meter, survey.counter, survey.refusal), (1, 7, None));
    assert_eq!(survey.starts, Some((start, start + 3 * 1_800)));
    assert_eq!(
        decoder.survey(&[rejected(&frame)])[0],
        survey,
        "a survey changes nothing"
    );
    let (batch, done) = again(&mut decoder, &frame, &Standing::default());
    assert_eq!(done.unwrap().reads, 4);
    assert_eq!(
        (batch.tally.frames, batch.tally.reads_stored),
        (0, 4),
        "it was counted as a frame"
    );
    let parsed = parse(&batch.record);
    assert_eq!((parsed.reads.len(), parsed.rejects.len()), (4, 0));
    let resolution = &parsed.resolutions[0];
    assert_eq!((resolution.position, resolution.meter), (500, 1));
    assert_eq!(
        (resolution.outcome.as_str(), resolution.stored),
        ("decoded", [4, 0, 0])
    );
    let replayed = decode(&mut decoder, &frame);
    assert_eq!(
        replayed.tally.frames_duplicate, 1,
        "its counter moved as any other's"
    );
}

#[test]
fn a_frame_older_than_its_meters_counter_fills_gaps_and_moves_nothing_back() {
    let mut decoder = empty();
    Meter::new(1).register(&mut decoder, PROTECTED);
    decode(
        &mut decoder,
        &Meter::new(1).frame(9, &[Interval::nth(20, 5)]),
    );
    let older = Meter::new(1).frame(7, &day(10));
    assert_eq!(
        decode(&mut decoder, &older)
            .rejected
            .get("replayed_counter"),
        Some(&1)
    );
    let (batch, done) = again(&mut decoder, &older, &Standing::default());
    assert_eq!(done.unwrap().reads, 4);
    assert_eq!(parse(&batch.record).reads[0]["counter"], 7);
    let still = decode(
        &mut decoder,
        &Meter::new(1).frame(8, &[Interval::nth(21, 5)]),
    );
    assert_eq!(still.rejected.get("replayed_counter"), Some(&1));
}

#[test]
fn a_counter_that_was_accepted_is_never_taken_again() {
    let mut decoder = empty();
    Meter::new(1).register(&mut decoder, PROTECTED);
    let frame = Meter::new(1).frame(7, &day(10));
    let standing = Standing {
        accepted: BTreeSet::from([(1, 7)]),
        ..Standing::default()
    };
    let (batch, done) = again(&mut decoder, &frame, &standing);
    assert_eq!(done.unwrap().reads, 0);
    let parsed = parse(&batch.record);
    assert_eq!(
        (parsed.reads.len(), parsed.resolutions[0].outcome.as_str()),
        (0, "accepted_before")
    );
    let two = [rejected(&frame), rejected(&frame)];
    let (batch, done) = decoder.reconsider(&two, &Standing::default(), NOW_MS);
    assert_eq!(
        (done.len(), batch.tally.reads_stored),
        (2, 4),
        "nor twice in one go"
    );
}

#[test]
fn an_altered_frame_is_refused_as_ever_and_nothing_is_journaled() {
    let mut decoder = empty();
    Meter::new(1).register(&mut decoder, PROTECTED);
    let mut frame = Meter::new(1).frame(7, &day(10));
    let last = frame.len() - 1;
    frame[last] ^= 1;
    let (batch, done) = again(&mut decoder, &frame, &Standing::default());
    assert_eq!((kind(done), batch.rows), ("bad_authentication", 0));
    let weaker = Meter::with(1, 0x20).frame(8, &day(10));
    assert_eq!(
        kind(again(&mut decoder, &weaker, &Standing::default()).1),
        "security_policy"
    );
}

#[test]
fn a_read_stored_by_a_later_frame_stands_by_counter_and_by_order_of_receipt() {
    let frame = Meter::new(1).frame(7, &day(10));
    let start = u32::try_from(MIDNIGHT_S).unwrap();
    for (ver, counter, stored, flag) in [
        (900, 6, 3, 0),
        (100, 8, 3, 0),
        (100, 7, 3, 0),
        (100, 6, 4, i64::from(flags::CHANGED)),
    ] {
        let mut decoder = empty();
        Meter::new(1).register(&mut decoder, PROTECTED);
        let standing = Standing {
            reads: BTreeMap::from([((1, start), (ver, counter))]),
            ..Standing::default()
        };
        let (batch, done) = again(&mut decoder, &frame, &standing);
        assert_eq!(done.unwrap().reads, stored, "{ver} {counter}");
        let reads = parse(&batch.record).reads;
        let first = reads
            .iter()
            .find(|read| read["interval_start"] == MIDNIGHT_S);
        assert_eq!(first.map_or(0, |read| read["flags"]), flag);
    }
}

#[test]
fn a_meter_that_has_sent_since_the_survey_is_left_for_the_next_round() {
    let mut decoder = empty();
    Meter::new(1).register(&mut decoder, PROTECTED);
    let frame = Meter::new(1).frame(7, &day(10));
    let mark = decoder.survey(&[rejected(&frame)])[0].mark;
    let standing = Standing {
        marks: BTreeMap::from([(1, mark)]),
        ..Standing::default()
    };
    decode(
        &mut decoder,
        &Meter::new(1).frame(9, &[Interval::nth(20, 5)]),
    );
    assert_eq!(
        kind(again(&mut decoder, &frame, &standing).1),
        "bad_sequence"
    );
    let mark = decoder.survey(&[rejected(&frame)])[0].mark;
    let standing = Standing {
        marks: BTreeMap::from([(1, mark)]),
        ..Standing::default()
    };
    assert_eq!(kind(again(&mut decoder, &frame, &standing).1), "resolved");
}

/// A row as the store gives it back.
fn rejected_row(raw: &[u8], row: RejectedRow) -> Rejected<'_> {
    Rejected {
        row: Some(row),
        ..rejected(raw)
    }
}

#[test]
fn a_row_that_a_check_refused_is_taken_once_the_settings_allow_it() {
    let mut strict = empty();
    Meter::new(1).register(&mut strict, PROTECTED);
    let late = Interval::nth(26, 5);
    let frame = Meter::new(1).frame(7, &[Interval::nth(1, 9), late]);
    let parsed = parse(&decode(&mut strict, &frame).record);
    let [reject] = &parsed.rejects[..] else {
        panic!("{parsed:?}")
    };
    assert_eq!(
        (reject.kind.as_str(), reject.meter),
        ("future_timestamp", 1)
    );
    assert_eq!(parsed.whences, [(0, true, 0, Vec::new())]);
    let row = RejectedRow {
        meter: 1,
        counter: reject.counter,
        flags: 0,
    };
    let still = strict.survey(&[rejected_row(&reject.raw, row)])[0];
    assert_eq!(still.refusal.unwrap().kind.name(), "future_timestamp");
    let (batch, done) = strict.reconsider(
        &[rejected_row(&reject.raw, row)],
        &Standing::default(),
        NOW_MS,
    );
    assert_eq!(
        (done[0].is_err(), batch.rows),
        (true, 0),
        "refused, and not kept twice"
    );
    let mut lenient = world::decoder(Settings {
        future_tolerance_s: 7_200,
        ..Settings::default()
    });
    Meter::new(1).register(&mut lenient, PROTECTED);
    lenient.restore(&strict.snapshot()).unwrap();
    let survey = lenient.survey(&[rejected_row(&reject.raw, row)])[0];
    assert_eq!((survey.meter, survey.refusal), (1, None));
    assert_eq!(survey.starts, Some((late.start_s(), late.start_s())));
    let standing = Standing {
        accepted: BTreeSet::from([(1, 7)]),
        ..Standing::default()
    };
    let (batch, done) = lenient.reconsider(&[rejected_row(&reject.raw, row)], &standing, NOW_MS);
    assert_eq!(
        done[0].unwrap().reads,
        1,
        "its frame's other rows are no copy of it"
    );
    let read = &parse(&batch.record).reads[0];
    assert_eq!((read["imp_wh"], read["counter"], read["flags"]), (5, 7, 0));
}

#[test]
fn what_an_envelope_called_the_meter_is_kept_with_the_reject() {
    let mut decoder = empty();
    let mut push = Vec::new();
    cosem::encode::data_notification(0, &mut push);
    push.extend([2, 1, 0]);
    let frame = world::wrapped(&push);
    let hinted = |hint| Rejected {
        hint,
        ..rejected(&frame)
    };
    Meter::new(1).register(&mut decoder, Protection::NONE);
    let serial = Meter::new(1).serial();
    let [with, without] = decoder.survey(&[hinted(serial.as_bytes()), hinted(b"")])[..] else {
        panic!()
    };
    assert_eq!(with.refusal.unwrap().kind.name(), "no_layout");
    assert_eq!((with.meter, without.meter), (1, 0));
    assert_eq!(without.refusal.unwrap().kind.name(), "unknown_meter");
}

proptest! {
    /// What a restart rebuilds from the journal is what decoding again left.
    #[test]
    fn a_restart_after_decoding_again_continues_where_it_was(
        counters in proptest::collection::vec(1_u32..40, 1..12),
        retried in proptest::collection::vec(any::<bool>(), 12),
    ) {
        let (mut decoder, mut restarted) = (empty(), empty());
        for each in [&mut decoder, &mut restarted] {
            Meter::new(1).register(each, PROTECTED);
        }
        for (counter, retry) in counters.iter().zip(retried) {
            let read = Interval::nth(i64::from(*counter % 20) + 1, *counter);
            let frame = Meter::new(1).frame(*counter, &[read]);
            let record = if retry {
                again(&mut decoder, &frame, &Standing::default()).0.record
            } else {
                decode(&mut decoder, &frame).record
            };
            restarted.replay(&record).unwrap();
        }
        prop_assert_eq!(decoder.snapshot(), restarted.snapshot());
    }

    #[test]
    fn whatever_bytes_are_kept_they_are_taken_or_refused(raw: Vec<u8>) {
        let mut decoder = empty();
        Meter::new(1).register(&mut decoder, PROTECTED);
        let (batch, done) = again(&mut decoder, &raw, &Standing::default());
        prop_assert_eq!(done.is_ok(), batch.rows > 0);
    }
}
