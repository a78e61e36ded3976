//! A small world for tests and benches: meters with keys, their frames, and a naive record reader.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "helpers of tests and benches, which stop at the first surprise; each uses its part"
)]

pub(crate) mod block;
pub(crate) mod one_meter;
pub(crate) mod record;
pub(crate) mod transfer;

use cosem::encode;
use cosem::framing::{Frames, Framing, Limits, Splitter};
use cosem::layout::specs_from_json;
use cosem::security::{OpenKey, SecurityControl};
use reads::{Batch, Decoder, LinkFrames, MeterSpec, Protection, Settings};

/// 2026-11-21 00:00:00 in India, in UTC seconds: when the tests take place.
pub(crate) const MIDNIGHT_S: i64 = 1_795_199_400;
/// Noon of that day.
pub(crate) const NOW_MS: i64 = (MIDNIGHT_S + 43_200) * 1_000;
pub(crate) const INTERVAL_S: u16 = 1_800;
const IST_S: i64 = 19_800;

pub(crate) const LAYOUT: &str = r#"[{"name": "1ph", "source": "test", "body": "push",
  "logical_names": ["0.0.25.9.0.255"], "fields": [
    {"obis": "0.0.1.0.0.255", "column": "clock"},
    {"obis": "1.0.12.27.0.255", "column": "volt_cv", "scaler": -1, "unit": "V"},
    {"obis": "1.0.1.29.0.255", "column": "imp_wh", "unit": "Wh"},
    {"obis": "1.0.9.29.0.255", "column": "imp_vah", "unit": "VAh"},
    {"obis": "1.0.2.29.0.255", "column": "exp_wh", "unit": "Wh"},
    {"obis": "1.0.10.29.0.255", "column": "exp_vah", "unit": "VAh"},
    {"obis": "1.0.11.27.0.255", "column": "curr_ma", "scaler": -2, "unit": "A"}]},
  {"name": "3ph", "source": "test", "body": "push", "logical_names": [], "fields": [
    {"obis": "0.0.1.0.0.255", "column": "clock"},
    {"obis": "1.0.31.27.0.255", "column": "curr_r_ma", "scaler": -2, "unit": "A"},
    {"obis": "0.0.96.10.1.255", "column": "status"},
    {"obis": "1.0.1.29.0.255", "column": "imp_wh", "unit": "Wh"}]}]"#;

/// One meter: everything about it follows from its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    pub(crate) number: u32,
    pub(crate) control: SecurityControl,
}

/// One interval as a meter sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    /// Its end, UTC seconds.
    pub(crate) end_s: i64,
    pub(crate) wh: u32,
    pub(crate) clock_status: u8,
}

impl Interval {
    /// The `n`th half hour of the day, ending `n * 1800` s after midnight.
    pub(crate) const fn nth(n: i64, wh: u32) -> Self {
        Self {
            end_s: MIDNIGHT_S + n * INTERVAL_S as i64,
            wh,
            clock_status: 0,
        }
    }

    /// Its start, as stored.
    pub(crate) fn start_s(&self) -> u32 {
        u32::try_from(self.end_s - i64::from(INTERVAL_S)).unwrap()
    }
}

impl Meter {
    pub(crate) const fn new(number: u32) -> Self {
        let control = SecurityControl::AUTHENTICATED_ENCRYPTED;
        Self { number, control }
    }

    pub(crate) const fn with(number: u32, control: u8) -> Self {
        let control = SecurityControl(control);
        Self { number, control }
    }

    pub(crate) fn serial(self) -> String {
        format!("SN{:08}", self.number)
    }

    pub(crate) fn title(self) -> [u8; 8] {
        let [a, b, c, d] = self.number.to_be_bytes();
        [b'M', b'I', b'G', 0, a, b, c, d]
    }

    pub(crate) fn encryption_key(self) -> [u8; 16] {
        self.key(0x5a)
    }

    pub(crate) fn authentication_key(self) -> [u8; 16] {
        self.key(0xa5)
    }

    fn key(self, salt: u8) -> [u8; 16] {
        let number = self.number.to_be_bytes();
        core::array::from_fn(|at| number[at % 4] ^ salt ^ u8::try_from(at).unwrap())
    }

    /// Its registry row under `protection`.
    pub(crate) fn register(self, decoder: &mut Decoder, protection: Protection) {
        self.register_at(0, decoder, protection);
    }

