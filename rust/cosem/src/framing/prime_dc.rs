//! The PRIME data concentrator's wrapper: wrapper frames in which the meter's wPort is a number that
//! the concentrator gave it, between messages in which the concentrator says whose number it is.
//!
//! A message is a wrapper frame whose content begins with its type instead of an APDU's tag:
//! `01 | device u16 | capabilities u16 | length + DLMS identifier | EUI-48` is a new device and
//! `02 | device u16` one that is gone. Neither tag begins an APDU that a meter sends by itself: 01 is
//! initiate-request, which stands inside an AARQ, and 02 is none. Source: the public interface of
//! the Gurux DLMS components (`GXDLMSPrimeDataConcentrator`, `PrimeDcMsgType`); see docs/intake.md.

use std::collections::BTreeMap;

use super::envelope::{Content, Envelope, Message};
use super::{Framing, Limits, Next, wrapper};
use crate::{DecodeError, Kind, Layer, Reader};

const NEW_DEVICE: u8 = 1;
const REMOVE_DEVICE: u8 = 2;
const EUI_BYTES: usize = 6;
/// Devices of one link that are remembered: more than a PRIME base node can have registered.
pub(super) const DEVICES_MAX: usize = 4_096;
/// The longest identifier; a logical device name has sixteen bytes.
const IDENTIFIER_BYTES_MAX: usize = 64;

/// Who has which number on one link.
#[derive(Debug, Default)]
pub(super) struct PrimeDc {
    devices: BTreeMap<u16, Box<[u8]>>,
}

impl Envelope for PrimeDc {
    fn framing(&self) -> Framing {
        Framing::PrimeDc
    }

    fn head(&mut self, bytes: &[u8], limits: &Limits) -> Result<Message<'_>, Next> {
        let frame = wrapper::head(bytes, limits)?;
        let content = match frame.content.first() {
            Some(&(NEW_DEVICE | REMOVE_DEVICE)) => match self.take(frame.content) {
                Ok(()) => Content::Notice,
                Err(error) => Content::Refused(error),
            },
            Some(_) => Content::Apdu {
                apdu: wrapper::HEADER..frame.bytes,
                source: frame.source,
                destination: frame.destination,
                device: self.device(frame.source),
            },
            None => Content::Refused(DecodeError::new(Layer::Wrapper, 6, Kind::BadLength)),
        };
        Ok(Message {
            bytes: frame.bytes,
            content,
        })
    }
}

impl PrimeDc {
    /// What the concentrator called the device that has `number`.
    fn device(&self, number: u16) -> &[u8] {
        self.devices.get(&number).map_or(&[], |name| name)
    }

    /// Takes the concentrator's word on a device.
    fn take(&mut self, message: &[u8]) -> Result<(), DecodeError> {
        let mut reader = Reader::new(message, Layer::Gateway);
        let kind = reader.u8()?;
        let number = reader.be_u16()?;
        if kind == REMOVE_DEVICE {
            reader.end()?;
            self.devices.remove(&number);
            return Ok(());
        }
        let _capabilities = reader.be_u16()?;
        let long = reader.error(Kind::TooLong);
        let length = usize::from(reader.u8()?);
        let identifier = reader.bytes(length)?;
        reader.bytes(EUI_BYTES)?;
        reader.end()?;
        if identifier.len() > IDENTIFIER_BYTES_MAX {
            return Err(long);
        }
        if self.devices.len() >= DEVICES_MAX && !self.devices.contains_key(&number) {
            return Err(DecodeError::new(Layer::Gateway, 1, Kind::TooMany));
        }
        self.devices.insert(number, identifier.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::hex;
    use super::super::{Frames, Splitter, What};
    use super::*;

    /// A wrapper frame from `source` to client 1.
    fn frame(source: u16, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap();
        let words = [1, source, 1, length].map(u16::to_be_bytes);
        [words.as_flattened(), content].concat()
    }

    fn new_device(number: u16, name: &[u8]) -> Vec<u8> {
        let length = u8::try_from(name.len()).unwrap();
        let head = [&[1][..], &number.to_be_bytes(), &[0, 3, length]].concat();
        frame(0, &[&head, name, &[0x40, 0x40, 0x22, 0, 0, 1]].concat())
    }

    fn split(bytes: &[u8]) -> (Frames, Splitter) {
        let mut splitter = Splitter::new(Framing::PrimeDc, Limits::default());
        let mut out = Frames::default();
        splitter.feed(bytes, &mut out);
        splitter.finish(&mut out);
        (out, splitter)
    }

    fn devices(out: &Frames) -> Vec<Option<&[u8]>> {
        let named = out.entries.iter().filter_map(|entry| match entry.what {
            What::Apdu { gateway, .. } => Some(gateway.map(|gateway| out.get(gateway.address))),
            What::Link { .. } | What::Reject(_) | What::Envelope { .. } | What::Notice => None,
        });
        named.collect()
    }

    #[test]
    fn a_frame_is_that_of_the_device_whose_number_it_bears() {
        let push = b"\x0f\x00\x00\x00\x01\x00\x00";
        let bytes = [
            frame(7, push),
            new_device(7, b"ZIV0012345678901"),
            new_device(8, b"CIR0000000000008"),
            frame(7, push),
            frame(8, push),
            frame(0, &[2, 0, 7]),
            frame(7, push),
        ]
        .concat();
        let (out, _) = split(&bytes);
        let (first, second) = (&b"ZIV0012345678901"[..], &b"CIR0000000000008"[..]);
        assert_eq!(devices(&out), [None, Some(first), Some(second), None]);
        let notices = out.entries.iter().filter(|each| each.what == What::Notice);
        assert_eq!(notices.count(), 3);
        assert_eq!(out.get(out.entries[3].apdu), push);
        assert_eq!(out.get(out.entries[3].raw), frame(7, push));
    }

    #[test]
    fn a_message_that_is_not_what_it_should_be_changes_nothing() {
        let renamed = new_device(7, b"other");
        for cut in 9..renamed.len() {
            let mut bad = renamed[..cut].to_vec();
            bad[7] = u8::try_from(cut.strict_sub(8)).unwrap();
            let bytes = [new_device(7, b"mine"), bad, frame(7, b"\x0f")].concat();
            let (out, splitter) = split(&bytes);
            assert_eq!(devices(&out), [Some(&b"mine"[..])], "{cut}");
            assert!(matches!(out.entries[1].what, What::Reject(_)), "{cut}");
            assert_eq!(splitter.closed(), None);
        }
        let long = [new_device(7, &[b'x'; 65]), frame(7, b"\x0f")].concat();
        assert_eq!(devices(&split(&long).0), [None]);
    }

    #[test]
    fn no_more_devices_are_remembered_than_the_limit() {
        let numbers = 0..=u16::try_from(DEVICES_MAX).unwrap();
        let bytes: Vec<u8> = numbers
            .flat_map(|number| new_device(number, b"x"))
            .collect();
        let (out, _) = split(&bytes);
        let many = What::Reject(DecodeError::new(Layer::Gateway, 1, Kind::TooMany));
        assert_eq!(out.entries.last().unwrap().what, many);
        assert_eq!(out.entries[DEVICES_MAX.strict_sub(1)].what, What::Notice);
    }

    #[test]
    fn what_is_no_wrapper_closes_the_link() {
        let (out, splitter) = split(&[new_device(7, b"mine"), hex("7ea0")].concat());
        assert!(splitter.closed().is_some());
        assert_eq!(out.entries.len(), 2);
    }
}
