//! Opening a folder: every segment is read and checked before anything is appended.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::checkpoint;
use crate::error::JournalError;
use crate::files::Files;
use crate::folder_walk::FolderWalk;
use crate::frame::{Digest, SegmentHeader, VERSION};
use crate::header::find_seed;
use crate::released::{self, Found, Released, ReleasedList};
use crate::segment::{Segment, Skipped, first_of};
use crate::settings::Settings;
use crate::writer::{Active, create_segment};

/// What opening found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segment files.
    pub segments: u64,
    /// Whole records in them.
    pub records: u64,
    /// Rows in those.
    pub rows: u64,
    /// Bytes of an unsynced tail that were cut.
    pub torn_bytes: u64,
    /// The next row's position.
    pub appended: u64,
    /// Every row before this position is in the store.
    pub stored: u64,
    /// Damage that was gone past, now or in an earlier salvage.
    pub skipped: Vec<Skipped>,
}

/// A journal ready to be appended to.
pub(crate) struct Recovered {
    pub(crate) segments: VecDeque<Segment>,
    pub(crate) active: Active,
    pub(crate) seed: u32,
    /// A mark stands at the end already.
    pub(crate) marked: bool,
    pub(crate) released: ReleasedList,
    pub(crate) recovery: Recovery,
}

/// Reads, checks and repairs what `files` hold.
pub(crate) fn recover(
    files: &Arc<dyn Files>,
    settings: &Settings,
) -> Result<Recovered, JournalError> {
    let names = sweep(files)?;
    let mut firsts: Vec<u64> = names.iter().filter_map(|each| first_of(each)).collect();
    firsts.sort_unstable();
    let stored = read_stored(files, settings, firsts.first().copied())?;
    let Some(oldest) = firsts.first().copied() else {
        return begin(files, settings, stored);
    };
    let seed = find_seed(files, &firsts)?;
    let mut folder = FolderWalk::new(files, settings, (stored, seed))?;
    folder.read_released(oldest)?;
    folder.check_oldest(oldest)?;
    for (place, first) in firsts.iter().enumerate() {
        folder.enter(*first, firsts.get(place.saturating_add(1)).copied())?;
    }
    folder.finish()
}

/// A journal that holds nothing yet.
fn begin(
    files: &Arc<dyn Files>,
    settings: &Settings,
    stored: Option<u64>,
) -> Result<Recovered, JournalError> {
    if let Some(stored) = stored.filter(|_| !settings.salvage) {
        return Err(JournalError::Corrupt {
            path: files.path(""),
            offset: 0,
            reason: format!("no segment is here, though rows up to {stored} were stored from it"),
        });
    }
    let first = settings.first_position.max(stored.unwrap_or(0));
    let released = begin_released(files, settings, first)?;
    let header = SegmentHeader {
        version: VERSION,
        node: settings.node,
        seed: settings.seed,
        first,
        previous: Digest::default(),
    };
    let active = create_segment(files, &header, settings.segment_bytes)?;
    Ok(Recovered {
        segments: VecDeque::from([Segment::new(first, active.offset)]),
        seed: settings.seed,
        marked: true,
        released,
        recovery: Recovery {
            segments: 1,
            appended: first,
            stored: stored.unwrap_or(first),
            ..Recovery::default()
        },
        active,
    })
}

/// A new journal's list of released segments; an old one that names some says that all are missing.
fn begin_released(
    files: &Arc<dyn Files>,
    settings: &Settings,
    first: u64,
) -> Result<ReleasedList, JournalError> {
    if let Found::Entries(entries) = released::read(files, settings.node)?
        && entries.len() > 1
        && !settings.salvage
    {
        return Err(JournalError::Corrupt {
            path: files.path(""),
            offset: 0,
            reason: format!("no segment is here, though {} were released", entries.len()),
        });
    }
    let origin = Released {
        first,
        next: first,
        digest: Digest::default(),
    };
    ReleasedList::begin(files, settings.node, origin)
}

/// Removes what a crash left half made, and returns the other names.
fn sweep(files: &Arc<dyn Files>) -> Result<Vec<String>, JournalError> {
    let failed = |source| JournalError::Io {
        path: files.path(""),
        step: "reading the folder",
        source,
    };
    let (left, names): (Vec<String>, Vec<String>) = files
        .names()
        .map_err(failed)?
        .into_iter()
        .partition(|each| each.ends_with(checkpoint::TEMPORARY));
    for each in left {
        files.remove(&each).map_err(failed)?;
    }
    Ok(names)
}

fn read_stored(
    files: &Arc<dyn Files>,
    settings: &Settings,
    oldest: Option<u64>,
) -> Result<Option<u64>, JournalError> {
    match checkpoint::read(files, STORED) {
        Ok(bytes) => Ok(bytes
            .and_then(|bytes| bytes.first_chunk().copied())
            .map(u64::from_le_bytes)),
        // What the oldest segment holds is then inserted again, which changes nothing.
        Err(JournalError::Corrupt { .. }) if settings.salvage => Ok(oldest),
        Err(error) => Err(error),
    }
}

/// The checkpoint that holds the stored position.
pub(crate) const STORED: &str = "stored";
