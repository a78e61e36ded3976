//! Stored reads told anew: they stand where the present policy puts them, once, and windows know it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use std::collections::BTreeMap;

use cosem::clock::TimePolicy;
use proptest::prelude::*;
use reads::{Batch, Decoder, MeterSpec, Protection, Retimed, Settings, Span};
use world::record::{Row, parse};
use world::{Interval, MIDNIGHT_S, Meter, NOW_MS, decode};

const CHANNELS: [&str; 16] = [
    "imp_wh",
    "exp_wh",
    "imp_vah",
    "exp_vah",
    "volt_cv",
    "curr_ma",
    "varh_q1",
    "varh_q2",
    "varh_q3",
    "varh_q4",
    "volt_r_cv",
    "volt_y_cv",
    "volt_b_cv",
    "curr_r_ma",
    "curr_y_ma",
    "curr_b_ma",
];
const ALL: Span = Span {
    wanted: (0, u32::MAX),
    fetched: (0, u32::MAX),
};
const REJECTED: i64 = 4;
const RETIMED: i64 = 1 << 9;

/// The newest versions, as the table has them, and how the world writes and asks.
#[derive(Default)]
struct Table {
    rows: BTreeMap<(i64, i64), (Row, u64)>,
    next: u64,
}

impl Table {
    fn insert(&mut self, batch: &Batch) -> usize {
        let reads = parse(&batch.record).reads;
        for row in &reads {
            self.next += 1;
            let key = (row["meter"], row["interval_start"]);
            self.rows.insert(key, (row.clone(), self.next));
        }
        reads.len()
    }

    fn row_binary(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (row, ver) in self.rows.values() {
            let at = |name: &str| row.get(name).copied().unwrap_or(0);
            let u32_of = |name: &str| u32::try_from(at(name)).unwrap().to_le_bytes();
            out.extend(u32_of("meter"));
            out.extend(u32_of("interval_start"));
            out.extend(u16::try_from(at("interval_s")).unwrap().to_le_bytes());
            for name in CHANNELS {
                out.extend(u32_of(name));
            }
            out.extend(u16::try_from(at("present")).unwrap().to_le_bytes());
            out.push(u8::try_from(at("quality")).unwrap());
            out.extend(u32_of("flags"));
            out.extend(u32_of("status"));
            out.extend(i16::try_from(at("deviation_min")).unwrap().to_le_bytes());
            out.push(u8::try_from(at("clock_status")).unwrap());
            let offset = row.get("offset_min").copied().unwrap_or(330);
            out.extend(i16::try_from(offset).unwrap().to_le_bytes());
            out.extend(u32_of("dcu"));
            out.extend(u32_of("counter"));
            out.extend(ver.to_le_bytes());
        }
        out
    }

    fn shown(&self) -> Vec<(i64, i64)> {
        let live = self
            .rows
            .values()
            .filter(|(row, _)| row["quality"] != REJECTED);
        live.map(|(row, _)| (row["interval_start"], row["imp_wh"]))
            .collect()
    }
}

fn with_policy(decoder: &mut Decoder, policy: &str) {
    let meter = Meter::new(1);
    let layout = decoder.layout("1ph").unwrap();
    decoder
        .upsert(&MeterSpec {
            meter: 1,
            serial: meter.serial().as_bytes(),
            title: Some(meter.title()),
            dcu: 3,
            encryption_key: &meter.encryption_key(),
            authentication_key: &meter.authentication_key(),
            protection: Protection::ENCRYPT_AUTHENTICATE,
            layout,
            interval_s: world::INTERVAL_S,
            time_policy: TimePolicy::parse(policy).unwrap(),
        })
        .unwrap();
}

fn retime(decoder: &mut Decoder, table: &mut Table, span: Span) -> (usize, Retimed) {
    let marks = BTreeMap::from([(1, decoder.reads_mark(1))]);
    let rows = table.row_binary();
    let (batch, done) = decoder.retime(&rows, span, &marks, NOW_MS, false).unwrap();
    assert!(batch.tally.balances());
    (table.insert(&batch), done)
}

