//! When a read happened, and whether that can be: the meter's clock against its interval grid and
//! against ours. Pure functions of one read; what was stored before is `state.rs`.

use cosem::Kind;
use cosem::clock::{RawClock, TimePolicy};

use crate::flags;

/// Clock status bits (IEC 62056-6-2): the value is invalid, or the status itself is.
const STATUS_INVALID: u8 = 0x01 | 0x08;
const STATUS_DOUBTFUL: u8 = 0x02;
const STATUS_OTHER_BASE: u8 = 0x04;
const STATUS_UNSPECIFIED: u8 = 0xff;

/// What a frame's reads are measured against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    pub(crate) interval_s: u16,
    pub(crate) time_policy: TimePolicy,
    /// Reads may end here at the latest.
    pub(crate) latest_s: i64,
    /// Reads must end here at the earliest.
    pub(crate) earliest_s: i64,
}

/// When an interval began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    /// Its start, UTC, seconds since 1970.
    pub(crate) start_s: u32,
    /// Its number, counted from 1970.
    pub(crate) number: u32,
}

/// Consecutive intervals that passed every check, told alike by a clock without fault: what a
/// healthy meter's push holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) first: Interval,
    pub(crate) deviation_min: i16,
    pub(crate) clock_status: u8,
}

/// Walks a frame's clocks; remembers the last one, because the next is mostly one interval later.
#[derive(Debug)]
pub(crate) struct Walk {
    grid: Grid,
    before: Option<(RawClock, Interval)>,
}

impl Walk {
    pub(crate) const fn new(grid: Grid) -> Self {
        Self { grid, before: None }
    }

    /// The interval that ends at `clock`, or why there cannot be one.
    pub(crate) fn interval(&mut self, clock: &RawClock) -> Result<Interval, Kind> {
        let interval = match self.before {
            Some((before, interval)) if self.follows(&before, clock) => Interval {
                start_s: interval
                    .start_s
                    .wrapping_add(u32::from(self.grid.interval_s)),
                number: interval.number.wrapping_add(1),
            },
            _ => self.grid.interval(clock)?,
        };
        let end_s = i64::from(interval.start_s).wrapping_add(i64::from(self.grid.interval_s));
        if end_s > self.grid.latest_s {
            return Err(Kind::FutureTimestamp);
        }
        self.before = Some((*clock, interval));
        Ok(interval)
    }

    /// Whether `clock` is one interval after `before`, told in the same way.
    fn follows(&self, before: &RawClock, clock: &RawClock) -> bool {
        let step = i64::from(self.grid.interval_s);
        clock.local_s == before.local_s.wrapping_add(step)
            && clock.deviation_min == before.deviation_min
            && self.grid.time_policy.is_steady()
    }
}

impl Grid {
    /// All of a frame's clocks as one run, if they are one. Saves most of the work of the walk.
    pub(crate) fn run(&self, clocks: &[RawClock]) -> Option<Run> {
        let (first, rest) = clocks.split_first()?;
        if !self.time_policy.is_steady() {
            return None;
        }
        let step = i64::from(self.interval_s);
        let mut due = *first;
        for clock in rest {
            due.local_s = due.local_s.wrapping_add(step);
            if *clock != due {
                return None;
            }
        }
        let interval = self.interval(first).ok()?;
        let ahead = due.local_s.wrapping_sub(first.local_s);
        let end_s = i64::from(interval.start_s)
            .wrapping_add(step)
            .wrapping_add(ahead);
        (end_s <= self.latest_s && clock_flags(first.status) == 0).then_some(Run {
            first: interval,
            deviation_min: first.deviation_min,
            clock_status: first.status,
        })
    }

    fn interval(&self, clock: &RawClock) -> Result<Interval, Kind> {
        let step = i64::from(self.interval_s.max(1));
        let end_s = self.time_policy.utc_s(clock).ok_or(Kind::BadClock)?;
        // The grid is the meter's own: in a zone at half past, hours do not begin on UTC's.
        if clock.local_s.checked_rem(step) != Some(0) {
            return Err(Kind::Misaligned);
        }
        if end_s > self.latest_s {
            return Err(Kind::FutureTimestamp);
        }
        if end_s < self.earliest_s {
            return Err(Kind::TooOld);
        }
        let start_s = u32::try_from(end_s.wrapping_sub(step)).map_err(|_| Kind::BadClock)?;
        let number = start_s
            .checked_div(u32::from(self.interval_s))
            .unwrap_or_default();
        Ok(Interval { start_s, number })
    }
}

