//! Frames to batches, one rule at a time.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

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

#[test]
fn a_ciphered_push_becomes_rows_with_every_column() {
    let mut decoder = knowing(&[(9, PROTECTED)]);
    let batch = decode(&mut decoder, &Meter::new(9).frame(77, &day(250)));
    assert_eq!(counts(&batch), ([1, 0, 0], [24, 0, 0, 0]));
    let parsed = parse(&batch.record);
    assert_eq!(parsed.reads.len(), 24);
    assert_eq!(batch.rows, 25, "24 reads and a ledger row");
    let expected = [
        ("meter", 9),
        ("interval_start", MIDNIGHT_S + 1_800),
        ("interval_s", 1_800),
        ("imp_wh", 250),
        ("exp_wh", 0),
        ("imp_vah", 255),
        ("exp_vah", 0),
        ("volt_cv", 23_000),
        ("curr_ma", 4_120),
        ("present", 0b11_1111),
        ("quality", 0),
        ("flags", 0),
        ("status", 0),
        ("deviation_min", 330),
        ("clock_status", 0),
        ("dcu", 3),
        ("counter", 77),
    ];
    assert_eq!(parsed.reads[1], expected.into_iter().collect());
    let ledger = vec![(NOW_MS, 3, vec![1, 1, 0, 0, 24, 24, 0, 0, 0])];
    assert_eq!(parsed.ledger, ledger);
    assert_eq!(
        parsed.counters,
        [(9, 77, parsed.counters[0].2)],
        "the key's first"
    );
}

#[test]
fn protection_is_the_registrys_demand_and_never_the_frames_offer() {
    for (policy, controls, admitted) in [
        (
            PROTECTED,
            [0x30, 0x20, 0x10, 0x00],
            [true, false, false, false],
        ),
        (
            Protection::ENCRYPT,
            [0x30, 0x20, 0x10, 0x00],
            [true, true, false, false],
        ),
        (
            Protection::AUTHENTICATE,
            [0x30, 0x20, 0x10, 0x00],
            [true, false, true, false],
        ),
        (
            Protection::NONE,
            [0x30, 0x20, 0x10, 0x00],
            [true, true, true, true],
        ),
    ] {
        for (control, admitted) in controls.into_iter().zip(admitted) {
            let mut decoder = knowing(&[(1, policy)]);
            let frame = Meter::with(1, control).frame(5, &[Interval::nth(1, 10)]);
            let batch = decode(&mut decoder, &frame);
            if admitted {
                let unproven = i64::from(flags::UNAUTHENTICATED);
                let flag = if control & 0x10 == 0 { unproven } else { 0 };
                assert_eq!(
                    parse(&batch.record).reads[0]["flags"],
                    flag,
                    "{policy:?} {control:x}"
                );
            } else {
                let layer = if control == 0 { "apdu" } else { "ciphering" };
                refused_as(&batch, layer, "security_policy");
            }
        }
    }
}

#[test]
fn a_refused_frame_keeps_its_bytes_its_meter_and_its_counter() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let mut frame = Meter::new(1).frame(5, &day(10));
    let last = frame.len() - 1;
    frame[last] ^= 1;
    let batch = decode(&mut decoder, &frame);
    let reject = parse(&batch.record).rejects.remove(0);
    assert_eq!(
        (reject.layer.as_str(), reject.kind.as_str()),
        ("ciphering", "bad_authentication")
    );
    assert_eq!((reject.meter, reject.dcu, reject.counter), (1, 3, 5));
    assert_eq!((reject.peer.as_str(), reject.at_ms), ("192.0.2.1", NOW_MS));
    assert_eq!(reject.raw, frame);
    assert_eq!(batch.rejected.get("bad_authentication"), Some(&1));
    let again = decode(&mut decoder, &Meter::new(1).frame(5, &day(10)));
    assert_eq!(
        counts(&again).0,
        [1, 0, 0],
        "an unverified counter moves nothing"
    );
}

#[test]
fn strangers_and_takeaways_are_unknown_meters() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let stranger = decode(&mut decoder, &Meter::new(2).frame(1, &day(10)));
    refused_as(&stranger, "ciphering", "unknown_meter");
    assert_eq!(decoder.footprint().meters, 1);
    assert!(decoder.remove(1));
    assert_eq!(decoder.footprint().meters, 0);
    refused_as(
        &decode(&mut decoder, &Meter::new(1).frame(1, &day(10))),
        "ciphering",
        "unknown_meter",
    );
    let clear = decode(&mut decoder, &Meter::with(1, 0).frame(1, &day(10)));
    refused_as(&clear, "apdu", "unknown_meter");
}

