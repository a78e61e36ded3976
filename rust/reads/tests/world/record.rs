//! A record read the slow way, from the description at the head of `src/record.rs` alone.

use std::collections::BTreeMap;

/// One stored read, by column name.
pub(crate) type Row = BTreeMap<&'static str, i64>;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) reads: Vec<Row>,
    pub(crate) rejects: Vec<Reject>,
    /// at, dcu, then the nine counts.
    pub(crate) ledger: Vec<(i64, u32, Vec<u64>)>,
    pub(crate) counters: Vec<(u32, u32, u32)>,
    pub(crate) uplinks: Vec<(u32, u64)>,
    pub(crate) registers: Vec<Register>,
    pub(crate) events: Vec<Event>,
    pub(crate) resolutions: Vec<Resolution>,
    /// meter, then key check, counter and end of its old key.
    pub(crate) turns: Vec<(u32, u32, u32, i64)>,
    /// Bytes of section 10, which nobody outside reads.
    pub(crate) held: usize,
    /// meter, title, key check, counter.
    pub(crate) other_counters: Vec<(u32, Vec<u8>, u32, u32)>,
    /// meter, failures in a row.
    pub(crate) failures: Vec<(u32, u32)>,
    /// reject, whether it is a row, flags, hint.
    pub(crate) whences: Vec<(u32, bool, u32, Vec<u8>)>,
    /// meter, profile, attribute, bytes.
    pub(crate) learned: Vec<(u32, Vec<u8>, u64, Vec<u8>)>,
}

/// What section 6 says of a register, the frame's fields aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Register {
    pub(crate) meter: u32,
    pub(crate) at_s: u32,
    pub(crate) flags: u32,
    pub(crate) counter: u32,
    pub(crate) profile: String,
    pub(crate) class: u64,
    pub(crate) obis: Vec<u8>,
    pub(crate) attribute: u64,
    pub(crate) value: i64,
    pub(crate) scaler: u64,
    pub(crate) unit: u64,
}

/// The same of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) meter: u32,
    pub(crate) at_s: u32,
    pub(crate) flags: u32,
    pub(crate) source: String,
    pub(crate) obis: Vec<u8>,
    pub(crate) code: u32,
    pub(crate) bit: u64,
    pub(crate) meaning: String,
}

/// What became of a reject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolution {
    pub(crate) position: u64,
    pub(crate) meter: u32,
    pub(crate) outcome: String,
    pub(crate) stored: [u32; 3],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reject {
    pub(crate) at_ms: i64,
    pub(crate) dcu: u32,
    pub(crate) meter: u32,
    pub(crate) counter: u32,
    pub(crate) offset: u32,
    pub(crate) layer: String,
    pub(crate) kind: String,
    pub(crate) peer: String,
    pub(crate) raw: Vec<u8>,
}

const CHANNELS: [&str; 16] = [
    "imp_wh",
    "exp_wh",
    "imp_vah",
    "exp_vah",
    "volt_cv",
    "curr_ma",
    "varh_q1",
    "varh_q2",
    "varh_q3",
    "varh_q4",
    "volt_r_cv",
    "volt_y_cv",
    "volt_b_cv",
    "curr_r_ma",
    "curr_y_ma",
    "curr_b_ma",
];

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(count);
        self.0 = rest;
        head
    }

    fn number(&mut self, width: usize) -> u64 {
        let bytes = self.take(width).iter().rev();
        bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn u32(&mut self) -> u32 {
        u32::try_from(self.number(4)).unwrap()
    }

    fn i64(&mut self) -> i64 {
        self.number(8).cast_signed()
    }

    fn text(&mut self) -> String {
        let count = usize::try_from(self.number(2)).unwrap();
        String::from_utf8(self.take(count).to_vec()).unwrap()
    }
}

