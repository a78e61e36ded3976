//! What event codes mean, as Python reads it from files.

use std::collections::BTreeMap;

use cosem::profile::Code;
use reads::Meaning;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "source")]
    _source: String,
    bits: BTreeMap<u16, String>,
    codes: BTreeMap<u32, String>,
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
