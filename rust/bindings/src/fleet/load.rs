//! What one simulated meter measured in one interval: integers, and nothing but a function of
//! (seed, meter, slot), so that the truth of a run can be computed again instead of stored.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "every operand is bounded by the constants of this model; overflow checks stay on in \
              release, and a test walks every load with the extremes of every draw"
)]

use super::traits::{Load, Phases, Traits, between, mix};

/// What a single-phase or three-phase meter captured, in the units of its registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Captured {
    pub(super) imp_wh: u32,
    pub(super) exp_wh: u32,
    pub(super) imp_vah: u32,
    pub(super) exp_vah: u32,
    /// The four quadrants; three-phase meters only.
    pub(super) varh: [u32; 4],
    /// 0.1 V: the average of a single-phase meter, or R, Y and B.
    pub(super) volt_dv: [u16; 3],
    /// 0.01 A, likewise.
    pub(super) curr_ca: [u16; 3],
}

const HALF_HOURS: usize = 48;
const HALF_HOUR_S: u32 = 1800;
const VOLT_DV: u32 = 2300;

/// Thousandths of the mean, for each half hour of the local day.
type Shape = [u16; HALF_HOURS];

const HOUSEHOLD: Shape = [
    570, 490, 443, 417, 403, 397, 395, 397, 408, 441, 520, 671, 905, 1183, 1418, 1512, 1418, 1183,
    905, 671, 520, 441, 408, 397, 395, 397, 403, 417, 443, 490, 570, 695, 876, 1119, 1417, 1750,
    2082, 2368, 2562, 2631, 2562, 2368, 2082, 1750, 1417, 1119, 876, 695,
];
const SHOP: Shape = [
    262, 257, 253, 257, 262, 270, 282, 299, 323, 355, 398, 455, 526, 615, 721, 847, 990, 1149,
    1320, 1497, 1674, 1844, 1997, 2127, 2225, 2287, 2308, 2287, 2225, 2127, 1997, 1844, 1674, 1497,
    1320, 1149, 990, 847, 721, 615, 526, 455, 398, 355, 323, 299, 282, 270,
];
const NIGHT: Shape = [
    1120, 1554, 2103, 2661, 3080, 3236, 3075, 2648, 2077, 1502, 1027, 692, 487, 378, 327, 305, 297,
    295, 294, 294, 294, 294, 294, 294, 295, 297, 300, 307, 321, 346, 387, 453, 548, 676, 832, 1007,
    1181, 1331, 1433, 1470, 1434, 1332, 1185, 1018, 865, 760, 741, 851,
];
const PUMP: Shape = [
    60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 3821, 3821, 3821, 3821, 3821, 3821, 3821, 3821, 60, 60,
    60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60,
    3821, 3821, 3821, 3821,
];
const TOWER: Shape = [1000; HALF_HOURS];
/// Thousandths of the panel's peak.
const SUN: Shape = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 131, 259, 383, 500, 609, 707, 793, 866, 924, 966, 991,
    1000, 991, 966, 924, 866, 793, 707, 609, 500, 383, 259, 131, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0,
];

/// What a meter's captures have in common, worked out once for a run of slots.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    salt: u64,
    shape: &'static Shape,
    interval_s: u32,
    /// Mean Wh of a half hour.
    mean_wh: u32,
    /// Wh of a half hour at noon under a clear sky; 0 without panels.
    panel_wh: u32,
    feeder_dv: u32,
    phases: Phases,
}

impl Model {
    /// The model of one meter.
    pub(super) fn of(traits: &Traits, seed: u64, interval_s: u32) -> Self {
        let size = between(mix(traits.salt, 1, 4), 0, 1024);
        let (shape, low, high) = match traits.load {
            Load::Household | Load::Solar => (&HOUSEHOLD, 50, 450),
            Load::Shop => (&SHOP, 80, 900),
            Load::Night => (&NIGHT, 90, 500),
            Load::Pump => (&PUMP, 150, 1_200),
            Load::Tower => (&TOWER, 300, 2_000),
        };
        let panel_wh = match traits.load {
            Load::Solar => between(mix(traits.salt, 2, 4), 400, 2_000),
            Load::Household | Load::Shop | Load::Night | Load::Pump | Load::Tower => 0,
        };
        Self {
            salt: traits.salt,
            shape,
            interval_s,
            // Squared: many small consumers, few large ones.
            mean_wh: low + (high - low) * size / 1024 * size / 1024,
            panel_wh,
            feeder_dv: between(mix(seed, u64::from(traits.feeder()), 5), 0, 120),
            phases: traits.phases,
        }
    }

    /// What the meter captured in `slot`, whose middle is `local_s` of the day at the meter.
    pub(super) fn captured(&self, slot: u64, local_s: u32) -> Captured {
        let half_hour = usize::try_from(local_s / HALF_HOUR_S).unwrap_or(0) % HALF_HOURS;
        self.drawn(mix(self.salt, slot, 6), half_hour)
    }

