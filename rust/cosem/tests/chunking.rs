//! Every captured frame, alone and one after another in any mixture of framings, is split alike
//! whether it comes whole, byte by byte or cut anywhere.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its vectors must fail"
)]

use cosem::framing::{Frames, Framing, Limits, Splitter, What, datagram};
use proptest::prelude::*;
use serde_json::Value as Json;

const VECTORS: &str = include_str!("../../../tests/vectors/dlms.jsonl");
const FRAMINGS: [Framing; 6] = [
    Framing::Auto,
    Framing::Wrapper,
    Framing::Hdlc,
    Framing::MBus,
    Framing::Uplink,
    Framing::PrimeDc,
];

/// The bytes of every vector, framed or not.
fn vectors() -> Vec<(String, Vec<u8>)> {
    let lines = VECTORS.lines().map(|line| {
        let vector: Json = serde_json::from_str(line).unwrap();
        let text = |name| vector.get(name).and_then(Json::as_str).unwrap();
        (text("id").to_owned(), unhex(text("hex")))
    });
    lines.collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16)?.try_into().ok())
        .collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0_u8, |byte, digit| (byte << 4) | digit))
        .collect()
}

/// What comes of `chunks`, free of where in the arena it lies.
fn split<'a>(framing: Framing, chunks: impl Iterator<Item = &'a [u8]>) -> Vec<(String, Vec<u8>)> {
    let mut splitter = Splitter::new(framing, Limits::default());
    let mut out = Frames::default();
    for chunk in chunks {
        splitter.feed(chunk, &mut out);
    }
    splitter.finish(&mut out);
    let closing = splitter.closed().map(What::Reject);
    let entries = out.entries.iter().map(|entry| {
        // The reject that closes a link keeps whatever had come in by then.
        let raw = if closing == Some(entry.what) {
            &[][..]
        } else {
            out.get(entry.raw)
        };
        (
            described(&out, entry.what),
            [raw, out.get(entry.apdu)].concat(),
        )
    });
    entries.collect()
}

fn described(out: &Frames, what: What) -> String {
    match what {
        What::Apdu {
            framing,
            source,
            destination,
            gateway,
        } => {
            let device = gateway.map(|gateway| out.get(gateway.address));
            format!("{framing:?} {source} {destination} {device:?}")
        }
        What::Envelope {
            sequence, meter, ..
        } => format!("envelope {sequence} {:?}", out.get(meter)),
        What::Link { .. } | What::Notice | What::Reject(_) => format!("{what:?}"),
    }
}

/// Cuts `bytes` at sizes that repeat.
fn cut<'a>(mut bytes: &'a [u8], sizes: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut sizes = sizes.iter().cycle();
    std::iter::from_fn(move || {
        let size = (*sizes.next()?).clamp(1, bytes.len().max(1));
        let (chunk, rest) = bytes.split_at_checked(size)?;
        bytes = rest;
        Some(chunk)
    })
}

fn alike(framing: Framing, bytes: &[u8], sizes: &[usize]) -> Result<(), TestCaseError> {
    let whole = split(framing, std::iter::once(bytes));
    prop_assert_eq!(&split(framing, bytes.chunks(1)), &whole);
    prop_assert_eq!(&split(framing, cut(bytes, sizes)), &whole);
    Ok(())
}

#[test]
fn every_vector_byte_by_byte_is_as_whole_in_every_framing() {
    let mut apdus = 0_usize;
    for (id, bytes) in vectors() {
        for framing in FRAMINGS {
            let whole = split(framing, std::iter::once(&bytes[..]));
            assert_eq!(split(framing, bytes.chunks(1)), whole, "{id} {framing:?}");
            let found = whole.iter().filter(|(what, _)| what.contains(" None"));
            apdus = apdus.saturating_add(found.count());
        }
    }
    assert!(apdus > 150, "{apdus} APDUs were found");
}

/// An uplink envelope around `frame`.
fn envelope(sequence: u8, frame: &[u8]) -> Vec<u8> {
    let mut body = vec![0x94, 0xcc, sequence, 0, 0xa1, b'M', 0xc5];
    body.extend(u16::try_from(frame.len()).unwrap().to_be_bytes());
    body.extend(frame);
    let length = u32::try_from(body.len()).unwrap();
    [&length.to_be_bytes()[..], &body].concat()
}

/// A PRIME concentrator's word that `number` is a device of this name.
fn named(number: u8) -> Vec<u8> {
    let words = [0, 1, 0, 0, 0, 1, 0, 0x10, 1, 0, number, 0, 0, 4];
    [&words[..], b"Z00", &[number, 0, 0, 0, 0, 0, number]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_mixture_of_vectors_is_split_alike_however_it_is_cut(
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        junk in prop::collection::vec(any::<u8>(), 0..12),
        framing in prop::sample::select(&FRAMINGS[..]),
        sizes in prop::collection::vec(1_usize..700, 1..30),
    ) {
        let vectors = vectors();
        let mut bytes: Vec<u8> = Vec::new();
        for (place, index) in chosen.iter().enumerate() {
            let (_, vector) = index.get(&vectors);
            let place = u8::try_from(place).unwrap();
            match framing {
                Framing::Uplink => bytes.extend(envelope(place, vector)),
                Framing::PrimeDc => bytes.extend([named(place), vector.clone()].concat()),
                Framing::Auto | Framing::Wrapper | Framing::Hdlc | Framing::MBus => {
                    bytes.extend(vector);
                }
            }
            if place == 2 {
                bytes.extend(&junk);
            }
        }
        alike(framing, &bytes, &sizes)?;
    }

    #[test]
    fn a_datagram_holds_what_a_stream_would_of_the_same_bytes(
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        framing in prop::sample::select(&FRAMINGS[..4]),
    ) {
        let vectors = vectors();
        let bytes = chosen.iter().map(|index| index.get(&vectors).1.clone()).collect::<Vec<_>>().concat();
        let mut out = Frames::default();
        datagram(framing, &bytes, 65_507, Limits::default(), &mut out);
        let mut stream = Frames::default();
        let mut splitter = Splitter::new(framing, Limits::default());
        splitter.feed(&bytes, &mut stream);
        splitter.finish(&mut stream);
        prop_assert_eq!(out, stream);
    }
}
