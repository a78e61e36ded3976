//! What never changes about one simulated meter: a pure function of the fleet's seed and its number.

use cosem::encode::DEVIATION_UNSPECIFIED;
use cosem::security::SecurityControl;

/// What stands behind the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    Household,
    Solar,
    Shop,
    Night,
    Pump,
    Tower,
}

/// How the meter is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phases {
    Single,
    Three,
}

/// How the meter's pushes look: the spread a real roll-out has, or all alike for comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mix {
    Field,
    Uniform,
}

/// One meter as its factory and its fitter left it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traits {
    pub(super) id: u32,
    pub(super) salt: u64,
    pub(super) load: Load,
    pub(super) phases: Phases,
    /// `None` pushes in the clear.
    pub(super) control: Option<SecurityControl>,
    /// Whether the concentrator puts the gateway prefix in front of this meter's pushes.
    pub(super) gateway: bool,
    /// Which of `CLOCK_STYLES` its date-times end in.
    pub(super) clock_style: usize,
}

/// Makers' FLAG ids; the system title and the serial start with one.
const FLAGS: [[u8; 3]; 4] = [*b"LNT", *b"GEN", *b"HPL", *b"SEC"];
/// Deviation and clock status as meters in India write them: +330 against the standard's sign, the
/// standard's -330, and nothing at all.
pub(super) const CLOCK_STYLES: [(i16, u8); 3] =
    [(330, 0), (-330, 0), (DEVIATION_UNSPECIFIED, 0xff)];
/// Meter numbers have at most eight digits.
pub(super) const ID_MAX: u32 = 99_999_999;
const TITLE_BITS: u64 = (1 << 40) - 1;
const METERS_PER_FEEDER: u32 = 200;

/// A well-spread 64-bit hash of three numbers: the finaliser of `SplitMix64`, twice.
pub(super) const fn mix(seed: u64, a: u64, b: u64) -> u64 {
    finalise(
        finalise(seed ^ a.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            ^ b.wrapping_mul(0xd1b5_4a32_d192_ed03),
    )
}

const fn finalise(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// `hash` spread evenly over `low..high`.
pub(super) fn between(hash: u64, low: u32, high: u32) -> u32 {
    let span = u64::from(high.saturating_sub(low));
    let part = (hash >> 32).wrapping_mul(span) >> 32;
    low.saturating_add(u32::try_from(part).unwrap_or(0))
}

impl Traits {
    /// The meter numbered `id` of the fleet seeded with `seed`.
    pub(super) fn of(seed: u64, id: u32, mix_of: Mix) -> Self {
        let salt = mix(seed, u64::from(id), 0);
        let draw = |what: u64| between(mix(salt, what, 1), 0, 100);
        let load = match draw(1) {
            0..50 => Load::Household,
            50..58 => Load::Solar,
            58..75 => Load::Shop,
            75..88 => Load::Night,
            88..96 => Load::Pump,
            _ => Load::Tower,
        };
        let three_of_100 = match load {
            Load::Household | Load::Night => 5,
            Load::Solar | Load::Shop => 20,
            Load::Pump | Load::Tower => 60,
        };
        let clock_style = match draw(3) {
            0..70 => 0,
            70..85 => 1,
            _ => 2,
        };
        let field = mix_of == Mix::Field;
        Self {
            id,
            salt,
            load,
            phases: if field && draw(2) < three_of_100 {
                Phases::Three
            } else {
                Phases::Single
            },
            control: match draw(4) {
                0..2 if field => None,
                2..4 if field => Some(SecurityControl::AUTHENTICATED),
                4..6 if field => Some(SecurityControl::ENCRYPTED),
                _ => Some(SecurityControl::AUTHENTICATED_ENCRYPTED),
            },
            gateway: field && draw(5) < 6,
            clock_style,
        }
    }

    /// Three FLAG letters and five bytes; no two meters of a fleet share one.
    pub(super) fn title(&self, seed: u64) -> [u8; 8] {
        let shuffled = u64::from(self.id) ^ (mix(seed, 0, 2) & TITLE_BITS);
        let [_, _, _, b4, b3, b2, b1, b0] = shuffled.to_be_bytes();
        let [f0, f1, f2] = self.flag();
        [f0, f1, f2, b4, b3, b2, b1, b0]
    }

    /// What is printed on the meter and sent as its device id: FLAG letters and eight digits.
    pub(super) fn serial(&self) -> [u8; 11] {
        let [f0, f1, f2] = self.flag();
        let mut serial = [f0, f1, f2, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut left = self.id;
        for place in serial.iter_mut().skip(3).rev() {
            *place = b'0'.saturating_add(u8::try_from(left % 10).unwrap_or(0));
            left /= 10;
        }
        serial
    }

    pub(super) fn encryption_key(&self) -> [u8; 16] {
        self.key(10)
    }

    pub(super) fn authentication_key(&self) -> [u8; 16] {
        self.key(12)
    }

    /// A key this meter does not have.
    pub(super) fn foreign_key(&self) -> [u8; 16] {
        self.key(14)
    }

    pub(super) fn feeder(&self) -> u32 {
        self.id / METERS_PER_FEEDER
    }

    /// What the connection was approved for; sometimes less than what is behind it.
    pub(super) fn sanctioned_load_w(&self) -> u32 {
        let watts = match (self.load, self.phases) {
            (Load::Household | Load::Night, _) => [1_000, 2_000, 2_000, 3_000],
            (Load::Solar, _) => [3_000, 5_000, 5_000, 8_000],
            (Load::Shop, Phases::Single) => [2_000, 3_000, 4_000, 5_000],
            (_, Phases::Single) => [4_000, 5_000, 6_000, 7_000],
            (_, Phases::Three) => [8_000, 10_000, 15_000, 20_000],
        };
        let pick = usize::try_from(between(mix(self.salt, 6, 1), 0, 4)).unwrap_or(0);
        watts.get(pick).copied().unwrap_or(1_000)
    }

    fn flag(&self) -> [u8; 3] {
        let pick = usize::try_from(self.salt & 3).unwrap_or(0);
        FLAGS.get(pick).copied().unwrap_or(*b"LNT")
    }

    fn key(&self, which: u64) -> [u8; 16] {
        let halves = [
            mix(self.salt, which, 3),
            mix(self.salt, which.wrapping_add(1), 3),
        ];
        let mut key = [0; 16];
        for (place, byte) in key
            .iter_mut()
            .zip(halves.iter().flat_map(|half| half.to_be_bytes()))
        {
            *place = byte;
        }
        key
    }
}
