//! The journal as its users see it: append, sync, read, release.
//!
//! Rule 1: nothing counts as durable before a sync that began after its write has succeeded.
//! Rule 2: appending never waits for the disk; one sync runs at a time beside it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::checkpoint;
use crate::error::JournalError;
use crate::files::Files;
use crate::frame::FRAME_BYTES;
use crate::group::{Group, Tail};
use crate::reader::{Limit, Records, Span, read_span};
use crate::recovery::{Recovery, STORED, recover};
use crate::released::ReleasedList;
use crate::segment::{Segment, name};
use crate::settings::Settings;
use crate::shelf::Shelf;
use crate::verify::{Verified, verify};
use crate::writer::{Failure, Writer, reserve};

/// An open journal; shared freely between threads.
pub struct Journal {
    files: Arc<dyn Files>,
    settings: Settings,
    seed: u32,
    tail: Mutex<Tail>,
    writer: Mutex<Writer>,
    shelf: Mutex<Shelf>,
    stored: Mutex<u64>,
    released: Mutex<ReleasedList>,
    free_bytes: AtomicU64,
    poison: OnceLock<(String, String)>,
}

impl Journal {
    /// Opens the journal in `files`, repairing what a crash left, or begins one.
    pub fn open(
        files: Arc<dyn Files>,
        settings: Settings,
    ) -> Result<(Self, Recovery), JournalError> {
        let locked = files.lock().map_err(failed(&files, "", "locking"))?;
        if let Err(holder) = locked {
            let path = files.path("");
            return Err(JournalError::Locked { path, holder });
        }
        let recovered = recover(&files, &settings)?;
        let (seed, recovery) = (recovered.seed, recovered.recovery);
        reserve(recovered.active.file.as_ref(), settings.segment_bytes).map_err(failed(
            &files,
            "",
            "reserving room",
        ))?;
        let mut writer = Writer::new(recovered.active, seed);
        if !recovered.marked {
            writer.mark(recovery.appended);
        }
        let journal = Self {
            tail: Mutex::new(Tail::new(recovery.appended, seed)),
            writer: Mutex::new(writer),
            shelf: Mutex::new(Shelf::new(recovered.segments, recovery.appended)),
            stored: Mutex::new(recovery.stored),
            released: Mutex::new(recovered.released),
            free_bytes: AtomicU64::new(0),
            poison: OnceLock::new(),
            seed,
            files,
            settings,
        };
        journal.free_bytes()?;
        Ok((journal, recovery))
    }

    /// Takes a record into memory and returns the position after its last row.
    pub fn append(&self, rows: u32, received_at_ms: i64, body: &[u8]) -> Result<u64, JournalError> {
        self.check_sound()?;
        if rows == 0 || u32::try_from(body.len()).is_err() {
            let bytes = body.len();
            return self.refuse(format!("a record of {rows} rows in {bytes} bytes"));
        }
        let mut tail = lock(&self.tail);
        self.check_room(tail.pending_bytes, body.len().saturating_add(FRAME_BYTES))?;
        Ok(tail.append(rows, received_at_ms, body))
    }

    /// Makes everything appended before the call durable; returns the durable position.
    pub fn sync(&self) -> Result<u64, JournalError> {
        let goal = self.appended();
        let mut writer = lock(&self.writer);
        while self.durable() < goal {
            self.check_sound()?;
            let taken = writer.owed.take();
            let Some(group) = taken.or_else(|| lock(&self.tail).take()) else {
                break;
            };
            match writer.write(&group) {
                Ok(start) => self.publish(start, &writer, group),
                Err(failure) => return Err(self.fail(&mut writer, group, failure)),
            }
            self.free_bytes().map_err(|error| self.give_up(error))?;
            self.rotate(&mut writer)?;
        }
        Ok(self.durable())
    }

    /// The oldest position that is kept.
    pub fn first(&self) -> u64 {
        lock(&self.shelf).first()
    }

    /// The position after the last appended row.
    pub fn appended(&self) -> u64 {
        lock(&self.tail).appended()
    }

    /// The position after the last durable row.
    pub fn durable(&self) -> u64 {
        lock(&self.shelf).durable
    }

    /// Every row before this position is in the store.
    pub fn stored(&self) -> u64 {
        *lock(&self.stored)
    }

    /// Whole durable records from position `from` on.
    pub fn read(&self, from: u64, limit: Limit) -> Result<Records, JournalError> {
        let first = self.first();
        if from < first {
            return self.refuse(format!(
                "row {from} was released, the oldest kept is {first}"
            ));
        }
        let mut records = Records::default();
        let mut before = None;
        while let Some(span) = self.span(from, before) {
            before = Some(span.segment);
            if !read_span(&self.files, self.seed, &span, (from, limit), &mut records)? {
                break;
            }
        }
        Ok(records)
    }

    /// Exactly the records of `from` to `next`, as an earlier read found them; of those only that a
    /// salvage has left.
    pub fn read_exact(&self, from: u64, next: u64) -> Result<Records, JournalError> {
        let (until, bytes) = (next, usize::MAX);
        let mut records = self.read(from, Limit { until, bytes })?;
        // The first comes whatever its size: behind a lost stretch it may lie past the end.
        if records.iter().any(|record| record.first >= next) {
            records = Records::default();
        }
        if records.next() != Some(next) && !lock(&self.shelf).lost_between(from, next) {
            let found = records.next();
            return self.refuse(format!(
                "no record ends at row {next}: those from {from} on end at {found:?}"
            ));
        }
        Ok(records)
    }

