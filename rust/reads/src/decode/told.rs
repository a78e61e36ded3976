//! Bodies that are no block load: registers and events, through profiles or the body's own word.
//!
//! A frame is taken whole or not at all: rows of which one has no time cannot be told apart later.

use std::collections::BTreeSet;

use cosem::axdr;
use cosem::clock::{DEVIATION_UNSPECIFIED, RawClock};
use cosem::layout::Captured;
use cosem::profile::{self, Code, Event, Quantity, Register, Row};
use cosem::push::{Notification, event_time};
use cosem::{DecodeError, Kind, Layer, Reader};

use super::odd::{self, Whose};
use super::opening::{Proof, Took};
use super::{Decoder, Frame, Known, identity};
use crate::checks::clock_flags;
use crate::flags;
use crate::ledger::{Outcome, ReadCounts};
use crate::meters::Meter;
use crate::record::{EventRow, RegisterRow, Stamp};
use crate::settings::Settings;
use crate::state::Order;

/// event-notification-request.
pub(super) const TAG_EVENT_NOTIFICATION: u8 = 0xc2;
/// How an alert's bits and a log's codes are called in the store.
const ALERT: &str = "alert";
const EVENT_LOG: &str = "event_log";
const EVENT_NOTIFICATION: &str = "event_notification";
/// The clock status of a time that no meter gave.
const STATUS_UNSPECIFIED: u8 = 0xff;

/// What a profile made of a body, each row with its time and its values as they are stored.
struct ToldRows {
    profile: String,
    rows: Vec<(Stamp, Row, Vec<i64>)>,
}

const CLASS_PROFILE: u16 = 7;

impl Decoder {
    /// A body that the meter's layout does not fit, which `misfit` says.
    #[cold]
    pub(super) fn other_body(
        &mut self,
        whose: Whose<'_>,
        push: &Notification<'_>,
        misfit: DecodeError,
    ) -> Took {
        let plain = odd::plain(push.body);
        let body = plain.as_deref().unwrap_or(push.body);
        if let Some(taken) = self.odd_reads(whose, body) {
            return taken;
        }
        // The first of its kind is in the journal; registers have no window to compare with.
        if whose.proof.order != Order::Fresh && whose.frame.again.is_none() {
            return self.described_reads(whose, body)?.taken.ok_or(misfit);
        }
        let sent = push.time.and_then(|sent| RawClock::parse(&sent).ok());
        let told = self.told_rows(whose, body, sent)?;
        let described = self.described_reads(whose, body)?;
        match told {
            Some(told) => self.keep_told(whose, &told, &described.reads),
            None if described.taken.is_none() => return Err(misfit),
            None => {}
        }
        Ok(described
            .taken
            .unwrap_or((Outcome::Accepted, ReadCounts::NONE)))
    }

    /// The registers and events of a body; `None` when no profile fits it and it names none itself.
    fn told_rows(
        &self,
        whose: Whose<'_>,
        body: &[u8],
        sent: Option<RawClock>,
    ) -> Result<Option<ToldRows>, DecodeError> {
        let Ok(tree) = axdr::whole(body, profile::LIMITS) else {
            return Ok(None);
        };
        let Some(meter) = self.meters.get(whose.index) else {
            return Ok(None);
        };
        let layouts = self.layouts.names(meter.layout);
        let Some((name, taken)) = self.profiles.fit(&tree, &layouts) else {
            return Ok(None);
        };
        identity::check_device_id(&self.meters, whose.index, taken.device_id.as_deref())?;
        let times = Times::new(&self.settings, meter, whose.frame.now_s);
        let base = base(meter, whose.known, whose.proof);
        let mut rows = Vec::with_capacity(taken.rows.len());
        for row in taken.rows {
            let stamp = times.stamp(row.clock.or(sent), base)?;
            let values = times.quantities(&row)?;
            rows.push((stamp, row, values));
        }
        Ok(Some(ToldRows {
            profile: name.to_owned(),
            rows,
        }))
    }

    /// Registers and events on their way into the batch, but for those that became reads.
    fn keep_told(&mut self, whose: Whose<'_>, told: &ToldRows, reads: &BTreeSet<Captured>) {
        for (stamp, row, values) in &told.rows {
            for (register, value) in row.registers.iter().zip(values) {
                if !reads.contains(&captured(register.object)) {
                    self.keep_register(whose, &told.profile, *stamp, register, *value);
                }
            }
            for event in &row.events {
                let source = match event.what {
                    Code::Number(_) => EVENT_LOG,
                    Code::Bit(_) => ALERT,
                };
                let meaning = self.profiles.meaning(event.what);
                self.building
                    .event(&event_row(*stamp, source, event, meaning));
            }
        }
    }

    fn keep_register(
        &mut self,
        whose: Whose<'_>,
        profile: &str,
        stamp: Stamp,
        register: &Register,
        value: i64,
    ) {
        let row = RegisterRow {
            stamp,
            profile,
            class: register.object.class,
            obis: register.object.obis,
            attribute: register.object.attribute,
            value,
            scaler: register.scaler,
            unit: register.unit,
        };
        if let Some(again) = whose.frame.again {
            if again.is_survey() {
                let (first, last) = self.surveyed_told.unwrap_or((stamp.at_s, stamp.at_s));
                self.surveyed_told = Some((first.min(stamp.at_s), last.max(stamp.at_s)));
            } else if again.stands(&row) {
                return;
            }
        }
        self.building.register(&row);
    }

