//! Whom a frame is from, what protects it, and which counter it may carry.

use super::*;

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
fn in_clear_a_known_concentrator_speaks_for_its_own_meters_only() {
    let mut decoder = knowing(&[]);
    let meter = Meter::new(1);
    let frame = wrapped(&meter.push(&[Interval::nth(1, 10)]));
    meter.register_at(4, &mut decoder, Protection::NONE);
    let other = decode(&mut decoder, &frame);
    refused_as(&other, "apdu", "identity_conflict");
    assert_eq!(parse(&other.record).rejects[0].dcu, 3, "who brought it");
    for own in [3, 0] {
        meter.register_at(own, &mut decoder, Protection::NONE);
        assert_ne!(counts(&decode(&mut decoder, &frame)).0[1], 1, "{own}");
    }
    meter.register_at(4, &mut decoder, PROTECTED);
    let sealed = decode(&mut decoder, &meter.frame(1, &[Interval::nth(2, 10)]));
    assert_eq!(counts(&sealed).0, [1, 0, 0], "a tag proves the meter");
}
