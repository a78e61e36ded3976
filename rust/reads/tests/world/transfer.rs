//! Messages in blocks, and envelopes of the acked uplink, as their senders write them.

use cosem::framing::Framing;
use reads::{Batch, Decoder};

use super::{NOW_MS, decode_frames, split, wrapped};

/// A block as an APDU; the control byte is last (0x80), streaming (0x40) and window.
pub(crate) fn block_apdu(number: u16, control: u8, bytes: &[u8]) -> Vec<u8> {
    let mut apdu = vec![0xe0, control];
    apdu.extend(number.to_be_bytes());
    apdu.extend([0, 0]);
    cosem::encode::length(bytes.len(), &mut apdu);
    apdu.extend(bytes);
    apdu
}

/// The same in a wrapper frame.
pub(crate) fn block(number: u16, control: u8, bytes: &[u8]) -> Vec<u8> {
    wrapped(&block_apdu(number, control, bytes))
}

/// A message in blocks of `size` that nobody acknowledges.
pub(crate) fn blocks(message: &[u8], size: usize) -> Vec<Vec<u8>> {
    blocks_with(message, size, |_, last| if last { 0xc0 } else { 0x40 })
}

/// A message in blocks of `size`, whose control bytes follow from number and being the last.
pub(crate) fn blocks_with(
    message: &[u8],
    size: usize,
    control: impl Fn(u16, bool) -> u8,
) -> Vec<Vec<u8>> {
    let count = message.len().div_ceil(size);
    let parts = (1_u16..).zip(message.chunks(size));
    parts
        .map(|(number, part)| {
            let last = usize::from(number) == count;
            block(number, control(number, last), part)
        })
        .collect()
}

/// Envelopes of one frame each, the first one numbered `sequence`.
pub(crate) fn envelopes(sequence: u8, frames: &[Vec<u8>]) -> Vec<u8> {
    let numbered = (sequence..).zip(frames);
    numbered
        .flat_map(|(sequence, frame)| {
            let mut body = vec![0x94, sequence, 0, 0xa0, 0xc5];
            body.extend(u16::try_from(frame.len()).unwrap().to_be_bytes());
            body.extend(frame);
            let length = u32::try_from(body.len()).unwrap().to_be_bytes();
            [&length[..], &body].concat()
        })
        .collect()
}

/// Decodes envelopes of link 7, concentrator 3.
pub(crate) fn decode_uplink(decoder: &mut Decoder, bytes: &[u8]) -> Batch {
    decode_frames(decoder, NOW_MS, &split(Framing::Uplink, bytes))
}