    /// An event-notification: one attribute of one object, and when.
    #[cold]
    pub(super) fn event_notification(
        &mut self,
        frame: &Frame<'_>,
        known: &Known,
        index: usize,
        proof: Proof,
        apdu: &[u8],
    ) -> Took {
        let unsupported = DecodeError::new(Layer::Apdu, 0, Kind::Unsupported);
        if proof.order != Order::Fresh && frame.again.is_none() {
            return Err(unsupported);
        }
        let (sent, object, value) = notified(apdu)?;
        if object.class == CLASS_PROFILE && object.attribute == 3 && Captured::list(value).is_some()
        {
            let whose = Whose {
                frame,
                known,
                index,
                proof,
            };
            self.remember(whose, object.obis, object.attribute, value);
            return Ok((Outcome::Accepted, ReadCounts::default()));
        }
        let (tree, _quirks) = axdr::tolerant(value, profile::LIMITS)?;
        let events = profile::events(object, &tree).ok_or(unsupported)?;
        let meter = self.meters.get(index).ok_or(unsupported)?;
        let times = Times::new(&self.settings, meter, frame.now_s);
        let stamp = times.stamp_or_now(sent, base(meter, known, proof))?;
        for event in &events {
            let meaning = self.profiles.meaning(event.what);
            let row = event_row(stamp, EVENT_NOTIFICATION, event, meaning);
            self.building.event(&row);
        }
        Ok((Outcome::Accepted, ReadCounts::default()))
    }
}

/// Time, object and value of an event-notification.
fn notified(apdu: &[u8]) -> Result<(Option<RawClock>, profile::Object, &[u8]), DecodeError> {
    let mut reader = Reader::new(apdu, Layer::Apdu);
    reader.u8()?;
    let at = reader.error(Kind::BadClock);
    let sent = match event_time(&mut reader)? {
        Some(bytes) => Some(RawClock::parse(&bytes).map_err(|_| at)?),
        None => None,
    };
    let object = profile::Object {
        class: reader.be_u16()?,
        obis: reader.take()?,
        attribute: reader.take().map(i8::from_be_bytes)?,
    };
    Ok((sent, object, reader.rest()))
}

const fn captured(object: profile::Object) -> Captured {
    Captured {
        class: object.class,
        obis: object.obis,
        attribute: object.attribute,
    }
}

fn event_row<'a>(stamp: Stamp, source: &'a str, event: &Event, meaning: &'a str) -> EventRow<'a> {
    let (code, bit) = match event.what {
        Code::Number(code) => (code, -1),
        Code::Bit(bit) => (0, i16::try_from(bit).unwrap_or(i16::MAX)),
    };
    EventRow {
        stamp,
        source,
        obis: event.object.obis,
        code,
        bit,
        meaning,
    }
}

/// What all rows of a frame share.
fn base(meter: &Meter, known: &Known, proof: Proof) -> Stamp {
    Stamp {
        meter: meter.number,
        at_s: 0,
        deviation_min: DEVIATION_UNSPECIFIED,
        clock_status: STATUS_UNSPECIFIED,
        flags: proof.flags(),
        dcu: known.dcu,
        counter: proof.counter,
    }
}

/// A meter's clocks against ours.
struct Times<'m> {
    meter: &'m Meter,
    now_s: i64,
    latest_s: i64,
    earliest_s: i64,
}

impl<'m> Times<'m> {
    fn new(settings: &Settings, meter: &'m Meter, now_s: i64) -> Self {
        Self {
            meter,
            now_s,
            latest_s: now_s.saturating_add(i64::from(settings.future_tolerance_s)),
            earliest_s: now_s.saturating_sub(i64::from(settings.register_too_old_s)),
        }
    }

    /// `base` at the meter's time, which there must be.
    fn stamp(&self, clock: Option<RawClock>, base: Stamp) -> Result<Stamp, DecodeError> {
        let refused = |kind| DecodeError::new(Layer::Check, 0, kind);
        let clock = clock.ok_or_else(|| refused(Kind::BadClock))?;
        let at_s = self.utc_s(&clock).map_err(refused)?;
        if i64::from(at_s) > self.latest_s {
            return Err(refused(Kind::FutureTimestamp));
        }
        if i64::from(at_s) < self.earliest_s {
            return Err(refused(Kind::TooOld));
        }
        Ok(Stamp {
            at_s,
            deviation_min: clock.deviation_min,
            clock_status: clock.status,
            flags: base.flags | clock_flags(clock.status),
            ..base
        })
    }

    /// The same, or the time of receipt when the meter gave none.
    fn stamp_or_now(&self, clock: Option<RawClock>, base: Stamp) -> Result<Stamp, DecodeError> {
        if clock.is_some() {
            return self.stamp(clock, base);
        }
        Ok(Stamp {
            at_s: u32::try_from(self.now_s).unwrap_or_default(),
            flags: base.flags | flags::TIME_OF_RECEIPT,
            ..base
        })
    }

    /// A row's values as they are stored: numbers as they are, times in UTC seconds.
    fn quantities(&self, row: &Row) -> Result<Vec<i64>, DecodeError> {
        let registers = row.registers.iter();
        registers
            .map(|register| match register.value {
                Quantity::Number(number) => Ok(number),
                Quantity::Time(clock) => {
                    let refused = |kind| DecodeError::new(Layer::Check, 0, kind);
                    self.utc_s(&clock).map(i64::from).map_err(refused)
                }
            })
            .collect()
    }

    fn utc_s(&self, clock: &RawClock) -> Result<u32, Kind> {
        let utc_s = self.meter.time_policy.utc_s(clock);
        utc_s
            .and_then(|utc_s| u32::try_from(utc_s).ok())
            .ok_or(Kind::BadClock)
    }
}
