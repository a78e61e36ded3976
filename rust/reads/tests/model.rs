//! The decoder against a naive model of counters, windows and ledger, over random lives of two
//! meters; and against itself after a restart.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use std::collections::BTreeMap;

use proptest::prelude::*;
use reads::{Batch, Decoder, Protection, Settings, flags};
use world::record::parse;
use world::{Interval, Meter, decode};

const WINDOW: i64 = 6;

/// What a sender does next.
#[derive(Debug, Clone)]
enum Step {
    /// A frame with this counter and these reads.
    Push {
        meter: u32,
        counter: u32,
        first: i64,
        energies: Vec<u32>,
        tampered: bool,
    },
    /// The service is killed: its state is what snapshot and journal say.
    Restart,
    /// A snapshot is written, from which the next restart goes on.
    Snapshot,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let push = (
        1_u32..=2,
        1_u32..8,
        -20_i64..24,
        prop::collection::vec(0_u32..2, 0..9),
        prop::bool::weighted(0.1),
    );
    let push = push.prop_map(|(meter, counter, first, energies, tampered)| Step::Push {
        meter,
        counter,
        first,
        energies,
        tampered,
    });
    prop::collection::vec(
        prop_oneof![12 => push, 1 => Just(Step::Restart), 1 => Just(Step::Snapshot)],
        1..40,
    )
}

/// Meter 1 must authenticate; meter 2 encrypts only, so that its counter proves nothing.
fn fresh() -> Decoder {
    let mut decoder = world::decoder(Settings {
        duplicate_window: u16::try_from(WINDOW).unwrap(),
        ..Settings::default()
    });
    Meter::new(1).register(&mut decoder, Protection::ENCRYPT_AUTHENTICATE);
    Meter::new(2).register(&mut decoder, Protection::ENCRYPT);
    decoder
}

fn sealed(meter: u32, counter: u32, intervals: &[Interval], tampered: bool) -> Vec<u8> {
    let control = if meter == 1 { 0x30 } else { 0x20 };
    let mut frame = Meter::with(meter, control).frame(counter, intervals);
    if tampered {
        // The first ciphered byte, the APDU's tag: behind wrapper, title, length, control, counter.
        let length = frame[8 + 10];
        let length_bytes = if length < 0x80 {
            1
        } else {
            1 + usize::from(length & 0x7f)
        };
        frame[8 + 10 + length_bytes + 5] ^= 0x55;
    }
    frame
}

/// Frames accepted, quarantined, duplicate; reads stored, quarantined, duplicate, changed.
type Counts = ([u64; 3], [u64; 4]);

fn counts(batch: &Batch) -> Counts {
    let tally = &batch.tally;
    (
        [
            tally.frames_accepted,
            tally.frames_quarantined,
            tally.frames_duplicate,
        ],
        [
            tally.reads_stored,
            tally.reads_quarantined,
            tally.reads_duplicate,
            tally.reads_changed,
        ],
    )
}

/// The rules in their plainest form: every read ever stored, and the last counter.
#[derive(Default)]
struct Model {
    counters: BTreeMap<u32, u32>,
    stored: BTreeMap<u32, BTreeMap<i64, u32>>,
}

impl Model {
    /// What a push comes to, and the flags of what it stores.
    fn push(
        &mut self,
        meter: u32,
        counter: u32,
        reads: &[(i64, u32)],
        tampered: bool,
    ) -> (Counts, Vec<u32>) {
        let refused = (([0, 1, 0], [0; 4]), Vec::new());
        if tampered {
            return refused;
        }
        let last = self.counters.get(&meter).copied();
        if meter == 1 && last.is_some_and(|last| counter < last) {
            return refused;
        }
        if meter == 1 && last == Some(counter) {
            let known = reads.iter().all(|(n, wh)| {
                *n > NOW || matches!(self.judge(meter, *n, *wh), Seen::Same | Seen::TooLongAgo)
            });
            let duplicates = u64::try_from(reads.len()).unwrap();
            return if known {
                (([0, 0, 1], [0, 0, duplicates, 0]), Vec::new())
            } else {
                refused
            };
        }
        if meter == 1 {
            self.counters.insert(meter, counter);
        }
        let mut counts = [0; 4];
        let mut raised = Vec::new();
        let unproven = if meter == 1 {
            0
        } else {
            flags::UNAUTHENTICATED
        };
        for (n, wh) in reads {
            if *n > NOW {
                counts[1] += 1;
                continue;
            }
            let flag = match self.judge(meter, *n, *wh) {
                Seen::Same => {
                    counts[2] += 1;
                    continue;
                }
                Seen::Never => 0,
                Seen::Other => {
                    counts[3] += 1;
                    flags::CHANGED
                }
                Seen::TooLongAgo => flags::UNCHECKED,
            };
            counts[0] += 1;
            raised.push(flag | unproven);
            self.stored.entry(meter).or_default().insert(*n, *wh);
        }
        let duplicate = counts[0] == 0 && counts[1] == 0 && counts[2] > 0;
        let frames = if duplicate { [0, 0, 1] } else { [1, 0, 0] };
        ((frames, counts), raised)
    }

    fn judge(&self, meter: u32, n: i64, wh: u32) -> Seen {
        let Some(stored) = self.stored.get(&meter) else {
            return Seen::Never;
        };
        let newest = stored.last_key_value().map_or(n, |(n, _)| *n);
        match stored.get(&n) {
            _ if n <= newest - WINDOW => Seen::TooLongAgo,
            None => Seen::Never,
            Some(before) if *before == wh => Seen::Same,
            Some(_) => Seen::Other,
        }
    }
}

