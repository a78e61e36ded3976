//! Records to blocks: everything arrives once, sorted, the same way every time.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use reads::{Batch, Decoder, Gathered, Protection, Settings, flags, gather, record_rows};
use world::block::{Block, Value, numbers, parse};
use world::{Interval, MIDNIGHT_S, Meter, NOW_MS, decode, decode_at};

/// Three meters that may send in clear, so that any reads can be pushed at any time.
fn clear_decoder(window: u16) -> Decoder {
    let mut decoder = world::decoder(Settings {
        duplicate_window: window,
        too_old_s: 400 * 86_400,
        ..Settings::default()
    });
    for number in 1..=3 {
        Meter::new(number).register(&mut decoder, Protection::NONE);
    }
    decoder
}

fn push(decoder: &mut Decoder, meter: u32, intervals: &[Interval]) -> Batch {
    decode(decoder, &Meter::with(meter, 0).frame(0, intervals))
}

/// Batches at consecutive positions from `first`.
fn records(first: u64, batches: &[Batch]) -> Vec<(u64, &[u8])> {
    let mut position = first;
    batches
        .iter()
        .map(|batch| {
            let at = position;
            position += u64::from(batch.rows);
            (at, batch.record.as_slice())
        })
        .collect()
}

fn gathered(batches: &[Batch]) -> (Gathered, BTreeMap<&'static str, Vec<Block>>) {
    let gathered = gather(&records(1_000, batches)).unwrap();
    let mut tables: BTreeMap<_, Vec<Block>> = BTreeMap::new();
    for (table, bytes) in &gathered.blocks {
        tables.entry(*table).or_default().push(parse(bytes));
    }
    (gathered, tables)
}

fn keys(block: &Block) -> Vec<(i128, i128)> {
    let (meters, starts) = (numbers(block, "meter"), numbers(block, "interval_start"));
    meters.into_iter().zip(starts).collect()
}

#[test]
fn a_block_has_the_tables_columns_and_leaves_out_what_no_read_has() {
    let mut decoder = clear_decoder(96);
    let (_, tables) = gathered(&[push(&mut decoder, 1, &[Interval::nth(1, 10)])]);
    let block = &tables["m.reads"][0];
    let expected = [
        ("meter", "UInt32", 1),
        ("interval_start", "DateTime('UTC')", i128::from(MIDNIGHT_S)),
        ("interval_s", "UInt16", 1_800),
        ("imp_wh", "UInt32", 10),
        ("exp_wh", "UInt32", 0),
        ("imp_vah", "UInt32", 15),
        ("exp_vah", "UInt32", 0),
        ("volt_cv", "UInt32", 23_000),
        ("curr_ma", "UInt32", 4_120),
        ("present", "UInt16", 0b11_1111),
        ("quality", "UInt8", 0),
        ("flags", "UInt32", i128::from(flags::UNAUTHENTICATED)),
        ("status", "UInt32", 0),
        ("deviation_min", "Int16", 330),
        ("clock_status", "UInt8", 0),
        ("dcu", "UInt32", 3),
        ("counter", "UInt32", 0),
        ("ver", "UInt64", 1_000),
    ];
    let expected: Block = expected
        .into_iter()
        .map(|(name, of, value)| (name.to_owned(), (of.to_owned(), vec![Value::Number(value)])))
        .collect();
    assert_eq!(block, &expected);
}

#[test]
fn versions_superseded_inside_a_gather_go_to_the_history() {
    let mut decoder = clear_decoder(96);
    let batches = [
        push(
            &mut decoder,
            2,
            &[Interval::nth(1, 10), Interval::nth(2, 10)],
        ),
        push(&mut decoder, 2, &[Interval::nth(1, 11)]),
        push(&mut decoder, 2, &[Interval::nth(1, 12)]),
    ];
    let (gathered, tables) = gathered(&batches);
    assert_eq!(numbers(&tables["m.reads"][0], "imp_wh"), [12, 10]);
    assert_eq!(numbers(&tables["m.reads"][0], "ver"), [1_005, 1_001]);
    assert_eq!(numbers(&tables["m.read_history"][0], "imp_wh"), [10, 11]);
    assert_eq!(numbers(&tables["m.read_history"][0], "ver"), [1_000, 1_003]);
    assert_eq!(gathered.changed, [], "no predecessor is in the store");
    assert_eq!(gathered.reads, 4);
    assert_eq!(
        gathered.blocks[0].0, "m.read_history",
        "before what supersedes it"
    );
}

#[test]
fn changed_names_the_keys_whose_predecessor_is_in_the_store() {
    let mut decoder = clear_decoder(2);
    let first = push(
        &mut decoder,
        1,
        &[Interval::nth(1, 10), Interval::nth(9, 10)],
    );
    let batches = [
        push(&mut decoder, 1, &[Interval::nth(9, 11)]),
        push(
            &mut decoder,
            1,
            &[Interval::nth(9, 12), Interval::nth(2, 10)],
        ),
    ];
    assert_eq!(first.tally.reads_stored, 2);
    let (gathered, _) = gathered(&batches);
    let start = |n| Interval::nth(n, 0).start_s();
    let expected = [(1, start(2)), (1, start(9))];
    assert_eq!(
        gathered.changed, expected,
        "unchecked ones may have one too"
    );
}

