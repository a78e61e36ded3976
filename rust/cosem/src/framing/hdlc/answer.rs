//! An answer to an HDLC frame: unnumbered information, back to the addresses it came from.

use super::FLAG;
use super::frame::Header;
use crate::framing::checksum;

/// Unnumbered information, with the poll bit as pushes have it set.
const UI: u8 = 0x13;
const POLL_FINAL: u8 = 0x10;
/// The LLC header of what a client sends.
const LLC_REQUEST: [u8; 3] = [0xe6, 0xe6, 0];
const FORMAT: u16 = 0xa000;
const LENGTH_MAX: usize = 0x7ff;
const CHECK: usize = 2;

/// A UI frame with `apdu` that answers the first frame of `raw`, when that was one, too.
pub(in crate::framing) fn answer(raw: &[u8], apdu: &[u8]) -> Option<Vec<u8>> {
    let (header, content) = (Header::parse(raw.get(1..)?).ok()?, raw.get(1..)?);
    let (destination, source, control) = header.parties(content)?;
    if control | POLL_FINAL != UI {
        return None;
    }
    let head = [source.0, destination.0, &[UI]].concat();
    let info = LLC_REQUEST.len().saturating_add(apdu.len());
    let around = head.len().saturating_add(CHECK.saturating_mul(3));
    let length = info.saturating_add(around);
    let format = FORMAT
        | u16::try_from(length)
            .ok()
            .filter(|_| length <= LENGTH_MAX)?;
    let mut bytes = vec![FLAG];
    bytes.extend(format.to_be_bytes());
    bytes.extend(head);
    bytes.extend(checksum::of(bytes.get(1..)?));
    bytes.extend(LLC_REQUEST);
    bytes.extend_from_slice(apdu);
    bytes.extend(checksum::of(bytes.get(1..)?));
    bytes.push(FLAG);
    Some(bytes)
}
