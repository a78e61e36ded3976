//! The journal's tail back into counters and windows: after it the state is what decoding left.
//!
//! Records are replayed in order, from the position of the snapshot at the latest. Replaying one
//! again changes nothing, as long as all behind it are replayed too.

use std::collections::BTreeSet;

use cosem::layout::Channel;

use crate::decode::Decoder;
use crate::flags::{self, Quality};
use crate::hash::HashKey;
use crate::record::{Reads, Record, RecordError};
use crate::retired::Retired;

impl Decoder {
    /// Takes one record's reads, counters, blocks and uplink marks into the state.
    pub fn replay(&mut self, record: &[u8]) -> Result<(), RecordError> {
        let record = Record::parse(record)?;
        for row in &record.turns {
            let index = self.place(row.meter);
            self.state.retired.insert(
                index,
                Retired {
                    key_check: row.key_check,
                    counter: row.counter,
                    until_s: row.until_s,
                },
            );
        }
        // A row here may begin a key under which the batch's reads were counted: they come after.
        for row in &record.counters {
            let index = self.place(row.meter);
            self.state.advance(index, row.key_check, row.counter);
        }
        for row in &record.other_counters {
            let index = self.place(row.meter);
            self.put_back_line(index, row.line, row.counter);
        }
        for row in &record.held {
            self.transfers.put_back(row);
        }
        for (meter, failures) in &record.failures {
            self.alarms.put_back(*meter, *failures);
        }
        for row in &record.learned {
            let index = self.place(row.meter);
            self.learned
                .keep((index, row.profile, row.attribute), row.bytes);
        }
        let turned: BTreeSet<u32> = record.turns.iter().map(|row| row.meter).collect();
        self.replay_reads(&record.reads, &turned);
        for (dcu, sequence) in &record.uplinks {
            self.state.uplinks.take(*dcu, *sequence);
        }
        Ok(())
    }

    /// Records were lost before `now_s`, in seconds since 1970: of reads up to then, and up to as
    /// far ahead as a clock may be, nobody knows which are stored. They are taken as unchecked.
    pub fn records_lost(&mut self, now_s: u32) {
        let until_s = now_s.saturating_add(self.settings.future_tolerance_s);
        self.state.lost_until_s = self.state.lost_until_s.max(until_s);
    }

    /// Of meters that turned to another key in this record, rows tell every counter.
    pub(crate) fn replay_reads(&mut self, reads: &Reads<'_>, turned: &BTreeSet<u32>) {
        let mut sums = Vec::with_capacity(reads.rows);
        hash(reads, &self.state.hash, &mut sums);
        let rows = reads
            .meter
            .iter()
            .zip(reads.interval_start)
            .zip(reads.interval_s.iter().zip(reads.flags))
            .zip(reads.counter.iter().zip(sums))
            .zip(reads.quality);
        for ((((meter, start), (interval, flags)), (counter, sum)), quality) in rows {
            let meter = u32::from_le_bytes(*meter);
            let index = self.place(meter);
            let uncounted =
                flags::UNAUTHENTICATED | flags::RETIRED_KEY | flags::OTHER_KEY | flags::RETIMED;
            let counted = u32::from_le_bytes(*flags) & uncounted == 0;
            if counted && (turned.is_empty() || !turned.contains(&meter)) {
                let key = self.state.progress(index).key_check;
                self.state.advance(index, key, u32::from_le_bytes(*counter));
            }
            let interval_s = u16::from_le_bytes(*interval);
            let start_s = u32::from_le_bytes(*start);
            let number = start_s.checked_div(u32::from(interval_s));
            if let (Some(number), Some(mut window)) = (number, self.state.window(index, interval_s))
            {
                if *quality == [Quality::Rejected as u8] {
                    window.forget(number);
                } else {
                    window.note(number, HashKey::finish(sum));
                }
            }
        }
    }

    pub(crate) fn place(&mut self, meter: u32) -> usize {
        let index = self.meters.place(meter);
        self.state.cover(index);
        index
    }
}

/// The same sums that decoding made of these reads.
fn hash(reads: &Reads<'_>, key: &HashKey, sums: &mut Vec<u64>) {
    let present: Vec<u16> = reads
        .present
        .iter()
        .copied()
        .map(u16::from_le_bytes)
        .collect();
    let status: Vec<u32> = reads
        .status
        .iter()
        .copied()
        .map(u32::from_le_bytes)
        .collect();
    key.start(&present, &status, sums);
    for channel in 0..Channel::COUNT {
        let values = reads.channels.get(channel).copied().unwrap_or_default();
        key.add(
            channel,
            values.iter().copied().map(u32::from_le_bytes),
            sums,
        );
    }
}
