//! The ledger's block: the counts of all batches, summed per day and concentrator.
//!
//! A sum stands at the position of its first row. A gather that is repeated from the same position,
//! longer or shorter, writes the same keys again and so replaces what it wrote before.

use std::collections::BTreeMap;

use super::Gathered;
use crate::ledger::Tally;
use crate::native::{Block, Type};
use crate::record::Record;

const TABLE: &str = "m.intake_ledger";
const DAY_MS: i64 = 86_400_000;
const COUNTS: [&str; 9] = [
    "frames",
    "frames_accepted",
    "frames_quarantined",
    "frames_duplicate",
    "reads",
    "reads_stored",
    "reads_quarantined",
    "reads_duplicate",
    "reads_changed",
];

/// The sum of one day and concentrator, and where its first row stands.
struct Sum {
    position: u64,
    tally: Tally,
}

pub(super) fn block(records: &[(u64, Record<'_>)], gathered: &mut Gathered) {
    let mut sums: BTreeMap<(u16, u32), Sum> = BTreeMap::new();
    let mut times: Option<(i64, i64)> = None;
    for (first, record) in records {
        let before = record.reads.rows.saturating_add(record.rejects.len());
        for (at, row) in record.ledger.iter().enumerate() {
            let (oldest, newest) = times.unwrap_or((row.at_ms, row.at_ms));
            times = Some((oldest.min(row.at_ms), newest.max(row.at_ms)));
            let day = u16::try_from(row.at_ms.div_euclid(DAY_MS)).unwrap_or_default();
            let sum = sums.entry((day, row.dcu)).or_insert_with(|| Sum {
                position: position(*first, before.saturating_add(at)),
                tally: Tally::default(),
            });
            sum.tally.add(&row.tally);
        }
    }
    if let Some((oldest, newest)) = times {
        gathered.received_at_min_ms = oldest;
        gathered.received_at_max_ms = newest;
        gathered.blocks.push((TABLE, write(&sums)));
    }
}

fn write(sums: &BTreeMap<(u16, u32), Sum>) -> Vec<u8> {
    let mut block = Block::new(
        COUNTS.len().saturating_add(3),
        sums.len(),
        sums.len().saturating_mul(86),
    );
    let positions = sums.values().map(|sum| sum.position.to_le_bytes());
    block.fixed("position", Type::U64, positions);
    block.fixed(
        "day",
        Type::Date,
        sums.keys().map(|(day, _)| day.to_le_bytes()),
    );
    block.fixed(
        "dcu",
        Type::U32,
        sums.keys().map(|(_, dcu)| dcu.to_le_bytes()),
    );
    for (at, name) in COUNTS.iter().enumerate() {
        let counts = sums.values().map(|sum| {
            let count = sum.tally.columns().get(at).copied();
            count.unwrap_or_default().to_le_bytes()
        });
        block.fixed(name, Type::U64, counts);
    }
    block.finish()
}

/// The position of a record's row.
pub(super) fn position(first: u64, row: usize) -> u64 {
    first.saturating_add(u64::try_from(row).unwrap_or(u64::MAX))
}
