//! The disk as a process sees it; once the process is gone every call fails.

use std::io;
use std::sync::Arc;

use super::SimulatedDisk;
use super::disk::{Change, Inode, Renaming};
use crate::files::{DataFile, Files};

/// The disk as one process sees it.
pub(super) struct Process {
    pub(super) disk: SimulatedDisk,
    pub(super) number: u64,
}

pub(super) struct OpenFile {
    disk: SimulatedDisk,
    number: u64,
    inode: usize,
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
        disk.syncs = disk.syncs.wrapping_add(1);
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
