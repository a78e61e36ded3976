//! From a protected APDU to a plain one that may be believed: policy, key, tag, counter.

use cosem::general::KeyInfo;
use cosem::push::{TAG_DATA_NOTIFICATION, TAG_GENERAL_GLO, notification};
use cosem::{DecodeError, Kind, Layer};

use super::sealed::Sealed;
use super::services::unless_plausible;
use super::told::TAG_EVENT_NOTIFICATION;
use super::transfers::TAG_GENERAL_BLOCK_TRANSFER;
use super::{Decoder, Frame, Known, identity};
use crate::ledger::{Outcome, ReadCounts};
use crate::record::CounterRow;
use crate::state::{KeyCheck, Order};

/// What became of a frame and of its reads.
pub(super) type Took = Result<(Outcome, ReadCounts), DecodeError>;

/// What may be believed of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proof {
    /// Whether a verified tag covers the frame, and under which key.
    pub(super) verified: Option<KeyCheck>,
    /// How its counter stands; always fresh where no tag proves the counter.
    pub(super) order: Order,
    /// Whether it was encrypted without a tag, so that garbage means a wrong key.
    pub(super) unproven: bool,
    pub(super) counter: u32,
    /// Whether its key is the one in use.
    pub(super) standing: KeyStanding,
}

/// How a verified key stands in its meter's rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyStanding {
    /// It is the key in use, or the first.
    InUse,
    /// The meter turns to it with this frame.
    Turning,
    /// The meter has turned from it, and it is still taken.
    Retired,
    /// It is a broadcast, dedicated or wrapped key.
    Other,
}

impl Proof {
    /// Of a frame in clear.
    pub(super) const CLEAR: Self = Self {
        verified: None,
        order: Order::Fresh,
        unproven: false,
        counter: 0,
        standing: KeyStanding::InUse,
    };
}

/// Whether both concentrators are known, and not the same.
const fn is_another(link: u32, registered: u32) -> bool {
    link != 0 && registered != 0 && link != registered
}

impl Decoder {
    pub(super) fn apdu(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
    ) -> Result<(Outcome, ReadCounts), DecodeError> {
        match frame.apdu.first() {
            Some(&TAG_GENERAL_GLO) => self.sealed(frame, known, &Sealed::glo(frame.apdu)?),
            Some(&TAG_GENERAL_BLOCK_TRANSFER) => self.block(frame, known, None, frame.apdu),
            Some(&TAG_DATA_NOTIFICATION) => {
                let push = notification(frame.apdu)?;
                let meter = identity::of_body(&self.meters, frame, push.body)?;
                self.clear(meter, known)?;
                self.push(frame, known, meter, Proof::CLEAR, &push)
            }
            // It names nobody: only a gateway or an envelope can tell whose it is.
            Some(&TAG_EVENT_NOTIFICATION) => {
                let meter = identity::of_body(&self.meters, frame, &[])?;
                self.clear(meter, known)?;
                self.event_notification(frame, known, meter, Proof::CLEAR, frame.apdu)
            }
            _ => self.service(frame, known),
        }
    }

    /// What a refusal or the ledger may say of this meter's frame.
    pub(super) fn know(&self, meter: usize, known: &mut Known) {
        if let Some(meter) = self.meters.get(meter) {
            known.meter = meter.number;
            if known.dcu == 0 {
                known.dcu = meter.dcu;
            }
        }
    }

    /// Refuses a frame in clear of a meter that owes protection, or from another's concentrator.
    ///
    /// Nothing in such a frame proves the meter, so a concentrator that is known speaks for its own.
    pub(super) fn clear(&self, meter: usize, known: &mut Known) -> Result<(), DecodeError> {
        let came_through = known.dcu;
        self.know(meter, known);
        let refused = |kind| Err(DecodeError::new(Layer::Apdu, 0, kind));
        match self.meters.get(meter) {
            Some(meter) if !meter.protection.admits_clear() => refused(Kind::SecurityPolicy),
            Some(meter) if is_another(came_through, meter.dcu) => refused(Kind::IdentityConflict),
            Some(_) => Ok(()),
            None => refused(Kind::SecurityPolicy),
        }
    }

