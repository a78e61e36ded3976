//! The registry: which meters may send, how each is recognised and what it owes.
//!
//! Rule 1: a frame belongs to the meter found here or to none.
//! Rule 2: keys go in and never out: no error, `Debug` or snapshot holds them.
//!
//! A meter keeps its index for the life of the process, even when it is taken out: its counters and
//! window stay, so that taking it out and in again opens no door to a replay.

use core::fmt;
use core::hash::BuildHasher;

use cosem::clock::TimePolicy;
use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::policy::Protection;

/// The longest serial number, in bytes.
pub const SERIAL_BYTES_MAX: usize = 23;

/// A row of the registry, as it comes in.
#[derive(Clone, Copy)]
pub struct MeterSpec<'a> {
    /// The meter's number; 0 is not a meter.
    pub meter: u32,
    /// Serial number or device id as the body carries it; empty when unknown.
    pub serial: &'a [u8],
    /// The system title of its ciphered frames, if it has one.
    pub title: Option<[u8; 8]>,
    /// The concentrator it is expected behind; 0 when unknown.
    pub dcu: u32,
    /// 16 or 32 bytes, or none when it never ciphers.
    pub encryption_key: &'a [u8],
    /// 16 or 32 bytes, or none when it never authenticates.
    pub authentication_key: &'a [u8],
    /// The least protection its frames must have.
    pub protection: Protection,
    /// Number of its layout, see [`Layouts`](crate::Layouts).
    pub layout: u16,
    /// Length of its intervals.
    pub interval_s: u16,
    /// How its clock becomes UTC.
    pub time_policy: TimePolicy,
}

/// Why a row cannot be taken. The registry is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MeterError {
    /// 0 means "unknown" everywhere.
    NumberZero,
    /// The serial number is longer than [`SERIAL_BYTES_MAX`].
    SerialTooLong,
    /// The system title belongs to this other meter.
    TitleTaken(u32),
    /// The serial number belongs to this other meter.
    SerialTaken(u32),
    /// A key has neither 16 nor 32 bytes.
    KeyLength,
    /// The protection asked for needs a key that is missing.
    KeyMissing,
    /// An interval must be 1 s at least.
    IntervalZero,
}

impl fmt::Display for MeterError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NumberZero => write!(out, "meter number 0 is reserved for unknown meters"),
            Self::SerialTooLong => write!(out, "the serial has more than {SERIAL_BYTES_MAX} bytes"),
            Self::TitleTaken(other) => write!(out, "the system title is that of meter {other}"),
            Self::SerialTaken(other) => write!(out, "the serial is that of meter {other}"),
            Self::KeyLength => write!(out, "a key must have 16 or 32 bytes"),
            Self::KeyMissing => write!(out, "the security policy needs a key that is missing"),
            Self::IntervalZero => write!(out, "the interval must be at least 1 s"),
        }
    }
}

/// A known meter.
#[derive(Clone)]
pub(crate) struct Meter {
    pub(crate) number: u32,
    pub(crate) dcu: u32,
    /// Where its expanded key was last seen in the cache.
    pub(crate) open_key: u32,
    /// Tells its key from an earlier one; 0 until its key was first expanded.
    pub(crate) key_check: u32,
    pub(crate) layout: u16,
    pub(crate) interval_s: u16,
    pub(crate) time_policy: TimePolicy,
    pub(crate) protection: Protection,
    /// Whether it may send; a meter taken out keeps its place.
    pub(crate) active: bool,
    has_title: bool,
    pub(crate) title: [u8; 8],
    serial: Serial,
    keys: Keys,
}

impl Meter {
    /// A place for a number that only snapshots and journals name.
    fn absent(number: u32) -> Self {
        Self {
            number,
            dcu: 0,
            open_key: 0,
            key_check: 0,
            layout: 0,
            interval_s: 0,
            time_policy: TimePolicy::Ist,
            protection: Protection::default(),
            active: false,
            has_title: false,
            title: [0; 8],
            serial: Serial::default(),
            keys: Keys::None,
        }
    }

    /// Its encryption and authentication key; empty when it has none.
    pub(crate) fn keys(&self) -> (&[u8], &[u8]) {
        self.keys.halves()
    }

    /// Whether `id` is this meter's own serial number.
    pub(crate) fn is_called(&self, id: &[u8]) -> bool {
        self.serial.bytes() == id
    }

