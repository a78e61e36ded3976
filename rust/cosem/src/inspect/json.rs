//! Trees and fields as JSON, in the form the vectors use.

use serde_json::{Map, Number, Value as Json, json};

use crate::apdu::{Apdu, Field, Fields};
use crate::axdr::{Quirk, Value};

/// `{"t": type, "v": value}`; null-data has no `v`.
pub(super) fn tree(value: &Value) -> Json {
    let name = value.type_name();
    match value {
        Value::Null | Value::DontCare => json!({ "t": name }),
        Value::Array(elements) | Value::Structure(elements) | Value::CompactArray(elements) => {
            let elements: Vec<Json> = elements.iter().map(tree).collect();
            json!({ "t": name, "v": elements })
        }
        Value::Boolean(flag) => json!({ "t": name, "v": flag }),
        Value::BitString(bits, bytes) => json!({ "t": name, "v": bit_text(*bits, bytes) }),
        Value::Signed(_, number) => json!({ "t": name, "v": number }),
        Value::Unsigned(_, number) => json!({ "t": name, "v": number }),
        Value::Octets(_, bytes) => json!({ "t": name, "v": hex(bytes) }),
        Value::Text(_, text) => json!({ "t": name, "v": text }),
        Value::Float(_, float) => json!({ "t": name, "v": float_json(*float) }),
    }
}

/// JSON has no NaN and no infinities: they are named.
fn float_json(float: f64) -> Json {
    match Number::from_f64(float) {
        Some(number) => Json::Number(number),
        None => float.to_string().into(),
    }
}

fn bit_text(bits: usize, bytes: &[u8]) -> String {
    let all = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    all.take(bits)
        .map(|bit| if bit == 1 { '1' } else { '0' })
        .collect()
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('?');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)])
        .collect()
}

/// An APDU as an entry of `apdus`: the innermost one, and around it what carried it, outermost first.
pub(super) fn entry(apdu: &Apdu) -> Map<String, Json> {
    let mut carriers = Vec::new();
    let mut quirks: Vec<&Quirk> = Vec::new();
    let mut at = apdu;
    while let Some(inside) = &at.inside {
        carriers.push(Json::Object(named(at)));
        quirks.extend(at.quirks.iter());
        at = inside;
    }
    quirks.extend(at.quirks.iter());
    let mut entry = named(at);
    if !carriers.is_empty() {
        entry.insert("carried_by".into(), carriers.into());
    }
    if !quirks.is_empty() {
        let names: Vec<Json> = quirks.iter().map(|quirk| quirk.name().into()).collect();
        entry.insert("quirks".into(), names.into());
    }
    entry
}

fn named(apdu: &Apdu) -> Map<String, Json> {
    let mut entry = Map::new();
    entry.insert("apdu".into(), apdu.name.into());
    entry.extend(record(&apdu.fields));
    entry
}

fn record(fields: &Fields) -> Map<String, Json> {
    let pairs = fields.0.iter();
    pairs
        .map(|(name, field)| ((*name).to_owned(), one(field)))
        .collect()
}

/// One field.
pub(super) fn one(field: &Field) -> Json {
    match field {
        Field::Absent => Json::Null,
        Field::Number(number) => (*number).into(),
        Field::Flag(flag) => (*flag).into(),
        Field::Text(text) => text.clone().into(),
        Field::Octets(bytes) => hex(bytes).into(),
        Field::Data(value) => tree(value),
        Field::List(fields) => fields.iter().map(one).collect::<Vec<_>>().into(),
        Field::Record(fields) => record(fields).into(),
        Field::Apdu(apdu) => entry(apdu).into(),
    }
}