    /// A ciphered APDU.
    #[inline]
    pub(super) fn sealed(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
        sealed: &Sealed<'_>,
    ) -> Result<(Outcome, ReadCounts), DecodeError> {
        let (meter, proof) = self.open(frame, known, sealed).inspect_err(|error| {
            self.alarm(frame, known.meter, error.kind);
        })?;
        // The plaintext leaves the scratch memory while the rest of it is in use.
        let plain = core::mem::take(&mut self.scratch.plain);
        let taken = self.opened(frame, known, meter, proof, &plain);
        self.scratch.plain = plain;
        match taken {
            Err(error) if error.kind == Kind::BadDecryption => {
                self.alarm(frame, known.meter, error.kind);
            }
            _ => {
                if self.alarms.opened(known.meter) {
                    self.building.failures(known.meter, 0);
                }
            }
        }
        taken
    }

    /// Counts a frame that its meter's key does not open.
    #[cold]
    fn alarm(&mut self, frame: &Frame<'_>, meter: u32, kind: Kind) {
        let wrong_key = matches!(kind, Kind::BadAuthentication | Kind::BadDecryption);
        if !wrong_key || meter == 0 || frame.again.is_some() {
            return;
        }
        let (after, meters_max) = (
            self.settings.wrong_key_after,
            self.settings.wrong_key_meters_max,
        );
        if let Some(count) = self.alarms.failed(meter, after, meters_max) {
            self.building.wrong_keys.insert(meter, count);
        }
        let failures = self.alarms.failures(meter);
        if failures > 0 {
            self.building.failures(meter, failures);
        }
    }

    /// Opens a ciphered APDU into the scratch memory.
    fn open(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
        sealed: &Sealed<'_>,
    ) -> Result<(usize, Proof), DecodeError> {
        known.counter = sealed.counter;
        let index = identity::of_title(&self.meters, frame, sealed.title)
            .or_else(|unknown| self.associated(frame, sealed.title).ok_or(unknown))?;
        self.know(index, known);
        let refused =
            |kind| DecodeError::new(Layer::Ciphering, control_offset(frame.apdu, sealed), kind);
        let meter = self
            .meters
            .get_mut(index)
            .ok_or_else(|| refused(Kind::UnknownMeter))?;
        if !meter.protection.admits(sealed.control) {
            return Err(refused(Kind::SecurityPolicy));
        }
        if sealed.control.broadcast() || sealed.key != KeyInfo::GlobalUnicast {
            let proof = self.open_with_named_key(frame, index, sealed);
            return match proof {
                Ok(proof) => Ok((index, proof)),
                Err(Kind::ReplayedCounter) => {
                    Err(DecodeError::new(Layer::Check, 0, Kind::ReplayedCounter))
                }
                Err(kind) => Err(refused(kind)),
            };
        }
        let key = self
            .open_keys
            .of(meter)
            .ok_or_else(|| refused(Kind::NoKey))?;
        self.scratch.plain.clear();
        let opened = key.open_with_aad(
            sealed.control,
            &meter.title,
            sealed.counter,
            sealed.body,
            sealed.header,
            &mut self.scratch.plain,
        );
        let mut key_check = meter.key_check;
        match opened {
            Err(Kind::BadAuthentication) if meter.other_keys().is_some() => {
                key_check = self.open_with_other_key(index, sealed).map_err(refused)?;
            }
            // Nothing but what comes out tells a wrong key.
            Ok(()) if !sealed.control.authenticated() && meter.other_keys().is_some() => {
                key_check = self
                    .open_with_likelier_key(index, sealed)
                    .map_err(refused)?;
            }
            opened => opened.map_err(refused)?,
        }
        let proof = self
            .prove(index, key_check, sealed, frame.now_s)
            .map_err(refused)?;
        if let Some(again) = frame.again {
            if proof.verified.is_some() {
                again.check(known.meter, known.counter)?;
            }
        } else if proof.order == Order::Replayed && !frame.resent() {
            return Err(DecodeError::new(Layer::Check, 0, Kind::ReplayedCounter));
        }
        Ok((index, proof))
    }

