//! The blocks of `m.reads` and `m.read_history`: column after column, each flattened once and then
//! copied run by run.

use core::iter::repeat_n;

use super::Gathered;
use super::order::{Keys, Order, Run};
use crate::columns::INDIA;
use crate::flags;
use crate::native::{Block, Type};
use crate::record::{Reads, Record};
use cosem::layout::Channel;

const READS: &str = "m.reads";
const HISTORY: &str = "m.read_history";

/// `ClickHouse` refuses a block that touches more than 100 partitions; ours are days.
const DAYS_PER_BLOCK_MAX: usize = 90;
const DAY_S: u32 = 86_400;

/// The first six channels are columns of every block; the others only where a read has them.
const CHANNELS_ALWAYS: usize = 6;
const COLUMNS_BESIDE_CHANNELS: usize = 12;
/// Bytes of a row with all channels.
const ROW_BYTES: usize = 110;

pub(super) fn blocks(records: &[(u64, Record<'_>)], gathered: &mut Gathered) {
    let input = Input { records };
    let (mut meter, mut interval_start) = (Vec::new(), Vec::new());
    let keys = Keys {
        meter: input.flatten(&mut meter, |reads| reads.meter),
        interval_start: input.flatten(&mut interval_start, |reads| reads.interval_start),
    };
    if input.rows() == 0 {
        return;
    }
    let order = Order::of(keys);
    let superseded: Vec<Run> = order
        .superseded
        .iter()
        .map(|(_, row)| Run {
            first: *row,
            len: 1,
        })
        .collect();
    let days = days_of(keys.interval_start);
    for (table, runs) in [(HISTORY, superseded), (READS, order.newest.clone())] {
        for runs in by_days(keys, &days, runs) {
            gathered.blocks.push((table, input.write(keys, &runs)));
        }
    }
    gathered.reads = u64::try_from(input.rows()).unwrap_or(u64::MAX);
    gathered.changed = changed(&input, keys, &order);
}

/// Keys whose oldest version here may have a predecessor in the store.
fn changed(input: &Input<'_>, keys: Keys<'_>, order: &Order) -> Vec<(u32, u32)> {
    let mut found: Vec<u64> = Vec::new();
    let flags = input
        .records
        .iter()
        .flat_map(|(_, record)| record.reads.flags);
    for (row, word) in (0_u32..).zip(flags) {
        if u32::from_le_bytes(*word) & (flags::CHANGED | flags::UNCHECKED) != 0 {
            let key = keys.at(row);
            if order.oldest(key, row) == row {
                found.push(key);
            }
        }
    }
    found.sort_unstable();
    found
        .into_iter()
        .map(|key| (upper(key), lower(key)))
        .collect()
}

/// Runs in groups that touch no more days than one block may; one group in the common case.
fn by_days(keys: Keys<'_>, days: &[u32], runs: Vec<Run>) -> Vec<Vec<Run>> {
    if runs.is_empty() {
        return Vec::new();
    }
    if days.len() <= DAYS_PER_BLOCK_MAX {
        return vec![runs];
    }
    let mut groups = vec![Vec::new(); days.len().div_ceil(DAYS_PER_BLOCK_MAX)];
    for run in runs {
        for first in run.first..run.first.wrapping_add(run.len) {
            let day = keys.start_s(first) / DAY_S;
            let group = days.partition_point(|other| *other < day) / DAYS_PER_BLOCK_MAX;
            if let Some(group) = groups.get_mut(group) {
                group.push(Run { first, len: 1 });
            }
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// The days that reads lie in, in order.
fn days_of(interval_start: &[[u8; 4]]) -> Vec<u32> {
    let mut days: Vec<u32> = Vec::new();
    let mut before = None;
    for start in interval_start {
        let day = u32::from_le_bytes(*start) / DAY_S;
        if before != Some(day)
            && let Err(at) = days.binary_search(&day)
        {
            days.insert(at, day);
        }
        before = Some(day);
    }
    days
}

/// The records' reads as if they stood in one table.
#[derive(Debug, Clone, Copy)]
struct Input<'r> {
    records: &'r [(u64, Record<'r>)],
}

impl<'r> Input<'r> {
    /// One column of all records, end to end, in the memory of `flat`.
    fn flatten<'f, const W: usize>(
        &self,
        flat: &'f mut Vec<u8>,
        column: impl Fn(&Reads<'r>) -> &'r [[u8; W]],
    ) -> &'f [[u8; W]] {
        flat.clear();
        flat.reserve(self.rows().saturating_mul(W));
        for (_, record) in self.records {
            let values = column(&record.reads);
            flat.extend_from_slice(values.as_flattened());
            // A channel that no read of this record has.
            let missing = record.reads.rows.saturating_sub(values.len());
            flat.resize(flat.len().saturating_add(missing.saturating_mul(W)), 0);
        }
        flat.as_chunks().0
    }

    /// How far each read's clock was ahead of UTC; `None` when all were on Indian time.
    fn offsets(&self) -> Option<Vec<[u8; 2]>> {
        let told = |(_, record): &(u64, Record<'_>)| !record.offsets.is_empty();
        self.records.iter().any(told).then(|| {
            let each = self.records.iter().flat_map(|(_, record)| {
                let untold = record.reads.rows.saturating_sub(record.offsets.len());
                record
                    .offsets
                    .iter()
                    .copied()
                    .chain(repeat_n(INDIA, untold))
            });
            each.collect()
        })
    }

    /// The versions: the position of each read.
    fn versions(&self) -> Vec<[u8; 8]> {
        let mut flat = Vec::with_capacity(self.rows());
        for (first, record) in self.records {
            let versions = (*first..).take(record.reads.rows);
            flat.extend(versions.map(u64::to_le_bytes));
        }
        flat
    }

    fn rows(&self) -> usize {
        self.records.iter().fold(0, |rows, (_, record)| {
            record.reads.rows.saturating_add(rows)
        })
    }

    /// Channels that stand in the block: the first six and whatever a read has.
    fn channels(&self) -> impl Iterator<Item = Channel> + '_ {
        Channel::ALL.into_iter().filter(|channel| {
            channel.index() < CHANNELS_ALWAYS
                || self.records.iter().any(|(_, record)| {
                    let column = record.reads.channels.get(channel.index());
                    column.is_some_and(|column| !column.is_empty())
                })
        })
    }

    fn write(&self, keys: Keys<'_>, runs: &[Run]) -> Vec<u8> {
        let rows = Order::rows(runs);
        let offsets = self.offsets();
        let columns = self
            .channels()
            .count()
            .saturating_add(COLUMNS_BESIDE_CHANNELS)
            .saturating_add(usize::from(offsets.is_some()));
        let mut block = Block::new(columns, rows, rows.saturating_mul(ROW_BYTES));
        let mut out = Columns {
            block: &mut block,
            runs,
            singles: runs.len() == rows,
            flat: Vec::new(),
        };
        out.sort("meter", Type::U32, keys.meter);
        out.sort("interval_start", Type::DateTime, keys.interval_start);
        out.copy("interval_s", Type::U16, self, |reads| reads.interval_s);
        for channel in self.channels() {
            out.copy(channel.name(), Type::U32, self, |reads| {
                let column = reads.channels.get(channel.index());
                column.copied().unwrap_or_default()
            });
        }
        out.copy("present", Type::U16, self, |reads| reads.present);
        out.copy("quality", Type::U8, self, |reads| reads.quality);
        out.copy("flags", Type::U32, self, |reads| reads.flags);
        out.copy("status", Type::U32, self, |reads| reads.status);
        out.copy("deviation_min", Type::I16, self, |reads| {
            reads.deviation_min
        });
        out.copy("clock_status", Type::U8, self, |reads| reads.clock_status);
        if let Some(offsets) = offsets {
            out.sort("offset_min", Type::I16, &offsets);
        }
        out.copy("dcu", Type::U32, self, |reads| reads.dcu);
        out.copy("counter", Type::U32, self, |reads| reads.counter);
        out.sort("ver", Type::U64, &self.versions());
        block.finish()
    }
}

/// Copies columns into a block in the order of its runs.
struct Columns<'b> {
    block: &'b mut Block,
    runs: &'b [Run],
    /// Whether every run is one row, as live pushes bring them.
    singles: bool,
    flat: Vec<u8>,
}

