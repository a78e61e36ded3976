//! What servers answer, report and say, handed on by a concentrator: values go the way of a push's
//! body, and what brings no value is kept under a kind that says what it is.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use cosem::layout::specs_from_json;
use proptest::prelude::*;
use reads::{Batch, Decoder, Protection, Rejected, Settings, Standing};
use world::record::parse;
use world::{Interval, LAYOUT, Meter, NOW_MS, decode, wrapped};

fn knowing(protection: Protection) -> Decoder {
    let mut decoder = world::decoder(Settings::default());
    Meter::new(1).register(&mut decoder, protection);
    decoder
}

/// Four intervals as a value: device id, push setup, clock and rows.
fn value() -> Vec<u8> {
    let day: Vec<Interval> = (1..=4).map(|n| Interval::nth(n, 10)).collect();
    Meter::new(1).push(&day)[6..].to_vec()
}

fn normal(value: &[u8]) -> Vec<u8> {
    [&[0xc4, 1, 0xc1, 0][..], value].concat()
}

/// A value in data-blocks of `size`.
fn data_blocks(value: &[u8], size: usize) -> Vec<Vec<u8>> {
    let count = value.len().div_ceil(size);
    let parts = (1_u32..).zip(value.chunks(size));
    parts
        .map(|(number, part)| {
            let last = u8::from(usize::try_from(number).unwrap() == count);
            let mut apdu = vec![0xc4, 2, 0xc1, last];
            apdu.extend(number.to_be_bytes());
            apdu.push(0);
            cosem::encode::length(part.len(), &mut apdu);
            apdu.extend(part);
            apdu
        })
        .collect()
}

fn list(results: &[&[u8]]) -> Vec<u8> {
    let mut apdu = vec![0xc4, 3, 0xc1, u8::try_from(results.len()).unwrap()];
    for result in results {
        apdu.extend(*result);
    }
    apdu
}

/// The four elements of the value, each an answer of its own.
fn elements() -> Vec<Vec<u8>> {
    let value = value();
    let mut rest = &value[2..];
    let mut elements = Vec::new();
    while !rest.is_empty() {
        let (_, used) = cosem::axdr::head(rest, cosem::axdr::Limits::default()).unwrap();
        elements.push([&[0], &rest[..used]].concat());
        rest = &rest[used..];
    }
    elements
}

fn report(values: &[&[u8]]) -> Vec<u8> {
    let count = u8::try_from(values.len()).unwrap();
    let mut apdu = vec![0x18, 0, count];
    for _ in values {
        apdu.extend([2, 0x01, 0x00]);
    }
    apdu.push(count);
    for value in values {
        apdu.extend(*value);
    }
    apdu
}

fn outcome(batch: &Batch) -> (u64, Option<&'static str>) {
    assert!(batch.tally.balances());
    let kind = batch.rejected.keys().next().copied();
    (batch.tally.reads_stored, kind)
}

#[test]
fn a_value_is_read_whichever_service_brings_it() {
    let parts = elements();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let bare: Vec<&[u8]> = parts.iter().map(|part| &part[1..]).collect();
    for apdu in [
        normal(&value()),
        list(&[&[&[0][..], &value()].concat()]),
        list(&parts),
        list(&bare),
        report(&[&value()]),
        report(&bare),
        [&[0x0c, 1, 0][..], &value()].concat(),
    ] {
        let clear = decode(&mut knowing(Protection::NONE), &wrapped(&apdu));
        assert_eq!(outcome(&clear), (4, None), "{:02x?}", &apdu[..6]);
        let sealed = wrapped(&Meter::new(1).seal(9, &apdu));
        let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
        assert_eq!(outcome(&decode(&mut decoder, &sealed)), (4, None));
        let again = decode(&mut decoder, &sealed);
        assert_eq!(
            (again.tally.frames_duplicate, again.tally.reads_duplicate),
            (1, 4)
        );
        let owed = decode(&mut knowing(Protection::ENCRYPT), &wrapped(&apdu));
        assert_eq!(outcome(&owed), (0, Some("security_policy")));
    }
}

