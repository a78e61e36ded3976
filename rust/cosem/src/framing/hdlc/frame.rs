//! One HDLC frame: format, addresses, control, HCS, information, FCS (IEC 62056-46, clause 6.4).

use super::error;
use crate::framing::checksum;
use crate::{DecodeError, Kind};

/// Format, one-byte addresses, control and FCS.
const LENGTH_MIN: usize = 7;
/// The two bytes of HCS or FCS.
const CHECK: usize = 2;
/// The three bytes that stand before the APDU: request and response.
const LLC: [[u8; 3]; 2] = [[0xe6, 0xe6, 0], [0xe6, 0xe7, 0]];

/// An HDLC address: seven bits a byte, the lowest bit set on the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address<'a>(pub &'a [u8]);

impl Address<'_> {
    /// The upper address: the logical device, or the client. It is half of a long address.
    pub fn upper(self) -> u16 {
        match self.0 {
            [one] | [one, _] => u16::from(one >> 1),
            [high, low, ..] => (u16::from(high >> 1) << 7) | u16::from(low >> 1),
            [] => 0,
        }
    }
}

/// What stands before the information field, checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    /// Bytes between the flags.
    pub(super) length: usize,
    /// Bytes up to and with the control field.
    bytes: usize,
    /// Where the source address begins; the destination's place is fixed.
    source: usize,
}

impl Header {
    /// Destination, source and control of the frame whose `content` this is the header of.
    pub(super) fn parties<'a>(&self, content: &'a [u8]) -> Option<(Address<'a>, Address<'a>, u8)> {
        let control = self.bytes.checked_sub(1)?;
        let destination = content.get(2..self.source)?;
        let source = content.get(self.source..control)?;
        Some((
            Address(destination),
            Address(source),
            *content.get(control)?,
        ))
    }

    /// Reads the header at the start of `content`, the bytes behind the opening flag.
    ///
    /// [`Kind::Truncated`] means that more bytes may still make it one.
    pub(super) fn parse(content: &[u8]) -> Result<Self, DecodeError> {
        let Some(format) = content.first_chunk().copied().map(u16::from_be_bytes) else {
            return Err(error(1, Kind::Truncated));
        };
        if format >> 12 != 0xa {
            return Err(error(1, Kind::BadTag));
        }
        let length = usize::from(format & 0x7ff);
        if length < LENGTH_MIN {
            return Err(error(1, Kind::BadLength));
        }
        let source = address_end(content, 2)?;
        let bytes = address_end(content, source)?.saturating_add(1);
        let header = Self {
            length,
            bytes,
            source,
        };
        if length > bytes.saturating_add(CHECK) {
            let Some(checked) = content.get(..bytes.saturating_add(CHECK)) else {
                return Err(error(content.len().saturating_add(1), Kind::Truncated));
            };
            if !checksum::holds(checked) {
                return Err(error(bytes.saturating_add(1), Kind::BadChecksum));
            }
        } else if length < bytes.saturating_add(CHECK) {
            return Err(error(1, Kind::BadLength));
        }
        Ok(header)
    }
}

impl Header {
    /// Bytes of the frame with both flags, as far as `content` tells.
    pub(super) fn total(content: &[u8]) -> usize {
        let format = content.first_chunk().copied().map_or(0, u16::from_be_bytes);
        usize::from(format & 0x7ff).saturating_add(2)
    }
}

/// The offset after the address that begins at `start`: of 1, 2 or 4 bytes.
fn address_end(content: &[u8], start: usize) -> Result<usize, DecodeError> {
    let bytes = content.get(start..).unwrap_or_default();
    match bytes.iter().take(4).position(|byte| byte & 1 == 1) {
        Some(last @ (0 | 1 | 3)) => Ok(start.saturating_add(last).saturating_add(1)),
        None if bytes.len() < 4 => Err(error(content.len().saturating_add(1), Kind::Truncated)),
        Some(_) | None => Err(error(start.saturating_add(1), Kind::BadValue)),
    }
}

/// A frame whose checksums hold, or whose content is proven otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// More frames of the same message follow.
    pub segmented: bool,
    /// To whom.
    pub destination: Address<'a>,
    /// From whom.
    pub source: Address<'a>,
    /// The control field: which kind of frame, and its numbers.
    pub control: u8,
    /// What is carried, with its LLC header.
    pub info: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame in `content`, the bytes between two flags, whose header was checked.
    pub(super) fn of(content: &'a [u8], header: &Header) -> Result<Self, DecodeError> {
        let frame = Self::cut(content, header).ok_or_else(|| error(1, Kind::BadLength))?;
        if checksum::holds(content) || vouched_for(frame.apdu()) {
            Ok(frame)
        } else {
            let at = content.len().saturating_sub(1);
            Err(error(at, Kind::BadChecksum))
        }
    }

    /// The frame in `content`, the bytes between two flags, whatever its FCS says.
    pub fn unproven(content: &'a [u8]) -> Result<Self, DecodeError> {
        let header = Header::parse(content)?;
        let frame = Self::cut(content, &header).filter(|_| header.length == content.len());
        frame.ok_or_else(|| error(1, Kind::BadLength))
    }

    /// The frame in `content`, whose FCS holds although its length field says more.
    pub(super) fn short_of_its_length(content: &'a [u8]) -> Option<(Self, usize)> {
        let header = Header::parse(content).ok()?;
        let frame = Self::cut(content, &header)?;
        (header.length > content.len()).then_some((frame, content.len()))
    }

    fn cut(content: &'a [u8], header: &Header) -> Option<Self> {
        let format = content.first()?;
        let end = content.len().checked_sub(CHECK)?;
        let (destination, source, control) = header.parties(content)?;
        let info = header.bytes.saturating_add(CHECK).min(end);
        Some(Self {
            segmented: format & 0x08 != 0,
            destination,
            source,
            control,
            info: content.get(info..end)?,
        })
    }

    /// Whether the control field says I or UI: the two that carry messages.
    pub const fn carries_message(&self) -> bool {
        self.control & 0x01 == 0 || self.control & 0xef == 0x03
    }

    /// Whether an LLC header begins the information: only the first frame of a message has one.
    pub fn begins_message(&self) -> bool {
        LLC.iter().any(|llc| self.info.starts_with(llc))
    }

    /// The information without its LLC header.
    pub fn apdu(&self) -> &'a [u8] {
        without_llc(self.info)
    }
}

/// `info` without the LLC header that may stand before it.
pub fn without_llc(info: &[u8]) -> &[u8] {
    match info.split_first_chunk::<3>() {
        Some((llc, apdu)) if LLC.contains(llc) => apdu,
        _ => info,
    }
}

/// Whether `apdu` carries an authentication tag of its own (general-glo- or general-ded-ciphering
/// whose security control says so): whoever opens it will know whether a byte was altered.
fn vouched_for(apdu: &[u8]) -> bool {
    let mut reader = crate::Reader::new(apdu, crate::Layer::Ciphering);
    let tag = reader.u8();
    let title = reader.counted();
    let length = reader.length();
    let control = reader.peek();
    matches!(
        (tag, title, length, control),
        (Ok(0xdb | 0xdc), Ok(title), Ok(length), Ok(control))
            if (title.is_empty() || title.len() == 8)
                && length == reader.rest().len()
                && crate::security::SecurityControl(control).authenticated()
    )
}
