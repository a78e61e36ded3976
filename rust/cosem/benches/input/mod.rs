//! What the benches decode: 256 meters with keys of their own, each with one push of a day (A) and one of half an hour (B).
//!
//! The frames have the shape and length of those the peers were measured with: A is 48 intervals in
//! 2096 bytes on the wire, B one interval in 120.

use cosem::clock::RawClock;
use cosem::encode;
use cosem::layout::{BadRow, BodyShape, Channel, Columns, FieldSpec, Layout, LayoutSpec, Target};
use cosem::push;
use cosem::security::{OpenKey, SecurityControl};

/// Meters, each with its own key: more than fit the first cache level once expanded.
pub(crate) const METERS: u16 = 256;
/// Intervals of the long push.
pub(crate) const DAY: u16 = 48;
/// Bytes of the wrapper, which the splitter has taken off before a frame is decoded.
const WRAPPER_BYTES: usize = 8;

const INTERVAL_S: u32 = 1_800;
/// 2026-11-01 00:00 by the meters' clocks.
const MONTH_S: i64 = 1_793_491_200;
const DAY_S: i64 = 86_400;

/// One meter and its push.
pub(crate) struct Meter {
    pub(crate) encryption_key: [u8; 16],
    pub(crate) authentication_key: [u8; 16],
    pub(crate) key: OpenKey,
    /// The whole frame, wrapper included.
    pub(crate) wire: Vec<u8>,
    /// The data-notification inside it.
    pub(crate) plain: Vec<u8>,
}

/// A fleet whose pushes have `rows` intervals each.
pub(crate) fn fleet(rows: u16) -> Vec<Meter> {
    (0..METERS).map(|number| meter(number, rows)).collect()
}

fn meter(number: u16, rows: u16) -> Meter {
    let mut draw = Draw(u64::from(number) + 1);
    let encryption_key = draw.octets();
    let authentication_key = draw.octets();
    let [high, low] = number.to_be_bytes();
    let title = [b'L', b'N', b'T', 0, 0, high, low, 1];
    let key = OpenKey::new(&encryption_key, &authentication_key).expect("sixteen bytes each");
    let plain = notification(number, rows, &mut draw);
    let mut wire = Vec::new();
    encode::wrapper(1, 64, &mut wire, |out| {
        let control = SecurityControl::AUTHENTICATED_ENCRYPTED;
        encode::general_glo(&key, control, &title, u32::from(number), &plain, out)
    })
    .expect("framed");
    Meter {
        encryption_key,
        authentication_key,
        key,
        wire,
        plain,
    }
}

fn notification(number: u16, rows: u16, draw: &mut Draw) -> Vec<u8> {
    let midnight_s = MONTH_S + i64::from(number % 28) * DAY_S;
    let clock =
        |row: u16| encode::date_time(midnight_s + i64::from(row) * i64::from(INTERVAL_S), 330, 0);
    let mut plain = Vec::new();
    encode::data_notification(u32::from(number), &mut plain);
    encode::structure(4, &mut plain);
    encode::octets(format!("LNT{number:05}").as_bytes(), &mut plain);
    encode::octets(&encode::PUSH_SETUP, &mut plain);
    encode::octets(&clock(0), &mut plain);
    encode::array(usize::from(rows), &mut plain);
    for row in 0..rows {
        encode::structure(7, &mut plain);
        encode::octets(&clock(row), &mut plain);
        encode::long_unsigned(2_200 + draw.below(300), &mut plain);
        for _ in 0..2 {
            encode::double_long_unsigned(u32::from(draw.below(2_000)), &mut plain);
        }
        for _ in 0..2 {
            encode::double_long_unsigned(0, &mut plain);
        }
        encode::long_unsigned(draw.below(900), &mut plain);
    }
    plain
}

/// The layout of those rows, as `is15959-block-load-1ph` has it.
pub(crate) fn layout() -> Layout {
    let fields = [
        (Target::Clock, 0, 255),
        (Target::Channel(Channel::VoltCv), -1, 35),
        (Target::Channel(Channel::ImpWh), 0, 30),
        (Target::Channel(Channel::ImpVah), 0, 31),
        (Target::Channel(Channel::ExpWh), 0, 30),
        (Target::Channel(Channel::ExpVah), 0, 31),
        (Target::Channel(Channel::CurrMa), -2, 33),
    ];
    let fields = fields.map(|(target, scaler, unit)| FieldSpec {
        obis: [0; 6],
        attribute: 2,
        target,
        scaler,
        unit,
    });
    let spec = LayoutSpec {
        name: "bench".to_owned(),
        logical_names: vec![encode::PUSH_SETUP],
        body: BodyShape::Push,
        fields: fields.to_vec(),
    };
    Layout::compile(&spec).expect("a sound layout")
}

impl Meter {
    /// The ciphered APDU.
    pub(crate) fn apdu(&self) -> &[u8] {
        &self.wire[WRAPPER_BYTES..]
    }
}

/// Everything that is reused from frame to frame.
pub(crate) struct Decoding {
    pub(crate) layout: Layout,
    pub(crate) plain: Vec<u8>,
    pub(crate) columns: Columns,
    pub(crate) bad: Vec<BadRow>,
}

impl Default for Decoding {
    fn default() -> Self {
        Self {
            layout: layout(),
            plain: Vec::new(),
            columns: Columns::default(),
            bad: Vec::new(),
        }
    }
}

impl Decoding {
    /// Forgets the reads of the batch before.
    pub(crate) fn clear(&mut self) {
        self.columns.clear();
        self.bad.clear();
    }

    /// Ciphered APDU to columns with an expanded key: header, decryption, tag, notification, rows.
    pub(crate) fn open_and_walk(&mut self, apdu: &[u8], key: &OpenKey) {
        self.open(apdu, key);
        let plain = core::mem::take(&mut self.plain);
        self.walk(&plain);
        self.plain = plain;
    }

    /// Ciphered APDU to plaintext.
    pub(crate) fn open(&mut self, apdu: &[u8], key: &OpenKey) {
        let header = push::glo(apdu).expect("a header");
        let title = header.title.try_into().expect("eight bytes");
        self.plain.clear();
        let opened = key.open(
            header.control,
            title,
            header.counter,
            header.body,
            &mut self.plain,
        );
        opened.expect("a true tag");
    }

    /// Notification to columns.
    pub(crate) fn walk(&mut self, plain: &[u8]) {
        let push = push::notification(plain).expect("a notification");
        let extracted =
            self.layout
                .extract(push.body, INTERVAL_S, &mut self.columns, &mut self.bad);
        extracted.expect("a body of this layout");
    }

    /// Refuses to measure a decoder that is wrong: every row is there, in the right order and with its clock.
    pub(crate) fn assert_sound(&self, rows: u16) {
        assert_eq!(self.columns.len(), usize::from(METERS) * usize::from(rows));
        assert!(self.bad.is_empty());
        let first = self.columns.clocks.first().copied();
        let expected = RawClock {
            local_s: MONTH_S,
            deviation_min: 330,
            status: 0,
        };
        assert_eq!(first, Some(expected));
        let volts = &self.columns.channels[Channel::VoltCv.index()];
        assert!(volts.iter().all(|volt| (22_000..25_000).contains(volt)));
    }
}

/// Numbers without meaning, the same in every run (xorshift).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u16) -> u16 {
        u16::try_from(self.next() % u64::from(limit)).expect("below a u16")
    }

    fn octets(&mut self) -> [u8; 16] {
        let (high, low) = (u128::from(self.next()), u128::from(self.next()));
        (high << 64 | low).to_be_bytes()
    }
}
