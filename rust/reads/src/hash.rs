//! A keyed 32-bit hash of what a read says, so that a repeated read is known without its values.
//!
//! Multilinear: the values times secret odd keys, summed modulo 2^64, upper half. Two different
//! reads collide with a chance near 2^-32 whatever their values, and a whole frame is hashed column
//! by column without a branch. A channel that is absent holds 0 and adds nothing, so the hash does
//! not depend on which layout brought the read.

use cosem::layout::Channel;

/// The hash value that means "no read here"; [`HashKey::finish`] never returns it.
pub(crate) const NONE: u32 = 0;

/// One odd multiplier per channel, one for the presence bits, one for the status word.
#[derive(Debug, Clone)]
pub(crate) struct HashKey {
    start: u64,
    present: u64,
    status: u64,
    channels: [u64; Channel::COUNT],
}

impl HashKey {
    pub(crate) fn new(seed: u64) -> Self {
        let mut state = seed;
        let mut next = || splitmix(&mut state) | 1;
        Self {
            start: next(),
            present: next(),
            status: next(),
            channels: core::array::from_fn(|_| next()),
        }
    }

    /// Names the key without revealing it, so that a snapshot can say which one it was made under.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut state = self.start;
        splitmix(&mut state)
    }

    /// Starts the sums of a frame's reads from their presence bits and status words.
    pub(crate) fn start(&self, present: &[u16], status: &[u32], sums: &mut Vec<u64>) {
        sums.clear();
        sums.extend(present.iter().zip(status).map(|(present, status)| {
            self.start
                .wrapping_add(self.present.wrapping_mul(u64::from(*present)))
                .wrapping_add(self.status.wrapping_mul(u64::from(*status)))
        }));
    }

    /// Adds one channel's values.
    pub(crate) fn add(&self, channel: usize, values: impl Iterator<Item = u32>, sums: &mut [u64]) {
        let key = self.channels.get(channel).copied().unwrap_or_default();
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = sum.wrapping_add(key.wrapping_mul(u64::from(value)));
        }
    }

    /// The hash of a finished sum.
    pub(crate) const fn finish(sum: u64) -> u32 {
        let [.., b3, b2, b1, b0] = (sum >> 32).to_be_bytes();
        match u32::from_be_bytes([b3, b2, b1, b0]) {
            NONE => 1,
            hash => hash,
        }
    }
}

/// `SplitMix64` (Steele, Lea and Flood 2014): spreads a seed over independent keys.
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