    /// The same, behind a concentrator of its own.
    pub(crate) fn register_at(self, dcu: u32, decoder: &mut Decoder, protection: Protection) {
        let serial = self.serial();
        let spec = MeterSpec {
            meter: self.number,
            serial: serial.as_bytes(),
            title: Some(self.title()),
            dcu,
            encryption_key: &self.encryption_key(),
            authentication_key: &self.authentication_key(),
            protection,
            layout: decoder.layout("1ph").expect("the world's layout"),
            interval_s: INTERVAL_S,
            time_policy: cosem::clock::TimePolicy::Ist,
        };
        decoder.upsert(&spec).expect("a sound row");
    }

    /// A data-notification APDU with these intervals, in clear.
    pub(crate) fn push(self, intervals: &[Interval]) -> Vec<u8> {
        push_as(&self.serial(), 0, intervals)
    }

    /// `apdu` as this meter protects it.
    pub(crate) fn seal(self, counter: u32, apdu: &[u8]) -> Vec<u8> {
        if self.control.0 == 0 {
            return apdu.to_vec();
        }
        let key = OpenKey::new(&self.encryption_key(), &self.authentication_key()).unwrap();
        let mut out = Vec::new();
        encode::general_glo(&key, self.control, &self.title(), counter, apdu, &mut out).unwrap();
        out
    }

    /// A whole wrapper frame with these intervals.
    pub(crate) fn frame(self, counter: u32, intervals: &[Interval]) -> Vec<u8> {
        wrapped(&self.seal(counter, &self.push(intervals)))
    }
}

/// A data-notification APDU under any device id and with invoke flags.
pub(crate) fn push_as(device_id: &str, invoke: u32, intervals: &[Interval]) -> Vec<u8> {
    let mut apdu = Vec::new();
    encode::data_notification(invoke, &mut apdu);
    encode::structure(4, &mut apdu);
    encode::octets(device_id.as_bytes(), &mut apdu);
    encode::octets(&encode::PUSH_SETUP, &mut apdu);
    let sent = encode::date_time(MIDNIGHT_S + IST_S, 330, 0);
    encode::octets(&sent, &mut apdu);
    encode::array(intervals.len(), &mut apdu);
    for interval in intervals {
        encode::structure(7, &mut apdu);
        let clock = encode::date_time(interval.end_s + IST_S, 330, interval.clock_status);
        encode::octets(&clock, &mut apdu);
        encode::long_unsigned(2_300, &mut apdu);
        encode::double_long_unsigned(interval.wh, &mut apdu);
        encode::double_long_unsigned(interval.wh + 5, &mut apdu);
        encode::double_long_unsigned(0, &mut apdu);
        encode::double_long_unsigned(0, &mut apdu);
        encode::long_unsigned(412, &mut apdu);
    }
    apdu
}

/// `apdu` in a wrapper frame from port 1 to port 64.
pub(crate) fn wrapped(apdu: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode::wrapper(1, 64, &mut out, |out| {
        out.extend_from_slice(apdu);
        Ok(())
    })
    .unwrap();
    out
}

/// Splits whole wrapper frames.
pub(crate) fn split(framing: Framing, bytes: &[u8]) -> Frames {
    let mut frames = Frames::default();
    let mut splitter = Splitter::new(framing, Limits::default());
    splitter.feed(bytes, &mut frames);
    splitter.finish(&mut frames);
    frames
}

/// A decoder that knows the layout and nothing else.
pub(crate) fn decoder(settings: Settings) -> Decoder {
    let mut decoder = Decoder::new(settings);
    let specs = specs_from_json(LAYOUT.as_bytes()).expect("the world's layout");
    decoder.set_layouts(&specs).expect("the world's layout");
    decoder
}

/// Decodes frames of link 7, concentrator 3, as received now.
pub(crate) fn decode(decoder: &mut Decoder, bytes: &[u8]) -> Batch {
    decode_at(decoder, NOW_MS, bytes)
}

/// The same at another time.
pub(crate) fn decode_at(decoder: &mut Decoder, now_ms: i64, bytes: &[u8]) -> Batch {
    let frames = split(Framing::Wrapper, bytes);
    decode_frames(decoder, now_ms, &frames)
}

pub(crate) fn decode_frames(decoder: &mut Decoder, now_ms: i64, frames: &Frames) -> Batch {
    let link = LinkFrames {
        link: 7,
        dcu: 3,
        peer: "192.0.2.1",
        frames,
    };
    decoder.decode(&[link], now_ms)
}
