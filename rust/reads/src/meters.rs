//! The registry: which meters may send, how each is recognised and what it owes.
//!
//! Rule 1: a frame belongs to the meter found here or to none.
//! Rule 2: keys go in and never out: no error, `Debug` or snapshot holds them.
//!
//! A meter keeps its index for the life of the process, even when it is taken out: its counters and
//! window stay, so that taking it out and in again opens no door to a replay.

mod meter;
mod spec;

use core::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

pub(crate) use meter::Meter;
use meter::trimmed;
pub use spec::{MeterError, MeterSpec, SERIAL_BYTES_MAX};

/// All meters, and the three ways to find one.
#[derive(Default)]
pub(crate) struct Meters {
    places: Vec<Meter>,
    by_number: HashTable<u32>,
    by_title: HashTable<u32>,
    by_serial: HashTable<u32>,
}

impl Meters {
    pub(crate) fn get(&self, index: usize) -> Option<&Meter> {
        self.places.get(index)
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Meter> {
        self.places.get_mut(index)
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The place of meter `number`, known or not.
    pub(crate) fn place(&mut self, number: u32) -> usize {
        if let Some(index) = self.by_number(number) {
            return index;
        }
        let index = self.places.len();
        self.places.push(Meter::absent(number));
        let places = &self.places;
        self.by_number
            .insert_unique(hash_of(&number.to_le_bytes()), narrow(index), |other| {
                places
                    .get(wide(*other))
                    .map_or(0, |m| hash_of(&m.number.to_le_bytes()))
            });
        index
    }

    /// The index of meter `number`.
    pub(crate) fn by_number(&self, number: u32) -> Option<usize> {
        self.by_number
            .find(hash_of(&number.to_le_bytes()), |index| {
                self.get(wide(*index)).is_some_and(|m| m.number == number)
            })
            .map(|index| wide(*index))
    }

    /// The index of the meter with this system title.
    pub(crate) fn by_title(&self, title: [u8; 8]) -> Option<usize> {
        self.by_title
            .find(hash_of(&title), |index| {
                self.get(wide(*index))
                    .is_some_and(|m| m.title() == Some(&title))
            })
            .map(|index| wide(*index))
    }

    /// The index of the meter with this serial number or device id; padding is ignored.
    pub(crate) fn by_serial(&self, serial: &[u8]) -> Option<usize> {
        let serial = trimmed(serial);
        if serial.is_empty() {
            return None;
        }
        self.by_serial
            .find(hash_of(serial), |index| {
                self.get(wide(*index)).is_some_and(|m| m.serial() == serial)
            })
            .map(|index| wide(*index))
    }

    /// The index of the meter a gateway calls by this address: its system title or serial.
    pub(crate) fn by_gateway_address(&self, address: &[u8]) -> Option<usize> {
        let title = <[u8; 8]>::try_from(address).ok();
        title
            .and_then(|title| self.by_title(title))
            .or_else(|| self.by_serial(address))
    }

    /// Adds or replaces a meter.
    pub(crate) fn upsert(&mut self, spec: &MeterSpec<'_>) -> Result<usize, MeterError> {
        let mut meter = Meter::new(spec)?;
        self.check_is_free(&meter)?;
        let index = self.place(spec.meter);
        self.unlink(index);
        if let Some(before) = self.places.get_mut(index) {
            meter.keep_open_key_of(before);
            *before = meter;
        }
        self.link(index);
        Ok(index)
    }

    /// Takes a meter out: its frames are from now on those of an unknown meter.
    pub(crate) fn remove(&mut self, number: u32) -> bool {
        let Some(index) = self.by_number(number) else {
            return false;
        };
        self.unlink(index);
        let Some(meter) = self.places.get_mut(index) else {
            return false;
        };
        let was_active = meter.active;
        *meter = Meter::absent(number);
        was_active
    }

    /// How many meters may send.
    pub(crate) fn active(&self) -> usize {
        self.places.iter().filter(|meter| meter.active).count()
    }

    /// Bytes held, without what is only reserved.
    pub(crate) fn bytes(&self) -> usize {
        [&self.by_number, &self.by_title, &self.by_serial]
            .iter()
            .map(|table| table.allocation_size())
            .fold(size_of_val(self.places.as_slice()), usize::saturating_add)
    }

    /// Refuses identities that another meter has.
    fn check_is_free(&self, meter: &Meter) -> Result<(), MeterError> {
        let other = |index: Option<usize>| {
            let number = index.and_then(|index| self.get(index)).map(|m| m.number);
            number.filter(|number| *number != meter.number)
        };
        let by_title = meter.title().and_then(|title| self.by_title(*title));
        if let Some(other) = other(by_title) {
            return Err(MeterError::TitleTaken(other));
        }
        match other(self.by_serial(meter.serial())) {
            Some(other) => Err(MeterError::SerialTaken(other)),
            None => Ok(()),
        }
    }

    fn link(&mut self, index: usize) {
        let places = &self.places;
        let Some(meter) = places.get(index) else {
            return;
        };
        if let Some(title) = meter.title() {
            let rehash = |other: &u32| {
                let title = places.get(wide(*other)).and_then(Meter::title);
                title.map_or(0, |title| hash_of(title))
            };
            self.by_title
                .insert_unique(hash_of(title), narrow(index), rehash);
        }
        let serial = meter.serial();
        if !serial.is_empty() {
            let rehash = |other: &u32| places.get(wide(*other)).map_or(0, |m| hash_of(m.serial()));
            self.by_serial
                .insert_unique(hash_of(serial), narrow(index), rehash);
        }
    }

    fn unlink(&mut self, index: usize) {
        let Some(meter) = self.places.get(index) else {
            return;
        };
        let place = narrow(index);
        if let Some(title) = meter.title()
            && let Ok(entry) = self.by_title.find_entry(hash_of(title), |at| *at == place)
        {
            entry.remove();
        }
        let serial = meter.serial();
        if let Ok(entry) = self
            .by_serial
            .find_entry(hash_of(serial), |at| *at == place)
        {
            entry.remove();
        }
    }
}

/// Only registry rows are ever inserted, so a fixed seed gives an attacker nothing to collide with.
fn hash_of(bytes: &[u8]) -> u64 {
    FixedState::with_seed(0).hash_one(bytes)
}

/// Indices are kept in 32 bits: there are no 4 G meters.
fn narrow(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn wide(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}
