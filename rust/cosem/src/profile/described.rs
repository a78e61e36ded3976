//! Bodies that say themselves what they hold, so that no layout has to be configured.
//!
//! Two kinds are in the field. A `push_object_list` as the first element: entry `i` describes element
//! `i` (Landis+Gyr and Iskra in Switzerland); captures of attribute 3 give the scaler and unit of
//! the register of the same name. And lists of values behind their names: as entries {logical name,
//! value, {scaler, unit}} (Aidon, Iskra in Austria) or side by side (Kamstrup, Kaifa, Sagemcom), with
//! or without scaler and unit. A name without them is a register whose unit nobody told.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a value of any other type is simply not what is asked for"
)]

use super::fit::{clock, decimal, instant, logical_name, number, octets, structure};
use super::{
    Field, Holds, Object, Quantity, Register, Row, Taken, UNIT_NONE, UNIT_SECOND, UNIT_UNTOLD,
};
use crate::axdr::Value;

const CLASS_DATA: u16 = 1;
const CLASS_REGISTER: u16 = 3;
const CLASS_EXTENDED_REGISTER: u16 = 4;
const CLASS_DEMAND_REGISTER: u16 = 5;
const CLASS_CLOCK: u16 = 8;
const CLASS_PUSH_SETUP: u16 = 40;

/// Value group A of electricity.
const ELECTRICITY: u8 = 1;
/// Length of a date-time.
const DATE_TIME_BYTES: usize = 12;
/// Names under which meters push what they are called: COSEM logical device name, device ids 1 to 10
/// (Blue Book 15, clause 6.2.3 and 7.4.14).
const LOGICAL_DEVICE_NAME: [u8; 6] = [0, 0, 42, 0, 0, 255];

/// Takes a self-describing body apart; `None` when it is none.
pub fn described(body: &Value) -> Option<Taken> {
    match body {
        Value::Structure(elements) => by_object_list(elements).or_else(|| by_names(elements)),
        Value::Array(entries) => by_names(entries),
        _ => None,
    }
}

/// The first element lists the objects of all elements, itself among them.
fn by_object_list(elements: &[Value]) -> Option<Taken> {
    let (list, values) = elements.split_first()?;
    let Value::Array(list) = list else {
        return None;
    };
    let objects: Vec<Object> = list.iter().map(object).collect::<Option<_>>()?;
    let (first, objects) = objects.split_first()?;
    if first.class != CLASS_PUSH_SETUP || first.attribute != 2 || objects.len() != values.len() {
        return None;
    }
    let pairs = || objects.iter().zip(values);
    let scaler_unit = |of: Object| {
        let told = pairs().find(|(object, _)| object.obis == of.obis && object.attribute == 3);
        told.and_then(|(_, value)| scaled(value))
    };
    let mut taken = Taken::default();
    let mut row = Row::default();
    for (object, value) in pairs() {
        if is_name(object.obis) {
            taken.device_id = taken.device_id.or_else(|| octets(value));
        } else if object.class == CLASS_CLOCK && object.attribute == 2 {
            row.clock = Some(instant(value)?);
        } else {
            keep(*object, value, scaler_unit(*object), &mut row);
        }
    }
    one_row(taken, row)
}

