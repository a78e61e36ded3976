//! The simulator's meters: seeded, told apart by number, encoded in bulk without the GIL.
//!
//! Only the invocation counters are state. Everything else is a function of the seed, so that what a
//! fleet sent can be computed again at any time, by any process.

mod frames;
mod load;
mod push;
mod registry;
#[cfg(test)]
mod tests;
mod traits;

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use cosem::Kind;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use frames::Encoded;
pub(crate) use frames::Frames;
use push::{CHANNELS, Lie, Pusher, Recipe, Slots, Sums};
use traits::{ID_MAX, Mix};

/// Intervals that divide the local day and that an IS 15959 meter can be set to.
const INTERVALS_S: [u32; 5] = [300, 600, 900, 1800, 3600];

/// Names, keys, sanctioned load and the rest of one meter, as the registry has them.
type MeterRow = (String, String, u32, String, bool, bool, u32);

/// A seeded fleet of meters behind concentrators.
///
/// Meters `first_meter` to `first_meter + meters - 1` are the fleet's; any other number is a
/// stranger with keys of its own that no registry knows.
#[pyclass(frozen, module = "meteringest._native")]
pub(crate) struct Fleet {
    recipe: Recipe,
    first_meter: u32,
    dcus: u32,
    /// The counter each meter seals its next push with.
    counters: Vec<AtomicU32>,
}

/// The frames of one call: which meters push, and which slots each push holds.
#[derive(Clone)]
struct Job {
    meters: Range<u32>,
    first_slot: u64,
    pushes: u32,
    per_push: u32,
}

impl Job {
    fn frames(&self) -> usize {
        let meters = self.meters.len();
        meters.saturating_mul(usize::try_from(self.pushes).unwrap_or(0))
    }
}

