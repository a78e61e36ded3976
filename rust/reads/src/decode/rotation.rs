//! A meter's key and its next one: a frame that verifies under the next turns the meter to it.
//!
//! Rule 1: only a verified tag turns a meter, or for a meter that has none by its policy, a frame
//! that makes sense under the next key and not under the old one. Rule 2: from then on the old key is taken for a while,
//! under its own counter, because a concentrator may still hold frames sealed with it; after that it
//! is no key of the meter. What the registry calls "next" may stay there: the state knows the rest.

use cosem::Kind;
use cosem::security::OpenKey;

use super::opening::{KeyStanding, Proof};
use super::sealed::Sealed;
use super::{Decoder, Frame, Known, services};
use crate::flags;
use crate::keys::check_of;
use crate::meters::MeterError;
use crate::other_keys::Line;
use crate::record::{CounterRow, TurnRow};
use crate::retired::Retired;
use crate::state::{KeyCheck, Order};

impl Proof {
    /// The flags of rows that it came with.
    pub(super) const fn flags(&self) -> u32 {
        match (self.verified, self.standing) {
            (None, KeyStanding::Retired) => flags::UNAUTHENTICATED | flags::RETIRED_KEY,
            (None, _) => flags::UNAUTHENTICATED,
            (Some(_), KeyStanding::Retired) => flags::RETIRED_KEY,
            (Some(_), KeyStanding::Other) => flags::OTHER_KEY,
            (Some(_), KeyStanding::InUse | KeyStanding::Turning) => 0,
        }
    }
}

impl Decoder {
    /// Names the keys that a meter is to turn to; empty ones end a rotation. Whether it is known.
    pub fn set_next_keys(
        &mut self,
        meter: u32,
        encryption_key: &[u8],
        authentication_key: &[u8],
    ) -> Result<bool, MeterError> {
        let index = self.meters.by_number(meter);
        let Some(meter) = index.and_then(|index| self.meters.get_mut(index)) else {
            return Ok(false);
        };
        meter.set_next(encryption_key, authentication_key)?;
        Ok(true)
    }

    /// Tries the other key of a rotation and, if it fits, turns the registry's row to it.
    #[cold]
    pub(super) fn open_with_other_key(
        &mut self,
        index: usize,
        sealed: &Sealed<'_>,
    ) -> Result<KeyCheck, Kind> {
        let meter = self.meters.get_mut(index).ok_or(Kind::UnknownMeter)?;
        let (encryption, authentication) = meter.other_keys().ok_or(Kind::BadAuthentication)?;
        let key = OpenKey::new(encryption, authentication).ok_or(Kind::NoKey)?;
        key.open_with_aad(
            sealed.control,
            &meter.title,
            sealed.counter,
            sealed.body,
            sealed.header,
            &mut self.scratch.plain,
        )?;
        meter.swap_keys();
        self.open_keys.of(meter).ok_or(Kind::NoKey)?;
        Ok(meter.key_check)
    }

    /// What came out under a key without a tag to prove it: where it makes no sense and makes sense
    /// under the other key of a rotation, the registry's row turns to that.
    #[cold]
    pub(super) fn open_with_likelier_key(
        &mut self,
        index: usize,
        sealed: &Sealed<'_>,
    ) -> Result<KeyCheck, Kind> {
        let meter = self.meters.get_mut(index).ok_or(Kind::UnknownMeter)?;
        let before = meter.key_check;
        if services::is_plausible(&self.scratch.plain) {
            return Ok(before);
        }
        let (encryption, authentication) = meter.other_keys().ok_or(Kind::NoKey)?;
        let key = OpenKey::new(encryption, authentication).ok_or(Kind::NoKey)?;
        let mut plain = Vec::with_capacity(sealed.body.len());
        key.open(
            sealed.control,
            &meter.title,
            sealed.counter,
            sealed.body,
            &mut plain,
        )?;
        if !services::is_plausible(&plain) {
            return Ok(before);
        }
        self.scratch.plain = plain;
        meter.swap_keys();
        self.open_keys.of(meter).ok_or(Kind::NoKey)?;
        Ok(meter.key_check)
    }

    /// How the key of a frame without a tag stands. Counters are advice there; which key is in use
    /// is not.
    #[inline]
    pub(super) fn stand_unproven(
        &self,
        index: usize,
        key_check: KeyCheck,
        now_s: i64,
    ) -> Result<KeyStanding, Kind> {
        let rotates = self
            .meters
            .get(index)
            .is_some_and(|meter| meter.other_keys().is_some());
        if !rotates && self.state.retired.is_empty() {
            return Ok(KeyStanding::InUse);
        }
        self.stand_in_rotation(index, key_check, now_s)
    }

