//! Many journal records into a few large sorted `ClickHouse` blocks.
//!
//! Rule 1: the same records at the same positions give the same bytes, so that a repeated insert can
//! be recognised. Rule 2: nothing is dropped: a version that another record of the same gather
//! supersedes goes to `m.read_history`.
//!
//! Reads arrive in runs: a frame's reads are one meter's, in ascending time. Runs are sorted, not
//! reads; only runs that overlap are taken apart.

mod ledger;
mod order;
mod reads;
mod rejects;
mod told;

use crate::record::{Record, RecordError};

/// Blocks to insert in this order, and what the batch row and the history need to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gathered {
    /// Table and Native block.
    pub blocks: Vec<(&'static str, Vec<u8>)>,
    /// Reads in all blocks of `m.reads` and `m.read_history`.
    pub reads: u64,
    /// (meter, interval start) of reads whose predecessor may be in the store and must be copied
    /// to the history before it is superseded; sorted, each key once.
    pub changed: Vec<(u32, u32)>,
    /// When the oldest batch was received, milliseconds since 1970.
    pub received_at_min_ms: i64,
    /// When the newest batch was received.
    pub received_at_max_ms: i64,
}

/// Merges records, each with the position of its first row, in journal order.
pub fn gather(records: &[(u64, &[u8])]) -> Result<Gathered, RecordError> {
    let mut parsed = Vec::with_capacity(records.len());
    for (first, bytes) in records {
        parsed.push((*first, Record::parse(bytes)?));
    }
    let mut gathered = Gathered::default();
    reads::blocks(&parsed, &mut gathered);
    rejects::block(&parsed, &mut gathered);
    ledger::block(&parsed, &mut gathered);
    told::blocks(&parsed, &mut gathered);
    Ok(gathered)
}

/// How many positions a record takes.
pub fn record_rows(bytes: &[u8]) -> Result<u64, RecordError> {
    let rows = Record::parse(bytes)?.rows();
    Ok(u64::try_from(rows).unwrap_or(u64::MAX))
}
