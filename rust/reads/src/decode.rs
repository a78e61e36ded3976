//! Frames to a batch: identity, policy, opening, counter, notification, layout, checks, columns.
//!
//! Rule 1: every entry of a link is counted once: accepted, quarantined or duplicate.
//! Rule 2: nothing about a meter changes unless a verified tag or its policy allows it, and every
//! change goes with rows of the same batch.

mod again;
mod answers;
mod associations;
mod frame;
mod identity;
mod odd;
mod opening;
mod other_keys;
mod push;
mod reply;
mod retime;
mod rotation;
mod sealed;
mod services;
mod told;
mod transfers;

pub use again::{Reconsidered, RegisterKey, Rejected, RejectedRow, Resolved, Standing, Survey};
pub use retime::{Retimed, Span};

use std::collections::BTreeMap;

use associations::Associations;
use cosem::framing::{Frames, What};
use cosem::layout::{BadRow, Columns, LayoutSpec, SpecError};
use cosem::profile::Profile;
use cosem::{DecodeError, Kind, Layer};
use frame::{Envelope, Frame, Known};

use crate::alarms::Alarms;
use crate::batch::{Batch, Building};
use crate::keys::OpenKeys;
use crate::layouts::{Family, Layouts};
use crate::learned::Learned;
use crate::ledger::{Outcome, ReadCounts};
use crate::meters::{MeterError, MeterSpec, Meters};
use crate::other_keys::OtherKeys;
use crate::profiles::{Meaning, Profiles};
use crate::rows::Rows;
use crate::settings::Settings;
use crate::state::State;
use crate::transfers::Transfers;

/// The frames waiting on one link.
#[derive(Debug, Clone, Copy)]
pub struct LinkFrames<'a> {
    /// The link's number, repeated in replies and acknowledgements.
    pub link: u64,
    /// The concentrator on its other end; 0 when unknown.
    pub dcu: u32,
    /// Who that is, for reject rows.
    pub peer: &'a str,
    /// What was split off.
    pub frames: &'a Frames,
}

/// Registry, keys, layouts and state: everything that turns frames into checked reads.
pub struct Decoder {
    pub(crate) settings: Settings,
    pub(crate) meters: Meters,
    layouts: Layouts,
    profiles: Profiles,
    open_keys: OpenKeys,
    pub(crate) state: State,
    building: Building,
    scratch: Scratch,
    /// The intervals of the reject that is surveyed.
    surveyed: Option<(u32, u32)>,
    /// The times of its registers.
    surveyed_told: Option<(u32, u32)>,
    pub(crate) learned: Learned,
    pub(crate) transfers: Transfers,
    pub(crate) alarms: Alarms,
    associations: Associations,
    /// Keys beside the global unicast ones, of the few meters that have any, by index.
    other_keys: BTreeMap<usize, OtherKeys>,
}

/// Memory reused from frame to frame.
#[derive(Debug, Default)]
struct Scratch {
    plain: Vec<u8>,
    columns: Columns,
    bad: Vec<BadRow>,
    rows: Rows,
}

