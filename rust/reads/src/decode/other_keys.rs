//! Opening under a key that is not the meter's global unicast one: broadcast, dedicated, wrapped.

use cosem::Kind;
use cosem::general::KeyInfo;

use super::opening::{KeyStanding, Proof};
use super::sealed::Sealed;
use super::{Decoder, Frame};
use crate::meters::MeterError;
use crate::other_keys::{Line, Named, OtherKeys};
use crate::record::OtherCounterRow;
use crate::state::Order;

impl Decoder {
    /// Names a meter's broadcast and dedicated key and the one that wraps others; empty ones are
    /// none. Whether the meter is known.
    pub fn set_other_keys(
        &mut self,
        meter: u32,
        broadcast: &[u8],
        dedicated: &[u8],
        kek: &[u8],
    ) -> Result<bool, MeterError> {
        let keys = OtherKeys::new(broadcast, dedicated, kek)?;
        let index = self.meters.by_number(meter);
        let Some(index) = index.filter(|index| self.meters.get(*index).is_some_and(|m| m.active))
        else {
            return Ok(false);
        };
        if keys.is_empty() {
            self.other_keys.remove(&index);
        } else {
            self.other_keys.insert(index, keys);
        }
        Ok(true)
    }

    /// Opens a frame of a meter that owes no more protection than it has into the scratch memory.
    #[cold]
    pub(super) fn open_with_named_key(
        &mut self,
        frame: &Frame<'_>,
        index: usize,
        sealed: &Sealed<'_>,
    ) -> Result<Proof, Kind> {
        let title = self.meters.get(index).map(|meter| meter.title);
        let title = title.ok_or(Kind::UnknownMeter)?;
        let mut refused = Kind::NoKey;
        for key in self.named_keys(frame, index, sealed) {
            self.scratch.plain.clear();
            let opened = key.key.open_with_aad(
                sealed.control,
                &title,
                sealed.counter,
                sealed.body,
                sealed.header,
                &mut self.scratch.plain,
            );
            let Err(kind) = opened else {
                let key_check = key.key_check;
                return self.prove_line(frame, index, Line { title, key_check }, sealed);
            };
            refused = kind;
        }
        Err(refused)
    }

    /// The keys that a frame may mean.
    fn named_keys(&mut self, frame: &Frame<'_>, index: usize, sealed: &Sealed<'_>) -> Vec<Named> {
        let held = self.other_keys.get(&index);
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let broadcast = sealed.control.broadcast();
        match sealed.key {
            KeyInfo::Foreign => {}
            KeyInfo::Dedicated if broadcast => {}
            KeyInfo::Dedicated => {
                keys.extend(self.associations.dedicated_key(frame, index).map(Vec::from));
                keys.extend(held.and_then(OtherKeys::dedicated).map(Vec::from));
            }
            KeyInfo::Wrapped(wrapped) => {
                keys.extend(held.and_then(|held| held.unwrapped(wrapped)));
            }
            KeyInfo::GlobalUnicast | KeyInfo::GlobalBroadcast => {
                keys.extend(held.and_then(OtherKeys::broadcast).map(Vec::from));
            }
        }
        let authentication = self
            .meters
            .get(index)
            .map_or(&[][..], |meter| meter.keys().1);
        let named = keys
            .iter()
            .filter_map(|key| Named::new(key, authentication));
        named.collect()
    }

    fn prove_line(
        &self,
        frame: &Frame<'_>,
        index: usize,
        line: Line,
        sealed: &Sealed<'_>,
    ) -> Result<Proof, Kind> {
        let verified = sealed.control.authenticated();
        let order = if verified {
            self.state.lines.order(index, line, sealed.counter)
        } else {
            Order::Fresh
        };
        // What the store holds of counters does not say under which key: only the line is believed.
        let refused = match order {
            Order::Fresh => false,
            Order::Repeated => frame.again.is_some(),
            Order::Replayed => !frame.resent(),
        };
        if refused {
            return Err(Kind::ReplayedCounter);
        }
        Ok(Proof {
            verified: verified.then_some(line.key_check),
            order,
            unproven: !verified,
            counter: sealed.counter,
            standing: KeyStanding::Other,
        })
    }

    /// The same as a snapshot or the journal says.
    pub(crate) fn put_back_line(&mut self, index: usize, line: Line, counter: u32) {
        let lines_max = self.settings.other_counters_per_meter_max;
        self.state.lines.advance(index, line, counter, lines_max);
    }

    /// A counter that was accepted under another key.
    pub(super) fn advance_line(&mut self, index: usize, meter: u32, line: Line, counter: u32) {
        self.put_back_line(index, line, counter);
        self.building.other_counter(&OtherCounterRow {
            meter,
            line,
            counter,
        });
    }
}
