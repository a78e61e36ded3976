//! Pushes in blocks: joined wherever they are cut, bounded, and
//! counted once their fate is known.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use proptest::prelude::*;
use reads::{Protection, Rejected, Settings, Standing};
use world::one_meter::{PROTECTED, day, frames, knowing, sealed};
use world::record::parse;
use world::transfer::{block, block_apdu, blocks};
use world::{Meter, NOW_MS, decode, decode_at, split, wrapped};

const LATER_MS: i64 = NOW_MS + 301_000;

#[test]
fn a_push_in_blocks_over_several_batches_is_one_push_and_all_its_frames_are_accepted() {
    let mut decoder = knowing(Settings::default());
    let parts = blocks(&sealed(5), 60);
    let (last, before) = parts.split_last().unwrap();
    for part in before {
        let batch = decode(&mut decoder, part);
        assert_eq!(frames(&batch), [0; 4], "its fate is open");
        assert!(
            parse(&batch.record).held > part.len(),
            "and the journal has it"
        );
    }
    assert!(decoder.footprint().transfers_bytes > 0);
    let all = u64::try_from(parts.len()).unwrap();
    assert_eq!(frames(&decode(&mut decoder, last)), [all, 0, 0, 4]);
    assert_eq!(decoder.footprint().transfers_bytes, 0);
}

#[test]
fn block_one_starts_over_and_the_run_before_it_is_kept_as_a_reject() {
    let mut decoder = knowing(Settings::default());
    let parts = blocks(&sealed(5), 60);
    let aborted = [parts[0].clone(), parts[1].clone()].concat();
    let batch = decode(&mut decoder, &[aborted.clone(), parts.concat()].concat());
    let all = u64::try_from(parts.len()).unwrap();
    assert_eq!(frames(&batch), [all, 2, 0, 4]);
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
    assert_eq!(frames(&batch), [0, 2, 0, 0]);
    assert!(
        batch.replies.is_empty(),
        "nobody there takes acknowledgements"
    );
    let rejects = parse(&batch.record).rejects;
    let raw: Vec<u8> = rejects.into_iter().flat_map(|each| each.raw).collect();
    assert_eq!(raw, [parts[0].clone(), parts[2].clone()].concat());
}

#[test]
fn what_waits_is_bounded_by_message_by_link_and_in_all() {
    let parts = blocks(&sealed(5), 60);
    for (settings, kind) in [
        (
            Settings {
                transfer_bytes_max: 100,
                ..Settings::default()
            },
            "too_long",
        ),
        (
            Settings {
                transfers_bytes_max: 2_000,
                ..Settings::default()
            },
            "too_many",
        ),
        (
            Settings {
                transfers_bytes_per_link_max: 2_000,
                ..Settings::default()
            },
            "too_many",
        ),
    ] {
        let mut decoder = knowing(settings);
        let batch = decode(&mut decoder, &parts.concat());
        assert!(
            batch.rejected.contains_key(kind),
            "{kind}: {:?}",
            batch.rejected
        );
        let all = u64::try_from(parts.len()).unwrap();
        assert_eq!(frames(&batch), [0, all, 0, 0]);
        assert_eq!(decoder.footprint().transfers_bytes, 0);
    }
}

#[test]
fn one_link_cannot_take_the_room_of_another() {
    let mut decoder = knowing(Settings {
        transfers_bytes_per_link_max: 3_000,
        ..Settings::default()
    });
    // Runs that never end, each on ports of its own.
    let runs = (0..100_u16).flat_map(|port| {
        let mut frame = block(1, 0x40, b"a run that never ends");
        frame[2..4].copy_from_slice(&port.to_be_bytes());
        frame
    });
    decode(&mut decoder, &runs.collect::<Vec<u8>>());
    assert!(decoder.footprint().transfers_bytes <= 3_000);
    let other = reads::LinkFrames {
        link: 8,
        dcu: 3,
        peer: "192.0.2.2",
        frames: &split(
            cosem::framing::Framing::Wrapper,
            &blocks(&sealed(5), 200).concat(),
        ),
    };
    assert_eq!(decoder.decode(&[other], NOW_MS).tally.reads_stored, 4);
}

