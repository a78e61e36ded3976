use super::super::tests::{hex, ui};
use super::super::{Framing, Splitter, What};
use super::*;

fn split(bytes: &[u8]) -> Frames {
    let mut splitter = Splitter::new(Framing::Hdlc, Limits::default());
    let mut out = Frames::default();
    splitter.feed(bytes, &mut out);
    splitter.finish(&mut out);
    out
}

fn apdus(out: &Frames) -> Vec<&[u8]> {
    out.entries
        .iter()
        .filter(|entry| matches!(entry.what, What::Apdu { .. }))
        .map(|entry| out.get(entry.apdu))
        .collect()
}

fn rejects(out: &Frames) -> Vec<Kind> {
    out.entries
        .iter()
        .filter_map(|entry| match entry.what {
            What::Reject(error) => Some(error.kind),
            What::Apdu { .. } | What::Link { .. } | What::Envelope { .. } | What::Notice => None,
        })
        .collect()
}

#[test]
fn a_flag_byte_inside_the_checksum_does_not_end_the_frame() {
    let bytes = hex("7ea01b0300023c4752d551e6e700c401c10009060100202000ff7e8c7e");
    let out = split(&bytes);
    assert_eq!(apdus(&out), [hex("c401c10009060100202000ff")]);
    let What::Apdu {
        source,
        destination,
        ..
    } = out.entries[0].what
    else {
        panic!()
    };
    assert_eq!((source, destination), (1, 1));
    assert_eq!(out.entries.len(), 1);
}

#[test]
fn one_flag_may_close_a_frame_and_open_the_next_and_idle_flags_are_nothing() {
    let frame = ui(b"\xe6\xe7\x00\x0f", false);
    let bytes = [&[FLAG; 5][..], &frame, &frame[1..], &[FLAG; 3]].concat();
    let out = split(&bytes);
    assert_eq!(apdus(&out), [b"\x0f", b"\x0f"]);
    assert_eq!(rejects(&out), []);
    assert_eq!(out.get(out.entries[1].raw), frame);
}

#[test]
fn segments_are_one_message_with_the_llc_of_the_first() {
    let bytes = [
        ui(b"\xe6\xe7\x00ab", true),
        ui(b"\xe6\xe6", true),
        ui(b"\x00c", false),
    ]
    .concat();
    let out = split(&bytes);
    assert_eq!(apdus(&out), [b"ab\xe6\xe6\x00c"]);
    assert_eq!(out.get(out.entries[0].raw), bytes);
}

#[test]
fn an_abandoned_message_is_one_reject_and_does_not_taint_the_next() {
    let bytes = [ui(b"\xe6\xe7\x00old", true), ui(b"\xe6\xe7\x00new", false)].concat();
    let out = split(&bytes);
    assert_eq!(apdus(&out), [b"new"]);
    assert_eq!(rejects(&out), [Kind::BadSequence]);
}

#[test]
fn noise_between_frames_is_one_reject_and_the_next_frame_is_found() {
    let frame = ui(b"\xe6\xe7\x00\x0f", false);
    let mut damaged = frame.clone();
    damaged[10] ^= 0x40;
    let bytes = [&b"noise~"[..], &damaged, b"~~~x", &frame].concat();
    let out = split(&bytes);
    assert_eq!(apdus(&out), [b"\x0f"]);
    assert_eq!(rejects(&out), [Kind::BadTag]);
}

#[test]
fn a_failing_checksum_is_forgiven_only_when_the_apdu_carries_its_own_tag() {
    let apdu = |control: u8| {
        [
            b"\xe6\xe7\x00\xdb\x08LGZ12345\x07",
            &[control][..],
            b"\0\0\0\x01zz",
        ]
        .concat()
    };
    for (control, kept) in [(0x30, 1), (0x10, 1), (0x20, 0)] {
        let mut frame = ui(&apdu(control), false);
        *frame.iter_mut().nth_back(2).unwrap() ^= 1;
        assert_eq!(apdus(&split(&frame)).len(), kept, "{control:02x}");
    }
}

#[test]
fn a_frame_shorter_than_it_says_is_found_by_its_checksum() {
    // SNRM of an E650 test session: it declares 11 bytes and has 10.
    let out = split(&hex("7ea00b002254d36193f4e37e"));
    assert_eq!(out.entries[0].what, What::Link { control: 0x93 });
    let next = [
        hex("7ea00b002254d36193f4e37e"),
        ui(b"\xe6\xe7\x00\x0f", false),
    ]
    .concat();
    assert_eq!(apdus(&split(&next)), [b"\x0f"]);
}

#[test]
fn a_short_frame_is_given_out_without_waiting_for_more() {
    let mut splitter = Splitter::new(Framing::Hdlc, Limits::default());
    let mut out = Frames::default();
    for byte in hex("7ea0070303938c117e") {
        splitter.feed(&[byte], &mut out);
    }
    assert_eq!(out.entries[0].what, What::Link { control: 0x93 });
}

#[test]
fn a_bad_header_is_not_waited_for() {
    let mut splitter = Splitter::new(Framing::Hdlc, Limits::default());
    let mut out = Frames::default();
    splitter.feed(&hex("7ea7ff21031300001122"), &mut out);
    splitter.feed(&ui(b"\xe6\xe7\x00\x0f", false), &mut out);
    assert_eq!(apdus(&out), [b"\x0f"]);
    assert_eq!(rejects(&out), [Kind::BadChecksum]);
}
