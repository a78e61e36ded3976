//! The reads of one frame: each is checked, compared with what was stored, and copied to the batch.

use core::iter::repeat_n;

use cosem::Kind;
use cosem::clock::RawClock;
use cosem::layout::{Channel, Columns};

use crate::checks::{Grid, Run, Walk, clock_flags};
use crate::columns::{FrameFields, INDIA, INDIA_MIN, INDIA_S, ReadColumns};
use crate::flags::{self, Quality};
use crate::hash::HashKey;
use crate::ledger::ReadCounts;
use crate::state::{Judged, Window};

/// What is found out about a frame's reads; kept between frames for its memory.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    sums: Vec<u64>,
    /// Set when all rows are accepted alike; `accepted` is then empty.
    run: Option<(Run, u32)>,
    accepted: Vec<Accepted>,
    /// Rows refused by a check, and why.
    pub(crate) refused: Vec<(usize, Kind)>,
    pub(crate) counts: ReadCounts,
    /// Channels that any row has.
    channels: u16,
}

#[derive(Debug, Clone, Copy)]
struct Accepted {
    row: usize,
    start_s: u32,
    flags: u32,
}

impl Rows {
    /// Hashes all rows; must come before [`Rows::check`].
    pub(crate) fn begin(&mut self, columns: &Columns, key: &HashKey) {
        self.run = None;
        self.accepted.clear();
        self.refused.clear();
        self.counts = ReadCounts::default();
        self.channels = columns.present.iter().fold(0, |all, present| all | present);
        key.start(&columns.present, &columns.status, &mut self.sums);
        for channel in channels_in(self.channels) {
            if let Some(values) = columns.channels.get(channel) {
                key.add(channel, values.iter().copied(), &mut self.sums);
            }
        }
    }

    /// Whether a frame whose counter was seen before holds nothing but what is stored already.
    ///
    /// Reads outside the window cannot be told; they count as known, as do those that no check lets in.
    pub(crate) fn all_known(&self, columns: &Columns, grid: Grid, window: &Window<'_>) -> bool {
        let mut walk = Walk::new(grid);
        columns.clocks.iter().zip(&self.sums).all(|(clock, sum)| {
            let Ok(interval) = walk.interval(clock) else {
                return true;
            };
            let judged = window.judge(interval.number, HashKey::finish(*sum));
            matches!(judged, Judged::Same | Judged::Unchecked)
        })
    }

    /// Checks every read and remembers those that are accepted; `flags` are those of the frame.
    pub(crate) fn check(
        &mut self,
        columns: &Columns,
        grid: Grid,
        window: &mut Window<'_>,
        flags: u32,
    ) {
        let run = grid.run(&columns.clocks);
        if let Some(run) = run.filter(|run| window.is_new(run.first.number)) {
            window.note_run(
                run.first.number,
                self.sums.iter().map(|sum| HashKey::finish(*sum)),
            );
            self.run = Some((run, flags));
            self.counts.stored = count(columns.len());
        } else {
            self.check_each(columns, grid, window, flags);
        }
    }

    fn check_each(&mut self, columns: &Columns, grid: Grid, window: &mut Window<'_>, flags: u32) {
        let mut walk = Walk::new(grid);
        for (row, (clock, sum)) in columns.clocks.iter().zip(&self.sums).enumerate() {
            match walk.interval(clock) {
                Err(kind) => self.refused.push((row, kind)),
                Ok(interval) => {
                    let hash = HashKey::finish(*sum);
                    let judged = window.judge(interval.number, hash);
                    let raised = match judged {
                        Judged::Same => {
                            self.counts.duplicate = self.counts.duplicate.wrapping_add(1);
                            continue;
                        }
                        Judged::New => 0,
                        Judged::Changed => {
                            self.counts.changed = self.counts.changed.wrapping_add(1);
                            flags::CHANGED
                        }
                        Judged::Unchecked => flags::UNCHECKED,
                    };
                    window.note(interval.number, hash);
                    self.accepted.push(Accepted {
                        row,
                        start_s: interval.start_s,
                        flags: flags | raised | clock_flags(clock.status),
                    });
                }
            }
        }
        self.counts.stored = count(self.accepted.len());
        self.counts.quarantined = count(self.refused.len());
    }

