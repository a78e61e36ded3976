//! Messages in blocks, as far as they have come, and the frames they came in.
//!
//! Rule 1: what waits here is bounded, per message, per link and in all, and for how long.
//! Rule 2: nothing is held that the journal does not say: an acknowledged envelope's block is as safe
//! as a read. What a link held when the program ended can never be whole; a concentrator's run goes on.

mod transfer;
mod way;

use std::collections::{BTreeMap, BTreeSet};

use cosem::block_transfer::{Part, Taken};
use cosem::{DecodeError, Kind, Layer};

use crate::record::HeldRow;
use crate::settings::Settings;
pub(crate) use transfer::Transfer;
pub(crate) use way::{Run, Via, Way};

/// What a run and a block take beside their bytes, at the most.
const RUN_OVERHEAD_BYTES: usize = 512;
const BLOCK_OVERHEAD_BYTES: usize = 256;
/// Runs remembered after their end; a sender that did not hear of one beyond begins anew.
const FINISHED_MAX: usize = 4_096;

/// A frame that holds a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Carrier<'a> {
    pub(crate) raw: &'a [u8],
    /// How many frames `raw` is.
    pub(crate) frames: u32,
    pub(crate) at_s: i64,
    pub(crate) dcu: u32,
    pub(crate) meter: u32,
    pub(crate) peer: &'a str,
    /// Whether its envelope is acknowledged.
    pub(crate) acked: bool,
}

/// A run that was acknowledged whole.
#[derive(Debug)]
struct Finished {
    /// Checksums of its blocks, in order.
    sums: Vec<u32>,
    at_s: i64,
}

/// What became of a block.
pub(crate) enum Step {
    Held,
    Repeated,
    Whole(Vec<u8>, Transfer),
}

/// Messages that have begun.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    open: BTreeMap<Way, Transfer>,
    bytes: usize,
    bytes_by_via: BTreeMap<Via, usize>,
    /// Runs that were acknowledged whole: their sender may not have heard it.
    finished: BTreeMap<Way, Finished>,
    /// What the journal has to be told when the batch ends.
    touched: BTreeSet<Way>,
    over: BTreeSet<Way>,
}

