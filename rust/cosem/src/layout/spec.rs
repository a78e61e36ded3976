//! What a layout file says, and how it can be wrong.

use super::Channel;
use core::fmt;

/// One profile's layout as written down. Compiled by [`Layout::compile`](super::Layout::compile).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutSpec {
    /// The name that a meter's registration refers to.
    pub name: String,
    /// Logical names (of push setups or profiles) whose bodies have this layout; none: any.
    pub logical_names: Vec<[u8; 6]>,
    /// What surrounds the rows.
    pub body: BodyShape,
    /// The fields of a row, in order.
    pub fields: Vec<FieldSpec>,
}

/// What surrounds the rows of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyShape {
    /// structure{device id, logical name, date-time or null, array of rows or one row}.
    Push,
    /// A bare array of rows: the buffer of a profile.
    Buffer,
    /// structure{device id, logical name, field, field, ...}: one row without a structure of its own.
    Flat,
}

/// One field of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSpec {
    /// The captured object's logical name.
    pub obis: [u8; 6],
    /// The captured attribute.
    pub attribute: i8,
    /// Where the value goes.
    pub target: Target,
    /// Power of ten by which the meter's number is multiplied to give the unit.
    pub scaler: i8,
    /// DLMS unit code; 255 for fields without a unit.
    pub unit: u8,
}

/// Where a field's value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The capture time, which every row has exactly once.
    Clock,
    /// A channel.
    Channel(Channel),
    /// The meter's health word.
    Status,
    /// Nowhere: any value is skipped.
    Ignored,
}

/// A layout that cannot be used, and where it is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecError {
    /// The layout's name, empty when the file could not be read that far.
    pub layout: String,
    /// Index of the field, when one field is to blame.
    pub field: Option<usize>,
    /// What is wrong.
    pub problem: SpecProblem,
}

/// What is wrong with a layout.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecProblem {
    /// Not the JSON that layouts are written in; the parser's own words.
    Json(String),
    /// Not six numbers from 0 to 255 with dots between them.
    BadObis(String),
    /// No column of that name.
    UnknownColumn(String),
    /// No unit of that name.
    UnknownUnit(String),
    /// No body shape of that name.
    UnknownBody(String),
    /// The unit is not the channel's.
    WrongUnit {
        /// What the channel needs.
        needed: u8,
        /// What the layout says.
        given: u8,
    },
    /// The scaler is too far from the channel's own power of ten.
    ScalerTooFar(i8),
    /// The same column twice.
    DuplicateColumn,
    /// Not `class/logical name/attribute`.
    BadObject(String),
    /// A captured register whose scaler and unit are not given.
    NoScaler([u8; 6]),
    /// Capture objects without a channel or without exactly one clock.
    NoReads,
    /// Not exactly one clock.
    ClockCount(usize),
    /// More fields than the limit.
    TooManyFields {
        /// How many there are.
        given: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Two layouts of one name.
    DuplicateName,
    /// A model names a layout that is not there.
    UnknownLayout(String),
}

impl fmt::Display for SpecError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "layout `{}`", self.layout)?;
        if let Some(field) = self.field {
            write!(formatter, ", field {field}")?;
        }
        write!(formatter, ": {}", self.problem)
    }
}

impl fmt::Display for SpecProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(reason) => write!(formatter, "{reason}"),
            Self::BadObis(text) => write!(
                formatter,
                "`{text}` is not an OBIS code such as 1.0.1.29.0.255"
            ),
            Self::UnknownColumn(text) => {
                write!(
                    formatter,
                    "`{text}` is no column: use clock, status, ignored"
                )?;
                Channel::ALL
                    .iter()
                    .try_for_each(|channel| write!(formatter, ", {}", channel.name()))
            }
            Self::UnknownUnit(text) => {
                write!(formatter, "`{text}` is no unit: use Wh, VAh, varh, A or V")
            }
            Self::UnknownBody(text) => {
                write!(formatter, "`{text}` is no body: use push, buffer or flat")
            }
            Self::WrongUnit { needed, given } => {
                write!(
                    formatter,
                    "the column needs DLMS unit {needed}, the field has {given}"
                )
            }
            Self::ScalerTooFar(scaler) => {
                write!(formatter, "scaler {scaler} cannot be right for this column")
            }
            Self::DuplicateColumn => write!(formatter, "another field already fills this column"),
            Self::BadObject(text) => write!(
                formatter,
                "`{text}` is no capture object such as 3/1.0.1.29.0.255/2"
            ),
            Self::NoScaler(obis) => write!(
                formatter,
                "the scaler and unit of {} are missing under `scalers`",
                obis.map(|group| group.to_string()).join(".")
            ),
            Self::NoReads => write!(
                formatter,
                "the capture objects need one clock and a register of a block load"
            ),
            Self::ClockCount(count) => write!(
                formatter,
                "a row needs exactly one clock, this one has {count}"
            ),
            Self::TooManyFields { given, limit } => {
                write!(formatter, "{given} fields, but a row may have {limit}")
            }
            Self::DuplicateName => write!(formatter, "another layout already has this name"),
            Self::UnknownLayout(name) => write!(formatter, "there is no layout `{name}`"),
        }
    }
}

impl core::error::Error for SpecError {}