/// A decoder and the reads of the morning, stored under a policy that puts them 5 h 30 min early.
fn misread() -> (Decoder, Table) {
    let mut decoder = world::decoder(Settings::default());
    with_policy(&mut decoder, "fixed:+1100");
    let mut table = Table::default();
    let rows: Vec<_> = (1..=4)
        .map(|n| Interval::nth(n, u32::try_from(n).unwrap()))
        .collect();
    table.insert(&decode(&mut decoder, &Meter::new(1).frame(7, &rows)));
    (decoder, table)
}

#[test]
fn reads_move_to_where_the_policy_of_now_puts_them_and_a_second_run_changes_nothing() {
    let (mut decoder, mut table) = misread();
    let early = MIDNIGHT_S - 19_800;
    assert_eq!(table.shown()[0], (early, 1));
    with_policy(&mut decoder, "ist");
    let (versions, done) = retime(&mut decoder, &mut table, ALL);
    assert_eq!(
        (versions, done.seen, done.moved, done.withdrawn),
        (8, 4, 4, 4)
    );
    let expected: Vec<_> = (0..4).map(|n| (MIDNIGHT_S + n * 1_800, n + 1)).collect();
    assert_eq!(table.shown(), expected);
    let (withdrawn, _) = &table.rows[&(1, early)];
    assert_eq!((withdrawn["quality"], withdrawn["imp_wh"]), (REJECTED, 1));
    let (moved, _) = &table.rows[&(1, MIDNIGHT_S)];
    assert_eq!((moved["quality"], moved["flags"] & RETIMED), (0, RETIMED));
    assert_eq!(moved["counter"], 7);
    let (versions, done) = retime(&mut decoder, &mut table, ALL);
    assert_eq!((versions, done.seen, done.moved), (0, 8, 0));
}

#[test]
fn only_what_was_asked_for_moves_and_what_stands_in_its_way() {
    let mut decoder = world::decoder(Settings::default());
    with_policy(&mut decoder, "fixed:+0600");
    let mut table = Table::default();
    let rows: Vec<_> = (1..=6)
        .map(|n| Interval::nth(n, u32::try_from(n).unwrap()))
        .collect();
    table.insert(&decode(&mut decoder, &Meter::new(1).frame(7, &rows)));
    with_policy(&mut decoder, "ist");
    let early = u32::try_from(MIDNIGHT_S - 1_800).unwrap();
    let third = Span {
        wanted: (early + 2 * 1_800, early + 3 * 1_800),
        ..ALL
    };
    let (_, done) = retime(&mut decoder, &mut table, third);
    assert_eq!((done.seen, done.moved, done.withdrawn), (1, 4, 1));
    let shown: Vec<_> = table.shown().into_iter().map(|(_, wh)| wh).collect();
    assert_eq!(shown, [1, 2, 3, 4, 5, 6], "nothing was written over");
    let narrow = Span {
        wanted: third.wanted,
        fetched: (early, early + 2 * 1_800),
    };
    let (mut decoder, mut table) = misread();
    with_policy(&mut decoder, "ist");
    let before = table.shown();
    let (versions, done) = retime(
        &mut decoder,
        &mut table,
        Span {
            wanted: ALL.wanted,
            ..narrow
        },
    );
    assert_eq!((versions, done.wider), (0, true));
    assert_eq!(table.shown(), before);
}

#[test]
fn a_newer_read_at_the_right_time_stands_against_one_that_moves_there() {
    let (mut decoder, mut table) = misread();
    with_policy(&mut decoder, "ist");
    let newer = Interval::nth(1, 99);
    table.insert(&decode(&mut decoder, &Meter::new(1).frame(8, &[newer])));
    let (_, done) = retime(&mut decoder, &mut table, ALL);
    assert_eq!((done.moved, done.withdrawn), (3, 4));
    assert_eq!(table.shown()[0], (MIDNIGHT_S, 99));
}