#[test]
fn a_run_that_never_ends_is_quarantined_when_its_time_is_up() {
    let mut decoder = knowing(Settings::default());
    let parts = blocks(&sealed(5), 60);
    assert!(decode(&mut decoder, &[parts[0].clone(), parts[1].clone()].concat()).waits);
    let later = decode_at(&mut decoder, LATER_MS, &wrapped(&sealed(9)));
    assert!(!later.waits);
    assert_eq!(frames(&later), [1, 2, 0, 4]);
    assert_eq!(decoder.footprint().transfers_bytes, 0);
    let reject = parse(&later.record).rejects.remove(0);
    assert_eq!(
        (reject.kind.as_str(), reject.raw),
        ("truncated", parts[..2].concat())
    );
}

#[test]
fn blocks_inside_a_cipher_and_a_cipher_inside_blocks_are_the_same_push() {
    let meter = Meter::new(1);
    let push = meter.push(&day());
    let inside = (1_u16..).zip(push.chunks(60));
    let last = u16::try_from(push.len().div_ceil(60)).unwrap();
    let sealed_blocks: Vec<Vec<u8>> = inside
        .map(|(number, part)| {
            let control = if number == last { 0xc0 } else { 0x40 };
            meter.seal(u32::from(number), &block_apdu(number, control, part))
        })
        .collect();
    let frames_of: Vec<Vec<u8>> = sealed_blocks.iter().map(|each| wrapped(each)).collect();
    let batch = decode(&mut knowing(Settings::default()), &frames_of.concat());
    assert_eq!(frames(&batch), [u64::from(last), 0, 0, 4]);
    // Each of those again in blocks.
    let nested: Vec<u8> = sealed_blocks
        .iter()
        .flat_map(|each| blocks(each, 40).concat())
        .collect();
    let mut decoder = knowing(Settings::default());
    let batch = decode(&mut decoder, &nested);
    assert_eq!(frames(&batch)[1..], [0, 0, 4]);
    let sent: usize = sealed_blocks
        .iter()
        .map(|each| each.len().div_ceil(40))
        .sum();
    assert_eq!(batch.tally.frames, u64::try_from(sent).unwrap());
    // Half of them in clear: what no cipher proves does not join what one does.
    let mixed = [wrapped(&sealed_blocks[0]), block(2, 0xc0, &push[60..])].concat();
    let batch = decode(&mut knowing(Settings::default()), &mixed);
    assert_eq!(batch.tally.reads_stored, 0);
}

#[test]
fn blocks_that_a_tag_proves_never_join_those_that_none_does() {
    let mut decoder = world::decoder(Settings::default());
    Meter::new(1).register(&mut decoder, Protection::ENCRYPT);
    let push = Meter::new(1).push(&day());
    let (head, tail) = push.split_at(60);
    let proven = Meter::new(1).seal(1, &block_apdu(1, 0x40, head));
    let unproven = Meter::with(1, 0x20).seal(2, &block_apdu(2, 0xc0, tail));
    let batch = decode(
        &mut decoder,
        &[wrapped(&proven), wrapped(&unproven)].concat(),
    );
    assert_eq!(batch.tally.reads_stored, 0);
}

#[test]
fn blocks_in_blocks_end_somewhere() {
    let mut message = Meter::with(1, 0).push(&day());
    for _ in 0..2_000 {
        message = block_apdu(1, 0xc0, &message);
    }
    let mut decoder = world::decoder(Settings::default());
    Meter::with(1, 0).register(&mut decoder, Protection::NONE);
    let batch = decode(&mut decoder, &wrapped(&message));
    assert_eq!(batch.rejected.get("too_deep"), Some(&1));
    assert_eq!(frames(&batch), [0, 1, 0, 0]);
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
        hint: &[],
        row: None,
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
    fn any_blocks_are_counted(
        each in proptest::collection::vec((0_u16..5, any::<u8>(), any::<Vec<u8>>()), 0..20),
    ) {
        let mut decoder = knowing(Settings::default());
        let bytes: Vec<u8> = each.iter().flat_map(|(number, control, bytes)| block(*number, *control, bytes)).collect();
        let batch = decode(&mut decoder, &bytes);
        let rest = decode_at(&mut decoder, LATER_MS, &[]);
        prop_assert!(batch.tally.balances() && rest.tally.balances());
        prop_assert_eq!(batch.tally.frames + rest.tally.frames, u64::try_from(each.len()).unwrap());
        prop_assert_eq!(decoder.footprint().transfers_bytes, 0);
    }
}
