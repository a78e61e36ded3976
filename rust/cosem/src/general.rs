//! general-ciphering (Green Book 9, clause 9.2.7.2.4): both parties, a transaction and a key are named
//! in front of the ciphered service, and the tag covers the parties.

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
    pub key: KeyInfo,
    /// How the body is protected.
    pub control: SecurityControl,
    /// Invocation counter.
    pub counter: u32,
    /// Ciphertext and tag, or plaintext and tag.
    pub body: &'a [u8],
}

/// How a general-ciphering APDU names its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyInfo {
    /// The global unicast key, named or by default.
    GlobalUnicast,
    /// The global broadcast key.
    GlobalBroadcast,
    /// A key wrapped by another, or agreed on: nobody here can open it.
    Transported,
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

fn key_info(reader: &mut Reader<'_>) -> Result<KeyInfo, DecodeError> {
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
        // wrapped: KEK id, key; agreed: parameters, ciphered data.
        choice @ (1 | 2) => {
            if choice == 1 {
                reader.u8()?;
            } else {
                reader.counted()?;
            }
            reader.counted()?;
            Ok(KeyInfo::Transported)
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
            (&[1, 1, 0, 2, 5, 5], KeyInfo::Transported),
            (&[1, 2, 1, 5, 1, 6], KeyInfo::Transported),
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
