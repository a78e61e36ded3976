//! Profiles beside the block load: daily, billing and instantaneous registers, event logs, alerts.
//!
//! Their rows are few and of every type, so they come through `axdr` trees: one row a day, not one
//! walk a microsecond. A profile is data, one TOML file under `python/meteringest/layouts/` with
//! `table = "registers"`; a body may also describe itself (see `described.rs`).
//!
//! Rule 1: a value keeps the meter's own number; scaler and unit stand beside it and come from the
//! profile or from the body, never from a guess. Rule 2: what fits no profile is refused whole.
//! Nothing here knows meters, keys, policies of time or the present.

mod described;
mod fit;
mod json;
#[cfg(test)]
mod tests;

pub use described::described;
pub use fit::events;
pub use json::profiles_from_json;

use crate::clock::RawClock;
use crate::layout::BodyShape;

/// DLMS unit code of a value whose unit nobody told.
pub const UNIT_UNTOLD: u8 = 0;
/// DLMS unit code of a value that has none.
pub const UNIT_NONE: u8 = 255;
/// DLMS unit code of the second: what a point in time is kept in.
pub const UNIT_SECOND: u8 = 7;

/// One profile's layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The name of its file.
    pub name: String,
    /// What its rows are called in the store: daily, billing, instantaneous, …
    pub profile: String,
    /// Logical names of push setups or profiles whose bodies have it; none: any.
    pub logical_names: Vec<[u8; 6]>,
    /// The meter layouts it goes with, which stand for the models; none: any.
    pub goes_with: Vec<String>,
    /// What surrounds the rows.
    pub body: BodyShape,
    /// What null-data in the clock column stands for; 0: it is not allowed.
    pub period_s: u32,
    /// The fields of a row, in order.
    pub fields: Vec<Field>,
}

/// One field of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The captured object.
    pub object: Object,
    /// What its value is.
    pub holds: Holds,
    /// Power of ten of the meter's number.
    pub scaler: i8,
    /// DLMS unit code.
    pub unit: u8,
}

/// A captured attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Object {
    /// Interface class.
    pub class: u16,
    /// Logical name.
    pub obis: [u8; 6],
    /// Attribute.
    pub attribute: i8,
}

/// What a field's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// The row's capture time.
    Clock,
    /// A whole number.
    Register,
    /// A point in time, as maximum demands have.
    Time,
    /// The code of an event.
    Event,
    /// A bit-string of which every set bit is an event.
    Alert,
    /// Nothing that is kept.
    Ignored,
}

/// A body taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// The device id, when the body has one.
    pub device_id: Option<Vec<u8>>,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// What one row said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// When, by the meter's clock; `None` when the row does not say.
    pub clock: Option<RawClock>,
    /// Its registers.
    pub registers: Vec<Register>,
    /// Its events.
    pub events: Vec<Event>,
}

/// One register of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Register {
    /// The captured attribute.
    pub object: Object,
    /// Its value.
    pub value: Quantity,
    /// Power of ten of the number.
    pub scaler: i8,
    /// DLMS unit code.
    pub unit: u8,
}

/// A register's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// The meter's own number.
    Number(i64),
    /// A point in time.
    Time(RawClock),
}

/// One event of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The object that told it.
    pub object: Object,
    /// Which one.
    pub what: Code,
}

/// Names an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// By number, as event logs do.
    Number(u32),
    /// By its place in an alert's bit-string; the first bit is 0.
    Bit(u16),
}

/// What a body may cost.
pub const LIMITS: crate::axdr::Limits = crate::axdr::Limits {
    depth_max: 8,
    elements_max: 65_536,
};
