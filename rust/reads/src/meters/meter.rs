//! One meter as it is kept: small, because there may be ten million of them.

use cosem::clock::TimePolicy;

use super::spec::{MeterError, MeterSpec, SERIAL_BYTES_MAX};
use crate::policy::Protection;

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
    /// The other key of a rotation.
    other: Option<Box<Keys>>,
    /// Whether `keys` are the ones that the registry calls the next.
    pub(crate) on_next: bool,
}

impl Meter {
    /// A row that is sound by itself.
    pub(super) fn new(spec: &MeterSpec<'_>) -> Result<Self, MeterError> {
        if spec.meter == 0 {
            return Err(MeterError::NumberZero);
        }
        if spec.interval_s == 0 {
            return Err(MeterError::IntervalZero);
        }
        let needs = spec.protection;
        if (needs.is_any() && spec.encryption_key.is_empty())
            || (needs.authenticated() && spec.authentication_key.is_empty())
        {
            return Err(MeterError::KeyMissing);
        }
        Ok(Self {
            number: spec.meter,
            dcu: spec.dcu,
            open_key: u32::MAX,
            key_check: 0,
            layout: spec.layout,
            interval_s: spec.interval_s,
            time_policy: spec.time_policy,
            protection: needs,
            active: true,
            has_title: spec.title.is_some(),
            title: spec.title.unwrap_or_default(),
            serial: Serial::new(spec.serial).ok_or(MeterError::SerialTooLong)?,
            keys: Keys::new(spec.encryption_key, spec.authentication_key)?,
            other: None,
            on_next: false,
        })
    }

    /// Spares expanding the key anew when it is the same.
    pub(super) fn keep_open_key_of(&mut self, before: &Self) {
        if self.keys.halves() == before.keys.halves() {
            self.open_key = before.open_key;
            self.key_check = before.key_check;
        }
    }

    /// A place for a number that only snapshots and journals name.
    pub(super) fn absent(number: u32) -> Self {
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
            other: None,
            on_next: false,
        }
    }

    /// Names the keys that it is to move to; the same ones as now are none.
    pub(crate) fn set_next(
        &mut self,
        encryption: &[u8],
        authentication: &[u8],
    ) -> Result<(), MeterError> {
        let next = Keys::new(encryption, authentication)?;
        if self.on_next {
            self.swap_keys();
        }
        let is_other = !encryption.is_empty() && next.halves() != self.keys.halves();
        self.other = is_other.then(|| Box::new(next));
        Ok(())
    }

    /// The other keys of a rotation.
    pub(crate) fn other_keys(&self) -> Option<(&[u8], &[u8])> {
        self.other.as_ref().map(|keys| keys.halves())
    }

    /// Turns to the other keys, which are then to be expanded.
    pub(crate) fn swap_keys(&mut self) {
        if let Some(other) = &mut self.other {
            core::mem::swap(&mut self.keys, other);
            self.on_next = !self.on_next;
            self.open_key = u32::MAX;
            self.key_check = 0;
        }
    }

    /// Its encryption and authentication key; empty when it has none.
    pub(crate) fn keys(&self) -> (&[u8], &[u8]) {
        self.keys.halves()
    }

    pub(super) fn serial(&self) -> &[u8] {
        self.serial.bytes()
    }

    /// Whether `id` is this meter's own serial number.
    pub(crate) fn is_called(&self, id: &[u8]) -> bool {
        self.serial.bytes() == id
    }

    pub(super) fn title(&self) -> Option<&[u8; 8]> {
        self.has_title.then_some(&self.title)
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
pub(super) fn trimmed(mut serial: &[u8]) -> &[u8] {
    while let [rest @ .., 0 | b' '] = serial {
        serial = rest;
    }
    serial
}
