//! Splitting does not depend on chunking, holds no more than its limits, and survives any bytes.

use proptest::prelude::*;

use super::*;
use crate::{Kind, Layer};

/// The bytes that `text` writes in hex.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// CRC-16/X.25 of `bytes`, low byte first, written apart from the one under test.
pub(crate) fn crc(bytes: &[u8]) -> [u8; 2] {
    let register = bytes.iter().fold(0xffff_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 0 { 0 } else { 0x8408 }
        })
    });
    (register ^ 0xffff).to_le_bytes()
}

/// A UI frame from 03 to 21 with `info`.
pub(crate) fn ui(info: &[u8], segmented: bool) -> Vec<u8> {
    lying_ui(info, segmented, 0)
}

/// A UI frame whose length field says `more` than there is.
fn lying_ui(info: &[u8], segmented: bool, more: u16) -> Vec<u8> {
    let length = u16::try_from(info.len())
        .unwrap()
        .strict_add(9)
        .strict_add(more);
    let format = 0xa000 | length | if segmented { 0x0800 } else { 0 };
    let mut content = format.to_be_bytes().to_vec();
    content.extend_from_slice(&[0x21, 0x03, 0x13]);
    content.extend_from_slice(&crc(&content));
    content.extend_from_slice(info);
    content.extend_from_slice(&crc(&content));
    [&[0x7e][..], &content, &[0x7e]].concat()
}

/// A long frame with `ci` and `message`; lengths past 255 overflow as Sagemcom's do.
pub(crate) fn long_frame(ci: u8, message: &[u8]) -> Vec<u8> {
    let body = [&[0x53, 0xff, ci, 0x01, 0x67][..], message].concat();
    let length = body.len().to_le_bytes()[0];
    let sum = body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    [&[0x68, length, length, 0x68][..], &body, &[sum, 0x16]].concat()
}

fn wrapped(apdu: &[u8]) -> Vec<u8> {
    let length = u16::try_from(apdu.len()).unwrap().to_be_bytes();
    [&[0, 1, 0, 1, 0, 64][..], &length, apdu].concat()
}

fn envelope(frames: &[u8]) -> Vec<u8> {
    let length = u16::try_from(frames.len()).unwrap().to_be_bytes();
    let body = [b"\x94\x07\x01\xa1M\xc5", &length[..], frames].concat();
    let prefix = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&prefix[..], &body].concat()
}

/// What a splitter made of some chunks, free of where in an arena it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    raw: Vec<u8>,
    apdu: Vec<u8>,
    what: String,
}

fn split<'a>(framing: Framing, chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Found> {
    let limits = Limits::of_frames(600);
    let mut splitter = Splitter::new(framing, limits);
    let mut found = Vec::new();
    let mut out = Frames::default();
    for chunk in chunks {
        splitter.feed(chunk, &mut out);
        assert!(splitter.pending_bytes() <= limits.envelope_bytes_max.strict_add(4));
        // A link's frames are decoded and dropped whenever it suits the decoder.
        if out.bytes.len() % 3 == 0 {
            gather(&mut out, splitter.closed(), &mut found);
        }
    }
    splitter.finish(&mut out);
    gather(&mut out, splitter.closed(), &mut found);
    found
}

fn gather(out: &mut Frames, closed: Option<DecodeError>, found: &mut Vec<Found>) {
    for entry in &out.entries {
        let what = match entry.what {
            What::Apdu {
                source,
                destination,
                gateway,
                ..
            } => {
                let address = gateway.map(|at| (at.network, out.get(at.address).to_vec()));
                format!("{source} {destination} {address:?}")
            }
            What::Envelope {
                sequence,
                received_at_ms,
                meter,
            } => {
                format!("{sequence} {received_at_ms} {:?}", out.get(meter))
            }
            What::Link { .. } | What::Reject(_) | What::Notice => format!("{:?}", entry.what),
        };
        let last = closed.is_some_and(|error| entry.what == What::Reject(error));
        // The reject that closes a link keeps whatever had come in by then.
        let raw = if last {
            Vec::new()
        } else {
            out.get(entry.raw).to_vec()
        };
        found.push(Found {
            raw,
            apdu: out.get(entry.apdu).to_vec(),
            what,
        });
    }
    out.clear();
}

