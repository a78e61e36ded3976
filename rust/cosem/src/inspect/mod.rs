//! What `meteringest decode` says about one line: bytes and how they came, and everything in them.
//!
//! `{"hex", "transport", "kind", "keys"}` in; `{"id", "outcome", "apdus", …}` out (the full form is in
//! `docs/decode.md`). Nothing in a line can make this fail: what is not understood is the answer.
//!
//! This is for people and for acceptance tests. It shows unverified plaintext and says so, and it
//! reads some captures that ingest refuses; nothing here may be called on the way to a read.

mod bare;
mod damaged;
mod json;
mod keys;
mod line;
mod near;
mod report;
mod stream;

pub use report::Report;

use line::Line;

/// Decodes one JSON line to one JSON line, without the line ends.
pub fn line(json: &[u8]) -> Vec<u8> {
    match Line::parse(json) {
        Ok(line) => {
            let report = match line.framing() {
                Some(framing) => stream::judge(&line, framing),
                None => bare::judge(&line),
            };
            report.to_json(&line.id)
        }
        Err(refused) => refused,
    }
}

#[cfg(test)]
mod tests;
