//! How far each concentrator's envelopes have been taken (see `docs/uplink.md`, section 4).

use std::collections::BTreeMap;

/// The highest sequence taken, by concentrator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Uplinks(BTreeMap<u32, u64>);

impl Uplinks {
    /// The highest sequence taken from `dcu`; 0 before its first envelope.
    pub(crate) fn taken(&self, dcu: u32) -> u64 {
        self.0.get(&dcu).copied().unwrap_or_default()
    }

    /// Moves the mark of `dcu` forward.
    pub(crate) fn take(&mut self, dcu: u32, sequence: u64) {
        let taken = self.0.entry(dcu).or_default();
        *taken = sequence.max(*taken);
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (u32, u64)> + '_ {
        self.0.iter().map(|(dcu, sequence)| (*dcu, *sequence))
    }
}
