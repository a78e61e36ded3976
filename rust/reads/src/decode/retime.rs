//! Stored reads under the present time policy of their meter: a read whose clock now means another
//! interval is withdrawn from where it stands and stored where it belongs, as new versions.
//!
//! Rule 1: what is not moved is not touched: a second run changes nothing.
//! Rule 2: a read moves only with everything that stands in its way: where two claim one interval,
//! the newer version has it, and the other stays in the history.

mod stored;

use std::collections::{BTreeMap, BTreeSet};

use cosem::clock::TimePolicy;

use super::Decoder;
use crate::batch::Batch;
use crate::flags::Quality;
use crate::ledger::ReadCounts;
use crate::record::Record;
use crate::state::State;
use stored::Stored;

/// What a run did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retimed {
    /// Reads whose interval was asked for.
    pub seen: u64,
    /// Reads stored at another interval.
    pub moved: u64,
    /// Intervals that a read was withdrawn from and that no other took.
    pub withdrawn: u64,
    /// Reads that the policy gives no time for; they stay.
    pub undecided: u64,
    /// Reads of meters that are not in use; they stay.
    pub unknown: u64,
    /// Meters that sent while the reads were fetched; they are left for another round.
    pub busy: u64,
    /// Whether a read moves beyond those that were fetched: fetch more and ask again.
    pub wider: bool,
}

/// Which of the fetched reads are asked for, and between which all there are were fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Interval starts asked for, the first one and the one after the last.
    pub wanted: (u32, u32),
    /// The same of what was fetched.
    pub fetched: (u32, u32),
}

impl Decoder {
    /// Tells whether anything of a meter was accepted since.
    pub fn reads_mark(&self, meter: u32) -> u64 {
        let index = self.meters.by_number(meter);
        index.map_or(0, |index| fingerprint(&self.state, index))
    }

    /// Applies the present policies to `rows`: the newest version of every read of some meters, in
    /// `RowBinary`, by meter and interval start. The batch must reach the journal like any other; a
    /// `dry` run only counts. `marks` are those of the meters before the rows were fetched.
    ///
    /// `None` when the rows are not in that form.
    pub fn retime(
        &mut self,
        rows: &[u8],
        span: Span,
        marks: &BTreeMap<u32, u64>,
        now_ms: i64,
        dry: bool,
    ) -> Option<(Batch, Retimed)> {
        self.building.begin(now_ms);
        let rows = Stored::all(rows)?;
        let mut done = Retimed::default();
        for of_meter in rows.chunk_by(|one, other| one.meter == other.meter) {
            self.retime_meter(of_meter, span, marks, &mut done);
        }
        if dry || done.wider {
            self.building.begin(now_ms);
        }
        let batch = self.building.finish(&self.settings);
        if let Ok(record) = Record::parse(&batch.record) {
            // The same way that a restart takes.
            self.replay_reads(&record.reads, &BTreeSet::new());
        }
        Some((batch, done))
    }

    fn retime_meter(
        &mut self,
        rows: &[Stored],
        span: Span,
        marks: &BTreeMap<u32, u64>,
        done: &mut Retimed,
    ) {
        let Some(number) = rows.first().map(|row| row.meter) else {
            return;
        };
        let wanted = |row: &&Stored| (span.wanted.0..span.wanted.1).contains(&row.start_s);
        let seen = count(rows.iter().filter(wanted).count());
        let index = self.meters.by_number(number);
        let meter = index.and_then(|index| self.meters.get(index));
        let Some(meter) = meter.filter(|meter| meter.active) else {
            done.unknown = done.unknown.saturating_add(seen);
            return;
        };
        if marks.get(&number) != Some(&self.reads_mark(number)) {
            done.busy = done.busy.saturating_add(1);
            return;
        }
        done.seen = done.seen.saturating_add(seen);
        let moves = Moves::of(rows, meter.time_policy, span, done);
        for row in moves.versions() {
            row.store(&mut self.building.reads);
            let reads = ReadCounts {
                stored: 1,
                changed: 1,
                ..ReadCounts::NONE
            };
            self.building.count_reads(row.dcu, reads);
        }
    }
}

