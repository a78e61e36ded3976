//! Broadcast, dedicated and wrapped keys, the suites, and what no frame can lower.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use aes_gcm::aead::KeyInit;
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use cosem::clock::TimePolicy;
use cosem::security::{OpenKey, SecurityControl};
use proptest::prelude::*;
use reads::{Batch, Decoder, MeterSpec, Protection, Settings, flags};
use world::record::parse;
use world::{INTERVAL_S, Interval, Meter, decode, wrapped};

const BROADCAST: [u8; 16] = [0xb0; 16];
const DEDICATED: [u8; 16] = [0x3d; 16];
const KEK: [u8; 16] = [0x6b; 16];
const POLICIES: [Protection; 4] = [
    Protection::NONE,
    Protection::ENCRYPT,
    Protection::AUTHENTICATE,
    Protection::ENCRYPT_AUTHENTICATE,
];

fn knowing(protection: Protection) -> Decoder {
    let mut decoder = world::decoder(Settings::default());
    register(&mut decoder, protection);
    decoder
}

fn register(decoder: &mut Decoder, protection: Protection) {
    Meter::new(1).register(decoder, protection);
    assert!(
        decoder
            .set_other_keys(1, &BROADCAST, &DEDICATED, &KEK)
            .unwrap()
    );
}

/// How a frame comes by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Unicast,
    BroadcastBit,
    BroadcastNamed,
    Dedicated,
    Wrapped([u8; 16]),
}

impl By {
    const ALL: [Self; 5] = [
        Self::Unicast,
        Self::BroadcastBit,
        Self::BroadcastNamed,
        Self::Dedicated,
        Self::Wrapped([0x11; 16]),
    ];

    fn key(self) -> [u8; 16] {
        match self {
            Self::Unicast => Meter::new(1).encryption_key(),
            Self::BroadcastBit | Self::BroadcastNamed => BROADCAST,
            Self::Dedicated => DEDICATED,
            Self::Wrapped(key) => key,
        }
    }
}

/// A push of one interval under a key come by like that.
fn frame(by: By, control: u8, counter: u32, n: i64) -> Vec<u8> {
    let meter = Meter::new(1);
    let push = meter.push(&[Interval::nth(n, 10)]);
    if control & 0x30 == 0 {
        return wrapped(&push);
    }
    let control = SecurityControl(control | if by == By::BroadcastBit { 0x40 } else { 0 });
    let key = OpenKey::new(&by.key(), &meter.authentication_key()).unwrap();
    let title = meter.title();
    let mut contents = vec![control.0];
    contents.extend(counter.to_be_bytes());
    let named = match by {
        By::BroadcastNamed => Some(vec![1, 0, 1]),
        By::Wrapped(content) => Some([&[1, 1, 0, 24][..], &wrap(&KEK, &content)].concat()),
        By::Unicast | By::BroadcastBit | By::Dedicated => None,
    };
    let mut apdu = vec![if by == By::Dedicated { 0xdc } else { 0xdb }, 8];
    apdu.extend(title);
    let Some(named) = named else {
        key.seal(control, &title, counter, &push, &mut contents)
            .unwrap();
        cosem::encode::length(contents.len(), &mut apdu);
        return wrapped(&[apdu, contents].concat());
    };
    // general-ciphering: its five fields are under the tag too.
    let fields = [&[0, 8][..], &title, &[0, 0, 0]].concat();
    contents.extend(seal_with(&by.key(), control, counter, &push, &fields));
    let mut apdu = [&[0xdd][..], &fields, &named].concat();
    cosem::encode::length(contents.len(), &mut apdu);
    wrapped(&[apdu, contents].concat())
}

