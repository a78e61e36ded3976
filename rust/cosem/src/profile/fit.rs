//! A body's tree against a profile: every element in its place and of a type that can be meant.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a value of any other type is simply not what is asked for"
)]

use super::{
    Code, Event, Field, Holds, Object, Profile, Quantity, Register, Row, Taken, UNIT_SECOND,
};
use crate::axdr::{Value, single};
use crate::clock::RawClock;
use crate::decimal::Decimal;
use crate::layout::BodyShape;

/// Elements of a push body: device id, logical name, time sent, rows.
const PUSH_HEAD: usize = 3;
/// Elements in front of the fields of a flat body.
const FLAT_HEAD: usize = 2;

impl Profile {
    /// Takes `body` apart; `None` when it does not fit this profile.
    pub fn fit(&self, body: &Value) -> Option<Taken> {
        match self.body {
            BodyShape::Buffer => self.taken(None, rows_of(body)?),
            BodyShape::Push => {
                let elements = structure(body)?;
                let (head, rest) = elements.split_at_checked(PUSH_HEAD)?;
                let device_id = self.identity(head)?;
                match rest {
                    [rows] => self.taken(Some(device_id), rows_of(rows)?),
                    _ => None,
                }
            }
            BodyShape::Flat => {
                let elements = structure(body)?;
                let (head, fields) = elements.split_at_checked(FLAT_HEAD)?;
                let device_id = self.identity(head)?;
                self.taken(Some(device_id), core::iter::once(fields))
            }
        }
    }

    /// The device id, when the logical name behind it is one of this profile's.
    fn identity(&self, head: &[Value]) -> Option<Vec<u8>> {
        let [id, name, ..] = head else {
            return None;
        };
        let name = logical_name(name)?;
        let ours = self.logical_names.is_empty() || self.logical_names.contains(&name);
        ours.then(|| octets(id)).flatten()
    }

    fn taken<'v>(
        &self,
        device_id: Option<Vec<u8>>,
        rows: impl Iterator<Item = &'v [Value]>,
    ) -> Option<Taken> {
        let mut above: Vec<Value> = Vec::new();
        let mut taken = Vec::new();
        let mut clock = None;
        for values in rows {
            if values.len() != self.fields.len() {
                return None;
            }
            if above.is_empty() {
                above = values.to_vec();
            }
            let row = self.row(values, &mut above, clock)?;
            clock = row.clock;
            taken.push(row);
        }
        Some(Taken {
            device_id,
            rows: taken,
        })
    }

    /// One row; null-data is the value above, and in the clock column the next capture time.
    fn row(&self, values: &[Value], above: &mut [Value], before: Option<RawClock>) -> Option<Row> {
        let mut row = Row::default();
        for ((field, value), above) in self.fields.iter().zip(values).zip(above) {
            let null = *value == Value::Null;
            if !null {
                *above = value.clone();
            }
            match field.holds {
                Holds::Clock if null => row.clock = Some(self.next(before?)?),
                Holds::Clock => row.clock = Some(instant(value)?),
                _ => field.take(above, &mut row)?,
            }
        }
        Some(row)
    }

    fn next(&self, before: RawClock) -> Option<RawClock> {
        let local_s = before.local_s.checked_add(i64::from(self.period_s))?;
        (self.period_s > 0).then_some(RawClock { local_s, ..before })
    }
}

impl Field {
    /// Adds what `value` says to `row`; null-data says nothing.
    pub(super) fn take(&self, value: &Value, row: &mut Row) -> Option<()> {
        if *value == Value::Null {
            return Some(());
        }
        let object = self.object;
        match self.holds {
            Holds::Register => {
                let (number, exponent) = decimal(value)?;
                row.registers.push(Register {
                    object,
                    value: Quantity::Number(number),
                    scaler: self.scaler.checked_add(exponent)?,
                    unit: self.unit,
                });
            }
            // A demand that never was has a time without fields.
            Holds::Time => {
                if let Some(time) = instant(value) {
                    row.registers.push(Register {
                        object,
                        value: Quantity::Time(time),
                        scaler: 0,
                        unit: UNIT_SECOND,
                    });
                }
            }
            Holds::Event => row.events.push(Event {
                object,
                what: Code::Number(u32::try_from(number(value)?).ok()?),
            }),
            Holds::Alert => {
                for bit in set_bits(value)? {
                    let what = Code::Bit(bit);
                    row.events.push(Event { object, what });
                }
            }
            Holds::Clock | Holds::Ignored => {}
        }
        Some(())
    }
}