/// What becomes of one meter's reads.
#[derive(Debug, Default)]
struct Moves {
    /// By interval start: the read that comes there.
    arriving: BTreeMap<u32, Stored>,
    /// By interval start: the read that goes, where none comes.
    leaving: BTreeMap<u32, Stored>,
}

impl Moves {
    fn of(rows: &[Stored], policy: TimePolicy, span: Span, done: &mut Retimed) -> Self {
        let standing: BTreeMap<u32, &Stored> = rows.iter().map(|row| (row.start_s, row)).collect();
        let mut target: BTreeMap<u32, u32> = BTreeMap::new();
        let live = rows
            .iter()
            .filter(|row| row.quality != Quality::Rejected as u8);
        for row in live {
            let wanted = (span.wanted.0..span.wanted.1).contains(&row.start_s);
            match row.start_under(policy) {
                Some(start_s) if start_s != row.start_s => {
                    target.insert(row.start_s, start_s);
                }
                Some(_) => {}
                None => done.undecided = done.undecided.saturating_add(u64::from(wanted)),
            }
        }
        let moving = closure(&target, span, &mut done.wider);
        let mut moves = Self::default();
        for (from, to) in &moving {
            let Some(row) = standing.get(from) else {
                continue;
            };
            let in_the_way = standing.get(to).filter(|other| {
                other.quality != Quality::Rejected as u8 && !moving.contains_key(&other.start_s)
            });
            let loses = in_the_way.is_some_and(|other| other.ver > row.ver)
                || moves
                    .arriving
                    .get(to)
                    .is_some_and(|other| other.ver > row.ver);
            if !loses {
                moves
                    .arriving
                    .insert(*to, row.at(*to, standing.contains_key(to)));
            }
        }
        done.moved = done.moved.saturating_add(count(moves.arriving.len()));
        for from in moving.keys() {
            if let (Some(row), false) = (standing.get(from), moves.arriving.contains_key(from)) {
                moves.leaving.insert(*from, row.withdrawn());
            }
        }
        done.withdrawn = done.withdrawn.saturating_add(count(moves.leaving.len()));
        moves
    }

    /// The new versions, by interval start: the window then moves as it does for live reads.
    fn versions(&self) -> impl Iterator<Item = &Stored> {
        let both: BTreeMap<u32, &Stored> = self
            .leaving
            .iter()
            .chain(&self.arriving)
            .map(|(start_s, row)| (*start_s, row))
            .collect();
        both.into_values()
    }
}

/// The moves that are asked for, and those of reads that stand where one of them goes.
fn closure(target: &BTreeMap<u32, u32>, span: Span, wider: &mut bool) -> BTreeMap<u32, u32> {
    let wanted = target.range(span.wanted.0..span.wanted.1);
    let mut moving: BTreeMap<u32, u32> = BTreeMap::new();
    let mut next: Vec<(u32, u32)> = wanted.map(|(from, to)| (*from, *to)).collect();
    while let Some((from, to)) = next.pop() {
        if moving.insert(from, to).is_some() {
            continue;
        }
        *wider |= !(span.fetched.0..span.fetched.1).contains(&to);
        if let Some(further) = target.get(&to) {
            next.push((to, *further));
        }
    }
    moving
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// Changes with everything that is known of a meter's reads and counter.
fn fingerprint(state: &State, index: usize) -> u64 {
    let progress = state.progress(index);
    let words = [
        progress.key_check,
        progress.counter,
        progress.head,
        progress.floor,
    ];
    let ring = state.ring(index);
    words.into_iter().chain(ring).fold(FNV_BASIS, |sum, word| {
        (sum ^ u64::from(word)).wrapping_mul(FNV_PRIME)
    })
}

/// FNV-1a, by words: what changed is to be seen, and nobody aims for it.
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;