/// The flags a clock status raises.
pub(crate) const fn clock_flags(status: u8) -> u32 {
    if status == STATUS_UNSPECIFIED {
        return 0;
    }
    let mut raised = 0;
    if status & STATUS_INVALID != 0 {
        raised |= flags::CLOCK_INVALID;
    }
    if status & STATUS_DOUBTFUL != 0 {
        raised |= flags::CLOCK_DOUBTFUL;
    }
    if status & STATUS_OTHER_BASE != 0 {
        raised |= flags::CLOCK_OTHER_BASE;
    }
    raised
}

#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    reason = "times of a test's own making"
)]
mod tests {
    use super::*;

    const NOW_S: i64 = 1_795_000_000;
    const IST_S: i64 = 19_800;

    fn grid(interval_s: u16) -> Grid {
        Grid {
            interval_s,
            time_policy: TimePolicy::Ist,
            latest_s: NOW_S + 900,
            earliest_s: NOW_S - 86_400,
        }
    }

    fn at(end_s: i64) -> RawClock {
        RawClock {
            local_s: end_s + IST_S,
            deviation_min: 330,
            status: 0,
        }
    }

    fn judged(interval_s: u16, end_s: i64) -> Result<u32, Kind> {
        let mut walk = Walk::new(grid(interval_s));
        walk.interval(&at(end_s)).map(|interval| interval.start_s)
    }

    /// The last half hour of IST before `NOW_S`, in UTC.
    const HALF_HOUR: i64 = (NOW_S + IST_S) / 1800 * 1800 - IST_S;

    #[test]
    fn the_stamp_is_the_end_and_the_start_is_kept() {
        let start = u32::try_from(HALF_HOUR - 1800).unwrap();
        assert_eq!(judged(1800, HALF_HOUR), Ok(start));
    }

    #[test]
    fn hours_begin_where_the_meters_clock_says_so() {
        let hour = (NOW_S + IST_S) / 3600 * 3600 - IST_S;
        assert!(
            judged(3600, hour).is_ok(),
            "a full hour in India, half past in UTC"
        );
        assert_eq!(judged(3600, hour - 1800), Err(Kind::Misaligned));
        assert_eq!(judged(1800, HALF_HOUR + 1), Err(Kind::Misaligned));
    }

    #[test]
    fn the_future_and_the_distant_past_are_refused_at_their_limits() {
        let latest = (NOW_S + 900 + IST_S) / 60 * 60 - IST_S;
        assert!(judged(60, latest).is_ok());
        assert_eq!(judged(60, latest + 60), Err(Kind::FutureTimestamp));
        let earliest = (NOW_S - 86_400 + IST_S + 59) / 60 * 60 - IST_S;
        assert!(judged(60, earliest).is_ok());
        assert_eq!(judged(60, earliest - 60), Err(Kind::TooOld));
    }

    #[test]
    fn following_intervals_are_the_same_as_lone_ones() {
        let mut walk = Walk::new(grid(1800));
        for step in -20..3 {
            let clock = at(HALF_HOUR + step * 1800);
            let alone = Walk::new(grid(1800)).interval(&clock);
            assert_eq!(walk.interval(&clock), alone, "step {step}");
        }
    }

    #[test]
    fn a_clock_status_raises_what_it_says_and_nothing_when_unspecified() {
        assert_eq!(clock_flags(0x80), 0, "summer time is no fault");
        assert_eq!(clock_flags(0xff), 0);
        assert_eq!(clock_flags(0x01), flags::CLOCK_INVALID);
        assert_eq!(clock_flags(0x08), flags::CLOCK_INVALID);
        let both = flags::CLOCK_DOUBTFUL | flags::CLOCK_OTHER_BASE;
        assert_eq!(clock_flags(0x06), both);
    }
}
