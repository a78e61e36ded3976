//! The answer to a line.

use serde_json::{Map, Value as Json, json};

use super::{json, near};
use crate::apdu::Apdu;
use crate::axdr::Value;
use crate::{DecodeError, Kind, Layer};

/// What was found in a line, gathered as it is found.
#[derive(Debug, Default)]
pub struct Report {
    apdus: Vec<Json>,
    frames: Vec<Json>,
    data: Option<Json>,
    notes: Map<String, Json>,
    rejects: Vec<(DecodeError, Option<Json>)>,
    incomplete: bool,
}

impl Report {
    /// An answer that refuses everything.
    pub(super) fn refused(error: DecodeError) -> Self {
        let mut report = Self::default();
        report.reject(error, None);
        report
    }

    /// The same, of bytes that are the whole line.
    pub(super) fn refused_in(error: DecodeError, read: Option<&[u8]>, line: &[u8]) -> Self {
        let mut report = Self::default();
        let around = read.and_then(|read| near::around(error.offset, read, line));
        report.reject(error, around);
        report
    }

    /// An APDU was understood, as far as its keys allow; `around` tells how it came.
    pub(super) fn apdu(&mut self, apdu: &Apdu, around: Map<String, Json>) {
        let mut entry = json::entry(apdu);
        entry.extend(around);
        self.apdus.push(entry.into());
    }

    /// A sound frame of the link layer.
    pub(super) fn frame(&mut self, frame: Json) {
        self.frames.push(frame);
    }

    /// Bare data was understood.
    pub(super) fn data(&mut self, value: &Value) {
        self.data = Some(json::tree(value));
    }

    /// Something else about the line.
    pub(super) fn note(&mut self, name: &str, note: impl Into<Json>) {
        self.notes.insert(name.to_owned(), note.into());
    }

    /// Bytes were refused; `around` shows where.
    pub(super) fn reject(&mut self, error: DecodeError, around: Option<Json>) {
        self.rejects.push((error, around));
    }

    /// Whether no APDU was understood so far.
    pub(super) const fn found_no_apdu(&self) -> bool {
        self.apdus.is_empty()
    }

    /// More bytes are awaited.
    pub(super) const fn more_awaited(&mut self) {
        self.incomplete = true;
    }

    /// `reject` when nothing was understood, else what was.
    fn outcome(&self) -> &'static str {
        let understood = !self.apdus.is_empty() || self.data.is_some() || !self.notes.is_empty();
        if self.incomplete {
            "incomplete"
        } else if understood || (self.rejects.is_empty() && !self.frames.is_empty()) {
            "accept"
        } else {
            "reject"
        }
    }

    /// One line of JSON.
    pub(super) fn to_json(&self, id: &Json) -> Vec<u8> {
        let outcome = self.outcome();
        let mut answer = Map::new();
        answer.insert("id".into(), id.clone());
        answer.insert("outcome".into(), outcome.into());
        answer.insert("apdus".into(), self.apdus.clone().into());
        if let Some(data) = &self.data {
            answer.insert("data".into(), data.clone());
        }
        answer.extend(self.notes.clone());
        if !self.frames.is_empty() {
            answer.insert("frames".into(), self.frames.clone().into());
        }
        let rejects: Vec<Json> = self.rejects.iter().map(reject).collect();
        match (outcome, rejects.first()) {
            ("reject", Some(first)) => answer.insert("reject".into(), first.clone()),
            (_, Some(_)) => answer.insert("rejects".into(), rejects.into()),
            // No bytes at all.
            ("reject", None) => answer.insert("reject".into(), reject(&(EMPTY, None))),
            (_, None) => None,
        };
        Json::Object(answer).to_string().into_bytes()
    }
}

fn reject((error, around): &(DecodeError, Option<Json>)) -> Json {
    let mut reject = json!({
        "layer": error.layer.name(),
        "offset": error.offset,
        "kind": error.kind.name(),
    });
    if let (Some(around), Some(fields)) = (around, reject.as_object_mut()) {
        fields.insert("around".into(), around.clone());
    }
    reject
}

const EMPTY: DecodeError = DecodeError::new(Layer::Link, 0, Kind::Truncated);
