//! What carries a push: general-ciphering, and keys that do not fit.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use reads::Settings;
use world::one_meter::{day, frames, knowing, sealed};
use world::record::parse;
use world::{Meter, decode, wrapped};

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

#[test]
fn an_alarm_goes_on_where_it_was_after_a_restart() {
    for from_journal in [false, true] {
        let mut decoder = knowing(Settings::default());
        let mut records = Vec::new();
        let mut told = Vec::new();
        for counter in 1..=14 {
            let mut forged = wrapped(&sealed(counter));
            let last = forged.len() - 1;
            forged[last] ^= 1;
            let batch = decode(&mut decoder, &forged);
            told.extend(batch.wrong_keys.get(&1).copied());
            records.push(batch.record);
            let snapshot = decoder.snapshot();
            decoder = knowing(Settings::default());
            if from_journal {
                for record in &records {
                    decoder.replay(record).unwrap();
                }
            } else {
                decoder.restore(&snapshot).unwrap();
            }
        }
        assert_eq!(told, [3, 6, 12], "neither forgotten nor said anew");
        let ended = decode(&mut decoder, &wrapped(&sealed(20)));
        assert_eq!(parse(&ended.record).failures, [(1, 0)]);
    }
}
