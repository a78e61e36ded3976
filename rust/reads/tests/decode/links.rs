//! Links, envelopes, answers, and what is no push at all.

use super::*;

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
        (&[0xdf, 0], "apdu", "unchecked_signature"),
        (&[0xd8, 1, 2], "apdu", "said_service_not_supported"),
        (&[0xdd, 0], "ciphering", "truncated"),
        (&[0xc2, 0], "apdu", "unknown_meter"),
        (&[0x7f, 0], "apdu", "bad_tag"),
        (&[0xdc, 8, 0], "ciphering", "truncated"),
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
