//! Conservation, counted where it happens: nothing comes in that is not accepted, quarantined or a
//! duplicate.
//!
//! A frame is counted whole: [`Tally`] of a frame is made from its outcome, so both sums hold by
//! construction, and `balances` says so in debug builds for every batch.

/// Counts of frames and reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames and refused runs of bytes received.
    pub frames: u64,
    /// Frames that were understood and brought something new.
    pub frames_accepted: u64,
    /// Frames refused as a whole.
    pub frames_quarantined: u64,
    /// Frames that brought nothing new.
    pub frames_duplicate: u64,
    /// Reads extracted from frames that were not refused as a whole.
    pub reads: u64,
    /// Reads on their way into the store.
    pub reads_stored: u64,
    /// Reads refused one by one.
    pub reads_quarantined: u64,
    /// Reads that repeat what was stored before.
    pub reads_duplicate: u64,
    /// Of those stored: reads with another value than before.
    pub reads_changed: u64,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    Quarantined,
    Duplicate,
    /// It waits for the rest of its message, whose fate it will share; it is counted then.
    Held,
}

/// What became of the reads of one frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ReadCounts {
    pub(crate) stored: u64,
    pub(crate) quarantined: u64,
    pub(crate) duplicate: u64,
    pub(crate) changed: u64,
}

impl ReadCounts {
    /// Of a frame that brought no read.
    pub(crate) const NONE: Self = Self {
        stored: 0,
        quarantined: 0,
        duplicate: 0,
        changed: 0,
    };

    /// Of one more part of the same frame.
    pub(crate) const fn add(&mut self, other: Self) {
        self.stored = self.stored.saturating_add(other.stored);
        self.quarantined = self.quarantined.saturating_add(other.quarantined);
        self.duplicate = self.duplicate.saturating_add(other.duplicate);
        self.changed = self.changed.saturating_add(other.changed);
    }
}

/// What one batch counted for one concentrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LedgerRow {
    pub(crate) at_ms: i64,
    pub(crate) dcu: u32,
    pub(crate) tally: Tally,
}

impl Tally {
    /// Counts one frame.
    pub(crate) const fn of(outcome: Outcome, reads: ReadCounts) -> Self {
        Self {
            frames: 1,
            frames_accepted: matches!(outcome, Outcome::Accepted) as u64,
            frames_quarantined: matches!(outcome, Outcome::Quarantined) as u64,
            frames_duplicate: matches!(outcome, Outcome::Duplicate) as u64,
            reads: reads
                .stored
                .saturating_add(reads.quarantined)
                .saturating_add(reads.duplicate),
            reads_stored: reads.stored,
            reads_quarantined: reads.quarantined,
            reads_duplicate: reads.duplicate,
            reads_changed: reads.changed,
        }
    }

    /// Adds another tally.
    pub(crate) fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.frames, other.frames),
            (&mut self.frames_accepted, other.frames_accepted),
            (&mut self.frames_quarantined, other.frames_quarantined),
            (&mut self.frames_duplicate, other.frames_duplicate),
            (&mut self.reads, other.reads),
            (&mut self.reads_stored, other.reads_stored),
            (&mut self.reads_quarantined, other.reads_quarantined),
            (&mut self.reads_duplicate, other.reads_duplicate),
            (&mut self.reads_changed, other.reads_changed),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
    }

    /// Whether everything that came in went somewhere.
    pub fn balances(&self) -> bool {
        let frames = [
            self.frames_accepted,
            self.frames_quarantined,
            self.frames_duplicate,
        ];
        let reads = [
            self.reads_stored,
            self.reads_quarantined,
            self.reads_duplicate,
        ];
        self.frames == frames.iter().sum::<u64>()
            && self.reads == reads.iter().sum::<u64>()
            && self.reads_changed <= self.reads_stored
    }

    /// The counts in the order of `m.intake_ledger`.
    pub(crate) const fn columns(&self) -> [u64; 9] {
        [
            self.frames,
            self.frames_accepted,
            self.frames_quarantined,
            self.frames_duplicate,
            self.reads,
            self.reads_stored,
            self.reads_quarantined,
            self.reads_duplicate,
            self.reads_changed,
        ]
    }
}