    fn prove(
        &self,
        index: usize,
        key_check: KeyCheck,
        sealed: &Sealed<'_>,
        now_s: i64,
    ) -> Result<Proof, Kind> {
        let counter = sealed.counter;
        let verified = sealed.control.authenticated();
        let progress = self.state.progress(index);
        let mut proof = Proof {
            verified: verified.then_some(key_check),
            order: if verified {
                progress.order(key_check, counter)
            } else {
                Order::Fresh
            },
            unproven: !verified,
            counter,
            standing: KeyStanding::InUse,
        };
        if !verified {
            proof.standing = self.stand_unproven(index, key_check, now_s)?;
        } else if progress.key_check != key_check && progress.key_check != 0 {
            (proof.standing, proof.order) = self.stand(index, key_check, counter, now_s)?;
        }
        Ok(proof)
    }

    /// Goes on with an opened APDU; its counter moves whatever comes of it.
    fn opened(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
        meter: usize,
        proof: Proof,
        plain: &[u8],
    ) -> Result<(Outcome, ReadCounts), DecodeError> {
        let before = self.state.progress(meter);
        let may_move = !frame.again.is_some_and(|again| again.is_survey());
        if may_move {
            self.advance(frame, known, meter, proof);
        }
        let taken = self.notified(frame, known, meter, proof, plain);
        let stored = taken.is_ok_and(|(_, reads)| reads.stored > 0);
        let after = self.state.progress(meter);
        let moved = (before.counter, before.key_check) != (after.counter, after.key_check);
        // Reads carry their counter, but not the key it belongs to.
        let told = stored && before.key_check == after.key_check;
        if moved && (!told || self.building.has_turned(known.meter)) {
            self.building.counter(CounterRow {
                meter: known.meter,
                counter: after.counter,
                key_check: after.key_check,
            });
        }
        match taken {
            // The first of its kind is in the journal, whatever became of it.
            Err(error)
                if proof.order != Order::Fresh
                    && error.layer != Layer::Check
                    && frame.again.is_none() =>
            {
                Ok((Outcome::Duplicate, ReadCounts::default()))
            }
            taken => taken,
        }
    }

    /// The frame's counter is taken, and its meter turned to its key where it is the next one.
    #[inline]
    fn advance(&mut self, frame: &Frame<'_>, known: &Known, meter: usize, proof: Proof) {
        match (proof.verified, proof.order, proof.standing) {
            (Some(key), Order::Fresh, KeyStanding::InUse) => {
                self.state.advance(meter, key, proof.counter);
            }
            (_, Order::Fresh, standing) if standing != KeyStanding::InUse => {
                self.advance_rarely(frame, known, meter, proof);
            }
            _ => {}
        }
    }

    /// What an opened APDU brings, and what it says that is neither push nor event.
    #[inline]
    pub(super) fn notified(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
        meter: usize,
        proof: Proof,
        plain: &[u8],
    ) -> Result<(Outcome, ReadCounts), DecodeError> {
        let taken = match plain.first() {
            Some(&TAG_DATA_NOTIFICATION) => match notification(plain) {
                Ok(push) => self.push(frame, known, meter, proof, &push),
                Err(error) => Err(error),
            },
            Some(&TAG_EVENT_NOTIFICATION) => {
                self.event_notification(frame, known, meter, proof, plain)
            }
            _ => self.opened_service(frame, known, meter, proof, plain),
        };
        match taken {
            Err(error) if proof.unproven => Err(unless_plausible(plain, error)),
            taken => taken,
        }
    }
}

/// Where the security control byte stands.
fn control_offset(apdu: &[u8], sealed: &Sealed<'_>) -> u32 {
    // Behind it are the counter's four bytes and the body.
    let behind = sealed.body.len().saturating_add(5);
    u32::try_from(apdu.len().saturating_sub(behind)).unwrap_or(u32::MAX)
}
