//! Associations that a concentrator hands on, and the protected services that follow them.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use cosem::framing::Framing;
use cosem::security::{OpenKey, SecurityControl};
use reads::{Batch, Decoder, LinkFrames, Protection, Settings, flags};
use world::record::parse;
use world::{Interval, Meter, NOW_MS, decode, split, wrapped};

const CLIENT: [u8; 8] = *b"HES\0\0\0\0\x07";
const DEDICATED: [u8; 16] = [0x3d; 16];

fn knowing() -> Decoder {
    let mut decoder = world::decoder(Settings::default());
    for number in [1, 2] {
        Meter::new(number).register(&mut decoder, Protection::ENCRYPT_AUTHENTICATE);
    }
    decoder
}

/// A glo- or ded- service under a key of meter 1.
fn service(tag: u8, key: &[u8], title: [u8; 8], counter: u32, apdu: &[u8]) -> Vec<u8> {
    let control = SecurityControl::AUTHENTICATED_ENCRYPTED;
    let key = OpenKey::new(key, &Meter::new(1).authentication_key()).unwrap();
    let mut contents = vec![control.0];
    contents.extend(counter.to_be_bytes());
    key.seal(control, &title, counter, apdu, &mut contents)
        .unwrap();
    let mut out = vec![tag];
    cosem::encode::length(contents.len(), &mut out);
    out.extend(contents);
    out
}

fn glo_get_response(counter: u32, n: i64) -> Vec<u8> {
    let meter = Meter::new(1);
    let answer = answer(n);
    wrapped(&service(
        0xcc,
        &meter.encryption_key(),
        meter.title(),
        counter,
        &answer,
    ))
}

fn ded_get_response(counter: u32, n: i64) -> Vec<u8> {
    let title = Meter::new(1).title();
    wrapped(&service(0xd4, &DEDICATED, title, counter, &answer(n)))
}

fn general_ded(counter: u32, n: i64) -> Vec<u8> {
    let title = Meter::new(1).title();
    let glo = service(0xdc, &DEDICATED, title, counter, &answer(n));
    wrapped(&[&[0xdc, 8][..], &title, &glo[1..]].concat())
}

/// One interval as the answer to a GET.
fn answer(n: i64) -> Vec<u8> {
    let push = Meter::new(1).push(&[Interval::nth(n, 10)]);
    [&[0xc4, 1, 0xc1, 0][..], &push[6..]].concat()
}

fn field(tag: u8, inner: u8, contents: &[u8]) -> Vec<u8> {
    let length = u8::try_from(contents.len()).unwrap();
    [&[tag, length + 2, inner, length][..], contents].concat()
}

/// From the client to the meter, with a dedicated key under the meter's global key.
fn aarq(counter: u32, key: &[u8]) -> Vec<u8> {
    let mut initiate = vec![1, 1, u8::try_from(key.len()).unwrap()];
    initiate.extend(key);
    initiate.extend([0, 0, 6, 0x5f, 0x1f, 4, 0, 0, 0x7e, 0x1f, 4, 0]);
    let global = Meter::new(1).encryption_key();
    let request = service(0x21, &global, CLIENT, counter, &initiate);
    let fields = [field(0xa6, 4, &CLIENT), field(0xbe, 4, &request)].concat();
    framed(
        64,
        1,
        &[&[0x60, u8::try_from(fields.len()).unwrap()][..], &fields].concat(),
    )
}

/// The meter's answer, which tells its title.
fn aare() -> Vec<u8> {
    let fields = field(0xa4, 4, &Meter::new(1).title());
    wrapped(&[&[0x61, u8::try_from(fields.len()).unwrap()][..], &fields].concat())
}

fn framed(source: u8, destination: u8, apdu: &[u8]) -> Vec<u8> {
    let mut frame = wrapped(apdu);
    (frame[3], frame[5]) = (source, destination);
    frame
}

