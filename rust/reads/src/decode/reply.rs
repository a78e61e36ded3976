//! Answers, framed to go back the way the frame came: the confirm of a confirmed data-notification,
//! and the acknowledgement of blocks.

use cosem::block_transfer::WINDOW_MAX;
use cosem::framing;
use cosem::push;

use super::Frame;
use super::transfers::TAG_GENERAL_BLOCK_TRANSFER;

/// The block's sender has nothing more to say than this.
const LAST_BLOCK: u8 = 0x80;

/// The bytes to send once the notification is durable.
pub(super) fn confirm(frame: &Frame<'_>, long_invoke_id_and_priority: u32) -> Vec<u8> {
    back(frame, &push::confirm(long_invoke_id_and_priority))
}

/// The bytes to send once the blocks are durable: a block without bytes, the `count`th of this side,
/// that names the highest block without a gap before it. The sender goes on behind it, or sends
/// again from there (Green Book 9, clause 9.4.6.13).
pub(super) fn acknowledge(frame: &Frame<'_>, in_order: u32, count: u16) -> Vec<u8> {
    let mut apdu = vec![TAG_GENERAL_BLOCK_TRANSFER, LAST_BLOCK | WINDOW_MAX];
    apdu.extend(count.to_be_bytes());
    apdu.extend(u16::try_from(in_order).unwrap_or(u16::MAX).to_be_bytes());
    apdu.push(0);
    back(frame, &apdu)
}

/// `answer` in the framing that the frame came in; empty when there is no way back.
fn back(frame: &Frame<'_>, answer: &[u8]) -> Vec<u8> {
    let framed = framing::answer(&frame.what, frame.raw, frame.gateway_address(), answer);
    framed.unwrap_or_default()
}
