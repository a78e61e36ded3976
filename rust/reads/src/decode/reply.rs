//! The confirm of a confirmed data-notification, framed to go back the way the push came.

use cosem::framing::What;
use cosem::push;

use super::Frame;

const WRAPPER_VERSION: u16 = 1;
const TAG_GATEWAY_REQUEST: u8 = 0xe6;

/// The bytes to send once the notification is durable: ports swapped, through the same gateway.
pub(super) fn confirm(frame: &Frame<'_>, long_invoke_id_and_priority: u32) -> Vec<u8> {
    let What::Apdu {
        source,
        destination,
        gateway,
        ..
    } = frame.what
    else {
        return Vec::new();
    };
    let mut apdu = Vec::with_capacity(16);
    if let Some(gateway) = gateway {
        let address = frame.gateway_address();
        apdu.extend([TAG_GATEWAY_REQUEST, gateway.network]);
        cosem::encode::length(address.len(), &mut apdu);
        apdu.extend_from_slice(address);
    }
    apdu.extend(push::confirm(long_invoke_id_and_priority));
    let length = u16::try_from(apdu.len()).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(apdu.len().saturating_add(8));
    for field in [WRAPPER_VERSION, destination, source, length] {
        bytes.extend(field.to_be_bytes());
    }
    bytes.append(&mut apdu);
    bytes
}
