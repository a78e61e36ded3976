//! What the oldest segment must follow from: the journal's beginning, or the last one that went.

use crate::error::JournalError;
use crate::folder_walk::{FolderWalk, OTHER_BEFORE};
use crate::frame::{Digest, SegmentHeader, VERSION_HEADERS};
use crate::released::{self, Found, Released, ReleasedList};

impl FolderWalk<'_> {
    /// Reads which segments went before the one that begins at `oldest`. Entries of segments that
    /// are still there are dropped: a crash came before the removal.
    pub(crate) fn read_released(&mut self, oldest: u64) -> Result<(), JournalError> {
        match released::read(self.files, self.settings.node)? {
            Found::Entries(entries) => {
                let origin = entries.iter().take(1);
                let gone = entries
                    .iter()
                    .skip(1)
                    .take_while(|each| each.first < oldest);
                let gone: Vec<Released> = origin.chain(gone).copied().collect();
                self.released = ReleasedList::resume(self.files, &gone)?;
            }
            Found::Nothing => {}
            Found::Bad { offset, reason } => self.unlisted = Some((offset, reason)),
        }
        Ok(())
    }

    /// The oldest segment follows from the last one that was released.
    fn check_released(
        &mut self,
        header: &SegmentHeader,
        last: Released,
    ) -> Result<(), JournalError> {
        let first = header.first;
        if last.next != first {
            let reason = format!(
                "rows {} to {first} are missing before this segment",
                last.next
            );
            return self.accept(first, (last.next.min(first), first), reason);
        }
        if last.digest != header.previous {
            return self.accept(first, (first, first), OTHER_BEFORE.to_owned());
        }
        Ok(())
    }

    /// A journal of version 1 had no list; it begins with what its oldest segment follows from.
    fn begin_released(&mut self, header: &SegmentHeader) -> Result<(), JournalError> {
        let missing = || (header.version != VERSION_HEADERS).then_some((0, UNLISTED));
        if let Some((offset, reason)) = self.unlisted.or_else(missing) {
            if !self.settings.salvage {
                return Err(JournalError::Corrupt {
                    path: released::path(self.files),
                    offset,
                    reason: reason.to_owned(),
                });
            }
            self.accept(
                header.first,
                (header.first, header.first),
                reason.to_owned(),
            )?;
        }
        let origin = Released {
            first: header.first,
            next: header.first,
            digest: header.previous,
        };
        self.released = Some(ReleasedList::begin(self.files, header.node, origin)?);
        Ok(())
    }

    /// A journal begins at its beginning, or where what is stored was released.
    pub(crate) fn check_oldest(&mut self, first: u64) -> Result<(), JournalError> {
        let header = self.header(first)?;
        if let Some(last) = self.released.as_ref().map(ReleasedList::last) {
            return self.check_released(&header, last);
        }
        self.begin_released(&header)?;
        let reason = match self.stored {
            Some(stored) if first > stored => format!("rows {stored} to {first} are missing"),
            None if header.previous != Digest::default() => {
                "the segments before this one are missing, and nothing says they were stored"
                    .to_owned()
            }
            Some(_) | None => return Ok(()),
        };
        let from = self.stored.unwrap_or(first);
        self.accept(first, (from, first), reason)
    }
}

const UNLISTED: &str = "the list of released segments is missing";