    /// Checks the reads of a frame that is decoded again: `judge` tells of an interval start what
    /// flags its read gets, or that the stored one stands.
    #[cold]
    pub(crate) fn check_again(
        &mut self,
        columns: &Columns,
        grid: Grid,
        window: &mut Window<'_>,
        flags: u32,
        judge: impl Fn(u32) -> Option<u32>,
    ) {
        let mut walk = Walk::new(grid);
        for (row, (clock, sum)) in columns.clocks.iter().zip(&self.sums).enumerate() {
            let interval = match walk.interval(clock) {
                Ok(interval) => interval,
                Err(kind) => {
                    self.refused.push((row, kind));
                    continue;
                }
            };
            let hash = HashKey::finish(*sum);
            // Two rejects may hold the same read: the window has seen the first.
            let raised = match window.judge(interval.number, hash) {
                Judged::Same => None,
                Judged::Changed => judge(interval.start_s).map(|raised| raised | flags::CHANGED),
                Judged::New | Judged::Unchecked => judge(interval.start_s),
            };
            let Some(raised) = raised else {
                self.counts.duplicate = self.counts.duplicate.wrapping_add(1);
                continue;
            };
            let changed = raised & flags::CHANGED != 0;
            self.counts.changed = self.counts.changed.wrapping_add(u64::from(changed));
            window.note(interval.number, hash);
            self.accepted.push(Accepted {
                row,
                start_s: interval.start_s,
                flags: flags | raised | clock_flags(clock.status),
            });
        }
        self.counts.stored = count(self.accepted.len());
        self.counts.quarantined = count(self.refused.len());
    }

    /// Copies the accepted reads to the batch.
    #[inline]
    pub(crate) fn store(&self, columns: &Columns, frame: FrameFields, out: &mut ReadColumns) {
        let rows = usize::try_from(self.counts.stored).unwrap_or(usize::MAX);
        if rows == 0 {
            return;
        }
        let first = out.rows();
        out.push_frame(frame, rows);
        let whole = rows == columns.len();
        let picked = Picked {
            accepted: (!whole).then_some(&self.accepted),
        };
        match self.run {
            Some((run, flags)) => store_run(run, flags, frame.interval_s, rows, out),
            None => self.store_each(&picked, &columns.clocks, out),
        }
        if !out.offset_min.is_empty() || !self.is_indian(columns, frame.interval_s) {
            self.store_offsets(columns, frame.interval_s, first, out);
        }
        picked.copy(&columns.present, u16::to_le_bytes, &mut out.present);
        picked.copy(&columns.status, u32::to_le_bytes, &mut out.status);
        for channel in channels_in(self.channels) {
            let target = out.channels.get_mut(channel);
            if let (Some(values), Some(target)) = (columns.channels.get(channel), target) {
                target.resize(first, [0; 4]);
                picked.copy(values, u32::to_le_bytes, target);
            }
        }
    }

    /// Whether all accepted reads have clocks on Indian time.
    fn is_indian(&self, columns: &Columns, interval_s: u16) -> bool {
        match (self.run, columns.clocks.first()) {
            (Some((run, _)), Some(clock)) => is_indian(clock, run.first.start_s, interval_s),
            _ => self.accepted.iter().all(|read| {
                let clock = columns.clocks.get(read.row);
                clock.is_some_and(|clock| is_indian(clock, read.start_s, interval_s))
            }),
        }
    }