/// Cuts `bytes` at `cuts`, each taken modulo what is left.
fn chunks<'a>(mut bytes: &'a [u8], cuts: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut cuts = cuts.iter().cycle();
    std::iter::from_fn(move || {
        let size = usize::from(*cuts.next().unwrap_or(&1)).clamp(1, bytes.len().max(1));
        let (chunk, rest) = bytes.split_at_checked(size)?;
        bytes = rest;
        Some(chunk)
    })
}

/// Streams of whole frames with damage and noise between them.
fn stream(piece: fn(Vec<u8>, u8) -> Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let apdu = prop::collection::vec(any::<u8>(), 0..300);
    let noise = prop::collection::vec(
        prop::sample::select(&[0x7e, 0x68, 0xa0, 0x16, 0, 1][..]),
        0..9,
    );
    let piece = (apdu, any::<u8>(), noise, any::<bool>(), any::<u16>()).prop_map(
        move |(apdu, choice, noise, hurt, at)| {
            let mut frame = piece(apdu, choice);
            let at = usize::from(at).checked_rem(frame.len()).unwrap_or(0);
            if let Some(byte) = frame.get_mut(at).filter(|_| hurt && choice < 64) {
                *byte ^= choice | 1;
            }
            [frame, if choice % 3 == 0 { noise } else { Vec::new() }].concat()
        },
    );
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn any_stream() -> impl Strategy<Value = (Framing, Vec<u8>)> {
    prop_oneof![
        stream(|apdu, _| wrapped(&apdu)).prop_map(|bytes| (Framing::Wrapper, bytes)),
        stream(|apdu, choice| {
            let llc = if choice % 2 == 0 {
                &[0xe6, 0xe7, 0][..]
            } else {
                &[]
            };
            let more = if choice % 7 == 0 {
                u16::from(choice % 16)
            } else {
                0
            };
            lying_ui(&[llc, &apdu].concat(), choice % 5 == 0, more)
        })
        .prop_map(|bytes| (Framing::Hdlc, bytes)),
        stream(|apdu, choice| long_frame(choice & 0x11, &apdu))
            .prop_map(|bytes| (Framing::MBus, bytes)),
        stream(|apdu, _| envelope(&wrapped(&apdu))).prop_map(|bytes| (Framing::Uplink, bytes)),
        prop::collection::vec(any::<u8>(), 0..900).prop_map(|bytes| (Framing::Auto, bytes)),
    ]
}

proptest! {
    #[test]
    fn splitting_does_not_depend_on_chunking(
        (framing, bytes) in any_stream(),
        cuts in prop::collection::vec(any::<u8>(), 1..40),
        sniffed in any::<bool>(),
    ) {
        let framing = if sniffed && framing != Framing::Uplink { Framing::Auto } else { framing };
        let whole = split(framing, std::iter::once(&bytes[..]));
        prop_assert_eq!(&split(framing, chunks(&bytes, &cuts)), &whole);
        prop_assert_eq!(&split(framing, bytes.chunks(1)), &whole);
    }

    #[test]
    fn every_sound_frame_is_found_in_order(apdus in prop::collection::vec(prop::collection::vec(1_u8..0xe0, 1..300), 0..9)) {
        let found = |framing, bytes: Vec<u8>| -> Vec<Vec<u8>> {
            split(framing, bytes.chunks(100)).into_iter().map(|found| found.apdu).collect()
        };
        let join = |frame: &dyn Fn(&Vec<u8>) -> Vec<u8>| -> Vec<u8> { apdus.iter().flat_map(frame).collect() };
        prop_assert_eq!(&found(Framing::Auto, join(&|apdu| wrapped(apdu))), &apdus);
        prop_assert_eq!(&found(Framing::Auto, join(&|apdu| ui(apdu, false))), &apdus);
        prop_assert_eq!(&found(Framing::Auto, join(&|apdu| long_frame(0x10, apdu))), &apdus);
    }
}

#[test]
fn a_frame_cut_anywhere_by_tcp_is_one_frame() {
    let bytes = [wrapped(b"\x0f123"), wrapped(b"\xdbabc")].concat();
    for cut in 0..bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        let found = split(Framing::Auto, [head, tail].into_iter());
        let apdus: Vec<_> = found.iter().map(|each| &each.apdu[..]).collect();
        assert_eq!(apdus, [b"\x0f123", b"\xdbabc"], "cut at {cut}");
    }
}