/// Every value has its name in front of it, as an entry {logical name, value}, {logical name, value,
/// {scaler, unit}} or as elements side by side; the list's own name or its time may come first, and who sent it last.
fn by_names(elements: &[Value]) -> Option<Taken> {
    let mut taken = Taken::default();
    let mut row = Row::default();
    let mut rest = elements;
    if let [first, behind @ ..] = elements
        && logical_name(first).is_none()
        && let Some(said) = octets(first)
    {
        row.clock = clock(first);
        if row.clock.is_none() && said.len() == DATE_TIME_BYTES {
            return None;
        }
        rest = behind;
    }
    while !rest.is_empty() {
        rest = match rest {
            [Value::Null, behind @ ..] => behind,
            [Value::Structure(entry), behind @ ..] => {
                let [name, value, told @ ..] = &entry[..] else {
                    return None;
                };
                let told = match told {
                    [] => None,
                    [told] => Some(scaled(told)?),
                    _ => return None,
                };
                named(name, value, told, &mut taken, &mut row)?;
                behind
            }
            [name, value, behind @ ..] => {
                let told = behind.first().and_then(scaled);
                named(name, value, told, &mut taken, &mut row)?;
                behind.get(usize::from(told.is_some())..)?
            }
            [last] if logical_name(last).is_none() => {
                taken.device_id = Some(octets(last)?);
                &[]
            }
            [_] | [] => return None,
        };
    }
    one_row(taken, row)
}

/// Takes one named value.
fn named(
    name: &Value,
    value: &Value,
    told: Option<(i8, u8)>,
    taken: &mut Taken,
    row: &mut Row,
) -> Option<()> {
    let obis = logical_name(name)?;
    // A push setup or a profile names what is pushed, not the value behind it.
    if matches!(obis, [0, _, 25, 9, _, 255] | [0 | 1, _, 98 | 99, ..]) {
        return None;
    }
    if is_name(obis) {
        taken.device_id = taken.device_id.take().or_else(|| octets(value));
    } else if is_clock(obis) {
        row.clock = Some(instant(value)?);
    } else {
        // Names of electricity are those of registers, whether or not their unit is told.
        let class = if told.is_some() || obis.first() == Some(&ELECTRICITY) {
            CLASS_REGISTER
        } else {
            CLASS_DATA
        };
        let object = Object {
            class,
            obis,
            attribute: 2,
        };
        keep(object, value, told, row);
    }
    Some(())
}

/// Adds a value that is a number or a time; the rest is not a register.
fn keep(object: Object, value: &Value, told: Option<(i8, u8)>, row: &mut Row) {
    let measured = matches!(
        object.class,
        CLASS_REGISTER | CLASS_EXTENDED_REGISTER | CLASS_DEMAND_REGISTER
    );
    let untold = if measured { UNIT_UNTOLD } else { UNIT_NONE };
    let (scaler, unit) = told.unwrap_or((0, untold));
    if let (true, Some(time)) = (object.class == CLASS_EXTENDED_REGISTER, clock(value)) {
        row.registers.push(Register {
            object,
            value: Quantity::Time(time),
            scaler: 0,
            unit: UNIT_SECOND,
        });
    } else if decimal(value).is_some() {
        let holds = Holds::Register;
        let field = Field {
            object,
            holds,
            scaler,
            unit,
        };
        // A number is always taken.
        let _taken: Option<()> = field.take(value, row);
    }
}

fn one_row(mut taken: Taken, row: Row) -> Option<Taken> {
    if row.registers.is_empty() {
        return None;
    }
    taken.rows.push(row);
    Some(taken)
}

/// class, logical name, attribute, data index.
fn object(entry: &Value) -> Option<Object> {
    let [class, name, attribute, _index, ..] = structure(entry)? else {
        return None;
    };
    Some(Object {
        class: u16::try_from(number(class)?).ok()?,
        obis: logical_name(name)?,
        attribute: i8::try_from(number(attribute)?).ok()?,
    })
}

/// structure{scaler, unit}.
fn scaled(value: &Value) -> Option<(i8, u8)> {
    let [scaler, unit] = structure(value)? else {
        return None;
    };
    let scaler = i8::try_from(number(scaler)?).ok()?;
    Some((scaler, u8::try_from(number(unit)?).ok()?))
}

/// The clock, 0.b.1.0.0.255.
fn is_clock(obis: [u8; 6]) -> bool {
    matches!(obis, [0, _, 1, 0, 0, 255])
}

fn is_name(obis: [u8; 6]) -> bool {
    obis == LOGICAL_DEVICE_NAME || matches!(obis, [0, _, 96, 1, 0..=9, 255])
}
