//! Captures whose link checksum fails, looked at once more for what they still show.
//!
//! A frame with a bad checksum is refused by every link, and so it is here, with two exceptions that
//! captures in circulation need. Both are called damaged in the answer, and both ask for more than
//! luck: every length inside must agree.
//! - A ciphered APDU (general-glo, -ded or general-ciphering): its header can be shown. If its key is
//!   there it must open, and whether a tag proved it is said as always.
//! - Data with swapped logical names, as Landis+Gyr's ZMF100 writes them: in the only capture there
//!   is, the checksum does not fit either.

use super::keys::Keys;
use super::stream::read;
use crate::apdu::Apdu;
use crate::axdr::Quirk;
use crate::framing::Framing;
use crate::framing::hdlc::Frame;
use crate::framing::mbus::LongFrame;

/// The APDU in a damaged capture of one message.
pub(super) fn message(framing: Framing, bytes: &[u8], keys: &mut Keys) -> Option<Apdu> {
    let apdu = match framing {
        Framing::Hdlc => hdlc(bytes),
        Framing::MBus => mbus(bytes),
        Framing::Auto | Framing::Wrapper | Framing::Uplink | Framing::PrimeDc => None,
    }?;
    let ciphered = matches!(apdu.first(), Some(0xdb..=0xdd));
    let read = read(&apdu, keys).ok()?;
    (ciphered || read.quirks.contains(&Quirk::SwappedLogicalName)).then_some(read)
}

/// One frame between two flags, its header proven.
fn hdlc(bytes: &[u8]) -> Option<Vec<u8>> {
    let [0x7e, content @ .., 0x7e] = bytes else {
        return None;
    };
    let frame = Frame::unproven(content)
        .ok()
        .filter(Frame::carries_message)?;
    (!frame.segmented).then(|| frame.apdu().to_vec())
}

/// Long frames one after another up to the one marked last.
fn mbus(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    let mut rest = bytes;
    loop {
        let frame = LongFrame::damaged_at_head(rest)?;
        message.extend_from_slice(frame.message);
        if frame.control_information & 0x10 != 0 {
            return Some(message);
        }
        rest = rest.get(frame.bytes..)?;
    }
}
