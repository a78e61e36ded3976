//! The newest segment: groups are written and synced here, one after another.

use std::io;
use std::sync::Arc;

use crate::checkpoint::TEMPORARY;
use crate::error::JournalError;
use crate::files::{DataFile, Files, is_full, write_all};
use crate::frame::{Digest, Frame, Kind, SegmentHeader, VERSION};
use crate::group::Group;
use crate::segment::{Chain, name};

/// The segment being written.
pub(crate) struct Active {
    pub(crate) file: Arc<dyn DataFile>,
    pub(crate) first: u64,
    pub(crate) offset: u64,
    pub(crate) chain: Chain,
}

/// What one sync at a time may use.
pub(crate) struct Writer {
    pub(crate) active: Active,
    /// A group whose write found no room: it is written first, and never joined with a later one,
    /// because each record says what was durable before its group.
    pub(crate) owed: Option<Group>,
    pub(crate) seed: u32,
    mark_due: Option<u64>,
}

/// Which step failed.
pub(crate) struct Failure {
    pub(crate) step: &'static str,
    pub(crate) source: io::Error,
    /// No room: the same write may succeed later.
    pub(crate) passes: bool,
}

impl Writer {
    pub(crate) fn new(active: Active, seed: u32) -> Self {
        Self {
            active,
            owed: None,
            seed,
            mark_due: None,
        }
    }

    /// Writes and syncs `group`; returns the offset it begins at.
    pub(crate) fn write(&mut self, group: &Group) -> Result<u64, Failure> {
        if let Some(position) = self.mark_due {
            self.put_mark(position).map_err(Failure::writing)?;
        }
        let start = self.active.offset;
        write_all(self.active.file.as_ref(), &group.bytes, start).map_err(Failure::writing)?;
        self.active.file.sync().map_err(Failure::syncing)?;
        let starts = group.records.iter().map(|(_, start)| *start);
        self.active.chain.add_group(&group.bytes, starts);
        self.active.offset = start.saturating_add(group.bytes.len() as u64);
        self.mark(group.next);
        Ok(start)
    }

    /// Notes behind the synced rows that they are synced. It is not synced itself: the next group's
    /// sync takes it along, and until then it survives the process, if not the power.
    pub(crate) fn mark(&mut self, position: u64) {
        self.mark_due = None;
        if self.put_mark(position).is_err() {
            // The same bytes are written again before the next group, and then a failure counts.
            self.mark_due = Some(position);
        }
    }

    fn put_mark(&mut self, position: u64) -> io::Result<()> {
        let bytes = empty_frame(Kind::Mark, position, self.seed, &[]);
        write_all(self.active.file.as_ref(), &bytes, self.active.offset)?;
        self.active.offset = self.active.offset.saturating_add(bytes.len() as u64);
        self.mark_due = None;
        Ok(())
    }

    /// Begins the next segment, then seals this one: a seal says that a successor exists. Returns
    /// the digest of this one.
    pub(crate) fn rotate(
        &mut self,
        files: &Arc<dyn Files>,
        (node, next): (u32, u64),
        segment_bytes: u64,
    ) -> Result<Digest, JournalError> {
        let digest = self.active.chain.digest();
        let header = SegmentHeader {
            version: VERSION,
            node,
            seed: self.seed,
            first: next,
            previous: digest,
        };
        let active = create_segment(files, &header, segment_bytes)?;
        let old = std::mem::replace(&mut self.active, active);
        self.mark_due = None;
        let seal = empty_frame(Kind::Seal, next, self.seed, &digest);
        let sealed = write_all(old.file.as_ref(), &seal, old.offset)
            .and_then(|()| {
                old.file
                    .truncate(old.offset.saturating_add(seal.len() as u64))
            })
            .and_then(|()| old.file.sync());
        match sealed {
            // Without room for its seal a segment is still whole: its successor's header says so.
            Err(source) if !is_full(&source) => Err(JournalError::Io {
                path: files.path(&name(old.first)),
                step: "sealing a segment",
                source,
            }),
            Ok(()) | Err(_) => Ok(digest),
        }
    }
}

impl Failure {
    fn writing(source: io::Error) -> Self {
        Self {
            step: "writing records",
            passes: is_full(&source),
            source,
        }
    }

    /// Whatever the reason, the kernel may have dropped what it could not write.
    fn syncing(source: io::Error) -> Self {
        Self {
            step: "syncing records",
            passes: false,
            source,
        }
    }
}

/// A segment that holds its header and room for more; it appears whole or not at all.
pub(crate) fn create_segment(
    files: &Arc<dyn Files>,
    header: &SegmentHeader,
    segment_bytes: u64,
) -> Result<Active, JournalError> {
    let file_name = name(header.first);
    let temporary = format!("{file_name}{TEMPORARY}");
    let bytes = header.to_bytes();
    let create = || {
        let file = files.create(&temporary)?;
        write_all(file.as_ref(), &bytes, 0)?;
        reserve(file.as_ref(), segment_bytes)?;
        file.sync()?;
        files.rename(&temporary, &file_name)?;
        files.sync_names()?;
        Ok(file)
    };
    let file = create().map_err(|source| {
        let path = files.path(&file_name);
        if is_full(&source) {
            let reason = "no room for a new segment".to_owned();
            return JournalError::Full { path, reason };
        }
        let step = "creating a segment";
        JournalError::Io { path, step, source }
    })?;
    Ok(Active {
        file,
        first: header.first,
        offset: bytes.len() as u64,
        chain: Chain::new(header),
    })
}

/// Reserving makes large syncs several times faster, and is done without where there is no room.
pub(crate) fn reserve(file: &dyn DataFile, bytes: u64) -> io::Result<()> {
    match file.reserve(bytes) {
        Err(error) if !is_full(&error) => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn empty_frame(kind: Kind, position: u64, seed: u32, body: &[u8]) -> Vec<u8> {
    let frame = Frame {
        kind,
        body_crc: crc32c::crc32c_append(seed, body),
        body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
        rows: 0,
        first: position,
        durable: position,
        received_at_ms: 0,
    };
    let mut bytes = Vec::new();
    frame.write(seed, &mut bytes);
    bytes.extend_from_slice(body);
    bytes
}