    fn title(&self) -> Option<&[u8; 8]> {
        self.has_title.then_some(&self.title)
    }
}

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
                self.get(wide(*index))
                    .is_some_and(|m| m.serial.bytes() == serial)
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
        let (serial, keys) = self.check(spec)?;
        let index = self.place(spec.meter);
        self.unlink(index);
        let Some(meter) = self.places.get_mut(index) else {
            return Ok(index);
        };
        if meter.keys.halves() != keys.halves() {
            meter.key_check = 0;
            meter.open_key = u32::MAX;
        }
        meter.dcu = spec.dcu;
        meter.layout = spec.layout;
        meter.interval_s = spec.interval_s;
        meter.time_policy = spec.time_policy;
        meter.protection = spec.protection;
        meter.active = true;
        meter.has_title = spec.title.is_some();
        meter.title = spec.title.unwrap_or_default();
        meter.serial = serial;
        meter.keys = keys;
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

    fn check(&self, spec: &MeterSpec<'_>) -> Result<(Serial, Keys), MeterError> {
        if spec.meter == 0 {
            return Err(MeterError::NumberZero);
        }
        if spec.interval_s == 0 {
            return Err(MeterError::IntervalZero);
        }
        let serial = Serial::new(spec.serial).ok_or(MeterError::SerialTooLong)?;
        let keys = Keys::new(spec.encryption_key, spec.authentication_key)?;
        let needs = spec.protection;
        if (needs.is_any() && spec.encryption_key.is_empty())
            || (needs.authenticated() && spec.authentication_key.is_empty())
        {
            return Err(MeterError::KeyMissing);
        }
        let holder = |index: usize| self.get(index).map(|m| m.number);
        let title = spec
            .title
            .and_then(|title| self.by_title(title))
            .and_then(holder);
        if let Some(other) = title.filter(|other| *other != spec.meter) {
            return Err(MeterError::TitleTaken(other));
        }
        let same_serial = self.by_serial(serial.bytes()).and_then(holder);
        if let Some(other) = same_serial.filter(|other| *other != spec.meter) {
            return Err(MeterError::SerialTaken(other));
        }
        Ok((serial, keys))
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
        let serial = meter.serial.bytes();
        if !serial.is_empty() {
            let rehash = |other: &u32| {
                places
                    .get(wide(*other))
                    .map_or(0, |m| hash_of(m.serial.bytes()))
            };
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
        let serial = meter.serial.bytes();
        if let Ok(entry) = self
            .by_serial
            .find_entry(hash_of(serial), |at| *at == place)
        {
            entry.remove();
        }
    }
}

/// A serial number kept in place.
#[derive(Clone, Copy, Default)]
struct Serial {
    length: u8,
    bytes: [u8; SERIAL_BYTES_MAX],
}

impl Serial {
    fn new(serial: &[u8]) -> Option<Self> {
        let serial = trimmed(serial);
        let mut kept = Self {
            length: u8::try_from(serial.len()).ok()?,
            bytes: [0; SERIAL_BYTES_MAX],
        };
        kept.bytes.get_mut(..serial.len())?.copy_from_slice(serial);
        Some(kept)
    }

    fn bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }
}

/// A meter's keys. There is no `Debug` on purpose.
#[derive(Clone)]
enum Keys {
    None,
    /// Two keys of 16 bytes, as suites 0 and 1 have them.
    Short([[u8; 16]; 2]),
    /// Any other pair that is allowed.
    Other(Box<(Vec<u8>, Vec<u8>)>),
}

impl Keys {
    fn new(encryption: &[u8], authentication: &[u8]) -> Result<Self, MeterError> {
        let short = (
            <[u8; 16]>::try_from(encryption),
            <[u8; 16]>::try_from(authentication),
        );
        match (encryption.len(), authentication.len(), short) {
            (0, 0, _) => Ok(Self::None),
            (_, _, (Ok(encryption), Ok(authentication))) => {
                Ok(Self::Short([encryption, authentication]))
            }
            (16 | 32, 0 | 16 | 32, _) => Ok(Self::Other(Box::new((
                encryption.to_vec(),
                authentication.to_vec(),
            )))),
            (0, _, _) => Err(MeterError::KeyMissing),
            _ => Err(MeterError::KeyLength),
        }
    }

    fn halves(&self) -> (&[u8], &[u8]) {
        match self {
            Self::None => (&[], &[]),
            Self::Short([encryption, authentication]) => (encryption, authentication),
            Self::Other(pair) => (&pair.0, &pair.1),
        }
    }
}

/// Without the zeros and blanks that some meters pad their numbers with.
fn trimmed(mut serial: &[u8]) -> &[u8] {
    while let [rest @ .., 0 | b' '] = serial {
        serial = rest;
    }
    serial
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
