//! Expanded cipher keys of the meters that send most, bounded: a key costs about a kilobyte.

use cosem::security::{OpenKey, SecurityControl};

use crate::meters::Meter;
use crate::state::KeyCheck;

/// Expanded keys, replaced by second chance (a hand that spares what was used since it last came by).
pub(crate) struct OpenKeys {
    held: Vec<Held>,
    hand: usize,
    max: usize,
}

struct Held {
    meter: u32,
    used: bool,
    key: OpenKey,
}

impl OpenKeys {
    pub(crate) fn new(max: u32) -> Self {
        Self {
            held: Vec::new(),
            hand: 0,
            max: usize::try_from(max.max(1)).unwrap_or(usize::MAX),
        }
    }

    /// The meter's expanded key, which tells its own name on the way: `None` if it has no usable key.
    pub(crate) fn of(&mut self, meter: &mut Meter) -> Option<&OpenKey> {
        let at = usize::try_from(meter.open_key).unwrap_or(usize::MAX);
        let held = self
            .held
            .get(at)
            .is_some_and(|held| held.meter == meter.number);
        let at = if held && meter.key_check != 0 {
            at
        } else {
            self.expand(meter)?
        };
        let held = self.held.get_mut(at)?;
        held.used = true;
        Some(&held.key)
    }

    /// Bytes held, without what is only reserved.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.held.as_slice())
    }

    fn expand(&mut self, meter: &mut Meter) -> Option<usize> {
        let (encryption, authentication) = meter.keys();
        let key = OpenKey::new(encryption, authentication)?;
        if meter.key_check == 0 {
            meter.key_check = key_check(&key, encryption.len());
        }
        let held = Held {
            meter: meter.number,
            used: true,
            key,
        };
        let at = self.free_place();
        match self.held.get_mut(at) {
            Some(place) => *place = held,
            None => self.held.push(held),
        }
        meter.open_key = u32::try_from(at).unwrap_or(u32::MAX);
        Some(at)
    }

    fn free_place(&mut self) -> usize {
        if self.held.len() < self.max {
            return self.held.len();
        }
        loop {
            let at = self.hand;
            self.hand = at.wrapping_add(1).checked_rem(self.held.len()).unwrap_or(0);
            match self.held.get_mut(at) {
                Some(held) if held.used => held.used = false,
                _ => return at,
            }
        }
    }
}

/// What tells the key of these bytes from another.
pub(crate) fn check_of((encryption, authentication): (&[u8], &[u8])) -> Option<KeyCheck> {
    let key = OpenKey::new(encryption, authentication)?;
    Some(key_check(&key, encryption.len()))
}

/// A key check value: the start of the ciphertext of zeros under a nonce that no meter uses, since
/// system titles begin with a manufacturer's letters. It tells two keys apart and reveals neither.
fn key_check(key: &OpenKey, key_bytes: usize) -> KeyCheck {
    let control = SecurityControl(if key_bytes == 32 { 0x22 } else { 0x20 });
    let mut sealed = Vec::with_capacity(32);
    let done = key.seal(control, &[0; 8], u32::MAX, &[0; 4], &mut sealed);
    match (done, sealed.first_chunk()) {
        (Ok(()), Some(check)) => u32::from_le_bytes(*check).max(1),
        _ => 1,
    }
}