impl Transfers {
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.finished.is_empty() && self.over.is_empty()
    }

    /// Bytes held.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a block of `way` would not go on with the message that is open, but begin another.
    pub(crate) fn is_broken_off_by(&self, way: &Way, part: Part<'_>) -> bool {
        let open = self.open.get(way);
        part.number == 1 && open.is_some_and(|open| !open.blocks.continues_with(part))
    }

    /// Takes a block; what is refused is not held, and the rest of its message is still there.
    pub(crate) fn take(
        &mut self,
        way: &Way,
        part: Part<'_>,
        carrier: &Carrier<'_>,
        settings: &Settings,
    ) -> Result<Step, DecodeError> {
        let known = self.open.contains_key(way);
        if !known && self.is_finished(way, part) {
            return Ok(Step::Repeated);
        }
        let bytes = cost(part, carrier, known);
        self.check_room(way.via, bytes, settings)?;
        let bytes_max = wide(settings.transfer_bytes_max);
        let transfer = self.open.entry(way.clone()).or_default();
        let taken = transfer.blocks.take_part(part, bytes_max);
        if !matches!(taken, Ok(Taken::Held | Taken::Whole(_))) {
            if transfer.held.is_empty() {
                self.open.remove(way);
            }
            return taken.map(|_| Step::Repeated);
        }
        transfer.keep(part, carrier, bytes);
        self.bytes = self.bytes.saturating_add(bytes);
        let by_via = self.bytes_by_via.entry(way.via).or_default();
        *by_via = by_via.saturating_add(bytes);
        self.touched.insert(way.clone());
        let Ok(Taken::Whole(message)) = taken else {
            return Ok(Step::Held);
        };
        let whole = self.close(way).unwrap_or_default();
        if part.recoverable && self.finished.len() < FINISHED_MAX {
            let mut sums: Vec<(u32, u32)> = whole
                .held
                .iter()
                .map(|held| (held.number, held.sum))
                .collect();
            sums.sort_unstable();
            let finished = Finished {
                sums: sums.into_iter().map(|(_, sum)| sum).collect(),
                at_s: carrier.at_s,
            };
            self.finished.insert(way.clone(), finished);
        }
        Ok(Step::Whole(message, whole))
    }

    /// The highest block of `way` without a gap before it, and how many acknowledgements this makes.
    pub(crate) fn acknowledge(&mut self, way: &Way) -> (u32, u16) {
        if let Some(transfer) = self.open.get_mut(way) {
            transfer.acknowledged = transfer.acknowledged.wrapping_add(1);
            return (transfer.blocks.in_order(), transfer.acknowledged);
        }
        let blocks = self.finished.get(way).map_or(0, |run| run.sums.len());
        (u32::try_from(blocks).unwrap_or(u32::MAX), 1)
    }

    /// Takes a message out.
    pub(crate) fn close(&mut self, way: &Way) -> Option<Transfer> {
        let transfer = self.open.remove(way)?;
        self.bytes = self.bytes.saturating_sub(transfer.bytes);
        if let Some(by_via) = self.bytes_by_via.get_mut(&way.via) {
            *by_via = by_via.saturating_sub(transfer.bytes);
            if *by_via == 0 {
                self.bytes_by_via.remove(&way.via);
            }
        }
        self.touched.remove(way);
        if transfer.saved > 0 {
            self.over.insert(way.clone());
        }
        Some(transfer)
    }

    /// Takes out the messages that have waited too long, or whose link ended with the program.
    pub(crate) fn expired(&mut self, now_s: i64, patience_s: u32) -> Vec<Transfer> {
        let late = |at_s: i64| now_s.saturating_sub(at_s) > i64::from(patience_s);
        self.finished.retain(|_, run| !late(run.at_s));
        self.drain(|_, transfer| transfer.orphan || late(transfer.at_s))
    }

    /// Takes out the messages of one link.
    pub(crate) fn of_link(&mut self, link: u64) -> Vec<Transfer> {
        self.drain(|way, _| way.via == Via::Link(link))
    }

    /// Tells what the journal does not know yet.
    pub(crate) fn save(&mut self, mut tell: impl FnMut(&HeldRow<'_>)) {
        for way in core::mem::take(&mut self.over) {
            tell(&HeldRow { way, held: None });
        }
        for way in core::mem::take(&mut self.touched) {
            if let Some(transfer) = self.open.get_mut(&way) {
                transfer
                    .rows(&way, transfer.saved)
                    .for_each(|row| tell(&row));
                transfer.saved = transfer.held.len();
            }
        }
    }

    /// Tells everything that is held.
    pub(crate) fn rows(&self) -> impl Iterator<Item = HeldRow<'_>> {
        let open = self.open.iter();
        open.flat_map(|(way, transfer)| transfer.rows(way, 0))
    }

    /// Puts back what the journal or a snapshot says.
    pub(crate) fn put_back(&mut self, row: &HeldRow<'_>) {
        let way = &row.way;
        let Some((part, carrier)) = row.held else {
            self.close(way);
            self.over.remove(way);
            return;
        };
        if self.is_broken_off_by(way, part) {
            self.close(way);
        }
        let bytes = cost(part, &carrier, self.open.contains_key(way));
        let transfer = self.open.entry(way.clone()).or_default();
        // A record that is replayed once more than it must be brings what is there.
        if transfer.blocks.part(part.number) == Some(part.bytes) {
            return;
        }
        // It was within the limits when it was taken.
        let taken = transfer.blocks.take_part(part, usize::MAX);
        transfer.keep(part, &carrier, bytes);
        transfer.saved = transfer.held.len();
        transfer.orphan = matches!(way.via, Via::Link(_));
        self.bytes = self.bytes.saturating_add(bytes);
        let by_via = self.bytes_by_via.entry(way.via).or_default();
        *by_via = by_via.saturating_add(bytes);
        if taken != Ok(Taken::Held) {
            self.close(way);
            self.over.remove(way);
        }
    }

    fn is_finished(&self, way: &Way, part: Part<'_>) -> bool {
        let before = part
            .number
            .checked_sub(1)
            .and_then(|at| usize::try_from(at).ok());
        let sums = self.finished.get(way).map(|run| run.sums.as_slice());
        let sum = sums.zip(before).and_then(|(sums, at)| sums.get(at));
        // Block 1 may begin another message that begins alike.
        part.recoverable && part.number > 1 && sum == Some(&crc32c::crc32c(part.bytes))
    }

    fn check_room(&self, via: Via, bytes: usize, settings: &Settings) -> Result<(), DecodeError> {
        let by_via = self.bytes_by_via.get(&via).copied().unwrap_or_default();
        let in_all = self.bytes.saturating_add(bytes) > wide(settings.transfers_bytes_max);
        let on_link = by_via.saturating_add(bytes) > wide(settings.transfers_bytes_per_link_max);
        if in_all || on_link {
            return Err(DecodeError::new(Layer::BlockTransfer, 6, Kind::TooMany));
        }
        Ok(())
    }

    fn drain(&mut self, gone: impl Fn(&Way, &Transfer) -> bool) -> Vec<Transfer> {
        let ways = self.open.iter();
        let over: Vec<Way> = ways
            .filter(|(way, transfer)| gone(way, transfer))
            .map(|(way, _)| way.clone())
            .collect();
        over.iter().filter_map(|way| self.close(way)).collect()
    }
}

fn cost(part: Part<'_>, carrier: &Carrier<'_>, known: bool) -> usize {
    let run = if known { 0 } else { RUN_OVERHEAD_BYTES };
    [
        part.bytes.len(),
        carrier.raw.len(),
        BLOCK_OVERHEAD_BYTES,
        run,
    ]
    .into_iter()
    .fold(0, usize::saturating_add)
}

fn wide(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
