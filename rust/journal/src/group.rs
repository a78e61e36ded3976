//! Records waiting for a sync: appending copies into memory and never touches the disk.

use crc32c::crc32c_append;

use crate::frame::{Frame, Kind};

/// Records that are written and synced together.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) bytes: Vec<u8>,
    /// (first position, offset in `bytes`) of each record.
    pub(crate) records: Vec<(u64, usize)>,
    /// The position after its last row.
    pub(crate) next: u64,
}

/// What was appended and not yet taken by a sync.
#[derive(Debug)]
pub(crate) struct Tail {
    group: Group,
    /// An emptied group whose memory is used again.
    spare: Group,
    appended: u64,
    base: u64,
    seed: u32,
    /// Bytes in the group and in those that syncs have taken.
    pub(crate) pending_bytes: usize,
}

impl Tail {
    pub(crate) fn new(appended: u64, seed: u32) -> Self {
        Self {
            group: Group::default(),
            spare: Group::default(),
            appended,
            base: appended,
            seed,
            pending_bytes: 0,
        }
    }

    pub(crate) fn appended(&self) -> u64 {
        self.appended
    }

    /// Adds a record; the caller has checked that there is room.
    pub(crate) fn append(&mut self, rows: u32, received_at_ms: i64, body: &[u8]) -> u64 {
        if self.group.records.is_empty() {
            // A group is written only after those before it were synced.
            self.base = self.appended;
        }
        let frame = Frame {
            kind: Kind::Record,
            body_crc: crc32c_append(self.seed, body),
            body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
            rows,
            first: self.appended,
            durable: self.base,
            received_at_ms,
        };
        let start = self.group.bytes.len();
        self.group.records.push((self.appended, start));
        frame.write(self.seed, &mut self.group.bytes);
        self.group.bytes.extend_from_slice(body);
        let grown = self.group.bytes.len().saturating_sub(start);
        self.pending_bytes = self.pending_bytes.saturating_add(grown);
        self.appended = frame.next();
        self.appended
    }

    /// Everything appended since the last time, if anything.
    pub(crate) fn take(&mut self) -> Option<Group> {
        if self.group.records.is_empty() {
            return None;
        }
        let spare = std::mem::take(&mut self.spare);
        let mut group = std::mem::replace(&mut self.group, spare);
        group.next = self.appended;
        Some(group)
    }

    /// Takes a synced group's memory back.
    pub(crate) fn give_back(&mut self, mut group: Group) {
        self.pending_bytes = self.pending_bytes.saturating_sub(group.bytes.len());
        group.bytes.clear();
        group.records.clear();
        if group.bytes.capacity() <= SPARE_BYTES_MAX {
            self.spare = group;
        }
    }
}

const SPARE_BYTES_MAX: usize = 16 << 20;
