//! The fast path: the shape of a row, all its tags and widths, compared at once and taken column by column.
//!
//! A template is learnt from a row that the general walk has just found sound. A row that has the same bytes
//! in all the places a template masks has the same shape, hence the same fields at the same offsets: its
//! length was checked once and its tags in a few words. Rows of any other shape go back to the general walk.

use super::compile::Step;
use super::scale::Scale;
use super::value::{self, tag};
use super::{Channel, Columns};
use crate::clock::Days;
use crate::{Layer, Reader};

/// Bytes compared at once.
const WORD_BYTES: usize = 8;

/// Eight bytes of a row: those that the mask covers must be these.
#[derive(Debug, Clone, Copy)]
struct Word {
    bytes: u64,
    mask: u64,
}

impl Word {
    fn new(bytes: [u8; WORD_BYTES], mask: [u8; WORD_BYTES]) -> Self {
        let mask = u64::from_ne_bytes(mask);
        let bytes = u64::from_ne_bytes(bytes) & mask;
        Self { bytes, mask }
    }

    /// The bits in which `bytes` differ where they must not.
    #[inline]
    fn differing(self, bytes: [u8; WORD_BYTES]) -> u64 {
        (u64::from_ne_bytes(bytes) & self.mask) ^ self.bytes
    }
}

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
    /// The last eight bytes, which overlap the word before them.
    tail: Word,
    clock_at: usize,
    slots: Vec<Slot>,
    present: u16,
}

impl Template {
    /// The shape of `row`, or `None` when a field is none that a template can take: null-data, deltas,
    /// health words that are no integers and whatever is nested.
    pub(super) fn learn(steps: &[Step], structured: bool, row: &[u8]) -> Option<Self> {
        let mut shape = Shape {
            reader: Reader::new(row, Layer::Data),
            mask: vec![0; row.len()],
        };
        if structured {
            shape.fixed(1)?;
            shape.length()?;
        }
        let (mut clock_at, mut slots) = (None, Vec::new());
        for step in steps {
            match *step {
                Step::Clock => clock_at = Some(shape.clock()?),
                Step::Ignored => shape.ignored()?,
                Step::Status => slots.push(shape.integer(None, Scale::One)?),
                Step::Channel(channel, scale) => slots.push(shape.integer(Some(channel), scale)?),
            }
        }
        let (row_words, _) = row.as_chunks();
        let (mask_words, _) = shape.mask.as_chunks();
        Some(Self {
            stride: row.len(),
            words: row_words
                .iter()
                .zip(mask_words)
                .map(|(row, mask)| Word::new(*row, *mask))
                .collect(),
            tail: Word::new(*row.last_chunk()?, *shape.mask.last_chunk()?),
            clock_at: clock_at?,
            present: slots
                .iter()
                .filter_map(|slot| slot.channel)
                .fold(0, |all, channel| all | channel.bit()),
            slots,
        })
    }

    /// Bytes of a row.
    pub(super) const fn stride(&self) -> usize {
        self.stride
    }

    /// Whether `bytes` begin with a row of this shape.
    #[inline]
    pub(super) fn fits(&self, bytes: &[u8]) -> bool {
        bytes
            .get(..self.stride)
            .is_some_and(|row| self.matches(row))
    }

