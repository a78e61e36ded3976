//! Captures into whole wrapper frames: the bodies IS 15959 meters push, sealed with their own keys.

use cosem::Kind;
use cosem::encode::{self, DateTime};
use cosem::security::OpenKey;

use super::load::{Captured, Model};
use super::traits::{CLOCK_STYLES, Mix, Phases, Traits};

/// Channels a read can have, in the order of the store's columns.
pub(super) const CHANNELS: usize = 16;

/// One value per channel, in the store's units; what is not measured is 0.
pub(super) type Values = [u32; CHANNELS];

/// One sum per channel.
pub(super) type Sums = [u64; CHANNELS];

/// The wPorts of an IS 15959 push: the meter's management device to client 64.
const METER_PORT: u16 = 1;
const PUSH_CLIENT: u16 = 64;
/// India Standard Time is UTC + 5:30, all year.
const IST_S: i64 = 19_800;
const DAY_S: i64 = 86_400;

/// What makes a fleet; with a meter's number, everything else follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recipe {
    pub(super) seed: u64,
    pub(super) interval_s: u32,
    pub(super) mix: Mix,
    pub(super) confirmed: bool,
}

/// How one push differs from the truth, on purpose.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lie {
    /// Seconds by which every capture time is off.
    pub(super) shift_s: i64,
    /// Wh on top of every import.
    pub(super) added_wh: u32,
    /// Sealed with a key the meter does not have.
    pub(super) foreign_key: bool,
}

/// A run of consecutive slots.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slots {
    pub(super) first: u64,
    pub(super) count: u32,
}

impl Slots {
    pub(super) fn each(self) -> impl Iterator<Item = u64> {
        (0..u64::from(self.count)).map(move |offset| self.first.saturating_add(offset))
    }
}

impl Recipe {
    /// The UTC second at which `slot` starts: slots stand on the grid of the local clock.
    pub(super) fn start_s(&self, slot: u64) -> i64 {
        let local_s = slot.saturating_mul(u64::from(self.interval_s));
        i64::try_from(local_s)
            .unwrap_or(i64::MAX)
            .saturating_sub(IST_S)
    }

    /// The slot that `utc_s` falls into.
    pub(super) fn slot_at(&self, utc_s: i64) -> u64 {
        let local_s = utc_s.saturating_add(IST_S);
        u64::try_from(local_s.div_euclid(i64::from(self.interval_s))).unwrap_or(0)
    }

    pub(super) fn traits(&self, id: u32) -> Traits {
        Traits::of(self.seed, id, self.mix)
    }

    pub(super) fn model(&self, traits: &Traits) -> Model {
        Model::of(traits, self.seed, self.interval_s)
    }

    pub(super) fn captured(&self, model: &Model, slot: u64) -> Captured {
        let middle_s = self
            .start_s(slot)
            .saturating_add(IST_S)
            .saturating_add(i64::from(self.interval_s / 2))
            .rem_euclid(DAY_S);
        model.captured(slot, u32::try_from(middle_s).unwrap_or(0))
    }
}

/// Encodes pushes into one growing buffer; keeps its scratch between them.
pub(super) struct Pusher {
    recipe: Recipe,
    plain: Vec<u8>,
    /// Capture times of the slots last asked for, in each style.
    clocks: Vec<[DateTime; CLOCK_STYLES.len()]>,
    clocks_of: Option<(u64, u32, i64)>,
}

impl Pusher {
    pub(super) const fn new(recipe: Recipe) -> Self {
        Self {
            recipe,
            plain: Vec::new(),
            clocks: Vec::new(),
            clocks_of: None,
        }
    }

    /// Appends one frame of `traits`' reads in `slots` and adds its true values to `sums`.
    pub(super) fn push(
        &mut self,
        traits: &Traits,
        slots: Slots,
        counter: u32,
        lie: Lie,
        out: &mut Vec<u8>,
        sums: &mut Sums,
    ) -> Result<(), Kind> {
        self.tell_clocks(slots, lie.shift_s);
        self.fill_apdu(traits, slots, counter, lie, sums);
        let plain = &self.plain;
        let seed = self.recipe.seed;
        encode::wrapper(METER_PORT, PUSH_CLIENT, out, |out| {
            if traits.gateway {
                encode::gateway_prefix(0, &traits.serial(), out);
            }
            let Some(control) = traits.control else {
                out.extend_from_slice(plain);
                return Ok(());
            };
            let encryption_key = if lie.foreign_key {
                traits.foreign_key()
            } else {
                traits.encryption_key()
            };
            let key = OpenKey::new(&encryption_key, &traits.authentication_key());
            let title = traits.title(seed);
            encode::general_glo(
                &key.ok_or(Kind::NoKey)?,
                control,
                &title,
                counter,
                plain,
                out,
            )
        })
    }

