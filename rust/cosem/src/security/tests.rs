//! The three forms of protection against each other and against hostile bytes.
//! Captured frames are in `vectors.rs`.

use super::*;
use aes_gcm::aead::{AeadInOut, consts::U12, inout::InOutBuf};
use aes_gcm::{AesGcm, KeyInit};
use proptest::prelude::*;

const TITLE: &[u8; 8] = b"LNT\0\0\0\0\x01";
const PLAIN: &[u8] = b"\x0f\0\0\0\x01\0\x06\0\0\x01\0";
const FORMS: [SecurityControl; 3] = [
    SecurityControl::AUTHENTICATED,
    SecurityControl::ENCRYPTED,
    SecurityControl::AUTHENTICATED_ENCRYPTED,
];

fn key(bytes: usize) -> OpenKey {
    let encryption: Vec<u8> = (0..32).take(bytes).collect();
    let authentication: Vec<u8> = (32..64).take(bytes).collect();
    OpenKey::new(&encryption, &authentication).unwrap()
}

fn sealed(key: &OpenKey, control: SecurityControl) -> Vec<u8> {
    let mut body = Vec::new();
    key.seal(control, TITLE, 7, PLAIN, &mut body).unwrap();
    body
}

#[test]
fn every_form_opens_what_it_sealed_behind_what_already_stands_in_the_buffer() {
    for (key, suite) in [(key(16), 0), (key(16), 1), (key(32), 2)] {
        for form in FORMS {
            let control = SecurityControl(form.0 | suite);
            let body = sealed(&key, control);
            let tag = if control.authenticated() {
                TAG_BYTES
            } else {
                0
            };
            assert_eq!(body.len(), PLAIN.len() + tag);
            assert_eq!(body.starts_with(PLAIN), !control.encrypted());
            let mut out = b"before".to_vec();
            assert_eq!(key.open(control, TITLE, 7, &body, &mut out), Ok(()));
            assert_eq!(out, [b"before", PLAIN].concat());
        }
    }
}

#[test]
fn any_flipped_bit_any_other_counter_and_any_other_control_is_refused_and_leaves_nothing() {
    let key = key(16);
    let refused = |control, counter, body: &[u8]| {
        let mut out = b"before".to_vec();
        let verdict = key.open(control, TITLE, counter, body, &mut out);
        assert_eq!(verdict, Err(Kind::BadAuthentication));
        assert_eq!(out, b"before");
    };
    for control in [
        SecurityControl::AUTHENTICATED,
        SecurityControl::AUTHENTICATED_ENCRYPTED,
    ] {
        let body = sealed(&key, control);
        for bit in 0..body.len() * 8 {
            let mut forged = body.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            refused(control, 7, &forged);
        }
        refused(control, 8, &body);
        refused(SecurityControl(control.0 ^ 0x01), 7, &body);
        refused(SecurityControl(control.0 ^ 0x20), 7, &body);
    }
}

#[test]
fn a_body_shorter_than_its_tag_is_truncated() {
    let key = key(16);
    for length in 0..TAG_BYTES {
        let verdict = key.open(
            SecurityControl(0x30),
            TITLE,
            7,
            &[0; TAG_BYTES][..length],
            &mut Vec::new(),
        );
        assert_eq!(verdict, Err(Kind::Truncated));
    }
}

#[test]
fn controls_that_this_key_cannot_serve_are_refused_by_name() {
    let verdict = |key: &OpenKey, control| {
        key.open(
            SecurityControl(control),
            TITLE,
            7,
            &[0; 40],
            &mut Vec::new(),
        )
    };
    assert_eq!(
        verdict(&key(16), 0xb0),
        Err(Kind::Unsupported),
        "compressed"
    );
    assert_eq!(verdict(&key(16), 0x33), Err(Kind::Unsupported), "suite 3");
    assert_eq!(
        verdict(&key(16), 0x00),
        Err(Kind::SecurityPolicy),
        "no protection"
    );
    assert_eq!(
        verdict(&key(16), 0x32),
        Err(Kind::NoKey),
        "suite 2 needs 32 bytes"
    );
    assert_eq!(
        verdict(&key(32), 0x30),
        Err(Kind::NoKey),
        "suite 0 needs 16 bytes"
    );
    let encrypt_only = OpenKey::new(&[0; 16], &[]).unwrap();
    assert_eq!(
        verdict(&encrypt_only, 0x30),
        Err(Kind::NoKey),
        "no authentication key"
    );
    assert_eq!(verdict(&encrypt_only, 0x20), Ok(()));
}

