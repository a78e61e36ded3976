use super::*;

/// `{"sequence": 7, "received_at": -1, "meter": "M", "frame": <frame>}` with a key unknown here.
fn map(frame: &[u8]) -> Vec<u8> {
    let mut body = vec![0x85];
    body.extend_from_slice(b"\xa8sequence\x07\xabreceived_at\xff\xa5meter\xa1M");
    body.extend_from_slice(b"\xa5later\x92\xc0\x81\x01\x02");
    body.extend_from_slice(b"\xa5frame\xc4");
    body.push(u8::try_from(frame.len()).unwrap());
    body.extend_from_slice(frame);
    prefixed(&body)
}

fn prefixed(body: &[u8]) -> Vec<u8> {
    let mut message = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    message.extend_from_slice(body);
    message
}

fn walk_any(bytes: &[u8], out: &mut Frames) -> Progress {
    walk(bytes, &Limits::default(), &mut Sequences::default(), out)
}

fn numbered(sequence: u8) -> Vec<u8> {
    prefixed(&[0x94, sequence, 0, 0xa0, 0xc4, 0])
}

#[test]
fn repeated_envelopes_pass_and_a_gap_ends_the_link_before_it_is_kept() {
    let gap = Next::Close(DecodeError::new(Layer::Uplink, 4, Kind::BadSequence));
    for (numbers, kept, next) in [
        (&[8, 9][..], 2, Next::Need(4)),
        (&[6, 7, 8, 7, 9], 5, Next::Need(4)),
        (&[9], 0, gap),
        (&[8, 10, 11], 1, gap),
        (&[3, 5], 1, gap),
    ] {
        let bytes: Vec<u8> = numbers.iter().flat_map(|each| numbered(*each)).collect();
        let mut out = Frames::default();
        let mut sequences = Sequences::after(if numbers[0] == 3 { 2 } else { 7 });
        let progress = walk(&bytes, &Limits::default(), &mut sequences, &mut out);
        assert_eq!(
            (out.entries.len(), progress.next),
            (kept, next),
            "{numbers:?}"
        );
    }
}

const FRAME: &[u8] = &[0, 1, 0, 1, 0, 64, 0, 1, 0x0f];

#[test]
fn an_envelope_goes_before_the_frames_it_carries() {
    let bytes = map(&[FRAME, FRAME].concat());
    let mut out = Frames::default();
    let progress = walk_any(&bytes, &mut out);
    assert_eq!(progress.used, bytes.len());
    let [envelope, first, second] = &out.entries[..] else {
        panic!("{:?}", out.entries);
    };
    let What::Envelope {
        sequence: 7,
        received_at_ms: -1,
        meter,
    } = envelope.what
    else {
        panic!("{envelope:?}");
    };
    assert_eq!(out.get(meter), b"M");
    assert_eq!(out.get(envelope.raw), bytes);
    assert_eq!(
        (out.get(first.apdu), out.get(second.raw)),
        (&[0x0f][..], FRAME)
    );
}

#[test]
fn an_array_says_the_same_and_a_bad_frame_inside_leaves_the_link_alone() {
    let bytes = prefixed(b"\x94\x07\xff\xa0\xc4\x03\x00\x01\x00");
    let mut out = Frames::default();
    assert_eq!(walk_any(&bytes, &mut out).next, Next::Need(4));
    let error = DecodeError::new(Layer::Wrapper, 3, Kind::Truncated);
    assert_eq!(out.entries[1].what, What::Reject(error));
    assert_eq!(out.get(out.entries[1].raw), [0, 1, 0]);
}

/// The body of `{"sequence": 7, "received_at": 0, "meter": "", "frame": "", "later": <later>}`.
fn with_later(later: &[u8]) -> Vec<u8> {
    let known = b"\x85\xa8sequence\x07\xabreceived_at\0\xa5meter\xa0\xa5frame\xc4\0\xa5later";
    prefixed(&[known, later].concat())
}

/// A value of every type that `MessagePack` has, and a deep one.
fn values() -> Vec<Vec<u8>> {
    let single: Vec<Vec<u8>> = [0x07, 0xe1, 0xc0, 0xc2, 0xc3]
        .map(|byte| vec![byte])
        .to_vec();
    // The marker, and what must follow it.
    let others: [(u8, &[u8]); 31] = [
        (0xcc, &[1]),
        (0xd0, &[1]),
        (0xcd, &[1, 2]),
        (0xd1, &[1, 2]),
        (0xce, &[0; 4]),
        (0xd2, &[0; 4]),
        (0xca, &[0; 4]),
        (0xcf, &[0; 8]),
        (0xd3, &[0; 8]),
        (0xcb, &[0; 8]),
        (0xa1, b"x"),
        (0xd9, b"\x01x"),
        (0xda, b"\0\x01x"),
        (0xdb, b"\0\0\0\x01x"),
        (0xc4, &[1, 9]),
        (0xc5, &[0, 1, 9]),
        (0xc6, &[0, 0, 0, 1, 9]),
        (0x92, &[1, 2]),
        (0xdc, &[0, 1, 1]),
        (0xdd, &[0, 0, 0, 1, 1]),
        (0x81, &[1, 2]),
        (0xde, &[0, 1, 1, 2]),
        (0xdf, &[0, 0, 0, 1, 1, 2]),
        (0xd4, &[0; 2]),
        (0xd5, &[0; 3]),
        (0xd6, &[0; 5]),
        (0xd7, &[0; 9]),
        (0xd8, &[0; 17]),
        (0xc7, &[1, 0, 9]),
        (0xc8, &[0, 1, 0, 9]),
        (0xc9, &[0, 0, 0, 1, 0, 9]),
    ];
    let others = others.map(|(marker, rest)| [&[marker], rest].concat());
    let deep = [vec![0x91; 2_000], vec![0xc0]].concat();
    [single, others.to_vec(), vec![deep]].concat()
}

#[test]
fn a_field_of_any_type_that_is_not_ours_is_passed_over() {
    // Found by fuzzing: the extension types were passed over by a panic.
    for later in values() {
        let mut out = Frames::default();
        let bytes = with_later(&later);
        let progress = walk_any(&bytes, &mut out);
        assert_eq!(
            (progress.used, progress.next),
            (bytes.len(), Next::Need(4)),
            "{later:02x?}"
        );
        let short = with_later(&later[..later.len().strict_sub(1)]);
        let error = DecodeError::new(Layer::Uplink, 4, Kind::BadValue);
        assert_eq!(
            walk_any(&short, &mut out).next,
            Next::Close(error),
            "{later:02x?}"
        );
    }
}

#[test]
fn what_cannot_be_acknowledged_ends_the_link() {
    let no_time = b"\x84\xa8sequence\x07\xa8sequence\x07\xa5meter\xa0\xa5frame\xc4\x00";
    for body in [
        &b"\x93\x07\xff\xa0"[..],
        b"\x80",
        b"\xc0",
        b"\x94\x07\xff\xa0\xc4\x09",
        b"\x81\xa5later\xc1",
        b"\x81\xa5later\xdf\xff\xff\xff\xff",
        no_time,
    ] {
        let next = walk_any(&prefixed(body), &mut Frames::default()).next;
        let error = DecodeError::new(Layer::Uplink, 4, Kind::BadValue);
        assert_eq!(next, Next::Close(error), "{body:02x?}");
    }
    let two_gib = [0x7f, 0xff, 0xff, 0xff, 0x84];
    let next = walk_any(&two_gib, &mut Frames::default()).next;
    assert_eq!(
        next,
        Next::Close(DecodeError::new(Layer::Uplink, 0, Kind::TooLong))
    );
}
