//! Where a ring lies in the memory of all rings, and an interval in its ring.

/// Where interval `number` stands in a ring.
pub(super) fn place_of(number: u32, slots: u32) -> usize {
    let place = number.checked_rem(slots).unwrap_or_default();
    usize::try_from(place).unwrap_or_default()
}

pub(super) fn ring_of(rings: &[u32], ring: u32, slots: u32) -> Option<&[u32]> {
    rings.get(span(ring, slots)?)
}

pub(super) fn ring_of_mut(rings: &mut [u32], ring: u32, slots: u32) -> Option<&mut [u32]> {
    rings.get_mut(span(ring, slots)?)
}

fn span(ring: u32, slots: u32) -> Option<core::ops::Range<usize>> {
    let slots = usize::try_from(slots).ok()?;
    let end = usize::try_from(ring).ok()?.checked_mul(slots)?;
    Some(end.checked_sub(slots)?..end)
}
