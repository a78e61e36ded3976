//! Profiles as JSON, the form in which they reach the decoder.

use serde::Deserialize;

use super::{Field, Holds, Object, Profile, UNIT_NONE};
use crate::layout::{BodyShape, SpecError, SpecProblem};

/// A profile as written. Unknown keys are refused: a typo must not become a default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    /// Where it was learnt from; for people.
    #[serde(rename = "source")]
    _source: String,
    profile: String,
    body: String,
    logical_names: Vec<String>,
    #[serde(default)]
    goes_with: Vec<String>,
    #[serde(default)]
    period_s: u32,
    fields: Vec<WrittenField>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenField {
    obis: String,
    column: String,
    #[serde(default = "register_class")]
    class: u16,
    #[serde(default = "value_attribute")]
    attribute: i8,
    #[serde(default)]
    scaler: i8,
    unit: Option<String>,
}

const fn register_class() -> u16 {
    3
}

/// Attribute 2 is the value of registers and data objects, and the time of clocks.
const fn value_attribute() -> i8 {
    2
}

/// Reads profiles from JSON: an array of objects, each the exact equivalent of one TOML file.
///
/// `column` is `clock`, `register`, `time`, `event`, `alert` or `ignored`; `class` is 3, `attribute`
/// 2 and `scaler` 0 unless given. At most one field is the clock.
pub fn profiles_from_json(json: &[u8]) -> Result<Vec<Profile>, SpecError> {
    let written: Vec<Written> = serde_json::from_slice(json).map_err(|error| SpecError {
        layout: String::new(),
        field: None,
        problem: SpecProblem::Json(error.to_string()),
    })?;
    written.into_iter().map(profile).collect()
}

fn profile(written: Written) -> Result<Profile, SpecError> {
    let name = written.name.clone();
    let fault = |field, problem| SpecError {
        layout: name.clone(),
        field,
        problem,
    };
    let body = match written.body.as_str() {
        "push" => BodyShape::Push,
        "buffer" => BodyShape::Buffer,
        "flat" => BodyShape::Flat,
        _ => return Err(fault(None, SpecProblem::UnknownBody(written.body))),
    };
    let mut logical_names = Vec::new();
    for text in &written.logical_names {
        logical_names.push(obis(text).map_err(|problem| fault(None, problem))?);
    }
    let mut fields = Vec::new();
    for (index, each) in written.fields.iter().enumerate() {
        fields.push(field(each).map_err(|problem| fault(Some(index), problem))?);
    }
    let clocks = fields.iter().filter(|field| field.holds == Holds::Clock);
    let clocks = clocks.count();
    if clocks > 1 {
        return Err(fault(None, SpecProblem::ClockCount(clocks)));
    }
    Ok(Profile {
        name: written.name,
        profile: written.profile,
        logical_names,
        goes_with: written.goes_with,
        body,
        period_s: written.period_s,
        fields,
    })
}

fn field(written: &WrittenField) -> Result<Field, SpecProblem> {
    let holds = match written.column.as_str() {
        "clock" => Holds::Clock,
        "register" => Holds::Register,
        "time" => Holds::Time,
        "event" => Holds::Event,
        "alert" => Holds::Alert,
        "ignored" => Holds::Ignored,
        other => return Err(SpecProblem::UnknownColumn(other.to_owned())),
    };
    Ok(Field {
        object: Object {
            class: written.class,
            obis: obis(&written.obis)?,
            attribute: written.attribute,
        },
        holds,
        scaler: written.scaler,
        unit: match written.unit.as_deref() {
            None => UNIT_NONE,
            Some(text) => unit(text).ok_or_else(|| SpecProblem::UnknownUnit(text.to_owned()))?,
        },
    })
}

/// DLMS unit codes (Blue Book 15, table of clause 4.3.2) by their usual spelling.
fn unit(text: &str) -> Option<u8> {
    Some(match text {
        "month" => 2,
        "day" => 4,
        "h" => 5,
        "min" => 6,
        "s" => 7,
        "W" => 27,
        "VA" => 28,
        "var" => 29,
        "Wh" => 30,
        "VAh" => 31,
        "varh" => 32,
        "A" => 33,
        "V" => 35,
        "Hz" => 44,
        "count" => UNIT_NONE,
        _ => return None,
    })
}

fn obis(text: &str) -> Result<[u8; 6], SpecProblem> {
    let groups: Result<Vec<u8>, _> = text.split('.').map(str::parse).collect();
    groups
        .ok()
        .and_then(|groups| <[u8; 6]>::try_from(groups).ok())
        .ok_or_else(|| SpecProblem::BadObis(text.to_owned()))
}