    /// Notes that all before `stored` is in the store, and removes the segments that hold nothing
    /// from `keep_from` on. Returns the bytes that were given back.
    pub fn release(&self, stored: u64, keep_from: u64) -> Result<u64, JournalError> {
        let durable = self.durable();
        let mut mark = lock(&self.stored);
        if stored < *mark || stored > durable {
            let was = *mark;
            return self.refuse(format!(
                "stored cannot move from {was} to {stored} while {durable} is durable"
            ));
        }
        if stored > *mark {
            checkpoint::write(&self.files, STORED, &stored.to_le_bytes())?;
            *mark = stored;
        }
        self.remove_before(stored.min(keep_from))
    }

    /// Writes a small named byte string, wholly or not at all.
    pub fn write_checkpoint(&self, name: &str, bytes: &[u8]) -> Result<(), JournalError> {
        let _one_at_a_time = lock(&self.stored);
        checkpoint::write(&self.files, name, bytes)
    }

    /// What was last written under `name`.
    pub fn read_checkpoint(&self, name: &str) -> Result<Option<Vec<u8>>, JournalError> {
        checkpoint::read(&self.files, name)
    }

    /// Reads everything that is durable again and says which file is not what was written.
    pub fn verify(&self) -> Result<Verified, JournalError> {
        let segments = lock(&self.shelf).all();
        verify(&self.files, self.settings.node, &segments)
    }

    /// How much the segments hold.
    pub fn bytes_on_disk(&self) -> u64 {
        lock(&self.shelf).bytes()
    }

    /// What may still be written before the disk is full.
    pub fn free_bytes(&self) -> Result<u64, JournalError> {
        let looking = failed(&self.files, "", "asking for free space");
        let free = self.files.free_bytes().map_err(looking)?;
        self.free_bytes.store(free, Ordering::Relaxed);
        Ok(free)
    }

    fn publish(&self, start: u64, writer: &Writer, group: Group) {
        lock(&self.shelf).publish(&group, start, writer.active.offset);
        lock(&self.tail).give_back(group);
    }

    fn rotate(&self, writer: &mut Writer) -> Result<(), JournalError> {
        if writer.active.offset < self.settings.segment_bytes {
            return Ok(());
        }
        let next = self.durable();
        match writer.rotate(
            &self.files,
            (self.settings.node, next),
            self.settings.segment_bytes,
        ) {
            Ok(digest) => {
                let (first, bytes) = (writer.active.first, writer.active.offset);
                lock(&self.shelf).begin(Segment::new(first, bytes), digest);
                Ok(())
            }
            // What was synced stays synced: the old segment is used on, and the next sync tries again.
            Err(JournalError::Full { .. }) => Ok(()),
            Err(error) => Err(self.give_up(error)),
        }
    }

    fn fail(&self, writer: &mut Writer, group: Group, failure: Failure) -> JournalError {
        let path = self.files.path(&name(writer.active.first));
        let Failure {
            step,
            source,
            passes,
        } = failure;
        if passes {
            let reason = format!("no room to write {} bytes", group.bytes.len());
            writer.owed = Some(group);
            return JournalError::Full { path, reason };
        }
        self.give_up(JournalError::Io { path, step, source })
    }

    /// After a failed sync nobody knows what the disk holds, and asking it again would lie.
    fn give_up(&self, error: JournalError) -> JournalError {
        self.poison
            .get_or_init(|| (error.path().to_owned(), error.reason()));
        error
    }

    fn check_sound(&self) -> Result<(), JournalError> {
        let Some((path, reason)) = self.poison.get() else {
            return Ok(());
        };
        let (path, reason) = (path.clone(), reason.clone());
        Err(JournalError::Poisoned { path, reason })
    }

    fn check_room(&self, pending: usize, bytes: usize) -> Result<(), JournalError> {
        let total = pending.saturating_add(bytes);
        let limit = self.settings.pending_bytes_max;
        if total > limit {
            return self.full(format!(
                "{total} bytes would wait for a sync, the limit is {limit}"
            ));
        }
        let need = self.settings.free_bytes_min.saturating_add(total as u64);
        if self.free_bytes.load(Ordering::Relaxed) < need && self.free_bytes()? < need {
            let free = self.free_bytes.load(Ordering::Relaxed);
            return self.full(format!(
                "{free} bytes are free on this disk, {need} are needed"
            ));
        }
        Ok(())
    }

    fn span(&self, from: u64, before: Option<u64>) -> Option<Span> {
        lock(&self.shelf).span(from, before)
    }

    fn remove_before(&self, position: u64) -> Result<u64, JournalError> {
        let going = lock(&self.shelf).before(position);
        lock(&self.released).append(&going)?;
        let mut freed = 0_u64;
        loop {
            let Some(segment) = lock(&self.shelf).take_before(position) else {
                return Ok(freed);
            };
            freed = freed.saturating_add(segment.bytes);
            let file = segment.name();
            // One by one, so that a crash never leaves a hole between two segments.
            let removed = self
                .files
                .remove(&file)
                .and_then(|()| self.files.sync_names());
            removed.map_err(failed(&self.files, &file, "removing a segment"))?;
        }
    }

    fn full<T>(&self, reason: String) -> Result<T, JournalError> {
        let path = self.files.path("");
        Err(JournalError::Full { path, reason })
    }

    fn refuse<T>(&self, reason: String) -> Result<T, JournalError> {
        let path = self.files.path("");
        Err(JournalError::Refused { path, reason })
    }
}

fn failed(
    files: &Arc<dyn Files>,
    file: &str,
    step: &'static str,
) -> impl FnOnce(std::io::Error) -> JournalError {
    let path = files.path(file);
    move |source| JournalError::Io { path, step, source }
}

/// A panic elsewhere leaves these plain values usable; the process is ending anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