#[test]
fn a_meter_that_comes_back_cannot_be_replayed() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    decode(&mut decoder, &Meter::new(1).frame(9, &day(10)));
    decoder.remove(1);
    Meter::new(1).register(&mut decoder, PROTECTED);
    let replayed = decode(&mut decoder, &Meter::new(1).frame(8, &day(10)));
    refused_as(&replayed, "check", "replayed_counter");
}

#[test]
fn the_same_frame_again_is_a_duplicate_that_brings_nothing() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let frame = Meter::new(1).frame(9, &day(10));
    let both = decode(&mut decoder, &[frame.clone(), frame.clone()].concat());
    assert_eq!(counts(&both), ([1, 0, 1], [24, 0, 24, 0]));
    assert_eq!(
        counts(&decode(&mut decoder, &frame)),
        ([0, 0, 1], [0, 0, 24, 0])
    );
}

#[test]
fn an_old_counter_is_a_replay_and_a_used_one_with_other_reads_too() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let meter = Meter::new(1);
    decode(&mut decoder, &meter.frame(9, &[Interval::nth(1, 10)]));
    let lower = decode(&mut decoder, &meter.frame(8, &[Interval::nth(1, 10)]));
    refused_as(&lower, "check", "replayed_counter");
    let other = decode(&mut decoder, &meter.frame(9, &[Interval::nth(1, 11)]));
    refused_as(&other, "check", "replayed_counter");
    let new = decode(&mut decoder, &meter.frame(9, &[Interval::nth(2, 10)]));
    refused_as(&new, "check", "replayed_counter");
}

#[test]
fn a_new_key_counts_anew() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let meter = Meter::new(1);
    decode(&mut decoder, &meter.frame(900, &[Interval::nth(1, 10)]));
    // Meter 2's key for meter 1.
    let serial = meter.serial();
    let spec = reads::MeterSpec {
        meter: 1,
        serial: serial.as_bytes(),
        title: Some(meter.title()),
        dcu: 0,
        encryption_key: &Meter::new(2).encryption_key(),
        authentication_key: &meter.authentication_key(),
        protection: PROTECTED,
        layout: 0,
        interval_s: world::INTERVAL_S,
        time_policy: cosem::clock::TimePolicy::Ist,
    };
    decoder.upsert(&spec).unwrap();
    let key = cosem::security::OpenKey::new(spec.encryption_key, spec.authentication_key).unwrap();
    let mut sealed = Vec::new();
    let push = meter.push(&[Interval::nth(2, 10)]);
    let control = SecurityControl::AUTHENTICATED_ENCRYPTED;
    cosem::encode::general_glo(&key, control, &meter.title(), 3, &push, &mut sealed).unwrap();
    assert_eq!(
        counts(&decode(&mut decoder, &wrapped(&sealed))).0,
        [1, 0, 0]
    );
    let old_key = decode(&mut decoder, &meter.frame(901, &[Interval::nth(3, 10)]));
    refused_as(&old_key, "ciphering", "bad_authentication");
}

#[test]
fn without_a_tag_counters_are_advice_and_garbage_is_a_wrong_key() {
    let mut decoder = knowing(&[(1, Protection::ENCRYPT)]);
    let meter = Meter::with(1, 0x20);
    decode(&mut decoder, &meter.frame(0, &[Interval::nth(1, 10)]));
    let lower = decode(&mut decoder, &meter.frame(0, &[Interval::nth(2, 10)]));
    assert_eq!(
        counts(&lower).0,
        [1, 0, 0],
        "some meters send counter 0 forever"
    );
    let mut apdu = meter.seal(3, &meter.push(&[Interval::nth(3, 10)]));
    let at = apdu.len() - 80;
    assert_ne!(apdu[at], 0);
    let title_at = 2;
    apdu[title_at + 8 + 1 + 4] ^= 1;
    let garbage = decode(&mut decoder, &wrapped(&apdu));
    refused_as(&garbage, "ciphering", "bad_decryption");
}