#[test]
fn windows_forget_what_was_withdrawn_and_know_what_was_moved() {
    let (mut decoder, mut table) = misread();
    with_policy(&mut decoder, "ist");
    let mut restarted = decoder_of(&decoder);
    let marks = BTreeMap::from([(1, decoder.reads_mark(1))]);
    let (batch, _) = decoder
        .retime(&table.row_binary(), ALL, &marks, NOW_MS, false)
        .unwrap();
    table.insert(&batch);
    restarted.replay(&batch.record).unwrap();
    assert_eq!(
        decoder.snapshot(),
        restarted.snapshot(),
        "a restart knows the same"
    );
    let again: Vec<_> = (1..=4)
        .map(|n| Interval::nth(n, u32::try_from(n).unwrap()))
        .collect();
    let batch = decode(&mut decoder, &Meter::new(1).frame(9, &again));
    assert_eq!(
        batch.tally.reads_duplicate, 4,
        "they are known where they stand"
    );
    // The same values at the old time are another interval's now: nothing is held against them.
    let old: Vec<_> = (1..=4)
        .map(|n| Interval::nth(n - 11, u32::try_from(n).unwrap()))
        .collect();
    let batch = decode(&mut decoder, &Meter::new(1).frame(10, &old));
    assert_eq!(
        (batch.tally.reads_stored, batch.tally.reads_duplicate),
        (4, 0)
    );
}

fn decoder_of(decoder: &Decoder) -> Decoder {
    let mut other = world::decoder(Settings::default());
    with_policy(&mut other, "ist");
    other.restore(&decoder.snapshot()).unwrap();
    other
}

#[test]
fn a_meter_that_has_sent_since_is_left_alone_and_strange_bytes_are_refused() {
    let (mut decoder, mut table) = misread();
    with_policy(&mut decoder, "ist");
    let rows = table.row_binary();
    let marks = BTreeMap::from([(1, decoder.reads_mark(1))]);
    table.insert(&decode(
        &mut decoder,
        &Meter::new(1).frame(8, &[Interval::nth(9, 1)]),
    ));
    let (batch, done) = decoder.retime(&rows, ALL, &marks, NOW_MS, false).unwrap();
    assert_eq!((batch.rows, done.busy, done.seen), (0, 1, 0));
    let (batch, done) = decoder
        .retime(
            &rows,
            ALL,
            &BTreeMap::from([(1, decoder.reads_mark(1))]),
            NOW_MS,
            true,
        )
        .unwrap();
    assert_eq!((batch.rows, done.moved), (0, 4), "a dry run only counts");
    assert!(
        decoder
            .retime(&rows[1..], ALL, &marks, NOW_MS, false)
            .is_none()
    );
}

proptest! {
    /// Whatever policies a meter had, under the last one every read that no newer one displaced
    /// stands where that policy alone would have put it.
    #[test]
    fn the_last_policy_alone_decides(
        policies in prop::collection::vec(prop::sample::select(vec!["ist", "fixed:+0500", "fixed:+0600", "fixed:+0100", "indian"]), 1..5),
        counts in prop::collection::vec(1_i64..4, 5),
    ) {
        let mut decoder = world::decoder(Settings::default());
        let mut table = Table::default();
        let (mut at, mut sent) = (0, Vec::new());
        for (counter, (policy, count)) in (1_u32..).zip(policies.iter().zip(counts)) {
            with_policy(&mut decoder, policy);
            let rows: Vec<_> = (at..at + count).map(|n| Interval::nth(n, u32::try_from(n + 1).unwrap())).collect();
            at += count;
            let batch = decode(&mut decoder, &Meter::new(1).frame(counter, &rows));
            prop_assert_eq!(batch.tally.reads_quarantined, 0);
            table.insert(&batch);
            sent.extend((at - count..at).map(|n| (MIDNIGHT_S + (n - 1) * 1_800, n + 1)));
        }
        with_policy(&mut decoder, "ist");
        retime(&mut decoder, &mut table, ALL);
        let shown: BTreeMap<_, _> = table.shown().into_iter().collect();
        for (start, wh) in shown {
            prop_assert!(sent.contains(&(start, wh)), "{start} {wh}");
        }
        let before = table.rows.clone();
        let (versions, _) = retime(&mut decoder, &mut table, ALL);
        prop_assert_eq!(versions, 0);
        prop_assert_eq!(table.rows, before);
    }
}