#[test]
fn ledger_rows_are_summed_per_day_and_concentrator_at_their_first_position() {
    let mut decoder = clear_decoder(96);
    let next_day_ms = NOW_MS + 86_400_000;
    let batches = [
        push(&mut decoder, 1, &[Interval::nth(1, 10)]),
        push(&mut decoder, 1, &[Interval::nth(1, 10)]),
        decode_at(&mut decoder, next_day_ms, &Meter::with(9, 0).frame(0, &[])),
    ];
    let (gathered, tables) = gathered(&batches);
    let ledger = &tables["m.intake_ledger"][0];
    let day = i128::from(NOW_MS / 86_400_000);
    assert_eq!(numbers(ledger, "day"), [day, day + 1]);
    assert_eq!(numbers(ledger, "position"), [1_001, 1_004]);
    assert_eq!(numbers(ledger, "frames"), [2, 1]);
    assert_eq!(numbers(ledger, "frames_duplicate"), [1, 0]);
    assert_eq!(numbers(ledger, "frames_quarantined"), [0, 1]);
    assert_eq!(numbers(ledger, "reads_duplicate"), [1, 0]);
    let times = (gathered.received_at_min_ms, gathered.received_at_max_ms);
    assert_eq!(times, (NOW_MS, next_day_ms));
    let rejects = &tables["m.rejects"][0];
    assert_eq!(numbers(rejects, "position"), [1_003]);
    assert_eq!(rejects["kind"].1, [Value::Text(b"unknown_meter".to_vec())]);
    assert_eq!(rejects["at"].0, "DateTime64(3, 'UTC')");
}

#[test]
fn a_block_touches_no_more_days_than_clickhouse_takes() {
    let mut decoder = clear_decoder(96);
    let batches: Vec<Batch> = (0..100)
        .map(|day| {
            push(
                &mut decoder,
                1 + day % 3,
                &[Interval::nth(-48 * i64::from(day), 10)],
            )
        })
        .collect();
    let (gathered, tables) = gathered(&batches);
    let mut seen = Vec::new();
    for block in &tables["m.reads"] {
        let days: BTreeSet<i128> = keys(block)
            .iter()
            .map(|(_, start)| start / 86_400)
            .collect();
        assert!(days.len() <= 90, "{} days", days.len());
        assert!(keys(block).is_sorted());
        seen.extend(keys(block));
    }
    assert_eq!((tables["m.reads"].len(), seen.len()), (2, 100));
    assert_eq!(gathered.reads, 100);
}

#[test]
fn damaged_records_are_refused_and_never_a_panic() {
    let mut decoder = clear_decoder(96);
    let record = push(&mut decoder, 1, &[Interval::nth(1, 10)]).record;
    assert_eq!(record_rows(&record), Ok(2));
    for end in 1..record.len() {
        let cut = gather(&[(0, &record[..end])]);
        // A cut between sections is a shorter record; the journal's checksum tells it apart.
        assert!(cut.is_err() || record_rows(&record[..end]).is_ok());
    }
    for at in 0..record.len() {
        let mut flipped = record.clone();
        flipped[at] ^= 0xff;
        let _either = gather(&[(0, &flipped)]);
    }
    assert!(gather(&[(0, &[9, 0, 0, 0, 0])]).is_err(), "no section 9");
}

/// A push: meter, first interval, energies.
fn pushes() -> impl Strategy<Value = Vec<(u32, i64, Vec<u32>)>> {
    let push = (
        1_u32..=3,
        -40_i64..20,
        prop::collection::vec(0_u32..3, 1..12),
    );
    prop::collection::vec(push, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Rows in = rows out, the newest version of each key in `m.reads` and sorted, the rest in the
    /// history, whatever the runs look like; and the same input gives the same bytes.
    #[test]
    fn a_gather_is_its_records_sorted(pushes in pushes(), window in 1_u16..30) {
        let mut decoder = clear_decoder(window);
        let batches: Vec<Batch> = pushes
            .iter()
            .map(|(meter, first, energies)| {
                let intervals: Vec<Interval> = (*first..)
                    .zip(energies)
                    .map(|(n, wh)| Interval::nth(n, *wh))
                    .collect();
                push(&mut decoder, *meter, &intervals)
            })
            .collect();
        let mut position = 1_000;
        let mut versions: BTreeMap<(i64, i64), Vec<(i128, i128)>> = BTreeMap::new();
        for batch in &batches {
            for (at, row) in (0_i128..).zip(world::record::parse(&batch.record).reads) {
                let key = (row["meter"], row["interval_start"]);
                let version = (i128::from(position) + at, i128::from(row["imp_wh"]));
                versions.entry(key).or_default().push(version);
            }
            position += u64::from(batch.rows);
        }
        let (first, tables) = gathered(&batches);
        let rows = |table: &str| -> Vec<((i128, i128), (i128, i128))> {
            let Some(blocks) = tables.get(table) else { return Vec::new() };
            prop_assert_eq_len(blocks.len());
            let values = numbers(&blocks[0], "ver").into_iter().zip(numbers(&blocks[0], "imp_wh"));
            keys(&blocks[0]).into_iter().zip(values).collect()
        };
        let wide = |key: &(i64, i64)| (i128::from(key.0), i128::from(key.1));
        let newest: Vec<_> = versions.iter().map(|(key, of)| (wide(key), of[of.len() - 1])).collect();
        let older: Vec<_> = versions
            .iter()
            .flat_map(|(key, of)| of[..of.len() - 1].iter().map(move |version| (wide(key), *version)))
            .collect();
        prop_assert_eq!(rows("m.reads"), newest);
        prop_assert_eq!(rows("m.read_history"), older);
        let again = gather(&records(1_000, &batches)).unwrap();
        prop_assert_eq!(first, again);
    }
}

fn prop_assert_eq_len(blocks: usize) {
    assert_eq!(blocks, 1, "few days go into one block");
}