impl Decoder {
    /// A decoder that knows no meters and no layouts yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            meters: Meters::default(),
            layouts: Layouts::default(),
            profiles: Profiles::default(),
            open_keys: OpenKeys::new(settings.open_keys_max),
            state: State::new(settings.duplicate_window, settings.hash_seed),
            building: Building::default(),
            scratch: Scratch::default(),
            surveyed: None,
            surveyed_told: None,
            learned: Learned::default(),
            transfers: Transfers::default(),
            alarms: Alarms::default(),
            associations: Associations::new(settings.associations_max),
            other_keys: BTreeMap::new(),
            settings,
        }
    }

    /// Adds or replaces a meter.
    pub fn upsert(&mut self, spec: &MeterSpec<'_>) -> Result<(), MeterError> {
        let index = self.meters.upsert(spec)?;
        self.state.cover(index);
        self.other_keys.remove(&index);
        Ok(())
    }

    /// Takes a meter out; whether it was in.
    pub fn remove(&mut self, meter: u32) -> bool {
        self.meters.remove(meter)
    }

    /// Replaces all layouts.
    pub fn set_layouts(&mut self, specs: &[LayoutSpec]) -> Result<(), SpecError> {
        self.learned.forget_variants();
        self.layouts.set(specs)
    }

    /// Names layouts that are set as those of one model.
    pub fn set_families(&mut self, families: &[Family]) -> Result<(), SpecError> {
        self.layouts.set_families(families)
    }

    /// Replaces all profiles of registers and events, and what event codes mean.
    pub fn set_profiles(&mut self, profiles: Vec<Profile>, meanings: Vec<Meaning>) {
        self.profiles.set(profiles, meanings);
    }

    /// The number of a layout, for [`MeterSpec::layout`].
    pub fn layout(&self, name: &str) -> Option<u16> {
        self.layouts.number(name)
    }

    /// The highest envelope sequence taken from each concentrator.
    pub fn uplinks_taken(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.state.uplinks.iter()
    }

    /// How many meters may send, and the bytes held for them: registry, counters and windows, keys.
    pub fn footprint(&self) -> Footprint {
        Footprint {
            meters: self.meters.active(),
            registry_bytes: self.meters.bytes(),
            state_bytes: self.state.bytes(),
            open_keys_bytes: self.open_keys.bytes(),
            transfers_bytes: self.transfers.bytes(),
        }
    }

    /// Gives a record that is journaled back as memory for the next: a fresh one costs a page fault
    /// every 70 reads.
    pub fn recycle(&mut self, record: Vec<u8>) {
        if record.capacity() > self.building.spare.capacity() {
            self.building.spare = record;
        }
    }

    /// Decodes what waits on `links`, in order, as received at `now_ms`.
    ///
    /// Counters and windows have moved when this returns, so the batch must reach the journal; if it
    /// cannot, the state must be rebuilt from snapshot and journal.
    pub fn decode(&mut self, links: &[LinkFrames<'_>], now_ms: i64) -> Batch {
        self.building.begin(now_ms);
        if !self.transfers.is_empty() {
            self.expire_transfers(now_ms.div_euclid(1000));
        }
        for link in links {
            self.link(link, now_ms.div_euclid(1000));
        }
        if !self.transfers.is_empty() {
            self.transfers.save(|row| self.building.held(row));
        }
        let mut batch = self.building.finish(&self.settings);
        batch.waits = self.transfers.bytes() > 0;
        batch
    }

    fn link(&mut self, link: &LinkFrames<'_>, now_s: i64) {
        let taken = self.state.uplinks.taken(link.dcu);
        let mut highest = None;
        let mut envelope = None;
        for entry in &link.frames.entries {
            if let What::Envelope {
                sequence, meter, ..
            } = entry.what
            {
                let resent = sequence <= taken.max(highest.unwrap_or_default());
                highest = highest.max(Some(sequence));
                let meter = link.frames.get(meter);
                envelope = Some(Envelope { meter, resent });
                continue;
            }
            let frame = Frame::new(link, entry, envelope, now_s);
            self.frame(&frame);
        }
        if let Some(sequence) = highest {
            self.state.uplinks.take(link.dcu, sequence);
            self.building.touch(link.dcu);
            self.building.uplink_row(link.dcu, sequence);
            self.building.uplink.push((link.link, sequence));
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        let mut known = Known {
            dcu: frame.link.dcu,
            ..Known::default()
        };
        let (outcome, reads) = match self.take(frame, &mut known) {
            Ok(taken) => taken,
            // What came in a resent envelope was journaled when it came first.
            Err(_) if frame.resent() => (Outcome::Duplicate, ReadCounts::default()),
            Err(error) => {
                let sender = known.sender(frame);
                self.building
                    .reject(sender, error, frame.raw, &self.settings);
                (Outcome::Quarantined, ReadCounts::default())
            }
        };
        if outcome == Outcome::Held {
            self.building.touch(known.dcu);
        } else {
            self.building.count(known.dcu, outcome, reads);
        }
    }

    fn take(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
    ) -> Result<(Outcome, ReadCounts), DecodeError> {
        match frame.what {
            What::Apdu { .. } => self.apdu(frame, known),
            What::Reject(error) => Err(error),
            What::Link { .. } => Err(DecodeError::new(Layer::Hdlc, 0, Kind::Unsupported)),
            // The concentrator's own word: whom it names is known to the link by now.
            What::Notice => Ok((Outcome::Accepted, ReadCounts::default())),
            What::Envelope { .. } => Err(DecodeError::new(Layer::Uplink, 0, Kind::BadSequence)),
        }
    }
}

/// Memory held for meters, by what holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Meters that may send.
    pub meters: usize,
    /// Identities, policies and keys.
    pub registry_bytes: usize,
    /// Counters and duplicate windows.
    pub state_bytes: usize,
    /// Expanded keys.
    pub open_keys_bytes: usize,
    /// Frames that wait for the rest of their message.
    pub transfers_bytes: usize,
}