#[test]
fn other_values_are_a_new_version_and_old_ones_unchecked() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let meter = Meter::new(1);
    decode(&mut decoder, &meter.frame(1, &day(10)));
    let mixed = [
        Interval::nth(22, 10),
        Interval::nth(23, 11),
        Interval::nth(24, 10),
    ];
    let batch = decode(&mut decoder, &meter.frame(2, &mixed));
    assert_eq!(counts(&batch), ([1, 0, 0], [1, 0, 2, 1]));
    let read = parse(&batch.record).reads.remove(0);
    assert_eq!(
        (read["imp_wh"], read["flags"]),
        (11, i64::from(flags::CHANGED))
    );
    // 24 - 96 is the newest number outside the window.
    let old = [Interval::nth(-72, 10), Interval::nth(-71, 10)];
    let batch = decode(&mut decoder, &meter.frame(3, &old));
    let flags_seen: Vec<i64> = parse(&batch.record)
        .reads
        .iter()
        .map(|row| row["flags"])
        .collect();
    assert_eq!(flags_seen, [i64::from(flags::UNCHECKED), 0]);
}

#[test]
fn each_check_quarantines_its_read_alone_with_the_rows_bytes() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let crooked = Interval {
        end_s: MIDNIGHT_S + 17,
        wh: 10,
        clock_status: 0,
    };
    let reads = [
        Interval::nth(1, 10),
        crooked,
        Interval::nth(26, 10),
        Interval::nth(-48 * 91, 10),
        Interval::nth(2, 10),
    ];
    let batch = decode(&mut decoder, &Meter::new(1).frame(1, &reads));
    assert_eq!(counts(&batch), ([1, 0, 0], [2, 3, 0, 0]));
    let parsed = parse(&batch.record);
    let kinds: Vec<&str> = parsed.rejects.iter().map(|row| row.kind.as_str()).collect();
    assert_eq!(kinds, ["misaligned", "future_timestamp", "too_old"]);
    for reject in &parsed.rejects {
        assert_eq!((reject.layer.as_str(), reject.meter), ("check", 1));
        assert_eq!(reject.raw[..2], [2, 7], "the row's structure of seven");
    }
    let starts: Vec<i64> = parsed
        .reads
        .iter()
        .map(|row| row["interval_start"])
        .collect();
    assert_eq!(starts, [MIDNIGHT_S, MIDNIGHT_S + 1_800]);
}

#[test]
fn an_invalid_clock_makes_a_read_suspect_and_keeps_it() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let interval = Interval {
        clock_status: 0x01,
        ..Interval::nth(1, 10)
    };
    let batch = decode(&mut decoder, &Meter::new(1).frame(1, &[interval]));
    let read = parse(&batch.record).reads.remove(0);
    let invalid = i64::from(flags::CLOCK_INVALID);
    assert_eq!(
        (read["quality"], read["flags"], read["clock_status"]),
        (3, invalid, 1)
    );
}

#[test]
fn a_fault_of_the_clock_is_seen_in_a_run_of_new_reads_too() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    decode(
        &mut decoder,
        &Meter::new(1).frame(1, &[Interval::nth(1, 10)]),
    );
    let doubtful = [2, 3].map(|n| Interval {
        clock_status: 0x02,
        ..Interval::nth(n, 10)
    });
    let batch = decode(&mut decoder, &Meter::new(1).frame(2, &doubtful));
    let seen: Vec<i64> = parse(&batch.record)
        .reads
        .iter()
        .map(|row| row["flags"])
        .collect();
    assert_eq!(seen, [i64::from(flags::CLOCK_DOUBTFUL); 2]);
}

/// One read of a meter with the layout `3ph`, in clear.
fn three_phase(meter: Meter, n: i64) -> Vec<u8> {
    let mut apdu = Vec::new();
    cosem::encode::data_notification(0, &mut apdu);
    cosem::encode::structure(4, &mut apdu);
    cosem::encode::octets(meter.serial().as_bytes(), &mut apdu);
    cosem::encode::octets(&cosem::encode::PUSH_SETUP, &mut apdu);
    apdu.push(0);
    cosem::encode::array(1, &mut apdu);
    cosem::encode::structure(4, &mut apdu);
    let end_s = Interval::nth(n, 0).end_s + 19_800;
    cosem::encode::octets(&cosem::encode::date_time(end_s, 330, 0), &mut apdu);
    cosem::encode::long_unsigned(777, &mut apdu);
    cosem::encode::double_long_unsigned(0x8000_0001, &mut apdu);
    cosem::encode::double_long_unsigned(99, &mut apdu);
    wrapped(&apdu)
}

