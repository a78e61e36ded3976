//! Damage that a salvage went past, remembered so that the next opening need not be told again.

use std::sync::Arc;

use crate::checkpoint;
use crate::error::JournalError;
use crate::files::Files;
use crate::segment::Skipped;

pub(crate) fn write(files: &Arc<dyn Files>, skips: &[Skipped]) -> Result<(), JournalError> {
    let fields = skips
        .iter()
        .flat_map(|each| [each.segment, each.offset, each.end, each.first, each.next]);
    let bytes: Vec<u8> = fields.flat_map(u64::to_le_bytes).collect();
    checkpoint::write(files, NAME, &bytes)
}

/// A salvage needs no list: it accepts all damage and writes the list anew.
pub(crate) fn read(files: &Arc<dyn Files>, salvage: bool) -> Result<Vec<Skipped>, JournalError> {
    let bytes = match checkpoint::read(files, NAME) {
        Ok(bytes) => bytes.unwrap_or_default(),
        Err(JournalError::Corrupt { .. }) if salvage => Vec::new(),
        Err(error) => return Err(error),
    };
    let (fields, _) = bytes.as_chunks::<8>();
    let fields: Vec<u64> = fields.iter().copied().map(u64::from_le_bytes).collect();
    let (entries, _) = fields.as_chunks::<5>();
    let skip = |&[segment, offset, end, first, next]: &[u64; 5]| Skipped {
        segment,
        offset,
        end,
        first,
        next,
    };
    Ok(entries.iter().map(skip).collect())
}

const NAME: &str = "skipped";
