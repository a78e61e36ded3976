//! Lines that came in a framing: split as a link is, then every message in order.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::damaged;
use super::json::hex;
use super::keys::Keys;
use super::line::Line;
use super::near;
use super::report::Report;
use crate::apdu::{self, Apdu, Block, Context, Field};
use crate::axdr;
use crate::block_transfer::Blocks;
use crate::framing::{Entry, Frames, Framing, Limits, Splitter, What};
use crate::{DecodeError, Kind, Layer};

/// Splits the line's bytes and reads what is in them.
pub(super) fn judge(line: &Line, framing: Framing) -> Report {
    let mut splitter = Splitter::new(framing, Limits::default());
    let mut frames = Frames::default();
    splitter.feed(&line.bytes, &mut frames);
    splitter.finish(&mut frames);
    let mut judge = Judge {
        keys: Keys::of(line),
        blocks: BTreeMap::new(),
        data_blocks: Blocks::default(),
        report: Report::default(),
    };
    for entry in &frames.entries {
        judge.entry(entry, &frames, &line.bytes);
    }
    if judge.blocks.values().any(Blocks::is_open) {
        judge.report.more_awaited();
    }
    if judge.report.found_no_apdu()
        && let Some(apdu) = damaged::message(framing, &line.bytes, &mut judge.keys)
    {
        let around = json!({ "framing": framing.name(), "damaged": "bad_checksum" });
        judge
            .report
            .apdu(&apdu, around.as_object().cloned().unwrap_or_default());
    }
    judge.report
}

/// How long a message joined from blocks may become.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

struct Judge {
    keys: Keys,
    /// Messages in blocks, by sender and receiver: both directions may be in one capture.
    blocks: BTreeMap<String, Blocks>,
    data_blocks: Blocks,
    report: Report,
}

impl Judge {
    fn entry(&mut self, entry: &Entry, frames: &Frames, line: &[u8]) {
        match entry.what {
            What::Apdu {
                framing,
                source,
                destination,
                gateway,
            } => {
                let mut around = Map::new();
                around.insert("framing".into(), framing.name().into());
                around.insert("source".into(), source.into());
                around.insert("destination".into(), destination.into());
                if let Some(gateway) = gateway {
                    let address = hex(frames.get(gateway.address));
                    let gateway = json!({ "network_id": gateway.network, "address": address });
                    around.insert("gateway".into(), gateway);
                }
                self.message(frames.get(entry.apdu), around, line);
            }
            What::Link { control } => self.report.frame(json!({ "control": control })),
            What::Envelope { sequence, .. } => self.report.frame(json!({ "sequence": sequence })),
            What::Notice => self
                .report
                .frame(json!({ "notice": hex(frames.get(entry.raw)) })),
            What::Reject(error) => {
                let around = near::around(error.offset, frames.get(entry.raw), line);
                self.reject(error, around);
            }
        }
    }

    /// An APDU as framed: a block of one, or one.
    fn message(&mut self, apdu: &[u8], around: Map<String, Json>, line: &[u8]) {
        let Some(block) = Block::parse(apdu) else {
            return self.whole(apdu, around, line);
        };
        let blocks = self.blocks.entry(between(&around)).or_default();
        let joined = block.and_then(|block| {
            if block.bytes.is_empty() && !block.last {
                return Ok(None); // It only acknowledges.
            }
            let number = u32::from(block.number);
            blocks.take(number, block.last, block.bytes, MESSAGE_BYTES_MAX)
        });
        match joined {
            Ok(Some(message)) => self.whole(&message, around, line),
            Ok(None) => {}
            Err(error) => {
                let near = near::around(error.offset, apdu, line);
                self.report.reject(error, near);
            }
        }
    }

    fn whole(&mut self, apdu: &[u8], around: Map<String, Json>, line: &[u8]) {
        let unknown = DecodeError::new(Layer::Apdu, 0, Kind::BadTag);
        let read = match apdu {
            // initiate-request and -response only ever stand inside an association APDU.
            [0x01 | 0x08, ..] => Err(unknown),
            _ => read(apdu, &mut self.keys),
        };
        match read {
            Ok(mut apdu) => {
                self.data_block(&mut apdu);
                self.report.apdu(&apdu, around);
            }
            // A sound frame with something in it that is not DLMS.
            Err(error) if error == unknown => {
                let mut frame = around;
                frame.insert("unknown".into(), hex(apdu).into());
                self.report.frame(frame.into());
            }
            Err(error) => {
                let read = near::read_by(error, apdu);
                let near = read.and_then(|read| near::around(error.offset, read, line));
                self.report.reject(error, near);
            }
        }
    }

    /// The last data-block of a GET shows the value that all of them carry.
    fn data_block(&mut self, apdu: &mut Apdu) {
        let inner = innermost(apdu);
        let fields = &inner.fields;
        let (Some(Field::Flag(last)), Some(Field::Number(number)), Some(Field::Octets(bytes))) = (
            fields.get("last_block"),
            fields.get("block_number"),
            fields.get("raw_data"),
        ) else {
            return;
        };
        let number = u32::try_from(*number).unwrap_or(0);
        if let Ok(Some(message)) = self
            .data_blocks
            .take(number, *last, bytes, MESSAGE_BYTES_MAX)
            && let Ok((value, quirks)) = axdr::tolerant(&message, axdr::Limits::default())
        {
            inner.fields.push("body", value);
            inner.quirks = quirks;
        }
    }

    fn reject(&mut self, error: DecodeError, around: Option<Json>) {
        match (error.layer, error.kind) {
            // A wrapper frame has no end mark: when its bytes stop, more may come.
            (Layer::Wrapper | Layer::Link, Kind::Truncated) => self.report.more_awaited(),
            // Sound segments of a message that began before the capture or ends after it.
            (Layer::Hdlc | Layer::MBus, Kind::BadSequence) => {
                self.report
                    .frame(json!({ "segmented": true, "message": "unfinished" }));
            }
            _ => self.report.reject(error, around),
        }
    }
}

/// Names a direction of a capture.
fn between(around: &Map<String, Json>) -> String {
    ["source", "destination"]
        .map(|end| around.get(end).map_or_else(String::new, Json::to_string))
        .join(" ")
}

/// Reads an APDU with the keys at hand.
pub(super) fn read(apdu: &[u8], keys: &mut Keys) -> Result<Apdu, DecodeError> {
    let title = keys.title();
    let mut context = Context {
        limits: axdr::Limits::default(),
        opener: keys,
        depth_left: apdu::DEPTH_MAX,
        title,
    };
    apdu::parse(apdu, &mut context)
}

fn innermost(apdu: &mut Apdu) -> &mut Apdu {
    match apdu.inside {
        Some(ref mut inside) => innermost(inside),
        None => apdu,
    }
}
