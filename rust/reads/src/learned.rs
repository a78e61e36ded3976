//! What meters have told of their own profiles: attribute 3, the columns, and the scaler profiles.
//!
//! Rule 1: it is believed of the meter that told it, and of no other.
//! Rule 2: what a meter says of the order of its columns goes before any layout; what they mean stays
//! with the layout, and scaler and unit with whoever told them.

use std::collections::BTreeMap;

use cosem::layout::{Captured, Layout, Unit, scaler_profile};

use crate::layouts::Layouts;

/// Attributes that may be kept of one meter's profiles.
const PER_METER_MAX: usize = 16;
/// Bytes of one of them.
const BYTES_MAX: usize = 4_096;
/// The scaler profiles of IS 15959 meters: 1.0.94.91.3 to 7.255.
const SCALER_PROFILES: core::ops::RangeInclusive<u8> = 3..=7;

/// Meter index, profile, attribute.
pub(crate) type Key = (usize, [u8; 6], i8);

/// What was read, as it was read.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    told: BTreeMap<Key, Vec<u8>>,
    /// Layouts rearranged for a meter, made when they are first needed.
    variants: BTreeMap<usize, (u16, Vec<Layout>)>,
}

impl Learned {
    pub(crate) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Whether an attribute may be kept that is not known as it is.
    pub(crate) fn is_news(&self, key: Key, bytes: &[u8]) -> bool {
        let known = self.told.get(&key);
        let room = known.is_some() || self.of(key.0).count() < PER_METER_MAX;
        known.is_none_or(|known| known != bytes) && room && bytes.len() <= BYTES_MAX
    }

    pub(crate) fn keep(&mut self, key: Key, bytes: &[u8]) {
        self.told.insert(key, bytes.to_vec());
        self.variants.remove(&key.0);
    }

    /// Layouts were replaced: what was made of the old ones is void.
    pub(crate) fn forget_variants(&mut self) {
        self.variants.clear();
    }

    /// The columns of a meter's profile, when it told them.
    pub(crate) fn columns(&self, index: usize, profile: [u8; 6]) -> Option<Vec<Captured>> {
        Captured::list(self.told.get(&(index, profile, 3))?)
    }

    /// Scaler and unit by name, from the meter's own scaler profiles.
    pub(crate) fn units(&self, index: usize) -> BTreeMap<[u8; 6], Unit> {
        let mut units = BTreeMap::new();
        for ((_, profile, attribute), rows) in self.of(index) {
            if attribute == 2
                && is_scaler_profile(profile)
                && let Some(objects) = self.columns(index, profile)
            {
                units.extend(scaler_profile(&objects, rows));
            }
        }
        units
    }

    /// The layouts of a meter that stand otherwise than configured, taken out for use.
    pub(crate) fn take_variants(
        &mut self,
        index: usize,
        layouts: &Layouts,
        number: u16,
    ) -> Vec<Layout> {
        if self.of(index).next().is_none() {
            return Vec::new();
        }
        if let Some((of, made)) = self.variants.remove(&index)
            && of == number
        {
            return made;
        }
        let units = self.units(index);
        let own = layouts.all(number);
        let rearranged = own.iter().filter_map(|number| {
            let layout = layouts.one(*number)?;
            let mut names = layout.logical_names().iter();
            let objects = names.find_map(|name| self.columns(index, *name))?;
            layout.rearranged(&objects, |obis| units.get(&obis).copied())
        });
        rearranged.collect()
    }

    /// Keeps them for the next frame.
    pub(crate) fn put_variants(&mut self, index: usize, number: u16, made: Vec<Layout>) {
        if self.of(index).next().is_some() {
            self.variants.insert(index, (number, made));
        }
    }

    /// All that is known, for a snapshot.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (Key, &[u8])> {
        self.told
            .iter()
            .map(|(key, bytes)| (*key, bytes.as_slice()))
    }

    fn of(&self, index: usize) -> impl Iterator<Item = (Key, &[u8])> {
        let range = self
            .told
            .range((index, [0; 6], i8::MIN)..=(index, [u8::MAX; 6], i8::MAX));
        range.map(|(key, bytes)| (*key, bytes.as_slice()))
    }
}

/// Whether a profile's rows are scalers and units.
pub(crate) fn is_scaler_profile(profile: [u8; 6]) -> bool {
    matches!(profile, [1, 0, 94, 91, kind, 255] if SCALER_PROFILES.contains(&kind))
}
