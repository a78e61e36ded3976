//! What other framings than the wrapper bring, and how it is answered.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use cosem::framing::{Framing, Limits};
use reads::{Batch, Decoder, Protection, Settings};
use world::record::parse;
use world::{Interval, Meter, NOW_MS, decode, decode_at, decode_frames, split, wrapped};

const PROTECTED: Protection = Protection::ENCRYPT_AUTHENTICATE;
const CONFIRMED: u32 = 0x4000_0012;

fn knowing_one() -> Decoder {
    let mut decoder = world::decoder(Settings::default());
    Meter::new(1).register(&mut decoder, PROTECTED);
    decoder
}

fn confirmed_push(counter: u32) -> Vec<u8> {
    let meter = Meter::new(1);
    let push = world::push_as(
        &meter.serial(),
        CONFIRMED,
        &[Interval::nth(counter.into(), 5)],
    );
    meter.seal(counter, &push)
}

fn crc(bytes: &[u8]) -> [u8; 2] {
    let register = bytes.iter().fold(0xffff_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 0 { 0 } else { 0x8408 }
        })
    });
    (register ^ 0xffff).to_le_bytes()
}

/// UI or numbered frames of at most 120 bytes of information each.
fn hdlc(apdu: &[u8], control: u8) -> Vec<u8> {
    let info = [&[0xe6, 0xe7, 0][..], apdu].concat();
    let parts: Vec<&[u8]> = info.chunks(120).collect();
    let mut out = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let more = if index + 1 < parts.len() { 0xa8 } else { 0xa0 };
        let length = u8::try_from(part.len() + 10).unwrap();
        let mut content = vec![more, length, 0x03, 0x02, 0x23, control];
        content.extend(crc(&content));
        content.extend_from_slice(part);
        content.extend(crc(&content));
        out.extend([&[0x7e][..], &content, &[0x7e]].concat());
    }
    out
}

fn decode_as(decoder: &mut Decoder, framing: Framing, bytes: &[u8]) -> Batch {
    decode_frames(decoder, NOW_MS, &split(framing, bytes))
}

#[test]
fn a_confirmed_push_in_ui_frames_is_answered_in_one() {
    let mut decoder = knowing_one();
    let batch = decode_as(&mut decoder, Framing::Auto, &hdlc(&confirmed_push(1), 0x13));
    assert_eq!((batch.tally.reads_stored, batch.replies.len()), (1, 1));
    let (link, answer) = &batch.replies[0];
    assert_eq!(
        (*link, &answer[..7]),
        (7, &b"\x7e\xa0\x13\x02\x23\x03\x13"[..])
    );
    let back = split(Framing::Hdlc, answer);
    assert_eq!(back.get(back.entries[0].apdu), b"\x10\x40\0\0\x12\0");
}

#[test]
fn a_confirmed_push_that_has_no_way_back_is_stored_and_not_answered() {
    let mut decoder = knowing_one();
    let numbered = decode_as(&mut decoder, Framing::Hdlc, &hdlc(&confirmed_push(1), 0x10));
    assert_eq!(
        (numbered.tally.reads_stored, numbered.replies.len()),
        (1, 0)
    );
}

/// A wrapper frame from device `number` of a PRIME data concentrator.
fn from_device(number: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let words = [1, number, 1, length].map(u16::to_be_bytes);
    [words.as_flattened(), content].concat()
}

#[test]
fn a_prime_concentrator_names_the_meter_of_a_frame_that_does_not() {
    let meter = Meter::new(1);
    let untitled = |counter| [&[0xdb, 0][..], &confirmed_push(counter)[10..]].concat();
    let serial = meter.serial().into_bytes();
    let length = u8::try_from(serial.len()).unwrap();
    let named = [&[1, 0, 9, 0, 0, length][..], &serial, b"\0\0\0\0\0\x09"].concat();
    let mut decoder = knowing_one();
    let link = [
        from_device(9, &untitled(1)),
        from_device(0, &named),
        from_device(9, &untitled(1)),
    ];
    let batch = decode_as(&mut decoder, Framing::PrimeDc, &link.concat());
    assert_eq!(
        batch.rejected.get("unknown_meter"),
        Some(&1),
        "before it was named"
    );
    assert_eq!(
        (batch.tally.frames_accepted, batch.tally.reads_stored),
        (2, 1)
    );
    let answer = b"\0\x01\0\x01\0\x09\0\x06\x10\x40\0\0\x12\0".to_vec();
    assert_eq!(
        batch.replies,
        [(7, answer)],
        "to its number, without a prefix"
    );
}

#[test]
fn a_flood_of_junk_is_kept_up_to_the_peers_budget_of_a_day_and_counted_beyond() {
    const BUDGET: u64 = 100_000;
    let mut decoder = world::decoder(Settings {
        rejects_bytes_per_peer_day_max: BUDGET,
        ..Settings::default()
    });
    let mut junk = |n: i64| {
        let frames = split(
            Framing::Hdlc,
            &vec![0x55; Limits::default().frame_bytes_max],
        );
        decode_frames(&mut decoder, NOW_MS + n * 1_000, &frames)
    };
    let batches: Vec<Batch> = (0..300).map(&mut junk).collect();
    let bytes: usize = batches.iter().map(|batch| batch.record.len()).sum();
    assert!(bytes > 50_000, "{bytes}");
    assert!(u64::try_from(bytes).unwrap() < BUDGET * 2, "{bytes}");
    let counted: u64 = batches
        .iter()
        .map(|batch| batch.tally.frames_quarantined)
        .sum();
    let rejected: u64 = batches
        .iter()
        .filter_map(|batch| batch.rejected.get("bad_tag"))
        .sum();
    assert_eq!((counted, rejected), (300, 300));
    let rows = batches
        .iter()
        .flat_map(|batch| parse(&batch.record).rejects);
    let told: u32 = rows
        .filter(|row| row.kind == "too_many")
        .map(|row| row.offset)
        .sum();
    assert!((200..300).contains(&told), "{told}");
    let later = junk(86_400);
    assert_eq!(
        parse(&later.record).rejects[0].raw.len(),
        4_096,
        "a day later there is room"
    );
}

#[test]
fn the_wrapper_is_answered_as_before() {
    let mut decoder = knowing_one();
    let batch = decode(&mut decoder, &wrapped(&confirmed_push(1)));
    let answer = b"\0\x01\0\x40\0\x01\0\x06\x10\x40\0\0\x12\0".to_vec();
    assert_eq!(batch.replies, [(7, answer)]);
    assert_eq!(decode_at(&mut decoder, NOW_MS, b"").rows, 0);
}
