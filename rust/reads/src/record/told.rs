//! Sections 6, 7 and 8: registers, events, and what became of earlier rejects. All are written row
//! by row: they are a thousandth of what the reads are.

use super::Cursor;
use super::write::name;

/// What a register and an event share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) meter: u32,
    /// When, UTC, seconds since 1970.
    pub(crate) at_s: u32,
    pub(crate) deviation_min: i16,
    pub(crate) clock_status: u8,
    pub(crate) flags: u32,
    pub(crate) dcu: u32,
    pub(crate) counter: u32,
}

/// A register of a daily, billing, instantaneous or other profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RegisterRow<'a> {
    pub(crate) stamp: Stamp,
    pub(crate) profile: &'a str,
    pub(crate) class: u16,
    pub(crate) obis: [u8; 6],
    pub(crate) attribute: i8,
    pub(crate) value: i64,
    pub(crate) scaler: i8,
    pub(crate) unit: u8,
}

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventRow<'a> {
    pub(crate) stamp: Stamp,
    pub(crate) source: &'a str,
    pub(crate) obis: [u8; 6],
    /// 0 for an alert's bit.
    pub(crate) code: u32,
    /// -1 for a code.
    pub(crate) bit: i16,
    pub(crate) meaning: &'a str,
}

/// What became of a reject that was decoded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resolution<'a> {
    /// The reject's key: position, receive time, concentrator.
    pub(crate) position: u64,
    pub(crate) received_ms: i64,
    pub(crate) dcu: u32,
    pub(crate) at_ms: i64,
    pub(crate) meter: u32,
    pub(crate) outcome: &'a str,
    pub(crate) reads: u32,
    pub(crate) registers: u32,
    pub(crate) events: u32,
}

impl Stamp {
    fn parse(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            meter: cursor.u32()?,
            at_s: cursor.u32()?,
            deviation_min: cursor.take().map(i16::from_le_bytes)?,
            clock_status: cursor.u8()?,
            flags: cursor.u32()?,
            dcu: cursor.u32()?,
            counter: cursor.u32()?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.meter.to_le_bytes());
        out.extend(self.at_s.to_le_bytes());
        out.extend(self.deviation_min.to_le_bytes());
        out.push(self.clock_status);
        out.extend(self.flags.to_le_bytes());
        out.extend(self.dcu.to_le_bytes());
        out.extend(self.counter.to_le_bytes());
    }
}

impl<'a> RegisterRow<'a> {
    pub(super) fn parse(cursor: &mut Cursor<'a>) -> Option<Self> {
        Some(Self {
            stamp: Stamp::parse(cursor)?,
            profile: cursor.name()?,
            class: cursor.u16()?,
            obis: cursor.take()?,
            attribute: cursor.take().map(i8::from_le_bytes)?,
            value: cursor.i64()?,
            scaler: cursor.take().map(i8::from_le_bytes)?,
            unit: cursor.u8()?,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.stamp.write(out);
        name(self.profile, out);
        out.extend(self.class.to_le_bytes());
        out.extend(self.obis);
        out.extend(self.attribute.to_le_bytes());
        out.extend(self.value.to_le_bytes());
        out.extend(self.scaler.to_le_bytes());
        out.push(self.unit);
    }
}

impl<'a> EventRow<'a> {
    pub(super) fn parse(cursor: &mut Cursor<'a>) -> Option<Self> {
        Some(Self {
            stamp: Stamp::parse(cursor)?,
            source: cursor.name()?,
            obis: cursor.take()?,
            code: cursor.u32()?,
            bit: cursor.take().map(i16::from_le_bytes)?,
            meaning: cursor.name()?,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.stamp.write(out);
        name(self.source, out);
        out.extend(self.obis);
        out.extend(self.code.to_le_bytes());
        out.extend(self.bit.to_le_bytes());
        name(self.meaning, out);
    }
}

impl<'a> Resolution<'a> {
    pub(super) fn parse(cursor: &mut Cursor<'a>) -> Option<Self> {
        Some(Self {
            position: cursor.u64()?,
            received_ms: cursor.i64()?,
            dcu: cursor.u32()?,
            at_ms: cursor.i64()?,
            meter: cursor.u32()?,
            outcome: cursor.name()?,
            reads: cursor.u32()?,
            registers: cursor.u32()?,
            events: cursor.u32()?,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.position.to_le_bytes());
        out.extend(self.received_ms.to_le_bytes());
        out.extend(self.dcu.to_le_bytes());
        out.extend(self.at_ms.to_le_bytes());
        out.extend(self.meter.to_le_bytes());
        name(self.outcome, out);
        for count in [self.reads, self.registers, self.events] {
            out.extend(count.to_le_bytes());
        }
    }
}
