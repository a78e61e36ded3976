//! What stays of a segment that went: its rows and its digest, in a file that only grows.
//!
//! Rule 1: a segment is removed only after its entry was synced, so the oldest segment that is kept
//! always follows from the last entry. Rule 2: each entry's link covers all entries before it.

use std::io;
use std::sync::Arc;

use crc32c::crc32c;

use crate::checkpoint::TEMPORARY;
use crate::error::JournalError;
use crate::files::{DataFile, Files, is_full, read_full, write_all};
use crate::frame::Digest;
use crate::writer::reserve;

/// A segment that was, or will be, removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Released {
    pub(crate) first: u64,
    /// The position after its last row.
    pub(crate) next: u64,
    pub(crate) digest: Digest,
}

/// The file, and where its next entry goes.
pub(crate) struct ReleasedList {
    files: Arc<dyn Files>,
    count: usize,
    last: Released,
    link: Digest,
}

/// What was read of the file.
pub(crate) enum Found {
    /// There is no such file.
    Nothing,
    /// Its whole entries; bytes behind them were never synced.
    Entries(Vec<Released>),
    /// Bytes that were synced are not what was written.
    Bad { offset: u64, reason: &'static str },
}

impl ReleasedList {
    /// A list that begins with `origin`: that entry stands for all that was before.
    pub(crate) fn begin(
        files: &Arc<dyn Files>,
        node: u32,
        origin: Released,
    ) -> Result<Self, JournalError> {
        let (written, link) = encoded(&[origin], Digest::default());
        let bytes = [header(node), written].concat();
        let temporary = format!("{NAME}{TEMPORARY}");
        let write = || {
            let file = files.create(&temporary)?;
            write_all(file.as_ref(), &bytes, 0)?;
            reserve(file.as_ref(), reserved(bytes.len() as u64))?;
            file.sync()?;
            files.rename(&temporary, NAME)?;
            files.sync_names()
        };
        write().map_err(|source| failed(files, source))?;
        Ok(Self {
            files: Arc::clone(files),
            count: 1,
            last: origin,
            link,
        })
    }

    /// Goes on behind `entries`, the first ones that were read; whatever stands behind them goes.
    pub(crate) fn resume(
        files: &Arc<dyn Files>,
        entries: &[Released],
    ) -> Result<Option<Self>, JournalError> {
        let Some(last) = entries.last().copied() else {
            return Ok(None);
        };
        let end = bytes_of(entries.len());
        let cut = || {
            let file = files.open(NAME)?;
            if file.bytes()? > end {
                file.truncate(end)?;
                file.sync()?;
            }
            reserve(file.as_ref(), reserved(end))
        };
        cut().map_err(|source| failed(files, source))?;
        let (_, link) = encoded(entries, Digest::default());
        Ok(Some(Self {
            files: Arc::clone(files),
            count: entries.len(),
            last,
            link,
        }))
    }

    /// Appends what is new of `entries` and syncs.
    pub(crate) fn append(&mut self, entries: &[Released]) -> Result<(), JournalError> {
        let fresh: Vec<Released> = entries
            .iter()
            .filter(|entry| entry.first >= self.last.next)
            .copied()
            .collect();
        let Some(last) = fresh.last().copied() else {
            return Ok(());
        };
        let (bytes, link) = encoded(&fresh, self.link);
        let at = bytes_of(self.count);
        let end = at.saturating_add(bytes.len() as u64);
        let write = || {
            let file = self.files.open(NAME)?;
            write_all(file.as_ref(), &bytes, at)?;
            file.sync()?;
            if reserved(end) > reserved(at) {
                reserve(file.as_ref(), reserved(end))?;
            }
            Ok(())
        };
        write().map_err(|source| failed(&self.files, source))?;
        self.count = self.count.saturating_add(fresh.len());
        (self.last, self.link) = (last, link);
        Ok(())
    }

