//! The fast path: the shape of a row, all its tags and widths, compared at once and taken column by column.
//!
//! A template is learnt from a row that the general walk has just found sound. A row that has the same bytes
//! in all the places a template masks has the same shape, hence the same fields at the same offsets: its
//! length was checked once and its tags in a few words. Rows of any other shape go back to the general walk.

mod shape;
mod word;

use super::scale::Scale;
use super::{Channel, Columns};
use crate::clock::Days;
use core::slice::ChunksExact;
use word::Word;

/// An integer field's encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
}

/// Where a row has an integer, and the column it goes to: a channel's, or the health word's.
#[derive(Debug, Clone, Copy)]
struct Slot {
    channel: Option<Channel>,
    at: usize,
    width: Width,
    scale: Scale,
}

/// The shape of a row.
#[derive(Debug, Clone)]
pub(super) struct Template {
    stride: usize,
    words: Vec<Word>,
    clock_at: usize,
    slots: Vec<Slot>,
    present: u16,
}

impl Template {
    /// Bytes of a row.
    pub(super) const fn stride(&self) -> usize {
        self.stride
    }

    /// Whether `bytes` begin with a row of this shape.
    pub(super) fn fits(&self, bytes: &[u8]) -> bool {
        bytes
            .get(..self.stride)
            .is_some_and(|row| self.all_match(row))
    }

    /// The next `rows` rows, when every one of them has this shape.
    pub(super) fn all<'a>(&self, bytes: &'a [u8], rows: usize) -> Option<(usize, &'a [u8])> {
        let region = bytes.get(..rows.checked_mul(self.stride)?)?;
        self.all_match(region).then_some((rows, region))
    }

    /// The rows of this shape that `bytes` begin with, `rows_max` at most; `None` when there is none.
    pub(super) fn some<'a>(&self, bytes: &'a [u8], rows_max: usize) -> Option<(usize, &'a [u8])> {
        let rows = bytes.chunks_exact(self.stride).take(rows_max);
        let alike = rows.take_while(|row| self.all_match(row)).count();
        let region = bytes.get(..alike.checked_mul(self.stride)?)?;
        (alike > 0).then_some((alike, region))
    }

    /// Word by word over all rows: most bodies have rows of one shape only.
    #[inline]
    fn all_match(&self, region: &[u8]) -> bool {
        let rows = region.chunks_exact(self.stride);
        self.words
            .iter()
            .all(|word| rows.clone().fold(0, |all, row| all | word.differing(row)) == 0)
    }

    /// Appends the rows of `region`; `false`, leaving the columns ragged, when one of them has an unsound value.
    pub(super) fn extract(
        &self,
        region: &[u8],
        start: u32,
        days: &mut Days,
        out: &mut Columns,
    ) -> bool {
        let before = out.len();
        if !(self.clocks(region, days, out) && self.channels(region, before, out)) {
            return false;
        }
        let after = out.len();
        out.fill_absent(self.present, after);
        out.present.resize(after, self.present);
        out.status.resize(after, 0);
        let stride = u32::try_from(self.stride).unwrap_or(u32::MAX);
        let mut end = start;
        out.spans.extend(region.chunks_exact(self.stride).map(|_| {
            let start = end;
            end = start.wrapping_add(stride);
            (start, end)
        }));
        true
    }

    fn clocks(&self, region: &[u8], days: &mut Days, out: &mut Columns) -> bool {
        let mut sound = true;
        out.clocks
            .extend(region.chunks_exact(self.stride).map(|row| {
                let clock = field(row, self.clock_at).map(|bytes| days.clock(bytes));
                let clock = clock.and_then(Result::ok);
                sound &= clock.is_some();
                clock.unwrap_or_default()
            }));
        sound
    }

    fn channels(&self, region: &[u8], before: usize, out: &mut Columns) -> bool {
        let rows = region.chunks_exact(self.stride);
        self.slots.iter().all(|slot| {
            let column = match slot.channel {
                None => Some(&mut out.status),
                Some(channel) => out.channel_from(channel, before),
            };
            column.is_some_and(|column| slot.append(rows.clone(), column))
        })
    }
}

impl Slot {
    /// Appends this field of every row; `false` when a value does not fit its column.
    ///
    /// The encodings that meters use most have loops of their own, without a check per value where none is needed.
    fn append(self, rows: ChunksExact<'_, u8>, column: &mut Vec<u32>) -> bool {
        match (self.width, self.scale) {
            (Width::U32, Scale::One) => self.copied(rows, column, u32::from_be_bytes),
            (Width::U16, Scale::One) => {
                self.copied(rows, column, |bytes| u16::from_be_bytes(bytes).into())
            }
            (Width::U16, Scale::Multiply(factor)) => {
                self.multiplied(rows, column, factor, |bytes| {
                    u16::from_be_bytes(bytes).into()
                })
            }
            (Width::U32, Scale::Multiply(factor)) => {
                self.multiplied(rows, column, factor, u32::from_be_bytes)
            }
            (Width::I8, _) => self.scaled(rows, column, |bytes| i8::from_be_bytes(bytes).into()),
            (Width::I16, _) => self.scaled(rows, column, |bytes| i16::from_be_bytes(bytes).into()),
            (Width::I32, _) => self.scaled(rows, column, |bytes| i32::from_be_bytes(bytes).into()),
            (Width::U8, _) => self.scaled(rows, column, |bytes| u8::from_be_bytes(bytes).into()),
            (Width::U16, _) => self.scaled(rows, column, |bytes| u16::from_be_bytes(bytes).into()),
            (Width::U32, _) => self.scaled(rows, column, |bytes| u32::from_be_bytes(bytes).into()),
            // An unsigned number beyond 63 bits reads as negative, which no column takes either.
            (Width::I64 | Width::U64, _) => self.scaled(rows, column, i64::from_be_bytes),
        }
    }

    #[inline]
    fn copied<const N: usize>(
        self,
        rows: ChunksExact<'_, u8>,
        column: &mut Vec<u32>,
        number: impl Fn([u8; N]) -> u32,
    ) -> bool {
        column.extend(rows.map(|row| field(row, self.at).map_or(0, |bytes| number(*bytes))));
        true
    }

    #[inline]
    fn multiplied<const N: usize>(
        self,
        rows: ChunksExact<'_, u8>,
        column: &mut Vec<u32>,
        factor: u32,
        number: impl Fn([u8; N]) -> u32,
    ) -> bool {
        let mut beyond = 0;
        column.extend(rows.map(|row| {
            let number = field(row, self.at).map_or(0, |bytes| number(*bytes));
            let (low, high) = number.carrying_mul(factor, 0);
            beyond |= high;
            low
        }));
        beyond == 0
    }

    #[inline]
    fn scaled<const N: usize>(
        self,
        rows: ChunksExact<'_, u8>,
        column: &mut Vec<u32>,
        number: impl Fn([u8; N]) -> i64,
    ) -> bool {
        let mut sound = true;
        let scale = self.scale;
        column.extend(rows.map(|row| {
            let scaled = field(row, self.at).and_then(|bytes| scale.apply(number(*bytes)).ok());
            sound &= scaled.is_some();
            scaled.unwrap_or_default()
        }));
        sound
    }
}

/// The bytes of a field.
#[inline]
fn field<const N: usize>(row: &[u8], at: usize) -> Option<&[u8; N]> {
    row.get(at..).and_then(<[u8]>::first_chunk)
}