/// Sealed by another implementation, with more under the tag.
fn seal_with(
    key: &[u8; 16],
    control: SecurityControl,
    counter: u32,
    plain: &[u8],
    more: &[u8],
) -> Vec<u8> {
    use aes_gcm::aead::{Aead, Payload};
    let meter = Meter::new(1);
    let nonce = [&meter.title()[..], &counter.to_be_bytes()].concat();
    let head = [&[control.0][..], &meter.authentication_key(), more].concat();
    let cipher = aes_gcm::Aes128Gcm::new_from_slice(key).unwrap();
    let nonce: &[u8; 12] = nonce.as_slice().try_into().unwrap();
    let run = |msg: &[u8], aad: &[u8]| cipher.encrypt(nonce.into(), Payload { msg, aad }).unwrap();
    match control.0 & 0x30 {
        0x30 => {
            let sealed = run(plain, &head);
            sealed[..sealed.len() - 4].to_vec()
        }
        0x10 => {
            let tag = run(&[], &[&head[..], plain].concat());
            [plain, &tag[..12]].concat()
        }
        _ => run(plain, &[])[..plain.len()].to_vec(),
    }
}

/// RFC 3394, section 2.2.1, of a key of sixteen bytes.
fn wrap(kek: &[u8; 16], key: &[u8; 16]) -> Vec<u8> {
    let cipher = Aes128::new_from_slice(kek).unwrap();
    let mut a = [0xa6_u8; 8];
    let mut parts: [[u8; 8]; 2] = [key[..8].try_into().unwrap(), key[8..].try_into().unwrap()];
    for round in 0..6_u64 {
        for (at, part) in (1_u64..).zip(parts.iter_mut()) {
            let mut block: [u8; 16] = [a, *part].concat().try_into().unwrap();
            cipher.encrypt_block((&mut block).into());
            let high = u64::from_be_bytes(block[..8].try_into().unwrap());
            a = (high ^ (round * 2 + at)).to_be_bytes();
            *part = block[8..].try_into().unwrap();
        }
    }
    [a, parts[0], parts[1]].concat()
}

fn outcome(batch: &Batch) -> &'static str {
    assert!(batch.tally.balances());
    match (batch.tally.reads_stored, batch.tally.frames_duplicate) {
        (1, 0) => "stored",
        (0, 1) => "duplicate",
        _ => batch.rejected.keys().next().copied().unwrap_or("nothing"),
    }
}

#[test]
fn each_key_opens_its_frames_under_a_counter_of_its_own() {
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    let mut n = 0;
    let mut send = |decoder: &mut Decoder, by, counter| {
        n += 1;
        decode(decoder, &frame(by, 0x30, counter, n))
    };
    for by in [
        By::Unicast,
        By::BroadcastBit,
        By::Dedicated,
        By::Wrapped([0x11; 16]),
    ] {
        let taken = send(&mut decoder, by, 100);
        assert_eq!(outcome(&taken), "stored", "{by:?}");
        let flag = if by == By::Unicast {
            0
        } else {
            flags::OTHER_KEY
        };
        assert_eq!(parse(&taken.record).reads[0]["flags"], i64::from(flag));
        assert_eq!(
            outcome(&send(&mut decoder, by, 99)),
            "replayed_counter",
            "{by:?}"
        );
    }
    let first = frame(By::BroadcastBit, 0x30, 99, 2);
    let older = decode(&mut decoder, &first);
    assert_eq!(
        outcome(&older),
        "replayed_counter",
        "also with a read that is known"
    );
    let named = send(&mut decoder, By::BroadcastNamed, 100);
    assert_eq!(outcome(&named), "replayed_counter", "it is the same key");
    assert_eq!(
        outcome(&send(&mut decoder, By::BroadcastNamed, 101)),
        "stored"
    );
    assert_eq!(
        outcome(&send(&mut decoder, By::Wrapped([0x22; 16]), 1)),
        "stored"
    );
}

#[test]
fn without_such_keys_their_frames_wait_for_one() {
    for by in By::ALL {
        let mut decoder = world::decoder(Settings::default());
        Meter::new(1).register(&mut decoder, Protection::ENCRYPT_AUTHENTICATE);
        let expected = if by == By::Unicast {
            "stored"
        } else {
            "no_key"
        };
        assert_eq!(
            outcome(&decode(&mut decoder, &frame(by, 0x30, 5, 1))),
            expected
        );
        decoder
            .set_other_keys(1, &[1; 16], &[2; 16], &[3; 16])
            .unwrap();
        let wrong = outcome(&decode(&mut decoder, &frame(by, 0x30, 6, 2)));
        let expected = match by {
            By::Unicast => "stored",
            By::Wrapped(_) => "no_key",
            By::BroadcastBit | By::BroadcastNamed | By::Dedicated => "bad_authentication",
        };
        assert_eq!(wrong, expected, "{by:?}");
    }
    let mut decoder = world::decoder(Settings::default());
    assert!(!decoder.set_other_keys(9, &KEK, &[], &[]).unwrap());
    assert!(decoder.set_other_keys(9, &KEK[..15], &[], &[]).is_err());
}

