//! Who an association is between, as far as opening what follows needs to know it: the system titles
//! in AARQ and AARE, and the dedicated key that an initiate-request brings (Green Book 9, clauses
//! 9.4.2 and 9.4.6.1).

use crate::{DecodeError, Kind, Layer, Reader};

/// AARQ, the request for an association.
pub const TAG_AARQ: u8 = 0x60;
/// AARE, the answer to it.
pub const TAG_AARE: u8 = 0x61;
/// RLRE, the last APDU of an association.
pub const TAG_RLRE: u8 = 0x63;
/// initiate-request, which an AARQ carries.
pub const TAG_INITIATE_REQUEST: u8 = 0x01;
/// initiate-request under the global key.
pub const TAG_GLO_INITIATE_REQUEST: u8 = 0x21;

/// An association APDU, as far as keys and titles go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Between<'a> {
    /// The title of the side that sent it, if it says.
    pub sender: Option<[u8; 8]>,
    /// The title of the side it is meant for, if it says.
    pub called: Option<[u8; 8]>,
    /// The APDU in its user information.
    pub information: Option<&'a [u8]>,
}

/// Reads an AARQ, AARE, RLRQ or RLRE.
pub fn between(apdu: &[u8]) -> Result<Between<'_>, DecodeError> {
    let mut reader = Reader::new(apdu, Layer::Apdu);
    let tag = reader.u8()?;
    let mut fields = Reader::new(reader.counted()?, Layer::Apdu);
    reader.end()?;
    let mut read = Between::default();
    while !fields.is_empty() {
        let field = fields.u8()?;
        let contents = fields.counted()?;
        match (tag, field) {
            (TAG_AARQ, 0xa6) | (TAG_AARE, 0xa4) => read.sender = octets(contents)?.try_into().ok(),
            (TAG_AARQ, 0xa2) => read.called = octets(contents)?.try_into().ok(),
            (_, 0xbe) => read.information = Some(octets(contents)?),
            _ => {}
        }
    }
    Ok(read)
}

/// The dedicated key in an initiate-request, if it brings one.
pub fn dedicated_key(initiate_request: &[u8]) -> Result<Option<&[u8]>, DecodeError> {
    let mut reader = Reader::new(initiate_request, Layer::Apdu);
    let tag = reader.error(Kind::BadTag);
    if reader.u8()? != TAG_INITIATE_REQUEST {
        return Err(tag);
    }
    let at = reader.error(Kind::BadTag);
    match reader.u8()? {
        0 => Ok(None),
        1 => reader.counted().map(Some),
        _ => Err(at),
    }
}

/// The OCTET STRING that `contents` is.
fn octets(contents: &[u8]) -> Result<&[u8], DecodeError> {
    let mut reader = Reader::new(contents, Layer::Apdu);
    let unknown = reader.error(Kind::BadTag);
    if reader.u8()? != 0x04 {
        return Err(unknown);
    }
    let inner = reader.counted()?;
    reader.end()?;
    Ok(inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn titles_and_the_initiate_request_are_found() {
        let context = [0xa1, 3, 6, 1, 0];
        let title = [&[0xa6, 10, 4, 8][..], b"HES\0\0\0\0\x01"].concat();
        let called = [&[0xa2, 10, 4, 8][..], b"MIG\0\0\0\0\x01"].concat();
        let initiate = [1, 1, 2, 7, 8, 0, 0, 6];
        let information = [&[0xbe, 10, 4, 8][..], &initiate].concat();
        let fields = [&context[..], &called, &title, &information].concat();
        let length = u8::try_from(fields.len()).unwrap();
        let aarq = [&[0x60, length][..], &fields].concat();
        let read = between(&aarq).unwrap();
        assert_eq!(read.sender.as_ref(), Some(b"HES\0\0\0\0\x01"));
        assert_eq!(read.called.as_ref(), Some(b"MIG\0\0\0\0\x01"));
        let read = read.information.unwrap();
        assert_eq!(dedicated_key(read), Ok(Some(&[7, 8][..])));
        assert_eq!(dedicated_key(&[1, 0, 0, 0, 6]), Ok(None));
        assert!(dedicated_key(&[8, 0]).is_err());
        assert_eq!(between(&[0x63, 0]), Ok(Between::default()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(mut apdu: Vec<u8>) {
            if let Some(first) = apdu.first_mut() {
                *first = 0x60 | *first & 3;
            }
            if let Ok(Between { information: Some(inner), .. }) = between(&apdu) {
                prop_assert!(inner.len() < apdu.len());
            }
        }
    }
}
