//! Meters whose frames keep failing under their key: a wrong key looks like line noise otherwise.
//!
//! A stranger who knows a meter's title can raise an alarm with forged frames, and one good frame
//! ends it; so an alarm says "look", and decides nothing. Counts are journaled with the frames that
//! move them, so that a restart neither forgets an alarm nor raises it anew.

use std::collections::BTreeMap;

/// Failures in a row, by meter.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    failing: BTreeMap<u32, u32>,
}

impl Alarms {
    /// Counts a failure; returns how many in a row there were when that is worth saying: at `after`,
    /// and whenever the count has doubled since.
    pub(crate) fn failed(&mut self, meter: u32, after: u32, meters_max: u32) -> Option<u32> {
        let full = u32::try_from(self.failing.len()).unwrap_or(u32::MAX) >= meters_max;
        if full && !self.failing.contains_key(&meter) {
            return None;
        }
        let count = self.failing.entry(meter).or_default();
        *count = count.saturating_add(1);
        let times = count.checked_div(after.max(1)).unwrap_or_default();
        let whole = times.saturating_mul(after.max(1)) == *count;
        (whole && times.is_power_of_two()).then_some(*count)
    }

    /// A frame of `meter` was opened; whether that ended a row of failures.
    pub(crate) fn opened(&mut self, meter: u32) -> bool {
        !self.failing.is_empty() && self.failing.remove(&meter).is_some()
    }

    /// How many failures in a row `meter` is at.
    pub(crate) fn failures(&self, meter: u32) -> u32 {
        self.failing.get(&meter).copied().unwrap_or_default()
    }

    /// Puts back what a snapshot or the journal says.
    pub(crate) fn put_back(&mut self, meter: u32, failures: u32) {
        if failures == 0 {
            self.failing.remove(&meter);
        } else {
            self.failing.insert(meter, failures);
        }
    }

    /// Every meter that is failing, and how many times in a row it has.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (u32, u32)> + '_ {
        self.failing
            .iter()
            .map(|(meter, failures)| (*meter, *failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_comes_after_some_failures_in_a_row_and_then_ever_less_often() {
        let mut alarms = Alarms::default();
        let told: Vec<u32> = (0..30).filter_map(|_| alarms.failed(7, 3, 10)).collect();
        assert_eq!(told, [3, 6, 12, 24]);
        assert_eq!(alarms.failures(7), 30);
        assert!(alarms.opened(7));
        assert!(!alarms.opened(7));
        assert_eq!(alarms.failed(7, 3, 10), None, "it starts over");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut alarms = Alarms::default();
        assert_eq!(alarms.failed(1, 1, 2), Some(1));
        assert_eq!(alarms.failed(2, 1, 2), Some(1));
        assert_eq!(alarms.failed(3, 1, 2), None);
        assert_eq!(alarms.failed(1, 1, 2), Some(2));
    }
}