    /// The entry that the oldest kept segment follows from.
    pub(crate) fn last(&self) -> Released {
        self.last
    }
}

fn failed(files: &Arc<dyn Files>, source: io::Error) -> JournalError {
    let path = path(files);
    if is_full(&source) {
        let reason = "no room to note that a segment goes".to_owned();
        return JournalError::Full { path, reason };
    }
    let step = "noting that a segment goes";
    JournalError::Io { path, step, source }
}

/// The bytes of `entries` behind the link `before`, and the link of the last one.
fn encoded(entries: &[Released], before: Digest) -> (Vec<u8>, Digest) {
    let mut bytes = Vec::with_capacity(entries.len().saturating_mul(ENTRY_BYTES));
    let mut link = before;
    for entry in entries {
        let start = bytes.len();
        link = entry.link_after(&link);
        entry.write(&link, &mut bytes);
        let crc = crc32c(bytes.get(start..).unwrap_or_default());
        bytes.extend_from_slice(&crc.to_le_bytes());
    }
    (bytes, link)
}

impl Released {
    fn link_after(&self, before: &Digest) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(before);
        hasher.update(&self.first.to_le_bytes());
        hasher.update(&self.next.to_le_bytes());
        hasher.update(&self.digest);
        hasher.finalize().into()
    }

    fn write(&self, link: &Digest, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.next.to_le_bytes());
        out.extend_from_slice(&self.digest);
        out.extend_from_slice(link);
    }

    /// The entry in `bytes` and its link.
    fn parse(bytes: &[u8]) -> Option<(Self, Digest)> {
        let (covered, crc) = bytes.split_last_chunk::<4>()?;
        if crc32c(covered) != u32::from_le_bytes(*crc) {
            return None;
        }
        let (first, rest) = covered.split_first_chunk::<8>()?;
        let (next, rest) = rest.split_first_chunk::<8>()?;
        let (digest, rest) = rest.split_first_chunk::<32>()?;
        let link = rest.first_chunk::<32>()?;
        let entry = Self {
            first: u64::from_le_bytes(*first),
            next: u64::from_le_bytes(*next),
            digest: *digest,
        };
        Some((entry, *link))
    }
}

/// Reads the file; what it says is for the caller to believe.
pub(crate) fn read(files: &Arc<dyn Files>, node: u32) -> Result<Found, JournalError> {
    let whole = match whole(files) {
        Ok(whole) => whole,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(source) => {
            let (path, step) = (path(files), "reading the list of released segments");
            return Err(JournalError::Io { path, step, source });
        }
    };
    Ok(found(&whole, node))
}

/// Where the list stands, for errors.
pub(crate) fn path(files: &Arc<dyn Files>) -> String {
    files.path(NAME)
}

fn whole(files: &Arc<dyn Files>) -> io::Result<Vec<u8>> {
    let file = files.open(NAME)?;
    let mut whole = vec![0; usize::try_from(file.bytes()?).unwrap_or(usize::MAX)];
    let filled = read_full(file.as_ref() as &dyn DataFile, &mut whole, 0)?;
    whole.truncate(filled);
    Ok(whole)
}

fn found(whole: &[u8], node: u32) -> Found {
    let Some(rest) = whole.strip_prefix(header(node).as_slice()) else {
        return Found::Bad {
            offset: 0,
            reason: "this is not this node's list of released segments",
        };
    };
    let mut entries = Vec::new();
    let mut link = Digest::default();
    let mut chunks = rest.chunks(ENTRY_BYTES);
    while let Some(chunk) = chunks.next() {
        let offset = bytes_of(entries.len());
        let Some((entry, claimed)) = Released::parse(chunk) else {
            // An entry that was never synced, unless a whole one stands behind it.
            if chunks.any(|chunk| Released::parse(chunk).is_some()) {
                let reason = "an entry of the released segments does not fit its checksum";
                return Found::Bad { offset, reason };
            }
            break;
        };
        link = entry.link_after(&link);
        if link != claimed {
            let reason = "an entry of the released segments does not follow from those before it";
            return Found::Bad { offset, reason };
        }
        entries.push(entry);
    }
    Found::Entries(entries)
}

fn header(node: u32) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&node.to_le_bytes());
    bytes
}

fn bytes_of(entries: usize) -> u64 {
    (HEADER_BYTES as u64).saturating_add((entries as u64).saturating_mul(ENTRY_BYTES as u64))
}

/// Room is taken ahead, so that a full disk does not keep segments from going.
fn reserved(bytes: u64) -> u64 {
    (bytes | RESERVE_STEP_BYTES.saturating_sub(1)).saturating_add(1)
}

const NAME: &str = "released";
const MAGIC: &[u8; 8] = b"MIJGONE\n";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 16;
const ENTRY_BYTES: usize = 84;
const RESERVE_STEP_BYTES: u64 = 1 << 16;