    /// Device id, push setup, time of the push, then a row for each slot.
    fn fill_apdu(
        &mut self,
        traits: &Traits,
        slots: Slots,
        counter: u32,
        lie: Lie,
        sums: &mut Sums,
    ) {
        let style = traits.clock_style;
        let clock_of = |clocks: &[DateTime; CLOCK_STYLES.len()]| {
            clocks.get(style).copied().unwrap_or_default()
        };
        let out = &mut self.plain;
        out.clear();
        let confirmed = if self.recipe.confirmed {
            encode::CONFIRMED
        } else {
            0
        };
        encode::data_notification(counter & 0x00ff_ffff | confirmed, out);
        encode::structure(4, out);
        encode::octets(&traits.serial(), out);
        encode::octets(&encode::PUSH_SETUP, out);
        encode::octets(&self.clocks.last().map(clock_of).unwrap_or_default(), out);
        encode::array(self.clocks.len(), out);
        let model = self.recipe.model(traits);
        for (slot, clocks) in slots.each().zip(&self.clocks) {
            let mut captured = self.recipe.captured(&model, slot);
            captured.imp_wh = captured.imp_wh.saturating_add(lie.added_wh);
            let clock = clock_of(clocks);
            match traits.phases {
                Phases::Single => out.extend_from_slice(&single_row(&clock, &captured)),
                Phases::Three => out.extend_from_slice(&three_row(&clock, &captured)),
            }
            add(sums, &values(traits.phases, &captured));
        }
    }

    /// Meters stamp the end of the interval, in their own local time.
    fn tell_clocks(&mut self, slots: Slots, shift_s: i64) {
        let wanted = Some((slots.first, slots.count, shift_s));
        if self.clocks_of == wanted {
            return;
        }
        self.clocks_of = wanted;
        self.clocks.clear();
        let recipe = self.recipe;
        self.clocks.extend(slots.each().map(|slot| {
            let end_s = recipe
                .start_s(slot.saturating_add(1))
                .saturating_add(shift_s);
            let local_s = end_s.saturating_add(IST_S);
            CLOCK_STYLES
                .map(|(deviation_min, status)| encode::date_time(local_s, deviation_min, status))
        }));
    }
}

/// Clock, voltage, active and apparent import, the same for export, current.
fn single_row(clock: &DateTime, captured: &Captured) -> [u8; 42] {
    let mut row = Row::open(7, clock);
    row.u16(captured.volt_dv[0]);
    for value in [
        captured.imp_wh,
        captured.imp_vah,
        captured.exp_wh,
        captured.exp_vah,
    ] {
        row.u32(value);
    }
    row.u16(captured.curr_ca[0]);
    row.close()
}

/// Clock, currents, voltages, active in and out, reactive by quadrant, apparent in and out.
fn three_row(clock: &DateTime, captured: &Captured) -> [u8; 74] {
    let mut row = Row::open(15, clock);
    for value in captured.curr_ca.iter().chain(&captured.volt_dv) {
        row.u16(*value);
    }
    row.u32(captured.imp_wh);
    row.u32(captured.exp_wh);
    for value in captured.varh {
        row.u32(value);
    }
    row.u32(captured.imp_vah);
    row.u32(captured.exp_vah);
    row.close()
}

/// One row of fixed length, written front to back on the stack.
struct Row<const N: usize> {
    bytes: [u8; N],
    at: usize,
}

impl<const N: usize> Row<N> {
    fn open(fields: u8, clock: &DateTime) -> Self {
        let mut row = Self {
            bytes: [0; N],
            at: 0,
        };
        row.put([0x02, fields, 0x09, 0x0c]);
        row.put(*clock);
        row
    }

    fn u16(&mut self, value: u16) {
        let [b1, b0] = value.to_be_bytes();
        self.put([0x12, b1, b0]);
    }

    fn u32(&mut self, value: u32) {
        let [b3, b2, b1, b0] = value.to_be_bytes();
        self.put([0x06, b3, b2, b1, b0]);
    }

    fn put<const K: usize>(&mut self, field: [u8; K]) {
        let end = self.at.saturating_add(K);
        if let Some(room) = self.bytes.get_mut(self.at..end) {
            room.copy_from_slice(&field);
        }
        self.at = end;
    }

    fn close(self) -> [u8; N] {
        debug_assert_eq!(self.at, N, "a row's length is its array's");
        self.bytes
    }
}

/// What the store must hold for a capture.
pub(super) fn values(phases: Phases, captured: &Captured) -> Values {
    let scaled = |register: [u16; 3]| register.map(|value| u32::from(value).saturating_mul(10));
    let [volt_r, volt_y, volt_b] = scaled(captured.volt_dv);
    let [curr_r, curr_y, curr_b] = scaled(captured.curr_ca);
    let [q1, q2, q3, q4] = captured.varh;
    let energies = [
        captured.imp_wh,
        captured.exp_wh,
        captured.imp_vah,
        captured.exp_vah,
    ];
    let [imp_wh, exp_wh, imp_vah, exp_vah] = energies;
    match phases {
        Phases::Single => [
            imp_wh, exp_wh, imp_vah, exp_vah, volt_r, curr_r, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
        Phases::Three => [
            imp_wh, exp_wh, imp_vah, exp_vah, 0, 0, q1, q2, q3, q4, volt_r, volt_y, volt_b, curr_r,
            curr_y, curr_b,
        ],
    }
}

/// The channels a meter captures, bit by bit in the order of the store's columns.
pub(super) const fn present(phases: Phases) -> u16 {
    match phases {
        Phases::Single => 0b11_1111,
        Phases::Three => 0b1111_1111_1100_1111,
    }
}

/// Adds one read to the sums.
pub(super) fn add(sums: &mut Sums, values: &Values) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = sum.saturating_add(u64::from(*value));
    }
}
