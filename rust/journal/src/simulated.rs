//! A disk in memory that fails on demand: short writes, full disks, lying syncs, power cuts.
//!
//! A process opens it with [`SimulatedDisk::files`]; after [`SimulatedDisk::kill`] or a power cut
//! whatever that process still holds answers with errors, and a new one may open it. Everything
//! follows from the calls and the seeds given: nothing here is random.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::files::{DataFile, Files};

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

#[derive(Debug, Default)]
struct Disk {
    files: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    pending_names: Vec<Renaming>,
    capacity: Option<u64>,
    faults: Vec<Fault>,
    /// Counts processes: handles of an older one are dead.
    process: u64,
    locked: bool,
}

#[derive(Debug, Default, Clone)]
struct Inode {
    cached: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

#[derive(Debug)]
enum Renaming {
    Give { name: String, inode: usize },
    Take { name: String },
}

/// The disk as one process sees it.
struct Process {
    disk: SimulatedDisk,
    number: u64,
}

struct OpenFile {
    disk: SimulatedDisk,
    number: u64,
    inode: usize,
}

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

impl Disk {
    fn kill(&mut self) {
        self.process = self.process.wrapping_add(1);
        self.locked = false;
        self.faults.clear();
    }

    fn power_cut(&mut self, draw: &mut Draw) {
        self.kill();
        for file in &mut self.files {
            file.power_cut(draw);
        }
        // A file system's journal keeps names in order, so a prefix of the changes survives.
        let kept = draw.below(self.pending_names.len().saturating_add(1));
        for change in self.pending_names.drain(..).take(kept) {
            change.apply(&mut self.durable_names);
        }
        self.names = self.durable_names.clone();
    }

    fn rename(&mut self, change: Renaming) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }

    fn inode(&mut self, inode: usize) -> io::Result<&mut Inode> {
        self.files
            .get_mut(inode)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The fault that comes next, if it is one of those that `fits`.
    fn fault(&mut self, fits: impl Fn(Fault) -> bool) -> Option<Fault> {
        let first = *self.faults.first()?;
        fits(first).then(|| self.faults.remove(0))
    }

    fn used(&self) -> u64 {
        self.names
            .values()
            .filter_map(|inode| self.files.get(*inode))
            .fold(0, |sum: u64, file| {
                sum.saturating_add(file.cached.len() as u64)
            })
    }

    /// How many of `bytes` at `at` fit on the disk.
    fn room(&mut self, inode: usize, at: usize, bytes: usize) -> io::Result<usize> {
        let Some(capacity) = self.capacity else {
            return Ok(bytes);
        };
        let free = usize::try_from(capacity.saturating_sub(self.used())).unwrap_or(usize::MAX);
        let overwritten = self.inode(inode)?.cached.len().saturating_sub(at);
        let room = bytes.min(overwritten.saturating_add(free));
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(room)
    }

    fn write(&mut self, inode: usize, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let fault = self.fault(|fault| fault != Fault::SyncError);
        let taken = match fault {
            Some(Fault::WriteError) => return Err(io::Error::other("simulated write error")),
            Some(Fault::ShortWrite(most)) => bytes.len().min(most.max(1)),
            Some(Fault::KillInWrite(most)) => bytes.len().min(most),
            Some(Fault::SyncError) | None => bytes.len(),
        };
        let taken = self.room(inode, at, taken)?;
        let bytes = bytes.get(..taken).unwrap_or_default().to_vec();
        self.inode(inode)?.change(Change::Write { at, bytes });
        if let Some(Fault::KillInWrite(_)) = fault {
            self.kill();
            return Err(io::Error::other("killed in a write"));
        }
        Ok(taken)
    }

    fn sync(&mut self, inode: usize) -> io::Result<()> {
        let failed = self.fault(|fault| fault == Fault::SyncError).is_some();
        let file = self.inode(inode)?;
        let pending = std::mem::take(&mut file.pending);
        if failed {
            return Err(io::Error::other("simulated sync error"));
        }
        for change in pending {
            change.apply(&mut file.durable);
        }
        Ok(())
    }
}

impl Inode {
    fn change(&mut self, change: Change) {
        change.clone().apply(&mut self.cached);
        self.pending.push(change);
    }

