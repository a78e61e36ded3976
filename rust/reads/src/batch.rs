//! One batch while it is being built: accepted columns, rejects within their bounds, the ledger.

use std::collections::{BTreeMap, BTreeSet};

use cosem::{DecodeError, Kind, Layer};

use crate::columns::ReadColumns;
use crate::ledger::{LedgerRow, Outcome, ReadCounts, Tally};
use crate::quarantine::Quarantine;
use crate::record::{
    CounterRow, EventRow, HeldRow, LearnedRow, OtherCounterRow, RecordWriter, Refused, RegisterRow,
    Resolution, TurnRow,
};
use crate::settings::Settings;

/// What one call of [`Decoder::decode`](crate::Decoder::decode) made of the frames it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// The journal record; empty when there is nothing to journal.
    pub record: Vec<u8>,
    /// Positions the record takes.
    pub rows: u32,
    /// What was counted, over all concentrators.
    pub tally: Tally,
    /// Registers on their way into the store.
    pub registers: u64,
    /// Events on their way into the store.
    pub events: u64,
    /// Meters whose frames keep failing under their key, and how many in a row have.
    pub wrong_keys: BTreeMap<u32, u32>,
    /// Refused frames and reads by kind.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Bytes to send on a link once the record is durable.
    pub replies: Vec<(u64, Vec<u8>)>,
    /// The highest uplink sequence taken on a link, to be acknowledged once the record is durable.
    pub uplink: Vec<(u64, u64)>,
    /// Whether blocks wait for the rest of their message: they time out in a later call, which may be
    /// one without frames.
    pub waits: bool,
}

/// A batch being built; its memory is kept for the next one.
#[derive(Debug, Default)]
pub(crate) struct Building {
    pub(crate) reads: ReadColumns,
    record: RecordWriter,
    ledger: BTreeMap<u32, Tally>,
    /// The concentrator counted last and what is not yet in `ledger`: frames come in runs of one.
    current: (u32, Tally),
    rejected: BTreeMap<&'static str, u64>,
    peers: BTreeMap<String, Kept>,
    quarantine: Quarantine,
    pub(crate) wrong_keys: BTreeMap<u32, u32>,
    /// Meters whose failures in a row have changed, and how many they are.
    failing: BTreeMap<u32, u32>,
    /// Meters that turned to their next key in this batch.
    turned: BTreeSet<u32>,
    pub(crate) replies: Vec<(u64, Vec<u8>)>,
    pub(crate) uplink: Vec<(u64, u64)>,
    at_ms: i64,
    /// Memory for the next record.
    pub(crate) spare: Vec<u8>,
}

/// What was kept of one peer's rejects.
#[derive(Debug, Default, Clone, Copy)]
struct Kept {
    dcu: u32,
    rows: u32,
    raw_bytes: u32,
    unkept: u32,
}

/// Who sent what was refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) peer: &'a str,
    pub(crate) dcu: u32,
    pub(crate) meter: u32,
    pub(crate) counter: u32,
    /// Its envelope is acknowledged once journaled: the concentrator forgets the bytes then, so
    /// they are kept whole, whatever the bounds (`docs/uplink.md`, 5.2). The window bounds them.
    pub(crate) acked: bool,
    /// What the envelope called the meter.
    pub(crate) hint: &'a [u8],
    /// Set for one row of a body: the flags its read would have had.
    pub(crate) row: Option<u32>,
}

impl Building {
    pub(crate) fn begin(&mut self, at_ms: i64) {
        self.reads.clear();
        self.record.clear();
        self.ledger.clear();
        self.current = (0, Tally::default());
        self.rejected.clear();
        self.peers.clear();
        self.turned.clear();
        self.failing.clear();
        self.at_ms = at_ms;
    }

    /// Counts one frame.
    pub(crate) fn count(&mut self, dcu: u32, outcome: Outcome, reads: ReadCounts) {
        self.turn_to(dcu);
        self.current.1.add(&Tally::of(outcome, reads));
    }

    /// Counts more frames that had the fate of one that is counted.
    pub(crate) fn count_more(&mut self, dcu: u32, outcome: Outcome, frames: u32) {
        for _ in 0..frames {
            self.count(dcu, outcome, ReadCounts::default());
        }
    }

    /// Counts reads of a frame that was counted when it was received.
    pub(crate) fn count_reads(&mut self, dcu: u32, reads: ReadCounts) {
        self.settle();
        let mut tally = Tally::of(Outcome::Accepted, reads);
        (tally.frames, tally.frames_accepted) = (0, 0);
        self.ledger.entry(dcu).or_default().add(&tally);
    }

    /// Counts nothing, but gives `dcu` a ledger row: its envelope was taken.
    pub(crate) fn touch(&mut self, dcu: u32) {
        self.turn_to(dcu);
        self.ledger.entry(dcu).or_default();
    }

