//! Rows of blocks that wait for the rest of their message.

use cosem::block_transfer::Part;

use super::cursor::Cursor;
use super::write::{counted, name};
use crate::transfers::{Carrier, Way};

/// A block that is held, or without one the end of its run.
#[derive(Debug, Clone)]
pub(crate) struct HeldRow<'a> {
    pub(crate) way: Way,
    pub(crate) held: Option<(Part<'a>, Carrier<'a>)>,
}

impl<'a> HeldRow<'a> {
    pub(crate) fn parse(cursor: &mut Cursor<'a>) -> Option<Self> {
        let way = Way::parse(cursor)?;
        if cursor.u8()? == 0 {
            return Some(Self { way, held: None });
        }
        let part = Part {
            number: cursor.u32()?,
            last: cursor.u8()? != 0,
            recoverable: cursor.u8()? != 0,
            bytes: cursor.counted()?,
        };
        let carrier = Carrier {
            raw: cursor.counted()?,
            frames: cursor.u32()?,
            at_s: cursor.i64()?,
            dcu: cursor.u32()?,
            meter: cursor.u32()?,
            peer: cursor.name()?,
            acked: cursor.u8()? != 0,
        };
        let held = Some((part, carrier));
        Some(Self { way, held })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        self.way.write(out);
        let Some((part, carrier)) = &self.held else {
            return out.push(0);
        };
        out.push(1);
        out.extend(part.number.to_le_bytes());
        out.extend([u8::from(part.last), u8::from(part.recoverable)]);
        counted(part.bytes, out);
        counted(carrier.raw, out);
        out.extend(carrier.frames.to_le_bytes());
        out.extend(carrier.at_s.to_le_bytes());
        out.extend(carrier.dcu.to_le_bytes());
        out.extend(carrier.meter.to_le_bytes());
        name(carrier.peer, out);
        out.push(u8::from(carrier.acked));
    }
}