#[test]
fn layouts_mixed_in_a_batch_keep_every_value_in_its_row() {
    let mut decoder = knowing(&[(1, Protection::NONE)]);
    let (single, three) = (Meter::with(1, 0), Meter::with(2, 0));
    let serial = three.serial();
    let spec = reads::MeterSpec {
        meter: 2,
        serial: serial.as_bytes(),
        title: None,
        dcu: 0,
        encryption_key: &[],
        authentication_key: &[],
        protection: Protection::NONE,
        layout: decoder.layout("3ph").unwrap(),
        interval_s: world::INTERVAL_S,
        time_policy: cosem::clock::TimePolicy::Ist,
    };
    decoder.upsert(&spec).unwrap();
    let one = |n| single.frame(0, &[Interval::nth(n, 10)]);
    let frames = [
        one(1),
        three_phase(three, 1),
        one(2),
        three_phase(three, 2),
        one(3),
    ];
    let batch = decode(&mut decoder, &frames.concat());
    let reads = parse(&batch.record).reads;
    let column = |name| reads.iter().map(|row| row[name]).collect::<Vec<i64>>();
    assert_eq!(column("meter"), [1, 2, 1, 2, 1]);
    assert_eq!(column("imp_wh"), [10, 99, 10, 99, 10]);
    assert_eq!(column("volt_cv"), [23_000, 0, 23_000, 0, 23_000]);
    assert_eq!(column("curr_r_ma"), [0, 7_770, 0, 7_770, 0]);
    assert_eq!(column("status"), [0, 0x8000_0001, 0, 0x8000_0001, 0]);
    let (first, second) = (0b11_1111, 1 << 13 | 1);
    assert_eq!(column("present"), [first, second, first, second, first]);
    let alone = parse(&decode(&mut decoder, &one(4)).record).reads;
    assert!(
        !alone[0].contains_key("curr_r_ma"),
        "no read of that batch has it"
    );
}

#[test]
fn identities_that_disagree_are_a_conflict_and_unknown_ids_are_not() {
    let mut decoder = knowing(&[(1, PROTECTED), (2, Protection::NONE)]);
    let meter = Meter::new(1);
    let as_two = world::push_as(&Meter::new(2).serial(), 0, &[Interval::nth(1, 10)]);
    let body = decode(&mut decoder, &wrapped(&meter.seal(1, &as_two)));
    refused_as(&body, "layout", "identity_conflict");
    let foreign = world::push_as("some other id", 0, &[Interval::nth(1, 10)]);
    let batch = decode(&mut decoder, &wrapped(&meter.seal(2, &foreign)));
    assert_eq!(counts(&batch).0, [1, 0, 0]);
    let mut behind = Vec::new();
    cosem::encode::gateway_prefix(0, Meter::new(2).serial().as_bytes(), &mut behind);
    behind.extend(meter.seal(3, &meter.push(&[Interval::nth(2, 10)])));
    refused_as(
        &decode(&mut decoder, &wrapped(&behind)),
        "gateway",
        "identity_conflict",
    );
    let mut clear = Vec::new();
    cosem::encode::gateway_prefix(0, meter.serial().as_bytes(), &mut clear);
    clear.extend(Meter::with(2, 0).push(&[Interval::nth(2, 10)]));
    refused_as(
        &decode(&mut decoder, &wrapped(&clear)),
        "gateway",
        "identity_conflict",
    );
}

#[test]
fn a_frame_without_a_title_is_its_gateways() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let meter = Meter::new(1);
    let sealed = meter.seal(1, &meter.push(&[Interval::nth(1, 10)]));
    let untitled = [&[0xdb, 0][..], &sealed[10..]].concat();
    refused_as(
        &decode(&mut decoder, &wrapped(&untitled)),
        "ciphering",
        "unknown_meter",
    );
    for address in [meter.serial().into_bytes(), meter.title().to_vec()] {
        let mut decoder = knowing(&[(1, PROTECTED)]);
        let mut behind = Vec::new();
        cosem::encode::gateway_prefix(0, &address, &mut behind);
        behind.extend(&untitled);
        assert_eq!(
            counts(&decode(&mut decoder, &wrapped(&behind))).0,
            [1, 0, 0]
        );
    }
}

