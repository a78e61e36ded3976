//! Layouts as JSON, the form in which they reach the decoder.

use super::channel::unit;
use super::{BodyShape, Captured, Channel, FieldSpec, LayoutSpec, SpecError, SpecProblem, Target};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Code of "no unit".
const UNIT_NONE: u8 = 255;

/// A layout as written. Unknown keys are refused: a typo must not become a default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    /// Where the layout was learnt from; for people.
    #[serde(rename = "source")]
    _source: String,
    body: String,
    logical_names: Vec<String>,
    #[serde(default)]
    fields: Vec<WrittenField>,
    /// In place of fields: the profile's own list.
    #[serde(default)]
    capture_objects: Vec<String>,
    /// Scaler and unit of the registers in that list, by name.
    #[serde(default)]
    scalers: BTreeMap<String, WrittenScaler>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenScaler {
    #[serde(default)]
    scaler: i8,
    unit: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenField {
    obis: String,
    #[serde(default = "value_attribute")]
    attribute: i8,
    column: String,
    #[serde(default)]
    scaler: i8,
    unit: Option<String>,
}

/// Attribute 2 is the value of registers and data objects, and the time of clocks.
const fn value_attribute() -> i8 {
    2
}

/// Reads layouts from JSON: an array of objects, each the exact equivalent of one TOML file.
///
/// ```json
/// [{"name": "is15959-1ph", "source": "IS 15959 (Part 2): 2016", "body": "push",
///   "logical_names": ["0.0.25.9.0.255"],
///   "fields": [{"obis": "0.0.1.0.0.255", "column": "clock"},
///              {"obis": "1.0.12.27.0.255", "column": "volt_cv", "scaler": -1, "unit": "V"},
///              {"obis": "0.1.96.12.5.255", "column": "ignored"}]}]
/// ```
///
/// `body` is `push`, `buffer` or `flat` (see [`BodyShape`]). `logical_names` may be empty: then any fits.
/// `column` is a channel's name, `clock`, `status` or `ignored`. `attribute` is 2 and `scaler` 0 unless given;
/// a channel needs its `unit` (`Wh`, `VAh`, `varh`, `A`, `V`). The integer type is never written down.
///
/// In place of `fields` may stand `capture_objects`, what a meter's profile gives as its attribute 3:
/// `"class/logical name/attribute"` each, with the `scalers` of the registers among them by name.
pub fn specs_from_json(json: &[u8]) -> Result<Vec<LayoutSpec>, SpecError> {
    let written: Vec<Written> = serde_json::from_slice(json).map_err(|error| SpecError {
        layout: String::new(),
        field: None,
        problem: SpecProblem::Json(error.to_string()),
    })?;
    let mut specs: Vec<LayoutSpec> = Vec::with_capacity(written.len());
    for layout in written {
        let name = layout.name.clone();
        let fault = |(field, problem)| SpecError {
            layout: name.clone(),
            field,
            problem,
        };
        if specs.iter().any(|spec| spec.name == name) {
            return Err(fault((None, SpecProblem::DuplicateName)));
        }
        specs.push(spec(layout).map_err(fault)?);
    }
    Ok(specs)
}

fn spec(layout: Written) -> Result<LayoutSpec, (Option<usize>, SpecProblem)> {
    let body = match layout.body.as_str() {
        "push" => BodyShape::Push,
        "buffer" => BodyShape::Buffer,
        "flat" => BodyShape::Flat,
        _ => return Err((None, SpecProblem::UnknownBody(layout.body))),
    };
    let logical_names = layout.logical_names.iter().map(|text| obis(text));
    let logical_names = logical_names
        .collect::<Result<_, _>>()
        .map_err(|problem| (None, problem))?;
    if !layout.capture_objects.is_empty() {
        return of_objects(&layout, body, logical_names).map_err(|problem| (None, problem));
    }
    let fields = layout.fields.iter().enumerate();
    Ok(LayoutSpec {
        name: layout.name,
        body,
        logical_names,
        fields: fields
            .map(|(index, written)| field(written).map_err(|problem| (Some(index), problem)))
            .collect::<Result<_, _>>()?,
    })
}

fn of_objects(
    layout: &Written,
    body: BodyShape,
    logical_names: Vec<[u8; 6]>,
) -> Result<LayoutSpec, SpecProblem> {
    let objects = layout.capture_objects.iter().map(|text| object(text));
    let objects: Vec<Captured> = objects.collect::<Result<_, _>>()?;
    let mut units = BTreeMap::new();
    for (name, told) in &layout.scalers {
        let code = unit_code(&told.unit)?;
        units.insert(obis(name)?, (told.scaler, code));
    }
    let untold = objects
        .iter()
        .find(|object| object.channel().is_some() && !units.contains_key(&object.obis));
    if let Some(object) = untold {
        return Err(SpecProblem::NoScaler(object.obis));
    }
    let unit = |obis| units.get(&obis).copied();
    LayoutSpec::of_captured(&layout.name, body, logical_names, &objects, unit)
        .ok_or(SpecProblem::NoReads)
}

/// `3/1.0.1.29.0.255/2`: class, logical name, attribute.
fn object(text: &str) -> Result<Captured, SpecProblem> {
    let mut parts = text.split('/');
    let mut next = || parts.next().unwrap_or_default();
    let (class, name, attribute) = (next(), next(), next());
    let bad = || SpecProblem::BadObject(text.to_owned());
    let object = Captured {
        class: class.parse().map_err(|_| bad())?,
        obis: obis(name).map_err(|_| bad())?,
        attribute: attribute.parse().map_err(|_| bad())?,
    };
    parts.next().is_none().then_some(object).ok_or_else(bad)
}

fn unit_code(text: &str) -> Result<u8, SpecProblem> {
    match text {
        "Wh" => Ok(unit::WATT_HOUR),
        "VAh" => Ok(unit::VOLT_AMPERE_HOUR),
        "varh" => Ok(unit::VAR_HOUR),
        "A" => Ok(unit::AMPERE),
        "V" => Ok(unit::VOLT),
        other => Err(SpecProblem::UnknownUnit(other.to_owned())),
    }
}

fn field(written: &WrittenField) -> Result<FieldSpec, SpecProblem> {
    let target = match written.column.as_str() {
        "clock" => Target::Clock,
        "status" => Target::Status,
        "ignored" => Target::Ignored,
        name => Channel::from_name(name)
            .map(Target::Channel)
            .ok_or_else(|| SpecProblem::UnknownColumn(name.to_owned()))?,
    };
    let unit = match written.unit.as_deref() {
        None => UNIT_NONE,
        Some(text) => unit_code(text)?,
    };
    Ok(FieldSpec {
        obis: obis(&written.obis)?,
        attribute: written.attribute,
        target,
        scaler: written.scaler,
        unit,
    })
}

fn obis(text: &str) -> Result<[u8; 6], SpecProblem> {
    let groups: Result<Vec<u8>, _> = text.split('.').map(str::parse).collect();
    groups
        .ok()
        .and_then(|groups| <[u8; 6]>::try_from(groups).ok())
        .ok_or_else(|| SpecProblem::BadObis(text.to_owned()))
}