/// The events that the value of one object tells: an alert's bits, or one code.
pub fn events(object: Object, value: &Value) -> Option<Vec<Event>> {
    if let Some(number) = number(value) {
        let what = Code::Number(u32::try_from(number).ok()?);
        return Some(vec![Event { object, what }]);
    }
    let bits = match value {
        Value::BitString(..) => set_bits(value)?,
        _ => return None,
    };
    let codes = bits.into_iter().map(Code::Bit);
    Some(codes.map(|what| Event { object, what }).collect())
}

fn rows_of(value: &Value) -> Option<Box<dyn Iterator<Item = &[Value]> + '_>> {
    match value {
        Value::Structure(fields) => Some(Box::new(core::iter::once(fields.as_slice()))),
        Value::Array(rows) | Value::CompactArray(rows) => {
            let whole = rows.iter().all(|row| structure(row).is_some());
            whole
                .then(|| Box::new(rows.iter().filter_map(structure)) as Box<dyn Iterator<Item = _>>)
        }
        _ => None,
    }
}

pub(super) fn structure(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Structure(elements) => Some(elements),
        _ => None,
    }
}

/// Bytes of a string of any kind.
pub(super) fn octets(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Octets(_, bytes) => Some(bytes.clone()),
        Value::Text(_, text) => Some(text.as_bytes().to_vec()),
        _ => None,
    }
}

pub(super) fn logical_name(value: &Value) -> Option<[u8; 6]> {
    match value {
        Value::Octets(_, bytes) => bytes.as_slice().try_into().ok(),
        _ => None,
    }
}

/// A whole number of any width. A bcd of one digit is that digit; of two it may be meant as binary
/// or as digits, and is none.
pub(super) fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Signed(_, number) => Some(*number),
        Value::Unsigned("bcd", number) if *number > 9 => None,
        Value::Unsigned(_, number) => i64::try_from(*number).ok(),
        Value::Boolean(set) => Some(i64::from(*set)),
        _ => None,
    }
}

/// A number and the power of ten it is to be multiplied with: a float has one, and is taken for the
/// decimal that its fewest digits name.
pub(super) fn decimal(value: &Value) -> Option<(i64, i8)> {
    let written = match value {
        Value::Float("float64", float) => float.to_string(),
        Value::Float(_, float) => single(*float).to_string(),
        _ => return Some((number(value)?, 0)),
    };
    let decimal = Decimal::parse(&written)?;
    Some((decimal.number, decimal.exponent))
}

/// A date-time that names an instant.
pub(super) fn clock(value: &Value) -> Option<RawClock> {
    match value {
        Value::Octets(_, bytes) => RawClock::parse(bytes.as_slice().try_into().ok()?).ok(),
        _ => None,
    }
}

/// The same where only a time can be meant: a count of seconds is one too.
pub(super) fn instant(value: &Value) -> Option<RawClock> {
    match value {
        Value::Unsigned("double-long-unsigned", seconds) => {
            RawClock::unix(u32::try_from(*seconds).ok()?)
        }
        _ => clock(value),
    }
}

/// The places of the bits that are set; the first bit sent is bit 0.
fn set_bits(value: &Value) -> Option<Vec<u16>> {
    let (count, bytes) = match value {
        Value::BitString(count, bytes) => (*count, bytes),
        Value::Octets(_, bytes) => (bytes.len().checked_mul(8)?, bytes),
        _ => return None,
    };
    let bits = bytes.iter().flat_map(|byte| {
        (0..8_u32).map(move |place| byte.checked_shl(place).is_some_and(|byte| byte & 0x80 != 0))
    });
    let set = (0_u16..).zip(bits.take(count)).filter(|(_, set)| *set);
    Some(set.map(|(place, _)| place).collect())
}