#[test]
fn the_gateway_prefix_is_taken_off_and_kept() {
    let mut out = Frames::default();
    let mut splitter = Splitter::new(Framing::Wrapper, Limits::default());
    splitter.feed(&wrapped(b"\xe7\x05\x03abc\x0f"), &mut out);
    splitter.feed(&wrapped(b"\xe7\x05\x7fabc\x0f"), &mut out);
    let What::Apdu {
        gateway: Some(gateway),
        ..
    } = out.entries[0].what
    else {
        panic!()
    };
    assert_eq!(
        (gateway.network, out.get(gateway.address)),
        (5, &b"abc"[..])
    );
    assert_eq!(out.get(out.entries[0].apdu), b"\x0f");
    let short = DecodeError::new(Layer::Gateway, 3, Kind::Truncated);
    assert_eq!(out.entries[1].what, What::Reject(short));
    assert_eq!(splitter.closed(), None);
}

#[test]
fn a_lost_wrapper_stream_closes_the_link_and_keeps_what_came() {
    let mut out = Frames::default();
    let mut splitter = Splitter::new(Framing::Wrapper, Limits::default());
    splitter.feed(
        &[&wrapped(b"\x0f")[..], b"EXXXX123,1234"].concat(),
        &mut out,
    );
    let lost = DecodeError::new(Layer::Wrapper, 0, Kind::BadValue);
    assert_eq!(splitter.closed(), Some(lost));
    assert_eq!(out.get(out.entries[1].raw), b"EXXXX123,1234");
    splitter.feed(&wrapped(b"\x0f"), &mut out);
    assert_eq!((out.entries.len(), splitter.discarded_bytes()), (2, 9));
}

#[test]
fn a_wrong_version_is_seen_with_its_second_byte_however_it_comes() {
    for bytes in [&[0_u8, 0, 0, 0, 133][..], &[0, 2], &[0x68, 3, 4], &[0x7f]] {
        for framing in [Framing::Wrapper, Framing::Auto] {
            let whole = split(framing, std::iter::once(bytes));
            assert_eq!(
                split(framing, bytes.chunks(1)),
                whole,
                "{bytes:?} {framing:?}"
            );
        }
    }
}

#[test]
fn a_frame_over_the_limit_is_refused_by_its_header_alone() {
    let mut out = Frames::default();
    let mut splitter = Splitter::new(Framing::Wrapper, Limits::of_frames(100));
    splitter.feed(&[0, 1, 0, 1, 0, 64, 0, 93], &mut out);
    assert_eq!(
        splitter.closed(),
        Some(DecodeError::new(Layer::Wrapper, 6, Kind::TooLong))
    );
    let mut splitter = Splitter::new(Framing::Wrapper, Limits::of_frames(100));
    splitter.feed(&[0, 1, 0, 1, 0, 64, 0, 92], &mut out);
    assert_eq!(splitter.closed(), None);
}

#[test]
fn unknown_bytes_are_quarantined_raw_and_the_link_is_closed() {
    let alarm = b"TEST1024000000001,\x04\x20\0\0";
    let mut out = Frames::default();
    let mut splitter = Splitter::new(Framing::Auto, Limits::default());
    splitter.feed(alarm, &mut out);
    assert_eq!(
        splitter.closed(),
        Some(DecodeError::new(Layer::Link, 0, Kind::BadTag))
    );
    assert_eq!(out.get(out.entries[0].raw), alarm);
}

#[test]
fn m_bus_segments_join_and_an_overflown_length_is_seen_through() {
    let message: Vec<u8> = (0..252).map(|byte| byte & 0x0f).collect();
    let first = long_frame(0x00, &message);
    assert_eq!(first[1], 0x01);
    let bytes = [first, long_frame(0x11, b"end")].concat();
    let found = split(Framing::Auto, bytes.chunks(7));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].apdu, [&message[..], b"end"].concat());
    assert_eq!(found[0].what, "1 103 None");
}

#[test]
fn m_bus_segments_out_of_order_give_no_message() {
    let bytes = [
        long_frame(0x00, b"a"),
        long_frame(0x12, b"c"),
        long_frame(0x10, b"whole"),
    ]
    .concat();
    let found = split(Framing::MBus, bytes.chunks(7));
    let apdus: Vec<_> = found.iter().map(|each| &each.apdu[..]).collect();
    assert_eq!(apdus, [&b""[..], b"", b"whole"]);
}