    #[cold]
    fn stand_in_rotation(
        &self,
        index: usize,
        key_check: KeyCheck,
        now_s: i64,
    ) -> Result<KeyStanding, Kind> {
        let in_use = self.state.progress(index).key_check;
        if in_use == key_check {
            return Ok(KeyStanding::InUse);
        }
        let on_next = self.meters.get(index).is_some_and(|meter| meter.on_next);
        if in_use == 0 {
            let turning = on_next && !self.state.retired.contains_key(&index);
            return Ok(if turning {
                KeyStanding::Turning
            } else {
                KeyStanding::InUse
            });
        }
        let stands = self.stand(index, key_check, 0, now_s);
        let (standing, _) = stands.map_err(|_| Kind::BadDecryption)?;
        Ok(standing)
    }

    /// What moves with a frame under a key that is not the one in use.
    #[cold]
    pub(super) fn advance_rarely(
        &mut self,
        frame: &Frame<'_>,
        known: &Known,
        meter: usize,
        proof: Proof,
    ) {
        match (proof.standing, proof.verified) {
            (KeyStanding::Other, Some(key_check)) => {
                let title = self.meters.get(meter).map_or([0; 8], |meter| meter.title);
                let line = Line { title, key_check };
                self.advance_line(meter, known.meter, line, proof.counter);
            }
            (KeyStanding::Turning, verified) => {
                let turned = self.meters.get(meter).map(|meter| meter.key_check);
                let key = verified.or(turned).unwrap_or_default();
                self.turn(meter, known.meter, frame.now_s);
                // Without a tag nothing is known of the counter but that it begins anew.
                let counter = verified.map_or(0, |_| proof.counter);
                self.state.advance(meter, key, counter);
            }
            (KeyStanding::Retired, Some(key_check)) => {
                self.state.advance(meter, key_check, proof.counter);
                self.building.counter(CounterRow {
                    meter: known.meter,
                    counter: proof.counter,
                    key_check,
                });
            }
            (KeyStanding::InUse | KeyStanding::Other | KeyStanding::Retired, _) => {}
        }
    }

    /// How a key that is not the one in use stands, and how its counter does.
    #[cold]
    pub(super) fn stand(
        &self,
        index: usize,
        key_check: KeyCheck,
        counter: u32,
        now_s: i64,
    ) -> Result<(KeyStanding, Order), Kind> {
        let meter = self.meters.get(index).ok_or(Kind::UnknownMeter)?;
        let retired = self.state.retired.get(&index);
        if let Some(retired) = retired.filter(|retired| retired.key_check == key_check) {
            // Where no other key is named, the registry has gone back to this one on purpose.
            if meter.other_keys().is_some() && now_s > retired.until_s {
                return Err(Kind::BadAuthentication);
            }
            let order = match counter.cmp(&retired.counter) {
                core::cmp::Ordering::Greater => Order::Fresh,
                core::cmp::Ordering::Equal => Order::Repeated,
                core::cmp::Ordering::Less => Order::Replayed,
            };
            return Ok((KeyStanding::Retired, order));
        }
        if meter.on_next {
            return Ok((KeyStanding::Turning, Order::Fresh));
        }
        // The meter was on its next key from its first frame on: this one never was in use.
        let in_use = self.state.progress(index).key_check;
        if meter.other_keys().and_then(check_of) == Some(in_use) {
            return Err(Kind::BadAuthentication);
        }
        Ok((KeyStanding::InUse, Order::Fresh))
    }

    /// The meter turns to its next key: the one in use is taken for a while yet.
    pub(super) fn turn(&mut self, index: usize, meter: u32, now_s: i64) {
        let mut before = self.state.progress(index);
        // Without a tag the old key left nothing behind: it is the other one now.
        let other = self.meters.get(index).and_then(|meter| meter.other_keys());
        if before.key_check == 0 {
            before.key_check = other.and_then(check_of).unwrap_or_default();
        }
        let until_s = now_s.saturating_add(i64::from(self.settings.key_overlap_s));
        let retired = Retired {
            key_check: before.key_check,
            counter: before.counter,
            until_s,
        };
        self.state.retired.insert(index, retired);
        self.building.turn(TurnRow {
            meter,
            key_check: before.key_check,
            counter: before.counter,
            until_s,
        });
    }
}
