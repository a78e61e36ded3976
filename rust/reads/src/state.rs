//! What each meter has sent before: its invocation counter and the window of its latest reads.
//!
//! Rule 1: whether a frame is a replay and a read a duplicate is decided from this state alone.
//! Rule 2: the state holds nothing that the journal does not say: every change here goes with rows
//! of the same batch, so that snapshot plus replay rebuild it (see `snapshot.rs`, `replay.rs`).

mod ring;
mod window;

use std::collections::BTreeMap;

use crate::hash::HashKey;
use crate::other_keys::Lines;
use crate::retired::Retired;
use crate::uplinks::Uplinks;
use ring::{place_of, ring_of};
pub(crate) use window::Window;

/// Identifies a key without revealing it; 0 means no counter was accepted yet.
pub(crate) type KeyCheck = u32;

/// Counters and windows of every meter, at the indices that [`Meters`](crate::meters) gives out.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) hash: HashKey,
    pub(crate) uplinks: Uplinks,
    pub(crate) slots: u32,
    /// Of intervals that start before this, reads may be stored that the journal has lost.
    pub(crate) lost_until_s: u32,
    progress: Vec<Progress>,
    rings: Vec<u32>,
    /// The keys that meters have turned from.
    pub(crate) retired: BTreeMap<usize, Retired>,
    /// What was accepted under other keys than the global unicast ones.
    pub(crate) lines: Lines,
}

/// One meter's counter and the frame of its window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The last accepted invocation counter under `key_check`.
    pub(crate) counter: u32,
    /// The key `counter` belongs to.
    pub(crate) key_check: KeyCheck,
    /// The meter's ring, counted from 1; 0 while it has none.
    pub(crate) ring: u32,
    /// The newest interval number in the ring.
    pub(crate) head: u32,
    /// Below this interval number nothing is known of what was stored before.
    pub(crate) floor: u32,
    /// The interval length the numbers were made with.
    pub(crate) interval_s: u16,
}

/// How a frame's invocation counter stands to the last one accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Higher, or the first under this key.
    Fresh,
    /// The last one once more.
    Repeated,
    /// Lower.
    Replayed,
}

/// How a read stands to what was stored before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// The first of its interval.
    New,
    /// The same values once more.
    Same,
    /// Other values for an interval already stored.
    Changed,
    /// Outside the window: not known.
    Unchecked,
}

impl Progress {
    /// How `counter` under `key` stands to what was accepted.
    pub(crate) const fn order(&self, key: KeyCheck, counter: u32) -> Order {
        if self.key_check != key || counter > self.counter {
            Order::Fresh
        } else if counter == self.counter {
            Order::Repeated
        } else {
            Order::Replayed
        }
    }

    /// Moves the counter forward, or to a new key's first one.
    pub(crate) const fn advance(&mut self, key: KeyCheck, counter: u32) {
        if self.key_check != key || counter > self.counter {
            self.key_check = key;
            self.counter = counter;
        }
    }

    /// The floor once intervals are `interval_s` long: numbers of another length mean nothing, so
    /// all that lay before the head is unknown.
    fn floor_at(&self, interval_s: u16) -> u32 {
        if self.interval_s == interval_s || self.ring == 0 {
            return self.floor;
        }
        let known_until = u64::from(self.head)
            .saturating_add(1)
            .saturating_mul(u64::from(self.interval_s));
        let floor = known_until.div_ceil(u64::from(interval_s.max(1)));
        u32::try_from(floor).unwrap_or(u32::MAX)
    }
}

impl State {
    pub(crate) fn new(slots: u16, seed: u64) -> Self {
        Self {
            hash: HashKey::new(seed),
            uplinks: Uplinks::default(),
            slots: u32::from(slots.max(1)),
            lost_until_s: 0,
            progress: Vec::new(),
            rings: Vec::new(),
            retired: BTreeMap::new(),
            lines: Lines::default(),
        }
    }

    /// Makes room for a meter index just given out.
    pub(crate) fn cover(&mut self, index: usize) {
        if self.progress.len() <= index {
            self.progress
                .resize(index.saturating_add(1), Progress::default());
        }
    }

    pub(crate) fn progress(&self, index: usize) -> Progress {
        self.progress.get(index).copied().unwrap_or_default()
    }

    pub(crate) fn advance(&mut self, index: usize, key: KeyCheck, counter: u32) {
        if !self.retired.is_empty()
            && let Some(retired) = self.retired.get_mut(&index)
            && retired.key_check == key
        {
            retired.counter = retired.counter.max(counter);
            return;
        }
        if let Some(progress) = self.progress.get_mut(index) {
            progress.advance(key, counter);
        }
    }

    /// The window of one meter for intervals of one length, borrowed for a frame's reads.
    pub(crate) fn window(&mut self, index: usize, interval_s: u16) -> Option<Window<'_>> {
        let progress = self.progress.get_mut(index)?;
        Some(Window {
            progress,
            rings: &mut self.rings,
            slots: self.slots,
            lost_until_s: self.lost_until_s,
            interval_s,
        })
    }

    /// Puts back what a snapshot held of one meter; `ring` holds the newest reads up to the head,
    /// oldest first.
    pub(crate) fn put_back(&mut self, index: usize, progress: Progress, ring: &[u32]) {
        self.cover(index);
        if let Some(place) = self.progress.get_mut(index) {
            let ring_before = place.ring;
            *place = progress;
            place.ring = ring_before;
        }
        let Some(mut window) = self.window(index, progress.interval_s) else {
            return;
        };
        window.put_back(ring);
    }

    /// The reads in one meter's ring, oldest first; empty when it has none.
    pub(crate) fn ring(&self, index: usize) -> impl Iterator<Item = u32> + '_ {
        let progress = self.progress(index);
        let ring = ring_of(&self.rings, progress.ring, self.slots).unwrap_or_default();
        let place = place_of(progress.head, self.slots);
        let (newer, older) = ring
            .split_at_checked(place.saturating_add(1))
            .unwrap_or_default();
        older.iter().chain(newer).copied()
    }

    /// Bytes held, without what is only reserved.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.progress.as_slice()).saturating_add(size_of_val(self.rings.as_slice()))
    }
}
