//! The block of refused frames and reads, in the order they came.

use super::Gathered;
use super::ledger::position;
use crate::native::{Block, Type};
use crate::record::{Record, Reject, WhenceRow};

const TABLE: &str = "m.rejects";
const COLUMNS: usize = 13;
/// Bytes of a row without its strings.
const ROW_BYTES: usize = 32;

/// What a frame says of itself that came as it is.
const NOTHING: WhenceRow<'_> = WhenceRow {
    reject: 0,
    is_row: false,
    flags: 0,
    hint: &[],
};

pub(super) fn block(records: &[(u64, Record<'_>)], gathered: &mut Gathered) {
    let mut rows: Vec<(u64, &Reject<'_>)> = Vec::new();
    let mut whences: Vec<WhenceRow<'_>> = Vec::new();
    for (first, record) in records {
        let mut told = record.whences.iter().peekable();
        for (at, reject) in record.rejects.iter().enumerate() {
            let of_this = told.next_if(|whence| usize::try_from(whence.reject) == Ok(at));
            whences.push(of_this.copied().unwrap_or(NOTHING));
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
    let parts = whences
        .iter()
        .map(|whence| if whence.is_row { "row" } else { "frame" });
    block.texts("part", parts.map(str::as_bytes));
    block.texts("hint", whences.iter().map(|whence| whence.hint));
    let flags = whences.iter().map(|whence| whence.flags.to_le_bytes());
    block.fixed("flags", Type::U32, flags);
    gathered.blocks.push((TABLE, block.finish()));
}
