//! The block of refused frames and reads, in the order they came.

use super::Gathered;
use super::ledger::position;
use crate::native::{Block, Type};
use crate::record::{Record, Reject};

const TABLE: &str = "m.rejects";
const COLUMNS: usize = 10;
/// Bytes of a row without its strings.
const ROW_BYTES: usize = 32;

pub(super) fn block(records: &[(u64, Record<'_>)], gathered: &mut Gathered) {
    let mut rows: Vec<(u64, &Reject<'_>)> = Vec::new();
    for (first, record) in records {
        for (at, reject) in record.rejects.iter().enumerate() {
            rows.push((
                position(*first, record.reads.rows.saturating_add(at)),
                reject,
            ));
        }
    }
    if rows.is_empty() {
        return;
    }
    let bytes = rows.iter().fold(0_usize, |bytes, (_, reject)| {
        let strings = reject.raw.len().saturating_add(reject.peer.len());
        bytes
            .saturating_add(strings)
            .saturating_add(ROW_BYTES.saturating_mul(2))
    });
    let each = || rows.iter().map(|(_, reject)| *reject);
    let mut block = Block::new(COLUMNS, rows.len(), bytes);
    let positions = rows.iter().map(|(position, _)| position.to_le_bytes());
    block.fixed("position", Type::U64, positions);
    block.fixed(
        "at",
        Type::DateTimeMs,
        each().map(|row| row.at_ms.to_le_bytes()),
    );
    block.fixed("dcu", Type::U32, each().map(|row| row.dcu.to_le_bytes()));
    block.texts("peer", each().map(|row| row.peer.as_bytes()));
    block.fixed(
        "meter",
        Type::U32,
        each().map(|row| row.meter.to_le_bytes()),
    );
    block.texts("layer", each().map(|row| row.layer.as_bytes()));
    block.texts("kind", each().map(|row| row.kind.as_bytes()));
    block.fixed(
        "offset",
        Type::U32,
        each().map(|row| row.offset.to_le_bytes()),
    );
    block.fixed(
        "counter",
        Type::U32,
        each().map(|row| row.counter.to_le_bytes()),
    );
    block.texts("raw", each().map(|row| row.raw));
    gathered.blocks.push((TABLE, block.finish()));
}
