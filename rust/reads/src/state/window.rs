//! One meter's window: which of its reads were seen, as a ring of value hashes.
//!
//! Intervals are numbered from 1970 (`start / interval_s`); the ring holds the newest `slots` numbers
//! up to `head`, number `n` at place `n % slots`.

use super::ring::{place_of, ring_of, ring_of_mut};
use super::{Judged, Progress};
use crate::hash;

/// One meter's window while a frame is judged.
pub(crate) struct Window<'s> {
    pub(super) progress: &'s mut Progress,
    pub(super) rings: &'s mut Vec<u32>,
    pub(super) slots: u32,
    pub(super) lost_until_s: u32,
    pub(super) interval_s: u16,
}

impl Window<'_> {
    /// How a read of interval `number` stands to what was stored; changes nothing.
    pub(crate) fn judge(&self, number: u32, hash: u32) -> Judged {
        let below = number < self.progress.floor_at(self.interval_s);
        let unknown = if below || self.may_be_lost(number) {
            Judged::Unchecked
        } else {
            Judged::New
        };
        let seen = self.progress.ring != 0 && self.progress.interval_s == self.interval_s;
        if !seen || number > self.progress.head {
            return unknown;
        }
        if self.progress.head.wrapping_sub(number) >= self.slots {
            return Judged::Unchecked;
        }
        match self.place(number) {
            None | Some(hash::NONE) => unknown,
            Some(before) if before == hash => Judged::Same,
            Some(_) => Judged::Changed,
        }
    }

    /// Remembers an accepted read.
    pub(crate) fn note(&mut self, number: u32, hash: u32) {
        if self.progress.ring == 0 || self.progress.interval_s != self.interval_s {
            self.begin(number);
        }
        if number > self.progress.head {
            self.move_head(number);
        }
        if self.progress.head.wrapping_sub(number) < self.slots {
            self.set(number, hash);
        }
    }

    /// Forgets a read that was withdrawn: the next of its interval is the first.
    #[cold]
    pub(crate) fn forget(&mut self, number: u32) {
        let seen = self.progress.ring != 0 && self.progress.interval_s == self.interval_s;
        let known =
            number <= self.progress.head && self.progress.head.wrapping_sub(number) < self.slots;
        if seen && known {
            self.set(number, hash::NONE);
        }
    }

    /// Whether intervals from `number` on are all newer than any that was stored.
    pub(crate) fn is_new(&self, number: u32) -> bool {
        let progress = &self.progress;
        progress.ring != 0
            && progress.interval_s == self.interval_s
            && number > progress.head
            && number >= progress.floor
            && !self.may_be_lost(number)
    }

    fn may_be_lost(&self, number: u32) -> bool {
        let start_s = u64::from(number).saturating_mul(u64::from(self.interval_s));
        start_s < u64::from(self.lost_until_s)
    }

    /// Remembers accepted reads of consecutive intervals that [`Window::is_new`] let through.
    pub(crate) fn note_run(&mut self, number: u32, hashes: impl ExactSizeIterator<Item = u32>) {
        let count = u32::try_from(hashes.len()).unwrap_or(u32::MAX);
        let Some(last) = number.checked_add(count.wrapping_sub(1)) else {
            return;
        };
        self.move_head(number);
        self.progress.head = last;
        let ring = ring_of_mut(self.rings, self.progress.ring, self.slots).unwrap_or_default();
        let mut place = place_of(number, self.slots);
        for hash in hashes {
            if let Some(held) = ring.get_mut(place) {
                *held = hash;
            }
            place = place.wrapping_add(1);
            if place >= ring.len() {
                place = 0;
            }
        }
    }

    /// Starts the ring anew with `number` as its newest.
    fn begin(&mut self, number: u32) {
        self.progress.floor = self.progress.floor_at(self.interval_s);
        self.progress.interval_s = self.interval_s;
        self.progress.head = number;
        if self.progress.ring == 0 {
            let slots = usize::try_from(self.slots).unwrap_or_default();
            let end = self.rings.len().saturating_add(slots);
            self.rings.resize(end, hash::NONE);
            self.progress.ring =
                u32::try_from(end.checked_div(slots).unwrap_or_default()).unwrap_or_default();
        } else if let Some(ring) = ring_of_mut(self.rings, self.progress.ring, self.slots) {
            ring.fill(hash::NONE);
        }
    }

    /// Makes `number` the newest; what was skipped holds no read.
    fn move_head(&mut self, number: u32) {
        let skipped = number.wrapping_sub(self.progress.head).wrapping_sub(1);
        if skipped >= self.slots {
            if let Some(ring) = ring_of_mut(self.rings, self.progress.ring, self.slots) {
                ring.fill(hash::NONE);
            }
        } else {
            for between in self.progress.head.wrapping_add(1)..number {
                self.set(between, hash::NONE);
            }
        }
        self.progress.head = number;
    }

    pub(super) fn put_back(&mut self, ring: &[u32]) {
        if ring.is_empty() {
            return;
        }
        let head = self.progress.head;
        self.begin(head);
        let mut number = head;
        for hash in ring
            .iter()
            .rev()
            .take(usize::try_from(self.slots).unwrap_or_default())
        {
            self.set(number, *hash);
            number = number.wrapping_sub(1);
        }
        // A snapshot with a shorter window leaves older numbers unknown.
        if u32::try_from(ring.len()).unwrap_or(u32::MAX) < self.slots {
            self.progress.floor = self.progress.floor.max(number.wrapping_add(1));
        }
    }

    fn place(&self, number: u32) -> Option<u32> {
        let ring = ring_of(self.rings, self.progress.ring, self.slots)?;
        ring.get(place_of(number, self.slots)).copied()
    }

    fn set(&mut self, number: u32, hash: u32) {
        let place = place_of(number, self.slots);
        let ring = ring_of_mut(self.rings, self.progress.ring, self.slots);
        if let Some(held) = ring.and_then(|ring| ring.get_mut(place)) {
            *held = hash;
        }
    }
}