#[test]
fn no_frame_lowers_its_meters_policy() {
    for policy in POLICIES {
        for by in By::ALL {
            for control in [0x00, 0x10, 0x20, 0x30] {
                let mut decoder = knowing(policy);
                let admitted = policy.admits(SecurityControl(control));
                let batch = decode(&mut decoder, &frame(by, control, 5, 1));
                let expected = if admitted {
                    "stored"
                } else {
                    "security_policy"
                };
                assert_eq!(outcome(&batch), expected, "{policy:?} {by:?} {control:#x}");
                if admitted {
                    let flag = parse(&batch.record).reads[0]["flags"];
                    let unproven = i64::from(flags::UNAUTHENTICATED);
                    assert_eq!(flag & unproven != 0, control & 0x10 == 0);
                }
            }
        }
    }
}

#[test]
fn suites_differ_in_their_keys_and_nothing_else() {
    let meter = Meter::new(1);
    for (suite, key_bytes) in [(0, 16), (1, 16), (2, 32)] {
        let (encryption, authentication) = (vec![0x51; key_bytes], vec![0xa5; key_bytes]);
        let mut decoder = world::decoder(Settings::default());
        let serial = meter.serial();
        let spec = MeterSpec {
            meter: 1,
            serial: serial.as_bytes(),
            title: Some(meter.title()),
            dcu: 0,
            encryption_key: &encryption,
            authentication_key: &authentication,
            protection: Protection::ENCRYPT_AUTHENTICATE,
            layout: decoder.layout("1ph").unwrap(),
            interval_s: INTERVAL_S,
            time_policy: TimePolicy::Ist,
        };
        decoder.upsert(&spec).unwrap();
        let key = OpenKey::new(&encryption, &authentication).unwrap();
        let mut send = |control: u8, counter, n| {
            let mut sealed = Vec::new();
            let push = meter.push(&[Interval::nth(n, 10)]);
            let control = SecurityControl(control);
            let title = meter.title();
            cosem::encode::general_glo(&key, control, &title, counter, &push, &mut sealed).unwrap();
            outcome(&decode(&mut decoder, &wrapped(&sealed)))
        };
        assert_eq!(send(0x30 | suite, 1, 1), "stored", "suite {suite}");
        assert_eq!(send(0x30 | suite, 1, 2), "replayed_counter");
        assert_eq!(send(0x20 | suite, 2, 3), "security_policy");
    }
}

proptest! {
    /// Over restarts, from a snapshot or from the journal, every line's counter stands.
    #[test]
    fn counters_of_all_keys_survive_restarts(
        sent in proptest::collection::vec((0_usize..5, 1_u32..12, 0_u8..4), 1..25),
    ) {
        let mut running = knowing(Protection::ENCRYPT_AUTHENTICATE);
        let mut restarted = knowing(Protection::ENCRYPT_AUTHENTICATE);
        let mut records = Vec::new();
        for (at, (by, counter, restart)) in (1_i64..).zip(sent) {
            let bytes = frame(By::ALL[by], 0x30, counter, at);
            let batch = decode(&mut running, &bytes);
            let told = decode(&mut restarted, &bytes);
            prop_assert_eq!(outcome(&batch), outcome(&told));
            records.push(told.record);
            if restart < 2 {
                let snapshot = restarted.snapshot();
                restarted = world::decoder(Settings::default());
                if restart == 0 {
                    restarted.restore(&snapshot).unwrap();
                } else {
                    for record in &records {
restarted.replay(record).unwrap();
}
                }
                register(&mut restarted, Protection::ENCRYPT_AUTHENTICATE);
            }
        }
    }
}