#[pymethods]
impl Fleet {
    #[new]
    #[pyo3(signature = (seed, meters, dcus, first_meter=1, interval_s=1800, *, first_counter=1,
                        mixed=true, confirmed=false))]
    #[expect(
        clippy::too_many_arguments,
        reason = "keywords in Python; a struct would only move the list"
    )]
    fn new(
        seed: u64,
        meters: u32,
        dcus: u32,
        first_meter: u32,
        interval_s: u32,
        first_counter: u32,
        mixed: bool,
        confirmed: bool,
    ) -> PyResult<Self> {
        let last = u64::from(first_meter).saturating_add(u64::from(meters));
        if first_meter == 0 || meters == 0 || last > u64::from(ID_MAX) {
            return Err(refusal("meter numbers go from 1 to 99999999"));
        }
        if dcus == 0 || dcus > meters {
            return Err(refusal("there is at least one meter to a concentrator"));
        }
        if !INTERVALS_S.contains(&interval_s) {
            return Err(refusal("interval_s is one of 300, 600, 900, 1800, 3600"));
        }
        let mix = if mixed { Mix::Field } else { Mix::Uniform };
        let counters = (0..meters).map(|_| AtomicU32::new(first_counter));
        Ok(Self {
            recipe: Recipe {
                seed,
                interval_s,
                mix,
                confirmed,
            },
            first_meter,
            dcus,
            counters: counters.collect(),
        })
    }

    /// The meters behind a concentrator: the first and how many.
    fn meters_of(&self, dcu: u32) -> PyResult<(u32, u32)> {
        let meters = self.range_of(dcu)?;
        Ok((meters.start, meters.end.saturating_sub(meters.start)))
    }

    /// The slot that a UTC second falls into.
    fn slot_at(&self, utc_s: i64) -> u64 {
        self.recipe.slot_at(utc_s)
    }

    /// The UTC second at which a slot starts: a read's `interval_start`.
    fn start_s(&self, slot: u64) -> i64 {
        self.recipe.start_s(slot)
    }

    /// Encodes `slots` slots of a concentrator's meters, `per_push` to a frame, in the order of time.
    ///
    /// `skip` and `take` choose among the concentrator's meters. Each frame uses up a counter.
    #[pyo3(signature = (dcu, first_slot, slots, per_push, *, skip=0, take=None))]
    #[expect(
        clippy::too_many_arguments,
        reason = "keywords in Python; a struct would only move the list"
    )]
    fn frames(
        &self,
        py: Python<'_>,
        dcu: u32,
        first_slot: u64,
        slots: u32,
        per_push: u32,
        skip: u32,
        take: Option<u32>,
    ) -> PyResult<Frames> {
        if per_push == 0 || !slots.is_multiple_of(per_push) {
            return Err(refusal(
                "slots is a multiple of per_push, and that is not 0",
            ));
        }
        let all = self.range_of(dcu)?;
        let start = all.start.saturating_add(skip).min(all.end);
        let end = take.map_or(all.end, |take| start.saturating_add(take).min(all.end));
        let job = Job {
            meters: start..end,
            first_slot,
            pushes: slots.checked_div(per_push).unwrap_or(0),
            per_push,
        };
        let encoded = py.detach(|| self.encode(&job)).map_err(unsealed)?;
        Ok(Frames::new(py, encoded, per_push))
    }

    /// Encodes one frame, of a stranger too, and different from the truth if told so.
    ///
    /// Without `counter` it uses up the meter's next; a stranger's is then 1.
    #[pyo3(signature = (meter, first_slot, slots, *, counter=None, shift_s=0, added_wh=0,
                        wrong_key=false))]
    #[expect(
        clippy::too_many_arguments,
        reason = "keywords in Python; a struct would only move the list"
    )]
    fn frame<'py>(
        &self,
        py: Python<'py>,
        meter: u32,
        first_slot: u64,
        slots: u32,
        counter: Option<u32>,
        shift_s: i64,
        added_wh: u32,
        wrong_key: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        if meter > ID_MAX {
            return Err(refusal("meter numbers go from 1 to 99999999"));
        }
        let lie = Lie {
            shift_s,
            added_wh,
            foreign_key: wrong_key,
        };
        let slots = Slots {
            first: first_slot,
            count: slots,
        };
        let counter = counter.unwrap_or_else(|| self.next_counter(meter));
        let traits = self.recipe.traits(meter);
        let mut octets = Vec::new();
        let mut ignored = Sums::default();
        Pusher::new(self.recipe)
            .push(&traits, slots, counter, lie, &mut octets, &mut ignored)
            .map_err(unsealed)?;
        Ok(PyBytes::new(py, &octets))
    }

    /// The channels a meter captures in a slot (a bit each) and their values in the store's units.
    fn truth(&self, meter: u32, slot: u64) -> (u16, [u32; CHANNELS]) {
        let traits = self.recipe.traits(meter);
        let captured = self.recipe.captured(&self.recipe.model(&traits), slot);
        (
            push::present(traits.phases),
            push::values(traits.phases, &captured),
        )
    }

    /// The truth of every meter behind a concentrator over a run of slots, summed by channel.
    fn sums(&self, py: Python<'_>, dcu: u32, first_slot: u64, slots: u32) -> PyResult<Sums> {
        let meters = self.range_of(dcu)?;
        let run = Slots {
            first: first_slot,
            count: slots,
        };
        Ok(py.detach(|| self.sum(meters, run)))
    }

    /// (serial, system title, dcu, security, three-phase, gateway prefix, deviation-free load in W).
    fn meter(&self, meter: u32) -> MeterRow {
        let traits = self.recipe.traits(meter);
        (
            registry::text(&traits.serial()),
            registry::hex(&traits.title(self.recipe.seed)),
            self.dcu_of(meter),
            registry::security(&traits).to_owned(),
            traits.phases == traits::Phases::Three,
            traits.gateway,
            traits.sanctioned_load_w(),
        )
    }

    /// (encryption key, authentication key) of a meter, for whoever checks its frames.
    fn keys(&self, meter: u32) -> ([u8; 16], [u8; 16]) {
        let traits = self.recipe.traits(meter);
        (traits.encryption_key(), traits.authentication_key())
    }

    /// The whole fleet as `meteringest meters import` takes it.
    fn registry_csv<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let text = py.detach(|| {
            let meters = self
                .fleet()
                .map(|id| (self.dcu_of(id), self.recipe.traits(id)));
            registry::meters_csv(&self.recipe, meters)
        });
        PyBytes::new(py, text.as_bytes())
    }

    /// The concentrators as `meteringest meters import` takes them.
    fn dcus_csv(&self) -> String {
        registry::dcus_csv(self.dcus)
    }
}

