//! Keys of a meter beside its global unicast pair, and what was accepted under them.
//!
//! Rule 1: under each of them a counter of its own must rise, told apart by the system title and the
//! key, as the standard has it. Rule 2: few meters have any, so nothing is kept for the others.

use std::collections::BTreeMap;

use cosem::security::OpenKey;
use cosem::security::key_wrap;

use crate::meters::MeterError;
use crate::state::{KeyCheck, Order};

/// Keys of one meter. There is no `Debug` on purpose.
#[derive(Clone)]
pub(crate) struct OtherKeys {
    broadcast: Vec<u8>,
    dedicated: Vec<u8>,
    kek: Vec<u8>,
}

impl OtherKeys {
    /// Keys of 16 or 32 bytes, or none.
    pub(crate) fn new(broadcast: &[u8], dedicated: &[u8], kek: &[u8]) -> Result<Self, MeterError> {
        let all = [broadcast, dedicated, kek];
        if all.iter().any(|key| !matches!(key.len(), 0 | 16 | 32)) {
            return Err(MeterError::KeyLength);
        }
        Ok(Self {
            broadcast: broadcast.to_vec(),
            dedicated: dedicated.to_vec(),
            kek: kek.to_vec(),
        })
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.broadcast.is_empty() && self.dedicated.is_empty() && self.kek.is_empty()
    }

    pub(crate) fn broadcast(&self) -> Option<&[u8]> {
        Some(self.broadcast.as_slice()).filter(|key| !key.is_empty())
    }

    pub(crate) fn dedicated(&self) -> Option<&[u8]> {
        Some(self.dedicated.as_slice()).filter(|key| !key.is_empty())
    }

    /// The key that `wrapped` holds.
    pub(crate) fn unwrapped(&self, wrapped: &[u8]) -> Option<Vec<u8>> {
        key_wrap::unwrap(&self.kek, wrapped)
    }
}

/// A key made ready, and its name.
pub(crate) struct Named {
    pub(crate) key: OpenKey,
    pub(crate) key_check: KeyCheck,
}

impl Named {
    /// Of these bytes; `None` when they are no keys.
    pub(crate) fn new(encryption: &[u8], authentication: &[u8]) -> Option<Self> {
        let key_check = crate::keys::check_of((encryption, authentication))?;
        let key = OpenKey::new(encryption, authentication)?;
        Some(Self { key, key_check })
    }
}

/// Under what a counter rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    pub(crate) title: [u8; 8],
    pub(crate) key_check: KeyCheck,
}

/// The highest counter accepted on each line, oldest line first, by meter index.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines {
    by_meter: BTreeMap<usize, Vec<(Line, u32)>>,
}

impl Lines {
    /// How `counter` stands to what was accepted on `line`.
    pub(crate) fn order(&self, index: usize, line: Line, counter: u32) -> Order {
        let lines = self.by_meter.get(&index).map_or(&[][..], Vec::as_slice);
        let accepted = lines.iter().find(|(each, _)| *each == line);
        match accepted.map(|(_, accepted)| counter.cmp(accepted)) {
            None | Some(core::cmp::Ordering::Greater) => Order::Fresh,
            Some(core::cmp::Ordering::Equal) => Order::Repeated,
            Some(core::cmp::Ordering::Less) => Order::Replayed,
        }
    }

    /// Moves a line's counter forward. Of more than `lines_max`, the one that began first goes.
    pub(crate) fn advance(&mut self, index: usize, line: Line, counter: u32, lines_max: u16) {
        let lines = self.by_meter.entry(index).or_default();
        if let Some((_, accepted)) = lines.iter_mut().find(|(each, _)| *each == line) {
            *accepted = counter.max(*accepted);
            return;
        }
        if lines.len() >= usize::from(lines_max.max(1)) {
            lines.remove(0);
        }
        lines.push((line, counter));
    }

    /// Every line of every meter, in the order they began.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, Line, u32)> + '_ {
        let meters = self.by_meter.iter();
        meters.flat_map(|(index, lines)| {
            let lines = lines.iter();
            lines.map(|(line, counter)| (*index, *line, *counter))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn line(key_check: KeyCheck) -> Line {
        Line {
            title: *b"MIG\0\0\0\0\x01",
            key_check,
        }
    }

    #[test]
    fn each_line_has_its_own_counter() {
        let mut lines = Lines::default();
        lines.advance(3, line(1), 7, 2);
        assert_eq!(lines.order(3, line(1), 8), Order::Fresh);
        assert_eq!(lines.order(3, line(1), 7), Order::Repeated);
        assert_eq!(lines.order(3, line(1), 6), Order::Replayed);
        assert_eq!(lines.order(3, line(2), 1), Order::Fresh);
        assert_eq!(lines.order(4, line(1), 1), Order::Fresh);
        lines.advance(3, line(1), 5, 2);
        assert_eq!(
            lines.order(3, line(1), 6),
            Order::Replayed,
            "it never falls"
        );
    }

    #[test]
    fn a_meter_has_so_many_lines_and_no_more() {
        let mut lines = Lines::default();
        for key in 1..=3 {
            lines.advance(3, line(key), 9, 2);
        }
        let kept: Vec<u32> = lines.iter().map(|(_, line, _)| line.key_check).collect();
        assert_eq!(kept, [2, 3]);
    }
}
