//! Bytes that belong to no frame, gathered until the stream is found again.
//!
//! One run of noise is one reject, however the link chunked it: it leaves when the next sound frame
//! begins, when the run has reached the frame limit, or when the link ends.

use super::Frames;
use crate::DecodeError;

/// A run of lost bytes and the first thing that was wrong with it.
#[derive(Debug, Default)]
pub(super) struct Lost {
    bytes: Vec<u8>,
    error: Option<DecodeError>,
}

impl Lost {
    /// Adds `bytes`; whenever `bytes_max` of them are together they leave as one reject.
    pub(super) fn lose(
        &mut self,
        mut bytes: &[u8],
        error: DecodeError,
        bytes_max: usize,
        out: &mut Frames,
    ) {
        let bytes_max = bytes_max.max(1);
        while !bytes.is_empty() {
            let room = bytes_max.saturating_sub(self.bytes.len()).min(bytes.len());
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.bytes.extend_from_slice(now);
            self.error.get_or_insert(error);
            bytes = later;
            if self.bytes.len() >= bytes_max {
                self.leave(out);
            }
        }
    }

    /// Makes the run a reject, if there is one.
    pub(super) fn leave(&mut self, out: &mut Frames) {
        if let Some(error) = self.error.take() {
            out.reject(&self.bytes, error);
            self.bytes = Vec::new();
        }
    }
}
