//! Learning: which bytes of a sound row make its shape, and where its fields stand.

use super::super::compile::Step;
use super::super::scale::Scale;
use super::super::value::{self, tag};
use super::{Slot, Template, Width, Word};
use crate::layout::Channel;
use crate::{Layer, Reader};

impl Template {
    /// The shape of `row`, or `None` when a field is none that a template can take: null-data, deltas,
    /// health words that are no integers and whatever is nested.
    pub(in crate::layout) fn learn(steps: &[Step], structured: bool, row: &[u8]) -> Option<Self> {
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
        Some(Self {
            stride: row.len(),
            words: Word::covering(row, &shape.mask)?,
            clock_at: clock_at?,
            present: slots
                .iter()
                .filter_map(|slot| slot.channel)
                .fold(0, |all, channel| all | channel.bit()),
            slots,
        })
    }
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
