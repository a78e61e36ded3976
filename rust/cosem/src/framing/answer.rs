//! The way back: an APDU framed for whoever sent a frame, in the framing that frame came in.
//!
//! - Wrapper: ports swapped, through the same gateway.
//! - A vendor's wrapper: ports swapped; the concentrator knows the meter by its port.
//! - HDLC: a UI frame answers a UI frame, addresses swapped. An I frame belongs to a connection whose
//!   sequence numbers we never agreed on, so it has no answer.
//! - M-Bus: none. Who pushes does it one way, to the broadcast address and with it as its own.
//! - Uplink: none by itself; its envelopes are acknowledged.

use super::{Framing, What, hdlc};
use crate::encode;

const TAG_GATEWAY_REQUEST: u8 = 0xe6;
const WRAPPER_VERSION: u16 = 1;

/// Whether a frame that is `what` and came as `raw` can be answered at all.
pub fn answerable(what: &What, raw: &[u8]) -> bool {
    answer(what, raw, &[], &[]).is_some()
}

/// `apdu` framed to go back to whoever sent the frame that is `what` and came as `raw`; `address` is
/// the gateway's, when the frame came through one.
pub fn answer(what: &What, raw: &[u8], address: &[u8], apdu: &[u8]) -> Option<Vec<u8>> {
    let What::Apdu {
        framing,
        source,
        destination,
        gateway,
    } = *what
    else {
        return None;
    };
    match framing {
        Framing::Wrapper => {
            let mut content = Vec::with_capacity(16);
            if let Some(gateway) = gateway {
                content.extend([TAG_GATEWAY_REQUEST, gateway.network]);
                encode::length(address.len(), &mut content);
                content.extend_from_slice(address);
            }
            content.extend_from_slice(apdu);
            wrapped(destination, source, &content)
        }
        Framing::PrimeDc => wrapped(destination, source, apdu),
        Framing::Hdlc => hdlc::answer(raw, apdu),
        Framing::Auto | Framing::MBus | Framing::Uplink => None,
    }
}

fn wrapped(source: u16, destination: u16, content: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(content.len()).ok()?;
    let mut bytes = Vec::with_capacity(content.len().saturating_add(8));
    for field in [WRAPPER_VERSION, source, destination, length] {
        bytes.extend(field.to_be_bytes());
    }
    bytes.extend_from_slice(content);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{crc, hex, long_frame, ui};
    use super::super::{Frames, Limits, Splitter};
    use super::*;

    /// The answer to the one frame in `bytes`.
    fn answered(framing: Framing, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut out = Frames::default();
        let mut splitter = Splitter::new(framing, Limits::default());
        splitter.feed(bytes, &mut out);
        splitter.finish(&mut out);
        let entry = out.entries.last().unwrap();
        let What::Apdu { gateway, .. } = entry.what else {
            panic!("{entry:?}");
        };
        let address = gateway.map_or(&[][..], |gateway| out.get(gateway.address));
        let raw = out.get(entry.raw);
        let answer = answer(&entry.what, raw, address, b"\x10\x40\x00\x00\x12\x00");
        assert_eq!(answerable(&entry.what, raw), answer.is_some());
        answer
    }

    #[test]
    fn a_ui_frame_is_answered_by_a_ui_frame_with_the_addresses_swapped() {
        let answer = answered(Framing::Hdlc, &ui(b"\xe6\xe7\x00\x0f", false)).unwrap();
        assert_eq!(answer[..6], hex("7ea012032113")[..]);
        let mut out = Frames::default();
        let mut splitter = Splitter::new(Framing::Hdlc, Limits::default());
        splitter.feed(&answer, &mut out);
        let entry = out.entries[0];
        assert_eq!(out.get(entry.apdu), b"\x10\x40\x00\x00\x12\x00");
        let What::Apdu {
            source,
            destination,
            ..
        } = entry.what
        else {
            panic!()
        };
        assert_eq!((source, destination), (16, 1));
        assert_eq!(out.get(entry.raw), answer);
    }

    #[test]
    fn a_message_in_segments_with_long_addresses_is_answered_to_all_of_them() {
        // Client 1 from logical device 1, physical 17: two UI segments.
        let kaifa = |segmented: bool, info: &[u8]| {
            let length = u8::try_from(info.len().strict_add(10)).unwrap();
            let mut content = vec![if segmented { 0xa8 } else { 0xa0 }, length];
            content.extend(hex("03022313"));
            content.extend(crc(&content));
            content.extend_from_slice(info);
            content.extend(crc(&content));
            [&[0x7e][..], &content, &[0x7e]].concat()
        };
        let bytes = [kaifa(true, b"\xe6\xe7\x00\x0f"), kaifa(false, b"abc")].concat();
        let answer = answered(Framing::Hdlc, &bytes).unwrap();
        assert_eq!(answer[..7], hex("7ea01302230313")[..]);
    }

    #[test]
    fn numbered_frames_and_m_bus_have_no_answer() {
        let numbered = hex("7ea01b0300023c4752d551e6e700c401c10009060100202000ff7e8c7e");
        assert_eq!(answered(Framing::Hdlc, &numbered), None);
        assert_eq!(answered(Framing::MBus, &long_frame(0x10, b"\x0f")), None);
    }

    #[test]
    fn ports_are_swapped_and_the_gateway_is_named_again() {
        let plain = answered(Framing::Wrapper, &hex("00010001004000010f"));
        assert_eq!(plain, Some(hex("0001004000010006104000001200")));
        let behind = answered(Framing::Wrapper, &hex("0001000100400005e70501070f"));
        assert_eq!(behind, Some(hex("000100400001000ae6050107104000001200")));
        let prime = answered(Framing::PrimeDc, &hex("00010007000100010f"));
        assert_eq!(prime, Some(hex("0001000100070006104000001200")));
    }
}
