//! Where a refusal lies, for people: the bytes on either side of it, and its place in the line.

use serde_json::{Value as Json, json};

use super::json::hex;
use crate::push::{TAG_DATA_NOTIFICATION, notification};
use crate::{DecodeError, Layer};

/// Bytes shown on either side.
const BYTES: usize = 8;
/// APDUs whose inner bytes are not those that the line has: ciphered ones and blocks.
const INDIRECT: [core::ops::RangeInclusive<u8>; 3] = [0x21..=0x5f, 0xc8..=0xd7, 0xdb..=0xe0];

/// The bytes that the offset of a refusal of this APDU counts in; `None` when they are not in it.
pub(super) fn read_by(error: DecodeError, apdu: &[u8]) -> Option<&[u8]> {
    let tag = *apdu.first()?;
    let direct = !INDIRECT.iter().any(|tags| tags.contains(&tag));
    match error.layer {
        Layer::Ciphering | Layer::Gateway | Layer::BlockTransfer => Some(apdu),
        Layer::Apdu if direct => Some(apdu),
        Layer::Data if tag == TAG_DATA_NOTIFICATION => {
            notification(apdu).ok().map(|push| push.body)
        }
        Layer::Link
        | Layer::Wrapper
        | Layer::Hdlc
        | Layer::MBus
        | Layer::Uplink
        | Layer::Apdu
        | Layer::Data
        | Layer::Layout
        | Layer::Check => None,
    }
}

/// The bytes around `offset` of `bytes`, and where that is in the whole line.
pub(super) fn around(offset: u32, bytes: &[u8], line: &[u8]) -> Option<Json> {
    let offset = usize::try_from(offset).ok()?;
    let (before, from) = bytes.split_at_checked(offset)?;
    let (_, before) = before.split_at(before.len().saturating_sub(BYTES));
    let (from, _) = from.split_at(from.len().min(BYTES));
    let begins = line
        .windows(bytes.len().max(1))
        .position(|each| each == bytes);
    Some(json!({
        "at": begins.map(|begins| begins.saturating_add(offset)),
        "before": hex(before),
        "from": hex(from),
    }))
}