pub(crate) fn parse(record: &[u8]) -> Parsed {
    let mut parsed = Parsed::default();
    let mut bytes = Bytes(record);
    while !bytes.0.is_empty() {
        let id = bytes.number(1);
        let length = usize::try_from(bytes.number(4)).unwrap();
        let mut body = Bytes(bytes.take(length));
        assert_eq!(body.number(1), 1, "version");
        match id {
            1 => parsed.reads = reads(&mut body),
            2 => parsed.rejects = rows(&mut body, reject),
            3 => parsed.ledger = rows(&mut body, ledger),
            4 => parsed.counters = rows(&mut body, |body| (body.u32(), body.u32(), body.u32())),
            5 => parsed.uplinks = rows(&mut body, |body| (body.u32(), body.number(8))),
            6 => parsed.registers = rows(&mut body, register),
            7 => parsed.events = rows(&mut body, event),
            8 => parsed.resolutions = rows(&mut body, resolution),
            9 => {
                parsed.turns = rows(&mut body, |body| {
                    (body.u32(), body.u32(), body.u32(), body.i64())
                });
            }
            10 => {
                parsed.held = body.0.len();
                body.take(parsed.held);
            }
            11 => {
                parsed.other_counters = rows(&mut body, |body| {
                    (body.u32(), body.take(8).to_vec(), body.u32(), body.u32())
                });
            }
            12 => parsed.failures = rows(&mut body, |body| (body.u32(), body.u32())),
            13 => {
                let count = body.u32();
                assert_eq!(usize::try_from(count).unwrap(), parsed.reads.len());
                for read in &mut parsed.reads {
                    let ahead = u16::try_from(body.number(2)).unwrap().cast_signed();
                    read.insert("offset_min", ahead.into());
                }
            }
            14 => {
                parsed.whences = rows(&mut body, |body| {
                    let (reject, is_row, flags) = (body.u32(), body.number(1) == 1, body.u32());
                    (reject, is_row, flags, counted(body))
                });
            }
            15 => {
                parsed.learned = rows(&mut body, |body| {
                    let (meter, profile) = (body.u32(), body.take(6).to_vec());
                    (meter, profile, body.number(1), counted(body))
                });
            }
            other => panic!("section {other}"),
        }
        assert!(body.0.is_empty(), "section {id} has bytes left over");
    }
    parsed
}

fn rows<T>(body: &mut Bytes<'_>, row: impl Fn(&mut Bytes<'_>) -> T) -> Vec<T> {
    (0..body.u32()).map(|_| row(body)).collect()
}

fn counted(body: &mut Bytes<'_>) -> Vec<u8> {
    let length = usize::try_from(body.number(4)).unwrap();
    body.take(length).to_vec()
}

fn reject(body: &mut Bytes<'_>) -> Reject {
    let (at_ms, dcu, meter, counter, offset) =
        (body.i64(), body.u32(), body.u32(), body.u32(), body.u32());
    let (layer, kind, peer) = (body.text(), body.text(), body.text());
    let raw = counted(body);
    Reject {
        at_ms,
        dcu,
        meter,
        counter,
        offset,
        layer,
        kind,
        peer,
        raw,
    }
}

/// Meter, time, flags and counter; deviation, status and concentrator are gone over.
fn stamp(body: &mut Bytes<'_>) -> (u32, u32, u32, u32) {
    let (meter, at_s) = (body.u32(), body.u32());
    body.take(3);
    let flags = body.u32();
    body.take(4);
    (meter, at_s, flags, body.u32())
}

fn register(body: &mut Bytes<'_>) -> Register {
    let (meter, at_s, flags, counter) = stamp(body);
    Register {
        meter,
        at_s,
        flags,
        counter,
        profile: body.text(),
        class: body.number(2),
        obis: body.take(6).to_vec(),
        attribute: body.number(1),
        value: body.i64(),
        scaler: body.number(1),
        unit: body.number(1),
    }
}

fn event(body: &mut Bytes<'_>) -> Event {
    let (meter, at_s, flags, _) = stamp(body);
    Event {
        meter,
        at_s,
        flags,
        source: body.text(),
        obis: body.take(6).to_vec(),
        code: body.u32(),
        bit: body.number(2),
        meaning: body.text(),
    }
}

fn resolution(body: &mut Bytes<'_>) -> Resolution {
    let position = body.number(8);
    body.take(20);
    Resolution {
        position,
        meter: body.u32(),
        outcome: body.text(),
        stored: [body.u32(), body.u32(), body.u32()],
    }
}

fn ledger(body: &mut Bytes<'_>) -> (i64, u32, Vec<u64>) {
    (
        body.i64(),
        body.u32(),
        (0..9).map(|_| body.number(8)).collect(),
    )
}

fn reads(body: &mut Bytes<'_>) -> Vec<Row> {
    let mask = body.number(2);
    let mut rows = vec![Row::new(); usize::try_from(body.number(4)).unwrap()];
    let mut column = |name, width| {
        for row in &mut rows {
            row.insert(name, i64::try_from(body.number(width)).unwrap());
        }
    };
    column("meter", 4);
    column("interval_start", 4);
    column("interval_s", 2);
    for (bit, name) in CHANNELS.into_iter().enumerate() {
        if mask >> bit & 1 == 1 {
            column(name, 4);
        }
    }
    for (name, width) in [
        ("present", 2),
        ("quality", 1),
        ("flags", 4),
        ("status", 4),
        ("deviation_min", 2),
        ("clock_status", 1),
        ("dcu", 4),
        ("counter", 4),
    ] {
        column(name, width);
    }
    rows
}