#[test]
fn an_answer_in_data_blocks_is_read_once_it_is_whole() {
    let blocks = data_blocks(&value(), 50);
    let all = u64::try_from(blocks.len()).unwrap();
    let clear: Vec<u8> = blocks.iter().flat_map(|each| wrapped(each)).collect();
    let batch = decode(&mut knowing(Protection::NONE), &clear);
    assert_eq!(
        (batch.tally.reads_stored, batch.tally.frames_accepted),
        (4, all)
    );
    // Each under the meter's key with a counter of its own, and each in a batch of its own.
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    let mut stored = 0;
    for (counter, block) in (1..).zip(&blocks) {
        let batch = decode(&mut decoder, &wrapped(&Meter::new(1).seal(counter, block)));
        assert!(batch.rejected.is_empty());
        stored += batch.tally.reads_stored;
    }
    assert_eq!(stored, 4);
    // A block in clear never joins those under the key.
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    decode(&mut decoder, &wrapped(&Meter::new(1).seal(1, &blocks[0])));
    let rest: Vec<u8> = blocks[1..].iter().flat_map(|each| wrapped(each)).collect();
    assert_eq!(decode(&mut decoder, &rest).tally.reads_stored, 0);
    // A list in blocks.
    let parts = elements().concat();
    let joined = [&[4][..], &parts].concat();
    let blocks: Vec<u8> = data_blocks(&joined, 70)
        .iter()
        .flat_map(|each| wrapped(each))
        .collect();
    let batch = decode(&mut knowing(Protection::NONE), &blocks);
    assert_eq!(outcome(&batch), (4, None));
}

#[test]
fn a_missing_data_block_leaves_a_reject_with_every_frame() {
    let blocks = data_blocks(&value(), 50);
    let sent = [wrapped(&blocks[0]), wrapped(&blocks[2])];
    let batch = decode(&mut knowing(Protection::NONE), &sent.concat());
    assert_eq!(batch.rejected.get("bad_sequence"), Some(&2));
    let raw: Vec<u8> = parse(&batch.record)
        .rejects
        .into_iter()
        .flat_map(|each| each.raw)
        .collect();
    assert_eq!(raw, sent.concat());
}