fn on_link(decoder: &mut Decoder, link: u64, bytes: &[u8]) -> Batch {
    let frames = split(Framing::Wrapper, bytes);
    let link = LinkFrames {
        link,
        dcu: 3,
        peer: "192.0.2.1",
        frames: &frames,
    };
    decoder.decode(&[link], NOW_MS)
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
fn association_apdus_are_recognised_and_counted() {
    let mut decoder = knowing();
    let rejected_without_information = [0x61, 11, 0xa1, 3, 6, 1, 0, 0xa2, 4, 2, 2, 1, 1];
    for apdu in [
        &[0x62, 0][..],
        &[0x63, 0],
        &[0x62, 3, 0x80, 1, 0],
        &[0x08, 0, 6, 0x5f, 0x1f, 4, 0, 0, 0x7e, 0x1f, 4, 0, 0, 7],
        &rejected_without_information,
        &aare()[8..],
        &aarq(1, &DEDICATED)[8..],
    ] {
        let batch = decode(&mut decoder, &wrapped(apdu));
        assert_eq!(
            (batch.tally.frames_accepted, batch.rejected.len()),
            (1, 0),
            "{apdu:02x?}"
        );
    }
}

#[test]
fn a_service_under_the_global_key_is_its_links_meters() {
    let mut decoder = knowing();
    let stranger = decode(&mut decoder, &glo_get_response(5, 1));
    assert_eq!(
        outcome(&stranger),
        "unknown_meter",
        "nobody said whose it is"
    );
    on_link(&mut decoder, 7, &aare());
    assert_eq!(
        outcome(&on_link(&mut decoder, 7, &glo_get_response(5, 1))),
        "stored"
    );
    assert_eq!(
        outcome(&on_link(&mut decoder, 8, &glo_get_response(6, 2))),
        "unknown_meter"
    );
    let older = on_link(&mut decoder, 7, &glo_get_response(4, 3));
    assert_eq!(outcome(&older), "replayed_counter");
    let push = decode(
        &mut decoder,
        &Meter::new(1).frame(5, &[Interval::nth(4, 10)]),
    );
    assert_eq!(
        outcome(&push),
        "replayed_counter",
        "pushes count on the same line"
    );
    on_link(&mut decoder, 7, &framed(1, 64, &[0x63, 0]));
    let released = on_link(&mut decoder, 7, &glo_get_response(9, 5));
    assert_eq!(outcome(&released), "unknown_meter");
}

#[test]
fn a_service_behind_a_gateway_is_its_devices() {
    let mut decoder = knowing();
    let serial = Meter::new(1).serial();
    let mut apdu = Vec::new();
    cosem::encode::gateway_prefix(0, serial.as_bytes(), &mut apdu);
    apdu.extend(&glo_get_response(5, 1)[8..]);
    assert_eq!(outcome(&decode(&mut decoder, &wrapped(&apdu))), "stored");
}

#[test]
fn a_dedicated_key_is_learnt_from_a_request_under_the_global_key() {
    let mut decoder = knowing();
    assert_eq!(
        outcome(&on_link(&mut decoder, 7, &ded_get_response(1, 1))),
        "unknown_meter"
    );
    on_link(&mut decoder, 7, &[aarq(1, &DEDICATED), aare()].concat());
    let taken = on_link(&mut decoder, 7, &ded_get_response(1, 1));
    assert_eq!(outcome(&taken), "stored");
    let read = &parse(&taken.record).reads[0];
    assert_eq!(read["flags"], i64::from(flags::OTHER_KEY));
    assert_eq!(
        outcome(&on_link(&mut decoder, 7, &general_ded(2, 2))),
        "stored"
    );
    let replayed = on_link(&mut decoder, 7, &ded_get_response(1, 3));
    assert_eq!(
        outcome(&replayed),
        "replayed_counter",
        "its counter is its own"
    );
    // The meter's own line is where it was.
    let push = decode(
        &mut decoder,
        &Meter::new(1).frame(1, &[Interval::nth(4, 10)]),
    );
    assert_eq!(outcome(&push), "stored");
    let elsewhere = on_link(&mut decoder, 8, &general_ded(9, 5));
    assert_eq!(
        outcome(&elsewhere),
        "no_key",
        "another link has another association"
    );
}

#[test]
fn a_request_that_is_replayed_or_forged_brings_no_key() {
    let mut decoder = knowing();
    let request = aarq(5, &DEDICATED);
    on_link(&mut decoder, 7, &[request.clone(), aare()].concat());
    assert_eq!(
        outcome(&on_link(&mut decoder, 7, &general_ded(9, 1))),
        "stored"
    );
    // Somebody plays the whole conversation again, also after a restart.
    for restart in [false, true] {
        if restart {
            let snapshot = decoder.snapshot();
            decoder = knowing();
            decoder.restore(&snapshot).unwrap();
        }
        let batch = on_link(&mut decoder, 8, &[request.clone(), aare()].concat());
        assert_eq!(batch.tally.frames_accepted, 2, "recognised all the same");
        let replayed = on_link(&mut decoder, 8, &general_ded(9, 1));
        assert_eq!(outcome(&replayed), "no_key");
    }
    let mut forged = aarq(60, &DEDICATED);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    on_link(&mut decoder, 9, &[forged, aare()].concat());
    assert_eq!(
        outcome(&on_link(&mut decoder, 9, &general_ded(10, 2))),
        "no_key"
    );
    // Nor does it use up a counter.
    on_link(&mut decoder, 9, &[aarq(6, &DEDICATED), aare()].concat());
    assert_eq!(
        outcome(&on_link(&mut decoder, 9, &general_ded(11, 3))),
        "stored"
    );
}

#[test]
fn a_key_is_only_its_own_meters() {
    let mut decoder = knowing();
    on_link(&mut decoder, 7, &[aarq(1, &DEDICATED), aare()].concat());
    let mut other = general_ded(1, 1);
    other[10..18].copy_from_slice(&Meter::new(2).title());
    assert_eq!(outcome(&on_link(&mut decoder, 7, &other)), "no_key");
}

#[test]
fn a_meter_that_asks_by_itself_brings_its_key_once() {
    let mut decoder = knowing();
    let initiate = [&[1, 1, 16][..], &DEDICATED, &[0, 0, 6]].concat();
    let asked = wrapped(&Meter::new(1).seal(5, &initiate));
    on_link(&mut decoder, 7, &asked);
    assert_eq!(
        outcome(&on_link(&mut decoder, 7, &general_ded(1, 1))),
        "stored"
    );
    on_link(&mut decoder, 8, &asked);
    let replayed = on_link(&mut decoder, 8, &general_ded(2, 2));
    assert_eq!(outcome(&replayed), "no_key", "the request was played again");
}

#[test]
fn associations_remembered_are_bounded() {
    let mut decoder = world::decoder(Settings {
        associations_max: 2,
        ..Settings::default()
    });
    Meter::new(1).register(&mut decoder, Protection::ENCRYPT_AUTHENTICATE);
    for link in 1..=3 {
        on_link(&mut decoder, link, &aare());
    }
    assert_eq!(
        outcome(&on_link(&mut decoder, 1, &glo_get_response(1, 1))),
        "unknown_meter"
    );
    assert_eq!(
        outcome(&on_link(&mut decoder, 3, &glo_get_response(1, 1))),
        "stored"
    );
}