    fn power_cut(&mut self, draw: &mut Draw) {
        for change in std::mem::take(&mut self.pending) {
            for part in change.sectors() {
                if draw.below(2) == 0 {
                    part.apply(&mut self.durable);
                }
            }
        }
        self.cached.clone_from(&self.durable);
    }
}

impl Change {
    fn apply(self, file: &mut Vec<u8>) {
        match self {
            Self::Truncate(length) => file.truncate(length),
            Self::Write { at, bytes } => {
                let end = at.saturating_add(bytes.len());
                if file.len() < end {
                    file.resize(end, 0);
                }
                for (place, byte) in file.iter_mut().skip(at).zip(bytes) {
                    *place = byte;
                }
            }
        }
    }

    /// The parts of a change that a disk writes wholly or not at all.
    fn sectors(self) -> Vec<Self> {
        let Self::Write { mut at, bytes } = self else {
            return vec![self];
        };
        let mut rest = bytes.as_slice();
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let to_boundary = SECTOR_BYTES.saturating_sub(at & SECTOR_BYTES.saturating_sub(1));
            let (part, after) = rest.split_at(to_boundary.min(rest.len()));
            let bytes = part.to_vec();
            parts.push(Self::Write { at, bytes });
            at = at.saturating_add(part.len());
            rest = after;
        }
        parts
    }
}

impl Renaming {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Give { name, inode } => {
                // A file has one name here: giving it another takes the old one away.
                names.retain(|_, each| each != inode);
                names.insert(name.clone(), *inode);
            }
            Self::Take { name } => {
                names.remove(name);
            }
        }
    }
}

impl Process {
    fn file(&self, inode: usize) -> Arc<dyn DataFile> {
        Arc::new(OpenFile {
            disk: self.disk.clone(),
            number: self.number,
            inode,
        })
    }
}

impl Files for Process {
    fn path(&self, name: &str) -> String {
        format!("simulated/{name}")
    }

    fn lock(&self) -> io::Result<Result<(), String>> {
        let mut disk = self.disk.enter(self.number)?;
        let taken = std::mem::replace(&mut disk.locked, true);
        Ok(if taken {
            Err("simulated".to_owned())
        } else {
            Ok(())
        })
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let disk = self.disk.enter(self.number)?;
        Ok(disk.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DataFile>> {
        let mut disk = self.disk.enter(self.number)?;
        let inode = disk.files.len();
        disk.files.push(Inode::default());
        let name = name.to_owned();
        disk.rename(Renaming::Give { name, inode });
        Ok(self.file(inode))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DataFile>> {
        let disk = self.disk.enter(self.number)?;
        let inode = disk.names.get(name).copied();
        inode
            .map(|inode| self.file(inode))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk.enter(self.number)?;
        let Some(inode) = disk.names.get(from).copied() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let name = to.to_owned();
        disk.rename(Renaming::Give { name, inode });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk.enter(self.number)?;
        let name = name.to_owned();
        disk.rename(Renaming::Take { name });
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut disk = self.disk.enter(self.number)?;
        disk.pending_names.clear();
        disk.durable_names = disk.names.clone();
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let disk = self.disk.enter(self.number)?;
        let free = |capacity: u64| capacity.saturating_sub(disk.used());
        Ok(disk.capacity.map_or(u64::MAX, free))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut disk = self.disk.disk();
        if disk.process == self.number {
            disk.kill();
        }
    }
}

impl DataFile for OpenFile {
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut disk = self.disk.enter(self.number)?;
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let file = disk.inode(self.inode)?;
        let bytes = file.cached.get(at..).unwrap_or_default();
        for (place, byte) in out.iter_mut().zip(bytes) {
            *place = *byte;
        }
        Ok(out.len().min(bytes.len()))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.disk
            .enter(self.number)?
            .write(self.inode, bytes, offset)
    }

    fn bytes(&self) -> io::Result<u64> {
        let mut disk = self.disk.enter(self.number)?;
        Ok(disk.inode(self.inode)?.cached.len() as u64)
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        let mut disk = self.disk.enter(self.number)?;
        let length = usize::try_from(bytes).unwrap_or(usize::MAX);
        disk.inode(self.inode)?.change(Change::Truncate(length));
        Ok(())
    }

    fn reserve(&self, _bytes: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.enter(self.number)?.sync(self.inode)
    }
}

/// `SplitMix64`: the same seed, the same draws.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let drawn = (mixed ^ (mixed >> 31)).checked_rem(limit as u64);
        usize::try_from(drawn.unwrap_or(0)).unwrap_or(0)
    }
}

const SECTOR_BYTES: usize = 512;
