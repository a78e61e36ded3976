//! What carries a push: blocks, general-ciphering, and keys that do not fit.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use cosem::framing::Framing;
use proptest::prelude::*;
use reads::{Batch, Decoder, Protection, Rejected, Settings, Standing};
use world::record::parse;
use world::{Interval, Meter, NOW_MS, decode, decode_at, decode_frames, split, wrapped};

const PROTECTED: Protection = Protection::ENCRYPT_AUTHENTICATE;

fn knowing(settings: Settings) -> Decoder {
    let mut decoder = world::decoder(settings);
    Meter::new(1).register(&mut decoder, PROTECTED);
    decoder
}

fn day() -> Vec<Interval> {
    (1..=4).map(|n| Interval::nth(n, 10)).collect()
}

fn sealed(counter: u32) -> Vec<u8> {
    Meter::new(1).seal(counter, &Meter::new(1).push(&day()))
}

/// One block in a wrapper frame.
fn block(number: u16, last: bool, bytes: &[u8]) -> Vec<u8> {
    let mut apdu = vec![0xe0, if last { 0xc0 } else { 0x40 }];
    apdu.extend(number.to_be_bytes());
    apdu.extend([0, 0]);
    cosem::encode::length(bytes.len(), &mut apdu);
    apdu.extend(bytes);
    wrapped(&apdu)
}

/// A message in blocks of `size`.
fn blocks(message: &[u8], size: usize) -> Vec<Vec<u8>> {
    let parts: Vec<&[u8]> = message.chunks(size).collect();
    let frames = (1_u16..).zip(&parts);
    frames
        .map(|(number, part)| block(number, usize::from(number) == parts.len(), part))
        .collect()
}

fn frames(batch: &Batch) -> [u64; 4] {
    let tally = &batch.tally;
    assert!(tally.balances());
    [
        tally.frames_accepted,
        tally.frames_quarantined,
        tally.frames_duplicate,
        tally.reads_stored,
    ]
}

#[test]
fn a_push_in_blocks_over_several_batches_is_one_push() {
    let mut decoder = knowing(Settings::default());
    let parts = blocks(&sealed(5), 60);
    let (last, before) = parts.split_last().unwrap();
    for part in before {
        assert_eq!(frames(&decode(&mut decoder, part)), [1, 0, 0, 0]);
    }
    assert!(decoder.footprint().transfers_bytes > 0);
    assert_eq!(frames(&decode(&mut decoder, last)), [1, 0, 0, 4]);
    assert_eq!(decoder.footprint().transfers_bytes, 0);
}

#[test]
fn block_one_starts_over_and_the_run_before_it_is_kept_as_a_reject() {
    let mut decoder = knowing(Settings::default());
    let parts = blocks(&sealed(5), 60);
    let aborted = [parts[0].clone(), parts[1].clone()].concat();
    let batch = decode(&mut decoder, &[aborted.clone(), parts.concat()].concat());
    assert_eq!(frames(&batch)[3], 4);
    let reject = parse(&batch.record).rejects.remove(0);
    assert_eq!(
        (reject.layer.as_str(), reject.kind.as_str()),
        ("block_transfer", "bad_sequence")
    );
    assert_eq!(reject.raw, aborted);
}

#[test]
fn a_gap_keeps_all_blocks_and_reads_nothing() {
    let mut decoder = knowing(Settings::default());
    let parts = blocks(&sealed(5), 60);
    let batch = decode(&mut decoder, &[parts[0].clone(), parts[2].clone()].concat());
    assert_eq!(frames(&batch), [1, 1, 0, 0]);
    let raw: Vec<u8> = parse(&batch.record)
        .rejects
        .into_iter()
        .flat_map(|each| each.raw)
        .collect();
    assert_eq!(raw, [parts[0].clone(), parts[2].clone()].concat());
}

#[test]
fn what_waits_is_bounded_in_bytes_and_time() {
    let parts = blocks(&sealed(5), 60);
    let small = Settings {
        transfer_bytes_max: 100,
        ..Settings::default()
    };
    let batch = decode(&mut knowing(small), &parts.concat());
    assert_eq!(
        batch.rejected.get("too_long"),
        Some(&2),
        "the block and those before it"
    );
    let none = Settings {
        transfers_bytes_max: 100,
        ..Settings::default()
    };
    let batch = decode(&mut knowing(none), &parts.concat());
    assert!(batch.rejected.contains_key("too_many"));
    let mut decoder = knowing(Settings::default());
    decode(&mut decoder, &parts[0]);
    let later = decode_at(&mut decoder, NOW_MS + 301_000, &wrapped(&sealed(9)));
    assert_eq!(decoder.footprint().transfers_bytes, 0);
    let reject = parse(&later.record).rejects.remove(0);
    assert_eq!(
        (reject.kind.as_str(), &reject.raw),
        ("truncated", &parts[0])
    );
}

#[test]
fn a_refused_message_is_kept_whole_and_can_be_decoded_again() {
    let mut decoder = world::decoder(Settings::default());
    let parts = blocks(&sealed(5), 60).concat();
    let batch = decode(&mut decoder, &parts);
    let reject = parse(&batch.record).rejects.remove(0);
    assert_eq!(
        (reject.kind.as_str(), &reject.raw),
        ("unknown_meter", &parts)
    );
    Meter::new(1).register(&mut decoder, PROTECTED);
    let rejected = |raw| Rejected {
        position: 1,
        at_ms: NOW_MS,
        dcu: 0,
        peer: "",
        raw,
    };
    let (_, done) = decoder.reconsider(&[rejected(&parts)], &Standing::default(), NOW_MS);
    assert_eq!(done[0].unwrap().reads, 4);
    let half = &blocks(&sealed(6), 60)[0];
    let (batch, done) = decoder.reconsider(&[rejected(half)], &Standing::default(), NOW_MS);
    assert_eq!(
        (done[0].unwrap_err().kind.name(), batch.rows),
        ("truncated", 0)
    );
}

