//! The order of a block: which rows, as runs of the input, sorted by (meter, interval start).
//!
//! A key packs meter and start into 64 bits, so that sorting compares one number. Rows of the same
//! key are versions of one read; the later in the input is the newer.

/// Rows `first..first + len` of the input, ascending by key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: u32,
    pub(super) len: u32,
}

/// Which rows go where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Order {
    /// The newest version of every key, by key.
    pub(super) newest: Vec<Run>,
    /// Superseded versions, by key and age.
    pub(super) superseded: Vec<(u64, u32)>,
}

/// The keys of all input rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys<'k> {
    pub(super) meter: &'k [[u8; 4]],
    pub(super) interval_start: &'k [[u8; 4]],
}

impl Keys<'_> {
    /// The key of a row; rows outside have none and come last.
    pub(super) fn at(&self, row: u32) -> u64 {
        let at = usize::try_from(row).unwrap_or(usize::MAX);
        match (self.meter.get(at), self.interval_start.get(at)) {
            (Some(meter), Some(start)) => pack(*meter, *start),
            _ => u64::MAX,
        }
    }

    /// The interval start of a row, seconds since 1970.
    pub(super) fn start_s(&self, row: u32) -> u32 {
        let at = usize::try_from(row).unwrap_or(usize::MAX);
        let start = self.interval_start.get(at).copied().unwrap_or_default();
        u32::from_le_bytes(start)
    }

    /// Runs of one meter in ascending time, as they lie in the input.
    fn runs(&self) -> Vec<(u64, Run)> {
        let mut runs: Vec<(u64, Run)> = Vec::new();
        let mut before = None;
        for (row, (meter, start)) in (0_u32..).zip(self.meter.iter().zip(self.interval_start)) {
            let key = pack(*meter, *start);
            match runs.last_mut() {
                Some((_, run)) if before.is_some_and(|before| follows(before, key)) => {
                    run.len = run.len.wrapping_add(1);
                }
                _ => runs.push((key, Run { first: row, len: 1 })),
            }
            before = Some(key);
        }
        runs
    }
}

impl Order {
    /// Sorts the rows.
    pub(super) fn of(keys: Keys<'_>) -> Self {
        let mut runs = keys.runs();
        if !runs.is_sorted_by_key(|(key, _)| *key) {
            runs.sort_unstable_by_key(|(key, run)| (*key, run.first));
        }
        let mut order = Self::default();
        let mut rest = runs.as_slice();
        while let Some(((key, run), behind)) = rest.split_first() {
            let overlapping = overlapping(keys, (*key, *run), behind);
            let (group, behind) = behind
                .split_at_checked(overlapping)
                .unwrap_or((behind, &[]));
            if group.is_empty() {
                order.keep(*run);
            } else {
                let group = core::iter::once(run).chain(group.iter().map(|(_, run)| run));
                order.take_apart(keys, group);
            }
            rest = behind;
        }
        order
    }

    /// How many rows are kept.
    pub(super) fn rows(runs: &[Run]) -> usize {
        let rows: u64 = runs.iter().map(|run| u64::from(run.len)).sum();
        usize::try_from(rows).unwrap_or(usize::MAX)
    }

    /// The oldest version of `row`'s key in the input.
    pub(super) fn oldest(&self, key: u64, row: u32) -> u32 {
        let at = self.superseded.partition_point(|held| *held < (key, 0));
        match self.superseded.get(at) {
            Some((held, oldest)) if *held == key => *oldest.min(&row),
            _ => row,
        }
    }

    fn keep(&mut self, run: Run) {
        match self.newest.last_mut() {
            Some(last) if last.first.wrapping_add(last.len) == run.first => {
                last.len = last.len.wrapping_add(run.len);
            }
            _ => self.newest.push(run),
        }
    }

    /// Sorts runs that overlap row by row; of equal keys the last is the newest.
    fn take_apart<'r>(&mut self, keys: Keys<'_>, group: impl Iterator<Item = &'r Run>) {
        let mut rows: Vec<(u64, u32)> = group
            .flat_map(|run| run.first..run.first.wrapping_add(run.len))
            .map(|row| (keys.at(row), row))
            .collect();
        rows.sort_unstable();
        let mut rows = rows.into_iter().peekable();
        while let Some((key, row)) = rows.next() {
            if rows.peek().is_some_and(|(next, _)| *next == key) {
                self.superseded.push((key, row));
            } else {
                self.keep(Run { first: row, len: 1 });
            }
        }
    }
}

/// How many of the runs behind `run`, sorted by first key, overlap with it or with one another.
fn overlapping(keys: Keys<'_>, run: (u64, Run), behind: &[(u64, Run)]) -> usize {
    let mut end = last_key(keys, run);
    behind
        .iter()
        .take_while(|run| {
            let overlaps = run.0 <= end;
            if overlaps {
                end = end.max(last_key(keys, **run));
            }
            overlaps
        })
        .count()
}

fn last_key(keys: Keys<'_>, (first_key, run): (u64, Run)) -> u64 {
    match run.len {
        1 => first_key,
        len => keys.at(run.first.wrapping_add(len).wrapping_sub(1)),
    }
}

const fn pack(meter: [u8; 4], start: [u8; 4]) -> u64 {
    let [m0, m1, m2, m3] = meter;
    let [s0, s1, s2, s3] = start;
    u64::from_le_bytes([s0, s1, s2, s3, m0, m1, m2, m3])
}

/// Whether `key` is a later interval of the meter of `before`.
const fn follows(before: u64, key: u64) -> bool {
    before < key && before >> 32 == key >> 32
}
