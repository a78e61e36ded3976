//! A disk in memory that fails on demand: short writes, full disks, lying syncs, power cuts.
//!
//! A process opens it with [`SimulatedDisk::files`]; after [`SimulatedDisk::kill`] or a power cut
//! whatever that process still holds answers with errors, and a new one may open it. Everything
//! follows from the calls and the seeds given: nothing here is random.

mod disk;
mod process;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::disk::{Disk, Draw, Inode};
use self::process::Process;
use crate::files::Files;

/// What the next call of its kind runs into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A write takes only so many bytes and says so.
    ShortWrite(usize),
    /// A write takes so many bytes, then the process is gone.
    KillInWrite(usize),
    /// A write fails and nothing was taken.
    WriteError,
    /// A sync fails; what it should have written is never written, though reads still show it.
    SyncError,
}

/// The disk and the page cache before it.
#[derive(Debug, Clone, Default)]
pub struct SimulatedDisk(Arc<Mutex<Disk>>);

impl SimulatedDisk {
    /// The folder, for a new process.
    pub fn files(&self) -> Arc<dyn Files> {
        Arc::new(Process {
            disk: self.clone(),
            number: self.disk().process,
        })
    }

    /// Ends the process; the page cache stays.
    pub fn kill(&self) {
        self.disk().kill();
    }

    /// Ends the process and the page cache: of what was not synced, some sectors and some names
    /// made it to the disk, which ones follows from `seed`.
    pub fn power_cut(&self, seed: u64) {
        self.disk().power_cut(&mut Draw(seed));
    }

    /// The next call that fits it meets `fault`; several are met in the order given.
    pub fn meet(&self, fault: Fault) {
        self.disk().faults.push(fault);
    }

    /// Forgets the faults that nothing has met yet, and any limit.
    pub fn heal(&self) {
        let mut disk = self.disk();
        disk.faults.clear();
        disk.capacity = None;
    }

    /// What is sure to be there after a power cut now: a disk of its own, and nobody has it open.
    #[must_use]
    pub fn durable(&self) -> Self {
        let disk = self.disk();
        let survivor = Disk {
            files: disk.files.iter().map(Inode::survivor).collect(),
            names: disk.durable_names.clone(),
            durable_names: disk.durable_names.clone(),
            ..Disk::default()
        };
        Self(Arc::new(Mutex::new(survivor)))
    }

    /// How often something was made durable; the same number twice means the same durable disk.
    pub fn syncs(&self) -> u64 {
        self.disk().syncs
    }

    /// How many processes were killed in a write.
    pub fn killed_in_write(&self) -> u64 {
        self.disk().killed_in_write
    }

    /// How many bytes all files together may have; no limit for none.
    pub fn limit(&self, capacity: Option<u64>) {
        self.disk().capacity = capacity;
    }

    /// Turns one bit over, in cache and on disk; false when the file has no such bit.
    pub fn flip(&self, name: &str, bit: u64) -> bool {
        let mut disk = self.disk();
        let Some(inode) = disk.names.get(name).copied() else {
            return false;
        };
        let at = usize::try_from(bit >> 3).unwrap_or(usize::MAX);
        let Some(file) = disk.files.get_mut(inode) else {
            return false;
        };
        let mask = 1_u8 << (bit & 7);
        let place = file.cached.get_mut(at);
        let found = place.is_some();
        for byte in [place, file.durable.get_mut(at)].into_iter().flatten() {
            *byte ^= mask;
        }
        found
    }

    /// Every file with its length.
    pub fn list(&self) -> Vec<(String, u64)> {
        let disk = self.disk();
        let length = |inode: &usize| disk.files.get(*inode).map_or(0, |file| file.cached.len());
        let sized = |(name, inode): (&String, &usize)| (name.clone(), length(inode) as u64);
        disk.names.iter().map(sized).collect()
    }

    /// Takes a file away, as an operator might.
    pub fn delete(&self, name: &str) -> bool {
        let mut disk = self.disk();
        disk.durable_names.remove(name);
        disk.names.remove(name).is_some()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, process: u64) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.disk();
        if disk.process == process {
            return Ok(disk);
        }
        Err(io::Error::other("this process is gone"))
    }
}
