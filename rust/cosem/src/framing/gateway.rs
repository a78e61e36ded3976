//! The gateway prefix a concentrator puts before an APDU it forwards (Green Book 10.10).
//!
//! `E6` (towards the device) or `E7` (from the device) | network id | length + physical device
//! address | APDU. The same bytes begin an HDLC LLC header, so this is only ever asked after the
//! wrapper, where there is no LLC.

use super::Span;
use crate::{DecodeError, Layer, Reader};

const REQUEST: u8 = 0xe6;
const RESPONSE: u8 = 0xe7;

/// What a gateway said about the device behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gateway {
    /// The network the device is on.
    pub network: u8,
    /// The device's address on that network.
    pub address: Span,
}

/// Takes the prefix off `apdu`, whose first byte is at `base` of the arena.
///
/// Returns the prefix, if there is one, and how many bytes of `apdu` it took.
pub(super) fn strip(apdu: &[u8], base: usize) -> Result<(Option<Gateway>, usize), DecodeError> {
    let Some(&(REQUEST | RESPONSE)) = apdu.first() else {
        return Ok((None, 0));
    };
    let prefix = prefix(apdu)?;
    let end = base.saturating_add(prefix.bytes);
    let gateway = Gateway {
        network: prefix.network,
        address: Span::new(end.saturating_sub(prefix.address.len()), end),
    };
    Ok((Some(gateway), prefix.bytes))
}

/// A gateway prefix, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix<'a> {
    /// The network the device is on.
    pub network: u8,
    /// The device's address on that network.
    pub address: &'a [u8],
    /// How many bytes the prefix took.
    pub bytes: usize,
}

/// Reads the prefix at the head of `apdu`.
pub fn prefix(apdu: &[u8]) -> Result<Prefix<'_>, DecodeError> {
    let mut reader = Reader::new(apdu, Layer::Gateway);
    let [_tag, network] = reader.take()?;
    let address = reader.counted()?;
    reader.peek()?;
    let bytes = apdu.len().saturating_sub(reader.rest().len());
    Ok(Prefix {
        network,
        address,
        bytes,
    })
}