impl Columns<'_> {
    fn copy<'r, const W: usize>(
        &mut self,
        name: &str,
        of: Type,
        input: &Input<'r>,
        column: impl Fn(&Reads<'r>) -> &'r [[u8; W]],
    ) {
        let mut flat = core::mem::take(&mut self.flat);
        self.sort(name, of, input.flatten(&mut flat, column));
        self.flat = flat;
    }

    fn sort<const W: usize>(&mut self, name: &str, of: Type, flat: &[[u8; W]]) {
        self.block.column(name, of);
        let value = |row: u32| flat.get(usize::try_from(row).ok()?).copied();
        if self.singles {
            let places = self.block.places::<W>(self.runs.len());
            for (place, run) in places.iter_mut().zip(self.runs) {
                *place = value(run.first).unwrap_or([0; W]);
            }
            return;
        }
        for run in self.runs {
            let first = usize::try_from(run.first).unwrap_or(usize::MAX);
            let len = usize::try_from(run.len).unwrap_or_default();
            let values = flat.get(first..).and_then(|rest| rest.get(..len));
            self.block.values(values.unwrap_or_default().as_flattened());
        }
    }
}

const fn upper(key: u64) -> u32 {
    let [_, _, _, _, a, b, c, d] = key.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

const fn lower(key: u64) -> u32 {
    let [a, b, c, d, ..] = key.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