    /// Keeps what was refused, within the bounds of its peer. Counting it is the caller's.
    pub(crate) fn reject(
        &mut self,
        sender: Sender<'_>,
        error: DecodeError,
        raw: &[u8],
        settings: &Settings,
    ) {
        let count = self.rejected.entry(error.kind.name()).or_default();
        *count = count.saturating_add(1);
        if sender.acked {
            self.keep(sender, error, raw);
            return;
        }
        let kept = match self.peers.get_mut(sender.peer) {
            Some(kept) => kept,
            None => self.peers.entry(sender.peer.to_owned()).or_default(),
        };
        kept.dcu = sender.dcu;
        if kept.rows >= settings.rejects_per_peer_max {
            kept.unkept = kept.unkept.saturating_add(1);
            return;
        }
        let left = settings
            .reject_raw_bytes_per_peer_max
            .saturating_sub(kept.raw_bytes);
        let room = usize::try_from(left.min(settings.reject_raw_bytes_max)).unwrap_or(usize::MAX);
        let raw = raw.get(..room).unwrap_or(raw);
        if !self
            .quarantine
            .keeps(sender.peer, raw.len(), self.at_ms, settings)
        {
            return;
        }
        kept.rows = kept.rows.saturating_add(1);
        let raw_bytes = u32::try_from(raw.len()).unwrap_or(u32::MAX);
        kept.raw_bytes = kept.raw_bytes.saturating_add(raw_bytes);
        self.keep(sender, error, raw);
    }

    fn keep(&mut self, sender: Sender<'_>, error: DecodeError, raw: &[u8]) {
        self.record.reject(&Refused {
            at_ms: self.at_ms,
            dcu: sender.dcu,
            meter: sender.meter,
            counter: sender.counter,
            error,
            peer: sender.peer,
            raw,
            whence: (sender.row.is_some() || !sender.hint.is_empty()).then(|| {
                (
                    sender.row.is_some(),
                    sender.row.unwrap_or_default(),
                    sender.hint,
                )
            }),
        });
    }

    pub(crate) fn learned(&mut self, row: &LearnedRow<'_>) {
        self.record.learned(row);
    }

    pub(crate) fn counter(&mut self, row: CounterRow) {
        self.record.counter(row);
    }

    pub(crate) fn turn(&mut self, row: TurnRow) {
        self.turned.insert(row.meter);
        self.record.turn(row);
    }

    pub(crate) fn held(&mut self, row: &HeldRow<'_>) {
        self.record.held(row);
    }

    pub(crate) fn other_counter(&mut self, row: &OtherCounterRow) {
        self.record.other_counter(row);
    }

    pub(crate) fn failures(&mut self, meter: u32, failures: u32) {
        self.failing.insert(meter, failures);
    }

    /// Whether `meter` turned to its next key in this batch.
    pub(crate) fn has_turned(&self, meter: u32) -> bool {
        !self.turned.is_empty() && self.turned.contains(&meter)
    }

    pub(crate) fn register(&mut self, row: &RegisterRow<'_>) {
        self.record.register(row);
    }

    pub(crate) fn event(&mut self, row: &EventRow<'_>) {
        self.record.event(row);
    }

    pub(crate) fn resolution(&mut self, row: &Resolution<'_>) {
        self.record.resolution(row);
    }

    /// Registers and events so far.
    pub(crate) const fn told(&self) -> (u32, u32) {
        self.record.told()
    }

    pub(crate) fn uplink_row(&mut self, dcu: u32, sequence: u64) {
        self.record.uplink(dcu, sequence);
    }

    /// The finished batch.
    pub(crate) fn finish(&mut self, settings: &Settings) -> Batch {
        self.settle();
        self.say_what_was_not_kept(settings);
        self.reads.level();
        for (meter, failures) in &self.failing {
            self.record.failures(*meter, *failures);
        }
        let mut sum = Tally::default();
        for (dcu, tally) in &self.ledger {
            debug_assert!(
                tally.balances(),
                "conservation broken for concentrator {dcu}"
            );
            sum.add(tally);
            self.record.ledger(&LedgerRow {
                at_ms: self.at_ms,
                dcu: *dcu,
                tally: *tally,
            });
        }
        let reads = u32::try_from(self.reads.rows()).unwrap_or(u32::MAX);
        debug_assert_eq!(
            u64::from(reads),
            sum.reads_stored,
            "a stored read was not counted"
        );
        let spare = core::mem::take(&mut self.spare);
        Batch {
            record: self.record.finish(&self.reads, spare),
            rows: self.record.rows().saturating_add(reads),
            tally: sum,
            registers: u64::from(self.record.told().0),
            events: u64::from(self.record.told().1),
            wrong_keys: core::mem::take(&mut self.wrong_keys),
            rejected: core::mem::take(&mut self.rejected),
            replies: core::mem::take(&mut self.replies),
            uplink: core::mem::take(&mut self.uplink),
            waits: false,
        }
    }

    /// One row for each peer whose rejects were too many: the offset says how many have none.
    fn say_what_was_not_kept(&mut self, settings: &Settings) {
        for (peer, kept) in &mut self.peers {
            let over_a_day = self.quarantine.untold(peer, self.at_ms, settings);
            kept.unkept = kept.unkept.saturating_add(over_a_day.unwrap_or(0));
        }
        for (peer, kept) in self.peers.iter().filter(|(_, kept)| kept.unkept > 0) {
            self.record.reject(&Refused {
                at_ms: self.at_ms,
                dcu: kept.dcu,
                meter: 0,
                counter: 0,
                error: DecodeError::new(Layer::Link, kept.unkept, Kind::TooMany),
                peer,
                raw: &[],
                whence: None,
            });
        }
    }

    fn turn_to(&mut self, dcu: u32) {
        if self.current.0 != dcu {
            self.settle();
            self.current.0 = dcu;
        }
    }

    fn settle(&mut self) {
        let (dcu, tally) = self.current;
        if tally.frames > 0 {
            self.ledger.entry(dcu).or_default().add(&tally);
        }
        self.current.1 = Tally::default();
    }
}
