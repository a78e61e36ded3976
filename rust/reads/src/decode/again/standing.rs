//! Rejects as they stand in the store, what else it holds, and what came of them.

use std::collections::{BTreeMap, BTreeSet};

use cosem::{DecodeError, Kind, Layer};

use crate::record::RegisterRow;

/// A reject as it stands in the store.
#[derive(Debug, Clone, Copy)]
pub struct Rejected<'a> {
    /// Its journal position.
    pub position: u64,
    /// When it was received.
    pub at_ms: i64,
    /// The concentrator it came through.
    pub dcu: u32,
    /// Who sent it.
    pub peer: &'a str,
    /// Its bytes: a frame with its framing, or one row of a body.
    pub raw: &'a [u8],
    /// What its envelope called the meter; empty without one.
    pub hint: &'a [u8],
    /// Set when it is one row of a body that was taken.
    pub row: Option<RejectedRow>,
}

/// Whose row was refused, and what was believed of its frame then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RejectedRow {
    /// The meter.
    pub meter: u32,
    /// Its frame's invocation counter.
    pub counter: u32,
    /// The flags that its read would have had.
    pub flags: u32,
}

/// What a reject would bring.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Survey {
    /// Whose it is; 0 when that is still unknown.
    pub meter: u32,
    /// Its invocation counter, 0 when it has none.
    pub counter: u32,
    /// The first and the last interval start of its reads.
    pub starts: Option<(u32, u32)>,
    /// The first and the last time of its registers.
    pub told: Option<(u32, u32)>,
    /// How far its meter's counter was: anything accepted since makes the survey stale.
    pub mark: u64,
    /// Why it would be refused again.
    pub refusal: Option<DecodeError>,
}

/// What the store holds of the meters in question.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// (meter, counter) of frames that left a row.
    pub accepted: BTreeSet<(u32, u32)>,
    /// (meter, interval start) of stored reads, each with its version and counter.
    pub reads: BTreeMap<(u32, u32), (u64, u32)>,
    /// Stored registers, each with its newest version and that one's counter.
    pub registers: BTreeMap<RegisterKey, (u64, u32)>,
    /// The marks of the survey, by meter.
    pub marks: BTreeMap<u32, u64>,
}

/// Meter, time, profile, logical name and attribute of a stored register.
pub type RegisterKey = (u32, u32, String, [u8; 6], i8);

/// What became of a reject: stored or a duplicate, or why it is refused still.
pub type Reconsidered = Result<Resolved, DecodeError>;

/// A reject that is one no more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Reads stored.
    pub reads: u32,
    /// Registers stored.
    pub registers: u32,
    /// Events stored.
    pub events: u32,
}

/// What a frame that is decoded again is measured against.
#[derive(Debug, Clone, Copy)]
pub(in crate::decode) struct Again<'a> {
    pub(in crate::decode) position: u64,
    pub(in crate::decode) standing: &'a Standing,
    /// Only asked what it would bring: nothing may change.
    pub(in crate::decode) survey: bool,
    /// The flags of a read whose frame was believed when it came.
    pub(in crate::decode) flags: Option<u32>,
}

impl Again<'_> {
    /// Whether a register that is stored was received later or by a later frame.
    pub(in crate::decode) fn stands(&self, row: &RegisterRow<'_>) -> bool {
        let stamp = row.stamp;
        let profile = row.profile.to_owned();
        let key = (stamp.meter, stamp.at_s, profile, row.obis, row.attribute);
        let stored = self.standing.registers.get(&key);
        stored.is_some_and(|(ver, counter)| self.is_older(*ver, *counter, stamp.counter))
    }

    /// Whether what is decoded again is older than what is stored with this version and counter.
    pub(in crate::decode) const fn is_older(
        &self,
        ver: u64,
        stored_counter: u32,
        counter: u32,
    ) -> bool {
        ver > self.position || (counter > 0 && stored_counter >= counter)
    }

    /// Whether nothing may change.
    pub(in crate::decode) const fn is_survey(&self) -> bool {
        self.survey
    }

    /// Refuses a frame of `meter` whose very counter left a row before, or whose meter has sent
    /// since it was surveyed.
    pub(in crate::decode) fn check(&self, meter: u32, counter: u32) -> Result<(), DecodeError> {
        if self.standing.accepted.contains(&(meter, counter)) {
            return Err(ACCEPTED_BEFORE);
        }
        if self.standing.marks.contains_key(&meter) && !self.survey {
            return Err(DecodeError::new(Layer::Check, 0, Kind::BadSequence));
        }
        Ok(())
    }
}

/// The refusal of a frame whose very counter left a row before.
pub(in crate::decode) const ACCEPTED_BEFORE: DecodeError =
    DecodeError::new(Layer::Check, 1, Kind::ReplayedCounter);
