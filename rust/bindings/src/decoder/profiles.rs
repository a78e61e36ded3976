//! What event codes mean and which layouts models have, as Python reads it from files.

use std::collections::BTreeMap;

use cosem::profile::Code;
use reads::{Family, Meaning};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "source")]
    _source: String,
    bits: BTreeMap<u16, String>,
    codes: BTreeMap<u32, String>,
}

/// Layouts by the name they have together, from one JSON object.
pub(super) fn families(json: &[u8]) -> Result<Vec<Family>, serde_json::Error> {
    let written: BTreeMap<String, Vec<String>> = serde_json::from_slice(json)?;
    Ok(written.into_iter().collect())
}

/// Meanings by number, from one JSON object.
pub(super) fn meanings(json: &[u8]) -> Result<Vec<Meaning>, serde_json::Error> {
    let written: Written = serde_json::from_slice(json)?;
    let bits = written.bits.into_iter();
    let codes = written.codes.into_iter();
    Ok(bits
        .map(|(bit, meaning)| (Code::Bit(bit), meaning))
        .chain(codes.map(|(code, meaning)| (Code::Number(code), meaning)))
        .collect())
}