impl Fleet {
    fn fleet(&self) -> Range<u32> {
        let meters = u32::try_from(self.counters.len()).unwrap_or(u32::MAX);
        self.first_meter..self.first_meter.saturating_add(meters)
    }

    /// Concentrators are numbered from 1 and share the meters evenly, in runs.
    fn range_of(&self, dcu: u32) -> PyResult<Range<u32>> {
        if dcu == 0 || dcu > self.dcus {
            return Err(refusal("concentrators are numbered from 1"));
        }
        let edge = |index: u32| {
            let meters = u64::try_from(self.counters.len()).unwrap_or(u64::MAX);
            let before = u64::from(index).saturating_mul(meters);
            let before = before.checked_div(u64::from(self.dcus)).unwrap_or(0);
            let before = u32::try_from(before).unwrap_or(u32::MAX);
            self.first_meter.saturating_add(before)
        };
        Ok(edge(dcu.saturating_sub(1))..edge(dcu))
    }

    /// The inverse of `range_of`; 0 for a stranger.
    fn dcu_of(&self, meter: u32) -> u32 {
        if !self.fleet().contains(&meter) {
            return 0;
        }
        let after = u64::from(meter.saturating_sub(self.first_meter)).saturating_add(1);
        let meters = u64::try_from(self.counters.len()).unwrap_or(u64::MAX);
        let index = after
            .saturating_mul(u64::from(self.dcus))
            .saturating_sub(1)
            .checked_div(meters)
            .unwrap_or(0);
        u32::try_from(index).unwrap_or(0).saturating_add(1)
    }

    fn next_counter(&self, meter: u32) -> u32 {
        let index = meter.checked_sub(self.first_meter).map(usize::try_from);
        let Some(Ok(index)) = index else {
            return 1;
        };
        let counter = self.counters.get(index);
        counter.map_or(1, |counter| counter.fetch_add(1, Ordering::Relaxed))
    }

    fn encode(&self, job: &Job) -> Result<Encoded, Kind> {
        let mut encoded = Encoded::with_room(job.frames(), job.per_push);
        let mut pusher = Pusher::new(self.recipe);
        for push in 0..job.pushes {
            let offset = u64::from(push).saturating_mul(u64::from(job.per_push));
            let slots = Slots {
                first: job.first_slot.saturating_add(offset),
                count: job.per_push,
            };
            for id in job.meters.clone() {
                let traits = self.recipe.traits(id);
                let counter = self.next_counter(id);
                let Encoded { octets, sums, .. } = &mut encoded;
                pusher.push(&traits, slots, counter, Lie::default(), octets, sums)?;
                let end = u32::try_from(encoded.octets.len()).map_err(|_| Kind::TooLong)?;
                encoded.ends.push(end);
                encoded.meters.push(id);
            }
        }
        Ok(encoded)
    }

    fn sum(&self, meters: Range<u32>, slots: Slots) -> Sums {
        let mut sums = Sums::default();
        for id in meters {
            let traits = self.recipe.traits(id);
            let model = self.recipe.model(&traits);
            for slot in slots.each() {
                let captured = self.recipe.captured(&model, slot);
                push::add(&mut sums, &push::values(traits.phases, &captured));
            }
        }
        sums
    }
}

fn refusal(rule: &'static str) -> PyErr {
    PyValueError::new_err(rule)
}

/// Our own keys always fit; only a push of too many slots does not fit a frame.
fn unsealed(kind: Kind) -> PyErr {
    PyValueError::new_err(format!("a frame cannot hold this push: {}", kind.name()))
}