    /// How many rows of this shape `bytes` begin with, `rows_max` at most, and their bytes.
    pub(super) fn run<'a>(&self, bytes: &'a [u8], rows_max: usize) -> (usize, &'a [u8]) {
        let rows = bytes.chunks_exact(self.stride).take(rows_max);
        let count = rows.take_while(|row| self.matches(row)).count();
        (
            count,
            bytes
                .get(..count.saturating_mul(self.stride))
                .unwrap_or_default(),
        )
    }

    #[inline]
    fn matches(&self, row: &[u8]) -> bool {
        let (words, _) = row.as_chunks();
        let body = words
            .iter()
            .zip(&self.words)
            .fold(0, |all, (bytes, word)| all | word.differing(*bytes));
        row.last_chunk()
            .is_some_and(|bytes| (body | self.tail.differing(*bytes)) == 0)
    }

    /// Appends the rows of `region`; `false`, with the columns as they were, when one of them has an unsound value.
    pub(super) fn extract(
        &self,
        region: &[u8],
        start: u32,
        days: &mut Days,
        out: &mut Columns,
    ) -> bool {
        let before = out.len();
        let sound = self.clocks(region, days, out) && self.channels(region, out);
        let rows = region.len().checked_div(self.stride).unwrap_or(0);
        let after = before.saturating_add(rows);
        if !sound {
            out.truncate(before);
            return false;
        }
        for (index, channel) in out.channels.iter_mut().enumerate() {
            if self.present & (1 << index) == 0 {
                channel.resize(after, 0);
            }
        }
        out.present.resize(after, self.present);
        out.status.resize(after, 0);
        let stride = u32::try_from(self.stride).unwrap_or(u32::MAX);
        let mut at = start;
        out.spans.extend((0..rows).map(|_| {
            let from = at;
            at = at.saturating_add(stride);
            (from, at)
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

    fn channels(&self, region: &[u8], out: &mut Columns) -> bool {
        self.slots.iter().all(|slot| {
            let column = match slot.channel {
                None => Some(&mut out.status),
                Some(channel) => out.channels.get_mut(channel.index()),
            };
            column.is_some_and(|column| slot.append(region.chunks_exact(self.stride), column))
        })
    }
}

impl Slot {
    /// Appends this field of every row; `false` when a value does not fit its column.
    fn append(self, rows: core::slice::ChunksExact<'_, u8>, column: &mut Vec<u32>) -> bool {
        match self.width {
            Width::I8 => self.scaled(rows, column, |bytes| i64::from(i8::from_be_bytes(bytes))),
            Width::I16 => self.scaled(rows, column, |bytes| i64::from(i16::from_be_bytes(bytes))),
            Width::I32 => self.scaled(rows, column, |bytes| i64::from(i32::from_be_bytes(bytes))),
            Width::U8 => self.scaled(rows, column, |bytes| i64::from(u8::from_be_bytes(bytes))),
            Width::U16 => self.scaled(rows, column, |bytes| i64::from(u16::from_be_bytes(bytes))),
            Width::U32 => self.scaled(rows, column, |bytes| i64::from(u32::from_be_bytes(bytes))),
            // An unsigned number beyond 63 bits reads as negative, which no column takes either.
            Width::I64 | Width::U64 => self.scaled(rows, column, i64::from_be_bytes),
        }
    }

    #[inline]
    fn scaled<const N: usize>(
        self,
        rows: core::slice::ChunksExact<'_, u8>,
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

/// A row being learnt: what has been read, and which of its bytes make its shape.
struct Shape<'a> {
    reader: Reader<'a>,
    mask: Vec<u8>,
}

impl Shape<'_> {
    fn at(&self) -> Option<usize> {
        usize::try_from(self.reader.offset()).ok()
    }

    /// Takes bytes that every row of the shape has, and returns the first.
    fn fixed(&mut self, count: usize) -> Option<u8> {
        let at = self.at()?;
        let bytes = self.reader.bytes(count).ok()?;
        self.mask.get_mut(at..at.checked_add(count)?)?.fill(0xff);
        bytes.first().copied()
    }

    /// Takes a length in whatever form, which then belongs to the shape.
    fn length(&mut self) -> Option<usize> {
        let at = self.at()?;
        let length = self.reader.length().ok()?;
        let end = self.at()?;
        self.mask.get_mut(at..end)?.fill(0xff);
        Some(length)
    }

    fn clock(&mut self) -> Option<usize> {
        match self.fixed(1)? {
            tag::DATE_TIME => {}
            tag::OCTET_STRING if self.length()? == 12 => {}
            _ => return None,
        }
        let at = self.at()?;
        self.reader.bytes(12).ok()?;
        Some(at)
    }

    fn integer(&mut self, channel: Option<Channel>, scale: Scale) -> Option<Slot> {
        let (width, bytes) = match self.fixed(1)? {
            tag::INTEGER => (Width::I8, 1),
            tag::LONG => (Width::I16, 2),
            tag::DOUBLE_LONG => (Width::I32, 4),
            tag::LONG64 => (Width::I64, 8),
            tag::UNSIGNED | tag::ENUM => (Width::U8, 1),
            tag::LONG_UNSIGNED => (Width::U16, 2),
            tag::DOUBLE_LONG_UNSIGNED => (Width::U32, 4),
            tag::LONG64_UNSIGNED => (Width::U64, 8),
            _ => return None,
        };
        let at = self.at()?;
        self.reader.bytes(bytes).ok()?;
        Some(Slot {
            channel,
            at,
            width,
            scale,
        })
    }

    /// An ignored field keeps its tag, and a string its length; anything nested is not for templates.
    fn ignored(&mut self) -> Option<()> {
        let before = self.reader.clone();
        match self.fixed(1)? {
            tag::OCTET_STRING | tag::VISIBLE_STRING | tag::UTF8_STRING => {
                let length = self.length()?;
                self.reader.bytes(length).ok()?;
            }
            tag::ARRAY | tag::STRUCTURE | tag::COMPACT_ARRAY | tag::BIT_STRING => return None,
            _ => {
                self.reader = before;
                value::skip(&mut self.reader).ok()?;
            }
        }
        Some(())
    }
}
