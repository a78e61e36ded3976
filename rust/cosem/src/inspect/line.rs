//! A line of input, checked.

use serde_json::Value as Json;

use super::report::Report;
use crate::framing::Framing;
use crate::{DecodeError, Kind, Layer};

/// One line, its bytes unpacked.
pub(super) struct Line {
    /// Whatever the line calls itself, to be repeated.
    pub(super) id: Json,
    /// The bytes of `hex`.
    pub(super) bytes: Vec<u8>,
    /// What a line without framing is.
    pub(super) kind: String,
    transport: String,
    keys: Json,
}

impl Line {
    /// Reads a line, or says in a finished answer why it cannot be read.
    pub(super) fn parse(json: &[u8]) -> Result<Self, Vec<u8>> {
        let Ok(Json::Object(mut fields)) = serde_json::from_slice(json) else {
            return Err(refused(&Json::Null, 0));
        };
        let id = fields.get("id").cloned().unwrap_or(Json::Null);
        let text = |name: &str| fields.get(name).and_then(Json::as_str).unwrap_or_default();
        let bytes = unhex(text("hex")).map_err(|at| refused(&id, at))?;
        Ok(Self {
            bytes,
            kind: text("kind").to_ascii_lowercase(),
            transport: text("transport").to_ascii_lowercase(),
            keys: fields.remove("keys").unwrap_or(Json::Null),
            id,
        })
    }

    /// The framing the bytes came in; `None` when they are an APDU or data by themselves.
    ///
    /// A line that names no transport is sniffed, as a link would be; what no framing begins is bare.
    pub(super) fn framing(&self) -> Option<Framing> {
        match self.transport.as_str() {
            "none" => None,
            "" => match self.bytes.as_slice() {
                [0, 1, ..] => Some(Framing::Wrapper),
                [0x7e, ..] => Some(Framing::Hdlc),
                [0x68, a, b, 0x68, ..] if a == b => Some(Framing::MBus),
                _ => None,
            },
            name => Some(Framing::parse(name).unwrap_or(Framing::Auto)),
        }
    }

    /// The bytes that `keys` has under the first of `names` that it knows.
    pub(super) fn key(&self, names: &[&str]) -> Option<Vec<u8>> {
        let found = names.iter().find_map(|name| self.keys.get(name)?.as_str());
        found.and_then(|text| unhex(text).ok())
    }
}

/// The answer to a line that is not one.
fn refused(id: &Json, at: usize) -> Vec<u8> {
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    let error = DecodeError::new(Layer::Link, at, Kind::BadValue);
    Report::refused(error).to_json(id)
}

/// The bytes that `text` writes in hex, spaces allowed; or where it stops being hex.
fn unhex(text: &str) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::new();
    let mut high = None;
    for (at, digit) in text
        .char_indices()
        .filter(|(_, each)| !each.is_whitespace())
    {
        let nibble = digit
            .to_digit(16)
            .and_then(|nibble| u8::try_from(nibble).ok())
            .ok_or(at)?;
        match high.take() {
            None => high = Some(nibble),
            Some(high) => bytes.push((high << 4) | nibble),
        }
    }
    if high.is_none() {
        Ok(bytes)
    } else {
        Err(text.len())
    }
}