enum Seen {
    Never,
    Same,
    Other,
    TooLongAgo,
}

/// The last half hour that is not in the future at noon, with 900 s of tolerance.
const NOW: i64 = 24;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_lives_come_out_as_the_naive_rules_say(steps in steps()) {
        let mut decoder = fresh();
        let mut model = Model::default();
        let mut journal: Vec<Vec<u8>> = Vec::new();
        let mut snapshot: Option<(Vec<u8>, usize)> = None;
        for step in steps {
            match step {
                Step::Snapshot => snapshot = Some((decoder.snapshot(), journal.len())),
                Step::Restart => {
                    let before = decoder.snapshot();
                    decoder = fresh();
                    let mut from = 0;
                    if let Some((bytes, position)) = &snapshot {
                        decoder.restore(bytes).unwrap();
                        from = *position;
                    }
                    for record in &journal[from..] {
                        decoder.replay(record).unwrap();
                    }
                    prop_assert_eq!(decoder.snapshot(), before, "the journal says something else");
                }
                Step::Push { meter, counter, first, energies, tampered } => {
                    let reads: Vec<(i64, u32)> = (first..).zip(energies).collect();
                    let intervals: Vec<Interval> =
                        reads.iter().map(|(n, wh)| Interval::nth(*n, *wh)).collect();
                    let batch = decode(&mut decoder, &sealed(meter, counter, &intervals, tampered));
                    prop_assert!(batch.tally.balances());
                    let (expected, raised) = model.push(meter, counter, &reads, tampered);
                    prop_assert_eq!(counts(&batch), expected);
                    let parsed = parse(&batch.record);
                    let seen: Vec<i64> = parsed.reads.iter().map(|row| row["flags"]).collect();
                    let raised: Vec<i64> = raised.into_iter().map(i64::from).collect();
                    prop_assert_eq!(seen, raised);
                    let quarantined = batch.tally.frames_quarantined + batch.tally.reads_quarantined;
                    prop_assert_eq!(u64::try_from(parsed.rejects.len()).unwrap(), quarantined);
                    journal.push(batch.record);
                }
            }
        }
    }

    /// Bytes of anyone's choice, whole frames among them, never panic and are all accounted for.
    #[test]
    fn hostile_bytes_are_counted_and_nothing_else(
        apdus in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..80), 1..12),
        tag in prop::sample::select(vec![0xdb_u8, 0x0f, 0xe7, 0xdc, 0xdd, 0xc2]),
    ) {
        let mut decoder = fresh();
        let mut bytes = Vec::new();
        for mut apdu in apdus.clone() {
            apdu[0] = tag;
            bytes.extend(world::wrapped(&apdu));
        }
        let batch = decode(&mut decoder, &bytes);
        prop_assert!(batch.tally.balances());
        prop_assert_eq!(batch.tally.frames, u64::try_from(apdus.len()).unwrap());
        prop_assert_eq!(batch.tally.reads_stored, 0);
    }
}

#[test]
fn a_snapshot_that_is_damaged_or_foreign_is_refused() {
    let mut decoder = fresh();
    decode(
        &mut decoder,
        &Meter::new(1).frame(1, &[Interval::nth(1, 1)]),
    );
    let snapshot = decoder.snapshot();
    for at in 0..snapshot.len() {
        let mut damaged = snapshot.clone();
        damaged[at] ^= 1;
        assert_eq!(
            fresh().restore(&damaged),
            Err(reads::SnapshotError::Damaged),
            "byte {at}"
        );
    }
    assert!(fresh().restore(&snapshot[..snapshot.len() - 1]).is_err());
    let mut seeded = Decoder::new(Settings {
        hash_seed: 1,
        ..Settings::default()
    });
    assert_eq!(
        seeded.restore(&snapshot),
        Err(reads::SnapshotError::HashSeed)
    );
}

#[test]
fn a_window_of_another_size_keeps_what_both_can_hold() {
    let frame = |counter, range: core::ops::Range<i64>, wh| {
        let intervals: Vec<Interval> = range.map(|n| Interval::nth(n, wh)).collect();
        Meter::new(1).frame(counter, &intervals)
    };
    let sized = |duplicate_window| {
        let mut decoder = world::decoder(Settings {
            duplicate_window,
            ..Settings::default()
        });
        Meter::new(1).register(&mut decoder, Protection::ENCRYPT_AUTHENTICATE);
        decoder
    };
    for (smaller, larger) in [(4, 8), (8, 4)] {
        let mut before = sized(smaller);
        decode(&mut before, &frame(1, 0..20, 1));
        let mut after = sized(larger);
        let restored = after.restore(&before.snapshot());
        assert_eq!(restored, Ok(()), "{smaller} to {larger}");
        let batch = decode(&mut after, &frame(2, 10..20, 1));
        assert_eq!(
            counts(&batch),
            ([1, 0, 0], [6, 0, 4, 0]),
            "{smaller} to {larger}"
        );
        let unchecked = i64::from(flags::UNCHECKED);
        let seen = parse(&batch.record).reads;
        assert!(
            seen.iter().all(|row| row["flags"] == unchecked),
            "{smaller} to {larger}"
        );
    }
}