#[test]
fn apdus_that_are_no_push_are_unsupported_and_noise_is_no_apdu() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    for (apdu, layer, kind) in [
        (&[0xc1, 0][..], "apdu", "unsupported"),
        (&[0xdf, 0], "apdu", "unsupported"),
        (&[0xdd, 0], "ciphering", "truncated"),
        (&[0xc2, 0], "apdu", "unknown_meter"),
        (&[0x7f, 0], "apdu", "bad_tag"),
        (&[0xdc, 8, 0], "ciphering", "no_key"),
        (&[0xdb, 8, 1], "ciphering", "truncated"),
        (&[0x0f, 0], "apdu", "truncated"),
    ] {
        refused_as(&decode(&mut decoder, &wrapped(apdu)), layer, kind);
    }
    let meter = Meter::new(1);
    let event = decode(&mut decoder, &wrapped(&meter.seal(1, &[0xc1, 0, 0])));
    refused_as(&event, "apdu", "unsupported");
    let counters = parse(&event.record).counters;
    assert_eq!(
        (counters[0].0, counters[0].1),
        (1, 1),
        "its verified counter moved"
    );
    let again = decode(&mut decoder, &wrapped(&meter.seal(1, &[0xc2, 0, 0])));
    assert_eq!(counts(&again).0, [0, 0, 1]);
}

#[test]
fn a_confirmed_push_is_answered_the_way_it_came() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let meter = Meter::new(1);
    let confirmed = |n| world::push_as(&meter.serial(), 0x4000_0012, &[Interval::nth(n, 10)]);
    let batch = decode(&mut decoder, &wrapped(&meter.seal(1, &confirmed(1))));
    let answer = b"\0\x01\0\x40\0\x01\0\x06\x10\x40\0\0\x12\0".to_vec();
    assert_eq!(batch.replies, [(7, answer.clone())]);
    let again = decode(&mut decoder, &wrapped(&meter.seal(1, &confirmed(1))));
    assert_eq!(
        again.replies,
        [(7, answer)],
        "the first answer may have been lost"
    );
    let mut behind = Vec::new();
    cosem::encode::gateway_prefix(5, b"abc", &mut behind);
    behind.extend(meter.seal(2, &confirmed(2)));
    let batch = decode(&mut decoder, &wrapped(&behind));
    let answer = b"\0\x01\0\x40\0\x01\0\x0c\xe6\x05\x03abc\x10\x40\0\0\x12\0".to_vec();
    assert_eq!(batch.replies, [(7, answer)]);
    let replay = decode(&mut decoder, &wrapped(&meter.seal(1, &confirmed(3))));
    assert_eq!(replay.replies, [], "a replay is not answered");
}

