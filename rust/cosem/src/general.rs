//! general-ciphering (Green Book 9, clause 9.2.7.2.4): both parties, a transaction and a key are named
//! in front of the ciphered service, and the tag covers the parties. And the protected services of an
//! association, which name nobody.

use crate::push::Glo;
use crate::security::SecurityControl;
use crate::{DecodeError, Kind, Layer, Reader};

/// general-ciphering.
pub const TAG_GENERAL_CIPHERING: u8 = 0xdd;

/// The header of a general-ciphering APDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct General<'a> {
    /// The originator's system title.
    pub title: &'a [u8],
    /// The five fields with their lengths, which the tag covers.
    pub header: &'a [u8],
    /// Which key protects it.
    pub key: KeyInfo<'a>,
    /// How the body is protected.
    pub control: SecurityControl,
    /// Invocation counter.
    pub counter: u32,
    /// Ciphertext and tag, or plaintext and tag.
    pub body: &'a [u8],
}

/// How a general-ciphering APDU names its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyInfo<'a> {
    /// The global unicast key, named or by default.
    GlobalUnicast,
    /// The global broadcast key.
    GlobalBroadcast,
    /// A key of its own, wrapped with the master key (RFC 3394).
    Wrapped(&'a [u8]),
    /// A key wrapped with one that is not known here, or agreed on: nobody here can open it.
    Foreign,
    /// The dedicated key of an association.
    Dedicated,
}

/// The master key's number among those that wrap keys (Green Book 9, clause 9.2.7.2.4.6).
const KEK_MASTER: u8 = 0;

/// How protected services are told from others, and whose key they use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// A server's answer or report under the global key.
    Global,
    /// The same under the dedicated key.
    Dedicated,
    /// What a client asks, under either.
    Asked,
}

impl Service {
    /// Which protected service `tag` begins, if it begins one.
    pub const fn of(tag: u8) -> Option<Self> {
        Some(match tag {
            0x28 | 0x2c..=0x2e | 0x38 | 0xca | 0xcc | 0xcd | 0xcf => Self::Global,
            0x48 | 0x4c..=0x4e | 0x58 | 0xd2 | 0xd4 | 0xd5 | 0xd7 => Self::Dedicated,
            0x21
            | 0x25..=0x26
            | 0x36
            | 0xc8..=0xc9
            | 0xcb
            | 0x41
            | 0x45..=0x46
            | 0x56
            | 0xd0..=0xd1
            | 0xd3 => Self::Asked,
            _ => return None,
        })
    }
}

/// Reads the header of a glo- or ded- service: `tag | length | control | counter | body`.
pub fn service(apdu: &[u8]) -> Result<Glo<'_>, DecodeError> {
    let mut reader = Reader::new(apdu, Layer::Ciphering);
    reader.u8()?;
    let mut contents = Reader::new(reader.counted()?, Layer::Ciphering);
    reader.end()?;
    Ok(Glo {
        title: &[],
        control: SecurityControl(contents.u8()?),
        counter: contents.be_u32()?,
        body: contents.rest(),
    })
}

/// Reads the header of a general-ciphering APDU.
pub fn general(apdu: &[u8]) -> Result<General<'_>, DecodeError> {
    let mut reader = Reader::new(apdu, Layer::Ciphering);
    let tag = reader.error(Kind::BadTag);
    if reader.u8()? != TAG_GENERAL_CIPHERING {
        return Err(tag);
    }
    let from = reader.rest();
    let _transaction = reader.counted()?;
    let title = reader.counted()?;
    for _recipient_time_and_other in 0..3 {
        reader.counted()?;
    }
    let bytes = from.len().saturating_sub(reader.rest().len());
    let header = from.get(..bytes).unwrap_or_default();
    let key = key_info(&mut reader)?;
    let mut contents = Reader::new(reader.counted()?, Layer::Ciphering);
    reader.end()?;
    Ok(General {
        title,
        header,
        key,
        control: SecurityControl(contents.u8()?),
        counter: contents.be_u32()?,
        body: contents.rest(),
    })
}

