//! The confirm of a confirmed data-notification, framed to go back the way the push came.

use cosem::framing;
use cosem::push;

use super::Frame;

/// The bytes to send once the notification is durable; none when there is no way back.
pub(super) fn confirm(frame: &Frame<'_>, long_invoke_id_and_priority: u32) -> Vec<u8> {
    back(frame, &push::confirm(long_invoke_id_and_priority))
}

/// `answer` in the framing that the frame came in, through the same gateway.
fn back(frame: &Frame<'_>, answer: &[u8]) -> Vec<u8> {
    let framed = framing::answer(&frame.what, frame.raw, frame.gateway_address(), answer);
    framed.unwrap_or_default()
}