    #[cold]
    fn store_offsets(
        &self,
        columns: &Columns,
        interval_s: u16,
        first: usize,
        out: &mut ReadColumns,
    ) {
        out.offset_min.resize(first, INDIA);
        if let (Some((run, _)), Some(clock)) = (self.run, columns.clocks.first()) {
            let offset = offset_min(clock, run.first.start_s, interval_s);
            out.offset_min
                .resize(out.interval_start.len(), offset.to_le_bytes());
            return;
        }
        let offsets = self.accepted.iter().filter_map(|read| {
            let clock = columns.clocks.get(read.row)?;
            Some(offset_min(clock, read.start_s, interval_s).to_le_bytes())
        });
        out.offset_min.extend(offsets);
    }

    fn store_each(&self, picked: &Picked<'_>, clocks: &[RawClock], out: &mut ReadColumns) {
        let each = || self.accepted.iter();
        out.interval_start
            .extend(each().map(|read| read.start_s.to_le_bytes()));
        out.flags
            .extend(each().map(|read| read.flags.to_le_bytes()));
        out.quality
            .extend(each().map(|read| [quality(read.flags) as u8]));
        let deviation = |clock: RawClock| clock.deviation_min.to_le_bytes();
        picked.copy(clocks, deviation, &mut out.deviation_min);
        picked.copy(clocks, |clock| [clock.status], &mut out.clock_status);
    }
}

/// Seconds by which `clock` was ahead of UTC when an interval from `start_s` ended.
fn ahead_s(clock: &RawClock, start_s: u32, interval_s: u16) -> i64 {
    let end_s = i64::from(start_s).wrapping_add(i64::from(interval_s));
    clock.local_s.wrapping_sub(end_s)
}

/// The same in minutes.
fn offset_min(clock: &RawClock, start_s: u32, interval_s: u16) -> i16 {
    let ahead_min = ahead_s(clock, start_s, interval_s).div_euclid(60);
    i16::try_from(ahead_min).unwrap_or(INDIA_MIN)
}

/// Whether those minutes are India's, without dividing.
fn is_indian(clock: &RawClock, start_s: u32, interval_s: u16) -> bool {
    INDIA_S.contains(&ahead_s(clock, start_s, interval_s))
}

/// The columns that follow from a run's first read.
fn store_run(run: Run, flags: u32, interval_s: u16, rows: usize, out: &mut ReadColumns) {
    let step = u32::from(interval_s);
    let starts = core::iter::successors(Some(run.first.start_s), |start| {
        Some(start.wrapping_add(step))
    });
    out.interval_start
        .extend(starts.take(rows).map(u32::to_le_bytes));
    out.flags.extend(repeat_n(flags.to_le_bytes(), rows));
    out.quality.extend(repeat_n([Quality::Valid as u8], rows));
    out.deviation_min
        .extend(repeat_n(run.deviation_min.to_le_bytes(), rows));
    out.clock_status.extend(repeat_n([run.clock_status], rows));
}

/// Which rows of a frame are copied; all of them in the common case.
struct Picked<'r> {
    accepted: Option<&'r Vec<Accepted>>,
}

impl Picked<'_> {
    fn copy<T: Copy, const W: usize>(
        &self,
        from: &[T],
        bytes: impl Fn(T) -> [u8; W],
        to: &mut Vec<[u8; W]>,
    ) {
        match self.accepted {
            None => to.extend(from.iter().map(|value| bytes(*value))),
            Some(accepted) => {
                let rows = accepted.iter().filter_map(|read| from.get(read.row));
                to.extend(rows.map(|value| bytes(*value)));
            }
        }
    }
}

/// A clock that the meter itself calls invalid makes its read suspect, not wrong.
const fn quality(flags: u32) -> Quality {
    if flags & flags::CLOCK_INVALID == 0 {
        Quality::Valid
    } else {
        Quality::Suspect
    }
}

/// The channels whose bit is set.
fn channels_in(mut mask: u16) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let channel = mask.trailing_zeros();
        mask &= mask.wrapping_sub(1);
        // A mask without a bit left has 16 trailing zeros.
        usize::try_from(channel)
            .ok()
            .filter(|channel| *channel < Channel::COUNT)
    })
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