    fn drawn(&self, draw: u64, half_hour: usize) -> Captured {
        let shape = u32::from(self.shape.get(half_hour).copied().unwrap_or(0));
        let used_wh = self.used_wh(shape, draw);
        let made_wh = self.made_wh(half_hour, draw);
        let imp_wh = used_wh.saturating_sub(made_wh);
        let exp_wh = made_wh.saturating_sub(used_wh);
        // A power factor in thousandths; inverters keep theirs near one.
        let imp_vah = imp_wh * 1000 / (820 + bits(draw, 20, 7));
        let exp_vah = exp_wh * 1000 / (968 + bits(draw, 27, 4));
        let va = (imp_vah + exp_vah) * 3600 / self.interval_s;
        let base_dv = VOLT_DV + self.feeder_dv - shape / 40;
        let phase = |index: u32, va: u32| {
            let volt_dv = base_dv + bits(draw, 32 + 4 * index, 4);
            (narrow(volt_dv), narrow(va * 1000 / volt_dv))
        };
        let (volts, currents) = match self.phases {
            Phases::Single => {
                let (volt, curr) = phase(0, va);
                ([volt, 0, 0], [curr, 0, 0])
            }
            Phases::Three => {
                // Phases carry unlike shares: R up to 0.1 more than a third, B what is left.
                let red = va * (300 + bits(draw, 44, 7)) / 1000;
                let yellow = va * (270 + bits(draw, 51, 6)) / 1000;
                let legs = [phase(0, red), phase(1, yellow), phase(2, va - red - yellow)];
                (legs.map(|(volt, _)| volt), legs.map(|(_, curr)| curr))
            }
        };
        Captured {
            imp_wh,
            exp_wh,
            imp_vah,
            exp_vah,
            varh: self.quadrants(imp_wh, imp_vah, exp_wh, exp_vah, draw),
            volt_dv: volts,
            curr_ca: currents,
        }
    }

    fn used_wh(&self, shape: u32, draw: u64) -> u32 {
        let smooth = self.mean_wh * shape / 1000 * (512 + bits(draw, 0, 10)) / 1024;
        // One interval in sixteen has something large switched on.
        let spike = if bits(draw, 10, 4) == 0 {
            bits(draw, 14, 6) * 12
        } else {
            0
        };
        (smooth + spike) * self.interval_s / HALF_HOUR_S
    }

    fn made_wh(&self, half_hour: usize, draw: u64) -> u32 {
        let sun = u32::from(SUN.get(half_hour).copied().unwrap_or(0));
        let clear = 600 + bits(draw, 57, 7) * 3;
        self.panel_wh * sun / 1000 * clear / 1000 * self.interval_s / HALF_HOUR_S
    }

    /// Reactive energy by quadrant: most loads lag (Q1), some are over-compensated (Q4).
    fn quadrants(
        &self,
        imp_wh: u32,
        imp_vah: u32,
        exp_wh: u32,
        exp_vah: u32,
        draw: u64,
    ) -> [u32; 4] {
        if self.phases == Phases::Single {
            return [0; 4];
        }
        let imp = reactive(imp_wh, imp_vah);
        let exp = reactive(exp_wh, exp_vah);
        if bits(draw, 61, 3) == 0 {
            [0, 0, exp, imp]
        } else {
            [imp, exp, 0, 0]
        }
    }
}

/// `count` bits of `draw` from bit `from` on.
fn bits(draw: u64, from: u32, count: u32) -> u32 {
    let mask = (1_u64 << count) - 1;
    u32::try_from((draw >> from) & mask).unwrap_or(0)
}

/// What makes a right triangle with `active` out of `apparent`.
fn reactive(active: u32, apparent: u32) -> u32 {
    let square = |side: u32| u64::from(side) * u64::from(side);
    let left = square(apparent).saturating_sub(square(active)).isqrt();
    u32::try_from(left).unwrap_or(u32::MAX)
}

/// A register of 16 bits stops at its top.
fn narrow(value: u32) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::traits::Mix;

    fn extremes() -> impl Iterator<Item = u64> {
        let runs = (0..64).flat_map(|bit| [1_u64 << bit, !(1_u64 << bit), (1_u64 << bit) - 1]);
        runs.chain([0, u64::MAX])
            .chain((0..500).map(|step| mix(1, step, 2)))
    }

    #[test]
    fn no_draw_leaves_the_registers_or_the_physics() {
        for load in [
            Load::Household,
            Load::Solar,
            Load::Shop,
            Load::Night,
            Load::Pump,
            Load::Tower,
        ] {
            for phases in [Phases::Single, Phases::Three] {
                for id in 1..20 {
                    let mut traits = Traits::of(3, id, Mix::Field);
                    (traits.load, traits.phases) = (load, phases);
                    for interval_s in [300, 3600] {
                        let mut model = Model::of(&traits, 3, interval_s);
                        model.mean_wh = model.mean_wh.max(2_000);
                        for (draw, half_hour) in extremes().zip((0..HALF_HOURS).cycle()) {
                            plausible(&model.drawn(draw, half_hour), interval_s, phases);
                        }
                    }
                }
            }
        }
    }

    fn plausible(captured: &Captured, interval_s: u32, phases: Phases) {
        assert!(captured.imp_vah >= captured.imp_wh && captured.exp_vah >= captured.exp_wh);
        assert!(captured.imp_wh == 0 || captured.exp_wh == 0);
        let legs = if phases == Phases::Single { 1 } else { 3 };
        // Volt-amperes from voltage and current agree with those from energy, to the rounding of 0.01 A.
        let volts_amperes: u32 = (0..legs)
            .map(|leg| u32::from(captured.volt_dv[leg]) * u32::from(captured.curr_ca[leg]) / 1000)
            .sum();
        let from_energy = (captured.imp_vah + captured.exp_vah) * 3600 / interval_s;
        assert!(volts_amperes <= from_energy && from_energy - volts_amperes <= 15);
        for leg in 0..legs {
            assert!((2_100..2_600).contains(&captured.volt_dv[leg]));
        }
        let [q1, q2, q3, q4] = captured.varh;
        assert!((q1 == 0 || q4 == 0) && (q2 == 0 || q3 == 0));
    }
}
