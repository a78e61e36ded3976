//! The disk itself: what is in the page cache, what is durable, and what faults do to both.

use std::collections::BTreeMap;
use std::io;

use super::Fault;

#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) files: Vec<Inode>,
    pub(super) names: BTreeMap<String, usize>,
    pub(super) durable_names: BTreeMap<String, usize>,
    pub(super) pending_names: Vec<Renaming>,
    pub(super) capacity: Option<u64>,
    pub(super) faults: Vec<Fault>,
    /// Counts processes: handles of an older one are dead.
    pub(super) process: u64,
    pub(super) locked: bool,
    pub(super) syncs: u64,
    pub(super) killed_in_write: u64,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Inode {
    pub(super) cached: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) pending: Vec<Change>,
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

#[derive(Debug)]
pub(super) enum Renaming {
    Give { name: String, inode: usize },
    Take { name: String },
}

impl Disk {
    pub(super) fn kill(&mut self) {
        self.process = self.process.wrapping_add(1);
        self.locked = false;
        self.faults.clear();
    }

    pub(super) fn power_cut(&mut self, draw: &mut Draw) {
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

    pub(super) fn rename(&mut self, change: Renaming) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }

    pub(super) fn inode(&mut self, inode: usize) -> io::Result<&mut Inode> {
        self.files
            .get_mut(inode)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The fault that comes next, if it is one of those that `fits`.
    fn fault(&mut self, fits: impl Fn(Fault) -> bool) -> Option<Fault> {
        let first = *self.faults.first()?;
        fits(first).then(|| self.faults.remove(0))
    }

    pub(super) fn used(&self) -> u64 {
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

    pub(super) fn write(&mut self, inode: usize, bytes: &[u8], offset: u64) -> io::Result<usize> {
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
            self.killed_in_write = self.killed_in_write.wrapping_add(1);
            return Err(io::Error::other("killed in a write"));
        }
        Ok(taken)
    }

    pub(super) fn sync(&mut self, inode: usize) -> io::Result<()> {
        let failed = self.fault(|fault| fault == Fault::SyncError).is_some();
        let file = self.inode(inode)?;
        let pending = std::mem::take(&mut file.pending);
        if failed {
            return Err(io::Error::other("simulated sync error"));
        }
        for change in pending {
            change.apply(&mut file.durable);
        }
        self.syncs = self.syncs.wrapping_add(1);
        Ok(())
    }
}

impl Inode {
    pub(super) fn change(&mut self, change: Change) {
        change.clone().apply(&mut self.cached);
        self.pending.push(change);
    }

    pub(super) fn survivor(&self) -> Self {
        Self {
            cached: self.durable.clone(),
            durable: self.durable.clone(),
            pending: Vec::new(),
        }
    }

    pub(super) fn power_cut(&mut self, draw: &mut Draw) {
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

/// `SplitMix64`: the same seed, the same draws.
pub(super) struct Draw(pub(super) u64);

impl Draw {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let drawn = (mixed ^ (mixed >> 31)).checked_rem(limit as u64);
        usize::try_from(drawn.unwrap_or(0)).unwrap_or(0)
    }
}

const SECTOR_BYTES: usize = 512;
