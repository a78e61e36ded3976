//! What the journal needs of a folder: the seam at which faults are simulated.
//!
//! Rule 1: names and bytes become durable apart from each other; each has its own sync.
//! Rule 2: offsets are explicit, so a write that failed half way is simply written again.

use std::io;
use std::sync::Arc;

/// A folder of files, open for one process.
pub trait Files: Send + Sync {
    /// How a person would name `name` of this folder; the folder itself for the empty name.
    fn path(&self, name: &str) -> String;
    /// Takes the folder for this process until dropped; the holder's words when it is taken.
    fn lock(&self) -> io::Result<Result<(), String>>;
    /// The names in the folder, in no particular order.
    fn names(&self) -> io::Result<Vec<String>>;
    /// A new, empty file; an old one of that name is emptied.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DataFile>>;
    /// An existing file.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DataFile>>;
    /// Gives a file another name, in one step, replacing what had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Takes a name away.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes creations, renames and removals durable.
    fn sync_names(&self) -> io::Result<()>;
    /// What this process may still write.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// One open file; reads and writes may run side by side.
pub trait DataFile: Send + Sync {
    /// Reads at `offset`; fewer bytes than asked are no error, none means the end.
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes at `offset`; fewer bytes than given are no error.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// How long the file is.
    fn bytes(&self) -> io::Result<u64>;
    /// Cuts the file, and gives back what was reserved past its end.
    fn truncate(&self, bytes: u64) -> io::Result<()>;
    /// Reserves room up to `bytes` without changing how long the file is.
    fn reserve(&self, bytes: u64) -> io::Result<()>;
    /// Makes everything written so far durable.
    fn sync(&self) -> io::Result<()>;
}

/// Writes all of `bytes`, however many calls that takes.
pub(crate) fn write_all(file: &dyn DataFile, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut rest = bytes;
    let mut at = offset;
    while !rest.is_empty() {
        let written = match file.write_at(rest, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        rest = rest.get(written..).unwrap_or_default();
        at = at.saturating_add(written as u64);
    }
    Ok(())
}

/// Fills `out` from `offset`; fewer bytes only at the end of the file.
pub(crate) fn read_full(file: &dyn DataFile, out: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0_usize;
    while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Whether the disk, the quota or the file-size limit ran out: the one failure that passes.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
