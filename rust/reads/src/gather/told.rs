//! The blocks of registers, events and resolutions, in the order they came.

use super::Gathered;
use super::ledger::position;
use crate::native::{Block, Type};
use crate::record::{EventRow, Record, RegisterRow, Resolution, Stamp};

const ROW_BYTES: usize = 128;

pub(super) fn blocks(records: &[(u64, Record<'_>)], gathered: &mut Gathered) {
    let (mut registers, mut events, mut resolutions) = (Vec::new(), Vec::new(), Vec::new());
    for (first, record) in records {
        let mut at = record.rows_before_told();
        number(*first, &mut at, &record.registers, &mut registers);
        number(*first, &mut at, &record.events, &mut events);
        number(*first, &mut at, &record.resolutions, &mut resolutions);
    }
    if !registers.is_empty() {
        gathered
            .blocks
            .push(("m.registers", register_block(&registers)));
    }
    if !events.is_empty() {
        gathered.blocks.push(("m.events", event_block(&events)));
    }
    if !resolutions.is_empty() {
        let block = resolution_block(&resolutions);
        gathered.blocks.push(("m.reject_resolutions", block));
    }
}

/// Gives each row of a section its position.
fn number<'r, Row>(first: u64, at: &mut usize, rows: &'r [Row], out: &mut Vec<(u64, &'r Row)>) {
    for row in rows {
        out.push((position(first, *at), row));
        *at = at.saturating_add(1);
    }
}

fn register_block(rows: &[(u64, &RegisterRow<'_>)]) -> Vec<u8> {
    let each = || rows.iter().map(|(_, row)| *row);
    let mut block = Block::new(15, rows.len(), rows.len().saturating_mul(ROW_BYTES));
    stamps(&mut block, &each().map(|row| row.stamp).collect::<Vec<_>>());
    block.texts("profile", each().map(|row| row.profile.as_bytes()));
    block.fixed(
        "class",
        Type::U16,
        each().map(|row| row.class.to_le_bytes()),
    );
    names(&mut block, each().map(|row| row.obis));
    block.fixed(
        "attribute",
        Type::I8,
        each().map(|row| row.attribute.to_le_bytes()),
    );
    block.fixed(
        "value",
        Type::I64,
        each().map(|row| row.value.to_le_bytes()),
    );
    block.fixed(
        "scaler",
        Type::I8,
        each().map(|row| row.scaler.to_le_bytes()),
    );
    block.fixed("unit", Type::U8, each().map(|row| [row.unit]));
    versions(&mut block, rows);
    block.finish()
}

fn event_block(rows: &[(u64, &EventRow<'_>)]) -> Vec<u8> {
    let each = || rows.iter().map(|(_, row)| *row);
    let mut block = Block::new(13, rows.len(), rows.len().saturating_mul(ROW_BYTES));
    stamps(&mut block, &each().map(|row| row.stamp).collect::<Vec<_>>());
    block.texts("source", each().map(|row| row.source.as_bytes()));
    names(&mut block, each().map(|row| row.obis));
    block.fixed("code", Type::U32, each().map(|row| row.code.to_le_bytes()));
    block.fixed("bit", Type::I16, each().map(|row| row.bit.to_le_bytes()));
    block.texts("meaning", each().map(|row| row.meaning.as_bytes()));
    versions(&mut block, rows);
    block.finish()
}

fn resolution_block(rows: &[(u64, &Resolution<'_>)]) -> Vec<u8> {
    let each = || rows.iter().map(|(_, row)| *row);
    let mut block = Block::new(10, rows.len(), rows.len().saturating_mul(ROW_BYTES));
    block.fixed(
        "position",
        Type::U64,
        each().map(|row| row.position.to_le_bytes()),
    );
    block.fixed(
        "received_at",
        Type::DateTimeMs,
        each().map(|row| row.received_ms.to_le_bytes()),
    );
    block.fixed("dcu", Type::U32, each().map(|row| row.dcu.to_le_bytes()));
    block.fixed(
        "at",
        Type::DateTimeMs,
        each().map(|row| row.at_ms.to_le_bytes()),
    );
    block.fixed(
        "meter",
        Type::U32,
        each().map(|row| row.meter.to_le_bytes()),
    );
    block.texts("outcome", each().map(|row| row.outcome.as_bytes()));
    block.fixed(
        "reads",
        Type::U32,
        each().map(|row| row.reads.to_le_bytes()),
    );
    block.fixed(
        "registers",
        Type::U32,
        each().map(|row| row.registers.to_le_bytes()),
    );
    block.fixed(
        "events",
        Type::U32,
        each().map(|row| row.events.to_le_bytes()),
    );
    versions(&mut block, rows);
    block.finish()
}

/// The seven columns of a stamp.
fn stamps(block: &mut Block, rows: &[Stamp]) {
    let each = || rows.iter();
    block.fixed(
        "meter",
        Type::U32,
        each().map(|row| row.meter.to_le_bytes()),
    );
    block.fixed(
        "at",
        Type::DateTime,
        each().map(|row| row.at_s.to_le_bytes()),
    );
    block.fixed(
        "deviation_min",
        Type::I16,
        each().map(|row| row.deviation_min.to_le_bytes()),
    );
    block.fixed(
        "clock_status",
        Type::U8,
        each().map(|row| [row.clock_status]),
    );
    block.fixed(
        "flags",
        Type::U32,
        each().map(|row| row.flags.to_le_bytes()),
    );
    block.fixed("dcu", Type::U32, each().map(|row| row.dcu.to_le_bytes()));
    block.fixed(
        "counter",
        Type::U32,
        each().map(|row| row.counter.to_le_bytes()),
    );
}

/// Logical names as people write them.
fn names(block: &mut Block, rows: impl Iterator<Item = [u8; 6]>) {
    let texts: Vec<String> = rows
        .map(|[a, b, c, d, e, f]| format!("{a}.{b}.{c}.{d}.{e}.{f}"))
        .collect();
    block.texts("obis", texts.iter().map(String::as_bytes));
}

fn versions<Row>(block: &mut Block, rows: &[(u64, &Row)]) {
    let positions = rows.iter().map(|(position, _)| position.to_le_bytes());
    block.fixed("ver", Type::U64, positions);
}
