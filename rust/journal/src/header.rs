//! The headers of the segments, read before anything in them is believed.

use std::sync::Arc;

use crate::error::JournalError;
use crate::files::{Files, read_full};
use crate::frame::{SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::segment::name;

/// The seed of this journal: any header that can be read has it.
pub(crate) fn find_seed(files: &Arc<dyn Files>, firsts: &[u64]) -> Result<u32, JournalError> {
    let mut first_error = None;
    for first in firsts {
        match read_header(files, *first) {
            Ok(header) => return Ok(header.seed),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    first_error.map_or(Ok(0), Err)
}

/// The header of the segment that begins at `first`.
pub(crate) fn read_header(
    files: &Arc<dyn Files>,
    first: u64,
) -> Result<SegmentHeader, JournalError> {
    let path = || files.path(&name(first));
    let read = || {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        let filled = read_full(files.open(&name(first))?.as_ref(), &mut bytes, 0)?;
        Ok((bytes, filled))
    };
    let (bytes, filled) = read().map_err(|source| JournalError::Io {
        path: path(),
        step: "reading a segment's header",
        source,
    })?;
    let corrupt = |reason| JournalError::Corrupt {
        path: path(),
        offset: 0,
        reason,
    };
    let header = SegmentHeader::parse(bytes.get(..filled).unwrap_or_default()).map_err(corrupt)?;
    if header.first != first {
        let reason = format!(
            "the file is named for row {first}, written for {}",
            header.first
        );
        return Err(corrupt(reason));
    }
    Ok(header)
}
