//! What the rejects of one peer may take on the disk, over all its links and from day to day.
//!
//! A batch bounds what one batch may keep; this bounds what a peer may keep that never stops. What it
//! has used up is given back evenly over a day. Ports do not count: whoever opens a link for every
//! frame is still one peer. Beyond the budget a reject is counted and one row a minute says how many.

use std::collections::BTreeMap;

use crate::settings::Settings;

/// A reject row without its bytes: keys, peer, kind.
const ROW_BYTES: u64 = 128;
const DAY_MS: u64 = 86_400_000;
/// How often a peer's row of what was not kept is written.
const SAID_EVERY_MS: i64 = 60_000;

/// What every peer has used of its budget.
#[derive(Debug, Default)]
pub(crate) struct Quarantine {
    hosts: BTreeMap<String, Used>,
    all: Used,
}

/// What one budget has left.
#[derive(Debug, Default, Clone, Copy)]
struct Used {
    bytes: u64,
    at_ms: i64,
    /// Rejects that were not kept and that no row has told of.
    untold: u32,
    said_ms: i64,
}

impl Used {
    /// What is still used at `now_ms` of a budget of `max` a day.
    fn at(self, now_ms: i64, max: u64) -> u64 {
        let passed = u64::try_from(now_ms.saturating_sub(self.at_ms)).unwrap_or(0);
        let back = u128::from(max)
            .saturating_mul(passed.into())
            .checked_div(DAY_MS.into())
            .unwrap_or(0);
        self.bytes
            .saturating_sub(u64::try_from(back).unwrap_or(u64::MAX))
    }

    /// Takes `bytes` if they are left of `max`.
    fn take(&mut self, bytes: u64, now_ms: i64, max: u64) -> bool {
        let used = self.at(now_ms, max).saturating_add(bytes);
        if used > max {
            return false;
        }
        (self.bytes, self.at_ms) = (used, now_ms.max(self.at_ms));
        true
    }
}

impl Quarantine {
    /// Whether a reject of `raw_bytes` of `peer` is kept.
    pub(crate) fn keeps(
        &mut self,
        peer: &str,
        raw_bytes: usize,
        now_ms: i64,
        settings: &Settings,
    ) -> bool {
        let cost = u64::try_from(raw_bytes)
            .unwrap_or(u64::MAX)
            .saturating_add(ROW_BYTES);
        let all_max = settings.rejects_bytes_day_max;
        let room = self.all.at(now_ms, all_max).saturating_add(cost) <= all_max;
        let used = self.of(host(peer), now_ms, settings);
        if room && used.take(cost, now_ms, settings.rejects_bytes_per_peer_day_max) {
            return self.all.take(cost, now_ms, all_max);
        }
        used.untold = used.untold.saturating_add(1);
        false
    }

    /// How many rejects of `peer` were not kept, when it is time to say so again.
    pub(crate) fn untold(&mut self, peer: &str, now_ms: i64, settings: &Settings) -> Option<u32> {
        let used = self.of(host(peer), now_ms, settings);
        let due = used.said_ms == 0 || now_ms.saturating_sub(used.said_ms) >= SAID_EVERY_MS;
        if used.untold == 0 || !due {
            return None;
        }
        used.said_ms = now_ms;
        Some(core::mem::take(&mut used.untold))
    }

    /// The account of `host`; strangers beyond the limit share one.
    fn of(&mut self, host: &str, now_ms: i64, settings: &Settings) -> &mut Used {
        let peers_max = usize::try_from(settings.reject_peers_max).unwrap_or(usize::MAX);
        if self.hosts.len() >= peers_max && !self.hosts.contains_key(host) {
            self.forget_the_settled(now_ms, settings.rejects_bytes_per_peer_day_max);
        }
        let full = self.hosts.len() >= peers_max;
        let host = if full && !self.hosts.contains_key(host) {
            STRANGERS
        } else {
            host
        };
        self.hosts.entry(host.to_owned()).or_default()
    }

    /// Forgets whoever has its whole budget again, no more than once a minute.
    fn forget_the_settled(&mut self, now_ms: i64, max: u64) {
        if now_ms.saturating_sub(self.all.said_ms) < SAID_EVERY_MS {
            return;
        }
        self.all.said_ms = now_ms;
        self.hosts
            .retain(|_, used| used.untold > 0 || used.at(now_ms, max) > 0);
    }
}

/// The address of a peer without its port.
fn host(peer: &str) -> &str {
    peer.rsplit_once(':').map_or(peer, |(host, _)| host)
}

/// No host is called so.
const STRANGERS: &str = "";

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn settings() -> Settings {
        Settings {
            rejects_bytes_per_peer_day_max: 24 * 1_128,
            rejects_bytes_day_max: 40 * 1_128,
            reject_peers_max: 3,
            ..Settings::default()
        }
    }

    fn kept(quarantine: &mut Quarantine, peer: &str, now_ms: i64) -> usize {
        (0..100)
            .filter(|_| quarantine.keeps(peer, 1_000, now_ms, &settings()))
            .count()
    }

    #[test]
    fn a_peer_has_one_budget_over_all_its_ports_and_gets_it_back_over_a_day() {
        let mut quarantine = Quarantine::default();
        assert_eq!(kept(&mut quarantine, "192.0.2.1:4000", HOUR_MS), 24);
        assert_eq!(kept(&mut quarantine, "192.0.2.1:4001", HOUR_MS), 0);
        assert_eq!(kept(&mut quarantine, "192.0.2.1:4002", HOUR_MS * 2), 1);
        assert_eq!(kept(&mut quarantine, "192.0.2.1:4003", HOUR_MS * 9), 7);
        assert_eq!(
            kept(&mut quarantine, "192.0.2.1:4003", 0),
            0,
            "a clock set back"
        );
    }

    #[test]
    fn all_peers_together_have_one_too() {
        let mut quarantine = Quarantine::default();
        assert_eq!(kept(&mut quarantine, "[2001:db8::1]:4000", HOUR_MS), 24);
        assert_eq!(kept(&mut quarantine, "[2001:db8::2]:4000", HOUR_MS), 16);
        assert_eq!(kept(&mut quarantine, "192.0.2.3:4000", HOUR_MS), 0);
    }

    #[test]
    fn what_was_not_kept_is_told_once_a_minute() {
        let mut quarantine = Quarantine::default();
        kept(&mut quarantine, "192.0.2.1:1", HOUR_MS);
        let mut told = |now_ms| quarantine.untold("192.0.2.1:2", now_ms, &settings());
        assert_eq!((told(HOUR_MS), told(HOUR_MS)), (Some(76), None));
        kept(&mut quarantine, "192.0.2.1:1", HOUR_MS + 30_000);
        let mut told = |now_ms| quarantine.untold("192.0.2.1:2", now_ms, &settings());
        assert_eq!(told(HOUR_MS + 59_000), None);
        assert_eq!(told(HOUR_MS + 60_000), Some(100));
    }

    #[test]
    fn no_more_peers_are_remembered_than_the_limit() {
        let mut quarantine = Quarantine::default();
        for number in 0..20 {
            let peer = format!("192.0.2.{number}:1");
            quarantine.keeps(&peer, 1_000, HOUR_MS, &settings());
        }
        assert_eq!(quarantine.hosts.len(), 4, "three and the strangers");
        quarantine.keeps("198.51.100.1:1", 1_000, HOUR_MS * 30, &settings());
        assert_eq!(quarantine.hosts.len(), 1, "the others have settled");
    }
}