#[test]
fn a_value_that_nothing_describes_is_kept_until_a_layout_fits_it() {
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    // Rows alone: the buffer of a load profile.
    let value = value();
    let rows = &elements()[3][1..];
    assert!(value.ends_with(rows));
    let frame = wrapped(&Meter::new(1).seal(9, &normal(rows)));
    let batch = decode(&mut decoder, &frame);
    let reject = parse(&batch.record).rejects.remove(0);
    assert_eq!(
        (reject.layer.as_str(), reject.kind.as_str(), reject.meter),
        ("layout", "no_descriptor", 1)
    );
    let buffer = LAYOUT
        .replacen(r#""body": "push""#, r#""body": "buffer""#, 1)
        .replacen(r#"["0.0.25.9.0.255"]"#, "[]", 1);
    decoder
        .set_layouts(&specs_from_json(buffer.as_bytes()).unwrap())
        .unwrap();
    let rejected = Rejected {
        position: 1,
        at_ms: NOW_MS,
        dcu: 0,
        peer: "",
        raw: &reject.raw,
        hint: &[],
        row: None,
    };
    let (_, done) = decoder.reconsider(&[rejected], &Standing::default(), NOW_MS);
    assert_eq!(done[0].unwrap().reads, 4);
}

#[test]
fn what_a_meter_says_instead_of_a_value_is_its_own_kind() {
    for (apdu, kind) in [
        (&[0xd8, 1, 2][..], "said_service_not_supported"),
        (&[0xd8, 1, 5], "said_deciphering_error"),
        (&[0xd8, 1, 6, 0, 0, 1, 0], "said_invocation_counter_error"),
        (&[0x0e, 5, 5, 1], "said_access_error"),
        (&[0xc4, 1, 0xc1, 1, 4], "said_object_undefined"),
        (
            &[0xc4, 2, 0xc1, 1, 0, 0, 0, 1, 1, 15],
            "said_long_get_aborted",
        ),
        (&[0xc4, 3, 0xc1, 2, 1, 3, 1, 3], "said_read_write_denied"),
        (&[0x0c, 1, 1, 3], "said_read_write_denied"),
    ] {
        let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
        let clear = decode(&mut decoder, &wrapped(apdu));
        assert_eq!(clear.rejected.get(kind), Some(&1), "{:?}", clear.rejected);
        let sealed = decode(&mut decoder, &wrapped(&Meter::new(1).seal(3, apdu)));
        let reject = parse(&sealed.record).rejects.remove(0);
        assert_eq!((reject.kind.as_str(), reject.meter), (kind, 1));
        assert!(sealed.wrong_keys.is_empty());
    }
}

#[test]
fn signed_apdus_are_kept_as_what_they_are() {
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    let signed = [0xdf, 0, 0, 0, 0, 0, 2, 0x0f, 0, 0];
    let batch = decode(&mut decoder, &wrapped(&signed));
    assert_eq!(batch.rejected.get("unchecked_signature"), Some(&1));
    let sealed = decode(&mut decoder, &wrapped(&Meter::new(1).seal(3, &signed)));
    assert_eq!(sealed.rejected.get("unchecked_signature"), Some(&1));
}

/// general-ciphering under an agreed key: no party here has one.
fn agreed() -> Vec<u8> {
    let mut apdu = vec![0xdd, 1, 9, 8];
    apdu.extend(Meter::new(1).title());
    apdu.extend([0, 0, 0]);
    apdu.extend([1, 2, 1, 2, 0]);
    apdu.extend([22, 0x30, 0, 0, 0, 1]);
    apdu.extend([0xaa; 17]);
    apdu
}

#[test]
fn what_is_recognised_and_not_taken_is_kept_whole_and_can_be_tried_again() {
    for (apdu, layer, kind) in [
        (agreed(), "ciphering", "no_key"),
        // access-response: a list of data and one of results.
        (
            vec![0xda, 0, 0, 0, 1, 0, 0, 1, 0x12, 0, 5, 1, 1, 0],
            "apdu",
            "unsupported",
        ),
        // read-response with a block of a value.
        (
            vec![0x0c, 1, 2, 1, 0, 1, 3, 0x12, 0, 5],
            "apdu",
            "unsupported",
        ),
        // Requests and answers to SET, ACTION and READ.
        (vec![0xc5, 1, 0xc1, 0], "apdu", "unsupported"),
        (vec![0xc7, 1, 0xc1, 0, 0], "apdu", "unsupported"),
        (vec![0x05, 1, 2, 0xfa, 0], "apdu", "unsupported"),
    ] {
        let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
        let frame = wrapped(&apdu);
        let batch = decode(&mut decoder, &frame);
        let reject = parse(&batch.record).rejects.remove(0);
        assert_eq!(
            (reject.layer.as_str(), reject.kind.as_str()),
            (layer, kind),
            "{apdu:02x?}"
        );
        assert_eq!(reject.raw, frame);
        assert!(batch.wrong_keys.is_empty());
        let rejected = Rejected {
            position: 1,
            at_ms: NOW_MS,
            dcu: 0,
            peer: "",
            raw: &reject.raw,
            hint: &[],
            row: None,
        };
        let (again, done) = decoder.reconsider(&[rejected], &Standing::default(), NOW_MS);
        assert_eq!(done[0].unwrap_err().kind.name(), kind);
        assert_eq!(again.rows, 0, "it stays as it is, with its first reason");
    }
}

proptest! {
    /// Any bytes under a tag that is recognised: no panic, and every frame is counted.
    #[test]
    fn any_answer_is_counted(tag in 0_usize..12, mut apdu: Vec<u8>, sealed: bool) {
        const TAGS: [u8; 12] =
            [0xc4, 0x0c, 0x18, 0x0e, 0xd8, 0xdf, 0x60, 0x61, 0x63, 0x01, 0xcc, 0xdc];
        let mut decoder = knowing(Protection::NONE);
        if let Some(first) = apdu.first_mut() {
            *first = TAGS[tag];
        }
        let apdu = if sealed { Meter::new(1).seal(3, &apdu) } else { apdu };
        let batch = decode(&mut decoder, &wrapped(&apdu));
        let later = world::decode_at(&mut decoder, NOW_MS + 301_000, &[]);
        prop_assert!(batch.tally.balances() && later.tally.balances());
        prop_assert_eq!(batch.tally.frames + later.tally.frames, 1);
    }
}