#[test]
fn noise_on_a_link_is_a_counted_reject() {
    let mut decoder = knowing(&[]);
    let batch = decode(&mut decoder, b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(counts(&batch).0, [0, 1, 0]);
    assert_eq!(
        parse(&batch.record).rejects[0].raw,
        b"GET / HTTP/1.1\r\n\r\n"
    );
    assert_eq!(
        decode(&mut decoder, b"").rows,
        0,
        "nothing came, nothing to journal"
    );
}

#[test]
fn rejects_of_a_peer_are_bounded_and_what_is_not_kept_is_still_counted() {
    let mut decoder = world::decoder(Settings {
        reject_raw_bytes_max: 100,
        reject_raw_bytes_per_peer_max: 150,
        rejects_per_peer_max: 3,
        ..Settings::default()
    });
    let frames = [1, 2, 3, 4, 5].map(|number| Meter::new(number).frame(1, &day(1)));
    let batch = decode(&mut decoder, &frames.concat());
    assert_eq!(counts(&batch).0, [0, 5, 0]);
    assert_eq!(batch.rejected.get("unknown_meter"), Some(&5));
    let parsed = parse(&batch.record);
    let kept: Vec<(&str, usize, u32)> = parsed
        .rejects
        .iter()
        .map(|row| (row.kind.as_str(), row.raw.len(), row.offset))
        .collect();
    let unknown = |bytes| ("unknown_meter", bytes, 0);
    assert_eq!(
        kept,
        [unknown(100), unknown(50), unknown(0), ("too_many", 0, 2)]
    );
    assert_eq!(batch.rows, 5, "four rejects and a ledger row");
}

fn envelope(sequence: u64, frame: &[u8]) -> Vec<u8> {
    let mut message = vec![0x94, 0xcf];
    message.extend(sequence.to_be_bytes());
    message.extend([0x00, 0xa0, 0xc5]);
    message.extend(u16::try_from(frame.len()).unwrap().to_be_bytes());
    message.extend(frame);
    let mut out = u32::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    out.extend(message);
    out
}

#[test]
fn envelopes_are_acknowledged_by_the_highest_and_resent_ones_bring_nothing() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let meter = Meter::new(1);
    let frames: Vec<Vec<u8>> = (1..=3)
        .map(|n| {
            envelope(
                u64::from(n),
                &meter.frame(n, &[Interval::nth(i64::from(n), 10)]),
            )
        })
        .collect();
    let decode = |decoder: &mut Decoder, bytes: &[u8]| {
        decode_frames(decoder, NOW_MS, &split(Framing::Uplink, bytes))
    };
    let batch = decode(&mut decoder, &frames.concat());
    assert_eq!(
        (counts(&batch).0, batch.uplink.clone()),
        ([3, 0, 0], vec![(7, 3)])
    );
    assert_eq!(parse(&batch.record).uplinks, [(3, 3)]);
    assert_eq!(decoder.uplinks_taken().collect::<Vec<_>>(), [(3, 3)]);
    let mut restarted = knowing(&[(1, PROTECTED)]);
    restarted.restore(&decoder.snapshot()).unwrap();
    assert_eq!(restarted.uplinks_taken().collect::<Vec<_>>(), [(3, 3)]);
    let resent = decode(&mut decoder, &frames[..2].concat());
    assert_eq!(
        counts(&resent),
        ([0, 0, 2], [0, 0, 2, 0]),
        "older counters, but known reads"
    );
    assert_eq!(resent.uplink, [(7, 2)]);
    let stranger = envelope(4, &Meter::new(2).frame(1, &day(1)));
    refused_as(
        &decode(&mut decoder, &stranger),
        "ciphering",
        "unknown_meter",
    );
    assert_eq!(
        counts(&decode(&mut decoder, &stranger)).0,
        [0, 0, 1],
        "it is journaled already"
    );
    let empty = decode(&mut decoder, &envelope(5, &[]));
    assert_eq!(empty.uplink, [(7, 5)]);
    assert!(empty.rows > 0, "its sequence must become durable");
}

#[test]
fn an_envelope_names_the_meter_that_its_frame_does_not() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let meter = Meter::new(1);
    let sealed = meter.seal(1, &meter.push(&[Interval::nth(1, 10)]));
    let untitled = wrapped(&[&[0xdb, 0][..], &sealed[10..]].concat());
    let mut named = envelope(1, &untitled);
    let at = named.iter().position(|byte| *byte == 0xa0).unwrap();
    named.splice(at..=at, [&[0xaa][..], meter.serial().as_bytes()].concat());
    named[3] += 10;
    let batch = decode_frames(&mut decoder, NOW_MS, &split(Framing::Uplink, &named));
    assert_eq!(counts(&batch).0, [1, 0, 0]);
}

#[test]
fn the_future_is_measured_against_the_given_now() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let frame = Meter::new(1).frame(1, &[Interval::nth(1, 10)]);
    let early = decode_at(&mut decoder, MIDNIGHT_S * 1000, &frame);
    assert_eq!(counts(&early).1, [0, 1, 0, 0]);
}

#[test]
fn memory_of_an_old_record_leaves_nothing_in_the_next() {
    let frames = [
        Meter::new(1).frame(1, &day(10)),
        Meter::new(1).frame(2, &[Interval::nth(24, 11)]),
    ];
    let mut fresh = knowing(&[(1, PROTECTED)]);
    let mut recycling = knowing(&[(1, PROTECTED)]);
    for frame in &frames {
        let batch = decode(&mut recycling, frame);
        assert_eq!(batch, decode(&mut fresh, frame));
        recycling.recycle(batch.record);
    }
}