#[test]
fn an_acknowledged_link_holds_no_block_past_its_batch() {
    let mut decoder = knowing(Settings::default());
    let parts = blocks(&sealed(5), 60);
    let mut body = vec![0x94, 1, 0, 0xa0, 0xc5];
    body.extend(u16::try_from(parts[0].len()).unwrap().to_be_bytes());
    body.extend(&parts[0]);
    let mut bytes = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(body);
    let batch = decode_frames(&mut decoder, NOW_MS, &split(Framing::Uplink, &bytes));
    assert_eq!(
        (batch.uplink.len(), batch.rejected.get("truncated")),
        (1, Some(&1))
    );
    assert_eq!(parse(&batch.record).rejects[0].raw, parts[0]);
}

/// general-ciphering of meter 1, sealed by another implementation, its key named by `key`.
fn general(counter: u32, key: &[u8], recipient: &[u8]) -> Vec<u8> {
    let meter = Meter::new(1);
    let mut fields = vec![1, 7, 8];
    fields.extend(meter.title());
    cosem::encode::length(recipient.len(), &mut fields);
    fields.extend(recipient);
    fields.extend([0, 0]);
    let nonce = [&meter.title()[..], &counter.to_be_bytes()].concat();
    let aad = [&[0x30][..], &meter.authentication_key(), &fields].concat();
    let message = Payload {
        msg: &meter.push(&day()),
        aad: &aad,
    };
    let key_bytes = meter.encryption_key();
    let cipher = Aes128Gcm::new_from_slice(&key_bytes).unwrap();
    let nonce = nonce.as_slice().try_into().unwrap();
    let mut ciphered = cipher.encrypt(nonce, message).unwrap();
    ciphered.truncate(ciphered.len() - 4);
    let contents = [&[0x30][..], &counter.to_be_bytes(), &ciphered].concat();
    let mut apdu = [&[0xdd][..], &fields, key].concat();
    cosem::encode::length(contents.len(), &mut apdu);
    apdu.extend(contents);
    apdu
}

#[test]
fn general_ciphering_under_the_meters_key_is_a_push_like_any_other() {
    for key in [&[0][..], &[1, 0, 0]] {
        let mut decoder = knowing(Settings::default());
        let batch = decode(&mut decoder, &wrapped(&general(5, key, b"HES")));
        assert_eq!(frames(&batch), [1, 0, 0, 4]);
        let older = decode(&mut decoder, &wrapped(&general(4, key, b"HES")));
        assert_eq!(older.rejected.get("replayed_counter"), Some(&1));
    }
    let mut decoder = knowing(Settings::default());
    let wrapped_key = decode(
        &mut decoder,
        &wrapped(&general(5, &[1, 1, 0, 1, 9], b"HES")),
    );
    assert_eq!(wrapped_key.rejected.get("no_key"), Some(&1));
    let mut altered = general(6, &[0], b"HES");
    altered[13] ^= 1;
    let batch = decode(&mut decoder, &wrapped(&altered));
    assert_eq!(
        batch.rejected.get("bad_authentication"),
        Some(&1),
        "the tag covers the recipient"
    );
}

#[test]
fn frames_that_keep_failing_under_their_key_raise_an_alarm_until_one_opens() {
    let mut decoder = knowing(Settings::default());
    let forged = |counter| {
        let mut frame = wrapped(&sealed(counter));
        let last = frame.len() - 1;
        frame[last] ^= 1;
        frame
    };
    let mut told = Vec::new();
    for counter in 1..=6 {
        let batch = decode(&mut decoder, &forged(counter));
        told.extend(batch.wrong_keys.get(&1).copied());
    }
    assert_eq!(told, [3, 6]);
    decode(&mut decoder, &wrapped(&sealed(7)));
    assert!(decode(&mut decoder, &forged(8)).wrong_keys.is_empty());
    let strangers = decode(&mut decoder, &Meter::new(2).frame(1, &day()));
    assert!(strangers.wrong_keys.is_empty());
}

proptest! {
    /// Wherever a message is cut into blocks and its blocks into batches, it is the same push.
    #[test]
    fn blocks_of_any_size_over_any_batches_are_the_same_push(
        size in 1_usize..400,
        together in 1_usize..9,
    ) {
        let mut decoder = knowing(Settings::default());
        let mut stored = 0;
        for batch in blocks(&sealed(5), size).chunks(together) {
            stored += frames(&decode(&mut decoder, &batch.concat()))[3];
        }
        prop_assert_eq!(stored, 4);
    }

    /// Blocks in any order and of any content neither panic nor lose count of a frame.
    #[test]
    fn any_blocks_are_counted(each in proptest::collection::vec((0_u16..5, any::<bool>(), any::<Vec<u8>>()), 0..20)) {
        let mut decoder = knowing(Settings::default());
        let bytes: Vec<u8> = each.iter().flat_map(|(number, last, bytes)| block(*number, *last, bytes)).collect();
        let batch = decode(&mut decoder, &bytes);
        prop_assert!(batch.tally.balances());
        prop_assert_eq!(batch.tally.frames, u64::try_from(each.len()).unwrap());
    }
}
