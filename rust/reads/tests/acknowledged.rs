//! Blocks whose sender takes acknowledgements: one for each window, and a lost block is asked for.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use proptest::prelude::*;
use reads::{Batch, Settings};
use world::one_meter::{frames, knowing, sealed};
use world::transfer::blocks_with;
use world::{NOW_MS, decode, decode_at};

const LATER_MS: i64 = NOW_MS + 301_000;

/// The acknowledgements in a batch: own number and highest block without a gap.
fn acknowledged(batch: &Batch) -> Vec<(u16, u16)> {
    let replies = batch.replies.iter();
    replies
        .map(|(link, bytes)| {
            assert_eq!(*link, 7);
            let (header, apdu) = bytes.split_at(8);
            assert_eq!(
                header,
                [0, 1, 0, 64, 0, 1, 0, 7],
                "the ports are turned round"
            );
            let [0xe0, 0xbf, n1, n0, a1, a0, 0] = *apdu else {
                panic!("no acknowledgement: {apdu:?}");
            };
            (u16::from_be_bytes([n1, n0]), u16::from_be_bytes([a1, a0]))
        })
        .collect()
}

#[test]
fn a_window_is_acknowledged_once_and_a_lost_block_is_asked_for() {
    let mut decoder = knowing(Settings::default());
    // Windows of three: the third block of each awaits an acknowledgement.
    let parts = blocks_with(&sealed(5), 40, |number, last| {
        let streaming = if number % 3 == 0 || last { 0 } else { 0x40 };
        streaming | if last { 0x80 } else { 0 } | 3
    });
    assert!(parts.len() >= 6);
    let first = decode(&mut decoder, &[parts[0].clone(), parts[2].clone()].concat());
    assert_eq!(acknowledged(&first), [(1, 1)], "block 2 is missing");
    assert_eq!(frames(&first), [0; 4]);
    let again = decode(&mut decoder, &[parts[1].clone(), parts[2].clone()].concat());
    assert_eq!(acknowledged(&again), [(2, 3)]);
    assert_eq!(frames(&again), [0, 0, 1, 0], "block 3 had come");
    let rest = decode(&mut decoder, &parts[3..].concat());
    let all = u16::try_from(parts.len()).unwrap();
    assert_eq!(acknowledged(&rest).last().unwrap().1, all);
    assert_eq!(frames(&rest)[3], 4);
    // The acknowledgement was lost: the last block comes again and is acknowledged again.
    let last = decode(&mut decoder, parts.last().unwrap());
    assert_eq!(acknowledged(&last)[0].1, all);
    assert_eq!(frames(&last), [0, 0, 1, 0]);
}

proptest! {
    /// However many blocks of whichever windows are lost or come twice: as long as what is asked for
    /// is sent again, the push comes whole and once, and every frame is counted.
    #[test]
    fn a_sender_that_heeds_acknowledgements_always_gets_through(
        size in 20_usize..200,
        window in 1_u16..6,
        fates in proptest::collection::vec(0_u8..6, 200),
    ) {
        let mut decoder = knowing(Settings::default());
        let parts = blocks_with(&sealed(5), size, |number, last| {
            let streaming = if number % window == 0 || last { 0 } else { 0x40 };
            streaming | if last { 0x80 } else { 0 } | u8::try_from(window).unwrap()
        });
        let all = parts.len();
        let (mut acked, mut sent, mut stored, mut counted) = (0_usize, 0_u64, 0, 0);
        let mut fates = fates.into_iter().cycle();
        let mut rounds = 0;
        while acked < all {
            rounds += 1;
            prop_assert!(rounds < 2_000, "stuck at {acked} of {all}");
            let end = ((acked / usize::from(window) + 1) * usize::from(window)).min(all);
            for part in &parts[acked..end] {
                let copies = match fates.next() { Some(0) => 0, Some(1) => 2, _ => 1 };
                for _ in 0..copies {
                    sent += 1;
                    let batch = decode(&mut decoder, part);
                    stored += batch.tally.reads_stored;
                    counted += batch.tally.frames;
                    for (_, highest) in acknowledged(&batch) {
                        acked = acked.max(usize::from(highest));
                    }
                }
            }
        }
        // A first block that came once more is taken for the beginning of another message.
        counted += decode_at(&mut decoder, LATER_MS, &[]).tally.frames;
        prop_assert_eq!(stored, 4);
        prop_assert_eq!(counted, sent);
    }
}
