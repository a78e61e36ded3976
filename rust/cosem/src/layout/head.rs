//! What surrounds the rows: identity and how many rows follow.

use super::value::tag;
use super::{BodyShape, Layout};
use crate::{DecodeError, Kind, Layer, Reader};

/// Elements of a [`BodyShape::Push`] structure.
const PUSH_ELEMENTS: usize = 4;
/// Elements in front of the fields of a [`BodyShape::Flat`] structure.
const FLAT_ELEMENTS: usize = 2;

/// The head of a body; the reader stands at the first row.
#[derive(Debug, Default)]
pub(super) struct Head<'a> {
    pub(super) device_id: Option<&'a [u8]>,
    pub(super) logical_name: Option<[u8; 6]>,
    pub(super) rows: usize,
    /// Whether each row is a structure of its own.
    pub(super) structured: bool,
}

/// The refusal of bytes that are sound but not of this layout.
pub(super) const fn no_layout(reader: &Reader<'_>) -> DecodeError {
    DecodeError::new(Layer::Layout, reader.offset(), Kind::NoLayout)
}

impl Layout {
    /// Reads up to the first row.
    pub(super) fn head<'a>(&self, reader: &mut Reader<'a>) -> Result<Head<'a>, DecodeError> {
        let head = match self.body {
            BodyShape::Push => self.push_head(reader)?,
            BodyShape::Flat => self.flat_head(reader)?,
            BodyShape::Buffer => Head {
                rows: row_count(reader)?,
                structured: true,
                ..Head::default()
            },
        };
        if head.rows > self.limits.rows_max {
            return Err(DecodeError::new(
                Layer::Layout,
                reader.offset(),
                Kind::TooMany,
            ));
        }
        Ok(head)
    }

    fn push_head<'a>(&self, reader: &mut Reader<'a>) -> Result<Head<'a>, DecodeError> {
        structure_of(reader, PUSH_ELEMENTS)?;
        let (device_id, logical_name) = self.identity(reader)?;
        sent_at(reader)?;
        Ok(Head {
            device_id: Some(device_id),
            logical_name: Some(logical_name),
            rows: row_count(reader)?,
            structured: true,
        })
    }

    fn flat_head<'a>(&self, reader: &mut Reader<'a>) -> Result<Head<'a>, DecodeError> {
        structure_of(reader, self.steps.len().saturating_add(FLAT_ELEMENTS))?;
        let (device_id, logical_name) = self.identity(reader)?;
        Ok(Head {
            device_id: Some(device_id),
            logical_name: Some(logical_name),
            rows: 1,
            structured: false,
        })
    }

    /// Device id and the logical name of what was pushed, which must be one of this layout's.
    fn identity<'a>(&self, reader: &mut Reader<'a>) -> Result<(&'a [u8], [u8; 6]), DecodeError> {
        let misfit = no_layout(reader);
        let device_id = match reader.u8()? {
            tag::OCTET_STRING | tag::VISIBLE_STRING | tag::UTF8_STRING => reader.counted()?,
            _ => return Err(misfit),
        };
        let misfit = no_layout(reader);
        let [tag::OCTET_STRING, 6] = reader.take()? else {
            return Err(misfit);
        };
        let logical_name = reader.take()?;
        if self.logical_names.is_empty() || self.logical_names.contains(&logical_name) {
            Ok((device_id, logical_name))
        } else {
            Err(misfit)
        }
    }
}

/// Takes a structure's tag and insists on its element count.
#[inline]
pub(super) fn structure_of(reader: &mut Reader<'_>, elements: usize) -> Result<(), DecodeError> {
    let misfit = no_layout(reader);
    if reader.u8()? != tag::STRUCTURE || reader.length()? != elements {
        return Err(misfit);
    }
    Ok(())
}

/// The push's own time. The reads have theirs, so it is only stepped over.
fn sent_at(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let misfit = no_layout(reader);
    match reader.u8()? {
        tag::NULL => Ok(()),
        tag::DATE_TIME => reader.take::<12>().map(|_| ()),
        tag::OCTET_STRING => match reader.counted()?.len() {
            0 | 12 => Ok(()),
            _ => Err(misfit),
        },
        _ => Err(misfit),
    }
}

/// An array's element count, or one row that stands alone.
fn row_count(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    let misfit = no_layout(reader);
    match reader.peek()? {
        tag::ARRAY => {
            reader.u8()?;
            reader.length()
        }
        tag::STRUCTURE => Ok(1),
        tag::COMPACT_ARRAY => Err(DecodeError::new(
            Layer::Layout,
            misfit.offset,
            Kind::Unsupported,
        )),
        _ => Err(misfit),
    }
}