#[test]
fn only_keys_of_the_suites_are_expanded_and_none_is_printed() {
    assert!(OpenKey::new(&[0; 24], &[0; 16]).is_none());
    assert!(OpenKey::new(&[0; 16], &[0; 8]).is_none());
    assert!(OpenKey::new(&[], &[]).is_none());
    assert_eq!(format!("{:?}", key(16)), "OpenKey { .. }");
}

#[test]
fn general_ciphering_fields_are_authenticated_too() {
    let key = key(16);
    let control = SecurityControl(0x30);
    let body = sealed(&key, control);
    let open = |extra: &[u8]| key.open_with_aad(control, TITLE, 7, &body, extra, &mut Vec::new());
    assert_eq!(open(b""), Ok(()));
    assert_eq!(open(b"\0"), Err(Kind::BadAuthentication));
}

#[test]
fn a_person_may_look_at_a_frame_whose_authentication_key_is_lost() {
    let body = sealed(&key(16), SecurityControl(0x30));
    let encryption: Vec<u8> = (0..16).collect();
    let half = OpenKey::new(&encryption, &[]).unwrap();
    let mut out = Vec::new();
    let verdict = half.decipher_unverified(SecurityControl(0x30), TITLE, 7, &body, &mut out);
    assert_eq!((verdict, out.as_slice()), (Ok(()), PLAIN));
}

/// Ciphertext and tag by the crate that does all of GCM itself.
fn oracle<C>(key: &[u8], nonce: [u8; 12], aad: &[u8], plain: &[u8]) -> Vec<u8>
where
    AesGcm<C, U12, U12>: KeyInit + AeadInOut<NonceSize = U12, TagSize = U12>,
{
    let mut body = plain.to_vec();
    let gcm = AesGcm::<C, U12, U12>::new_from_slice(key).unwrap();
    let buffer = InOutBuf::from(body.as_mut_slice());
    let tag = gcm
        .encrypt_inout_detached(&nonce.into(), aad, buffer)
        .unwrap();
    body.extend_from_slice(&tag);
    body
}

proptest! {
    #[test]
    fn every_length_seals_as_the_oracle_does_and_opens_again(
        encryption: [u8; 32],
        authentication: [u8; 32],
        title: [u8; 8],
        counter: u32,
        plain in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            prop::collection::vec(any::<u8>(), 300..5_000),
        ],
    ) {
        for (bytes, control) in [(16, 0x30), (16, 0x31), (32, 0x32), (16, 0x10), (32, 0x12)] {
            let (encryption, authentication) = (&encryption[..bytes], &authentication[..bytes]);
            let control = SecurityControl(control);
            let key = OpenKey::new(encryption, authentication).unwrap();
            let mut body = Vec::new();
            key.seal(control, &title, counter, &plain, &mut body).unwrap();

            let head = [&[control.0], authentication].concat();
            let nonce = nonce(title, counter);
            let of = |aad: &[u8], plain: &[u8]| match bytes {
                16 => oracle::<aes::Aes128>(encryption, nonce, aad, plain),
                _ => oracle::<aes::Aes256>(encryption, nonce, aad, plain),
            };
            let expected = if control.encrypted() {
                of(&head, &plain)
            } else {
                [plain.clone(), of(&[head, plain.clone()].concat(), &[])].concat()
            };
            prop_assert_eq!(&body, &expected);

            let mut opened = vec![7];
            prop_assert_eq!(key.open(control, &title, counter, &body, &mut opened), Ok(()));
            prop_assert_eq!(&opened[1..], &plain[..]);
        }
    }
}
