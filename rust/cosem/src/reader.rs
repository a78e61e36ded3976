//! A bounds-checked cursor over borrowed bytes: every take is checked and knows its offset.

use crate::{DecodeError, Kind, Layer};

/// Reads a borrowed slice front to back on behalf of one layer, which its errors name.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: u32,
    layer: Layer,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `bytes`.
    pub const fn new(bytes: &'a [u8], layer: Layer) -> Self {
        Self {
            rest: bytes,
            offset: 0,
            layer,
        }
    }

    /// Offset of the next byte.
    pub const fn offset(&self) -> u32 {
        self.offset
    }

    /// What has not been read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A refusal at the next byte.
    pub const fn error(&self, kind: Kind) -> DecodeError {
        DecodeError::new(self.layer, self.offset, kind)
    }

    /// Takes the next `N` bytes.
    #[inline]
    pub fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((head, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.error(Kind::Truncated));
        };
        self.advance(rest, N);
        Ok(*head)
    }

    /// Takes the next `count` bytes.
    #[inline]
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let Some((head, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.error(Kind::Truncated));
        };
        self.advance(rest, count);
        Ok(head)
    }

    /// The next byte, without taking it.
    pub fn peek(&self) -> Result<u8, DecodeError> {
        self.rest
            .first()
            .copied()
            .ok_or_else(|| self.error(Kind::Truncated))
    }

    /// Takes one byte.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.take::<1>().map(|[byte]| byte)
    }

    /// Takes a big-endian `u16`, the order of every xDLMS integer.
    pub fn be_u16(&mut self) -> Result<u16, DecodeError> {
        self.take().map(u16::from_be_bytes)
    }

    /// Takes a big-endian `u32`.
    pub fn be_u32(&mut self) -> Result<u32, DecodeError> {
        self.take().map(u32::from_be_bytes)
    }

    /// Takes an A-XDR length: direct below 0x80, else 0x81..=0x84 and that many bytes.
    ///
    /// Long forms of small numbers are legal and common; 0x80 is not (IEC 61334-6).
    #[inline]
    pub fn length(&mut self) -> Result<usize, DecodeError> {
        if let [direct @ ..=0x7f, rest @ ..] = self.rest {
            self.advance(rest, 1);
            return Ok(usize::from(*direct));
        }
        self.long_length()
    }

    /// A length in more than one byte. Apart, so that the usual one is taken where it stands.
    #[inline(never)]
    fn long_length(&mut self) -> Result<usize, DecodeError> {
        let at = self.error(Kind::BadLength);
        let wide = match self.u8()? {
            0x81 => u32::from(self.u8()?),
            0x82 => u32::from(self.be_u16()?),
            0x83 => {
                let [a, b, c] = self.take::<3>()?;
                u32::from_be_bytes([0, a, b, c])
            }
            0x84 => self.be_u32()?,
            _ => return Err(at),
        };
        usize::try_from(wide).map_err(|_| at)
    }

    /// Takes a length and that many bytes.
    #[inline]
    pub fn counted(&mut self) -> Result<&'a [u8], DecodeError> {
        let count = self.length()?;
        self.bytes(count)
    }

    /// Refuses anything left over.
    pub const fn end(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.error(Kind::TrailingBytes))
        }
    }

    fn advance(&mut self, rest: &'a [u8], count: usize) {
        self.rest = rest;
        // Frames are limited far below 4 GiB; saturating keeps a wrong offset harmless.
        self.offset = self
            .offset
            .saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_field_names_its_layer_and_offset() {
        let mut reader = Reader::new(&[0, 1, 2], Layer::Apdu);
        assert_eq!(reader.be_u16(), Ok(1));
        let short = DecodeError::new(Layer::Apdu, 2, Kind::Truncated);
        assert_eq!(reader.be_u16(), Err(short));
    }

    #[test]
    fn long_form_lengths_of_small_numbers_are_legal_and_0x80_is_not() {
        assert_eq!(
            Reader::new(&[0x82, 0, 0x7b], Layer::Data).length(),
            Ok(0x7b)
        );
        assert_eq!(
            Reader::new(&[0x84, 0, 0, 0, 1], Layer::Data).length(),
            Ok(1)
        );
        let indefinite = DecodeError::new(Layer::Data, 0, Kind::BadLength);
        assert_eq!(Reader::new(&[0x80], Layer::Data).length(), Err(indefinite));
    }
}