fn key_info<'a>(reader: &mut Reader<'a>) -> Result<KeyInfo<'a>, DecodeError> {
    let at = reader.error(Kind::BadTag);
    match reader.u8()? {
        0 => return Ok(KeyInfo::GlobalUnicast),
        1 => {}
        _ => return Err(at),
    }
    let at = reader.error(Kind::BadTag);
    match reader.u8()? {
        0 => match reader.u8()? {
            0 => Ok(KeyInfo::GlobalUnicast),
            _ => Ok(KeyInfo::GlobalBroadcast),
        },
        1 => {
            let kek = reader.u8()?;
            let wrapped = reader.counted()?;
            Ok(if kek == KEK_MASTER {
                KeyInfo::Wrapped(wrapped)
            } else {
                KeyInfo::Foreign
            })
        }
        2 => {
            let (_parameters, _ciphered) = (reader.counted()?, reader.counted()?);
            Ok(KeyInfo::Foreign)
        }
        _ => Err(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn apdu(key: &[u8]) -> Vec<u8> {
        let fields = [&[1, 9, 8][..], b"MIG\0\0\0\0\x01", &[0, 0, 0]].concat();
        let contents = [0x30, 0, 0, 0, 7, 0xaa, 0xbb];
        [&[0xdd][..], &fields, key, &[7], &contents].concat()
    }

    #[test]
    fn parties_key_and_counter_are_read_and_the_header_ends_before_the_key() {
        for (key, info) in [
            (&[0][..], KeyInfo::GlobalUnicast),
            (&[1, 0, 0], KeyInfo::GlobalUnicast),
            (&[1, 0, 1], KeyInfo::GlobalBroadcast),
            (&[1, 1, 0, 2, 5, 5], KeyInfo::Wrapped(&[5, 5])),
            (&[1, 1, 9, 2, 5, 5], KeyInfo::Foreign),
            (&[1, 2, 1, 5, 1, 6], KeyInfo::Foreign),
        ] {
            let bytes = apdu(key);
            let read = general(&bytes).unwrap();
            assert_eq!((read.title, read.key), (&b"MIG\0\0\0\0\x01"[..], info));
            assert_eq!(
                (read.control.0, read.counter, read.body),
                (0x30, 7, &[0xaa, 0xbb][..])
            );
            assert_eq!(read.header, &bytes[1..15]);
        }
        assert_eq!(general(&apdu(&[2])).unwrap_err().kind, Kind::BadTag);
        assert_eq!(general(&[0xdb]).unwrap_err().kind, Kind::BadTag);
    }

    #[test]
    fn a_service_names_its_key_by_its_tag_alone() {
        let apdu = [0xcc, 7, 0x30, 0, 0, 0, 9, 0xaa, 0xbb];
        let read = service(&apdu).unwrap();
        assert_eq!((read.title, read.counter), (&[][..], 9));
        assert_eq!((read.control.0, read.body), (0x30, &[0xaa, 0xbb][..]));
        assert_eq!(service(&apdu[..8]).unwrap_err().kind, Kind::Truncated);
        for (tag, expected) in [
            (0xcc, Some(Service::Global)),
            (0xd4, Some(Service::Dedicated)),
            (0xc8, Some(Service::Asked)),
            (0xd0, Some(Service::Asked)),
            (0xc4, None),
            (0xdb, None),
        ] {
            assert_eq!(Service::of(tag), expected, "{tag:#x}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_lie_inside(mut bytes: Vec<u8>) {
            if let Some(first) = bytes.first_mut() {
                *first = TAG_GENERAL_CIPHERING;
            }
            if let Ok(read) = general(&bytes) {
                prop_assert!(bytes.ends_with(read.body));
            }
        }
    }
}
