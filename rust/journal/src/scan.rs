//! Walking the frames of one file, and finding the next whole one behind bytes that are none.

use std::io;

use crc32c::crc32c_append;

use crate::files::{DataFile, read_full};
use crate::frame::{FRAME_BYTES, FRAME_MAGIC, Frame};

/// What stands at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The end of the file.
    End,
    /// A whole frame whose checksums fit.
    Frame(Frame),
    /// No whole frame, and why.
    Bad(&'static str),
}

/// A window that slides over a file.
pub(crate) struct Scanner<'a> {
    file: &'a dyn DataFile,
    seed: u32,
    end: u64,
    window: Vec<u8>,
    start: u64,
}

impl<'a> Scanner<'a> {
    /// Looks at the first `end` bytes of `file`.
    pub(crate) fn new(file: &'a dyn DataFile, seed: u32, end: u64) -> Self {
        Self {
            file,
            seed,
            end,
            window: Vec::new(),
            start: 0,
        }
    }

    /// What stands at `offset`.
    pub(crate) fn step(&mut self, offset: u64) -> io::Result<Step> {
        if offset >= self.end {
            return Ok(Step::End);
        }
        let seed = self.seed;
        let Some(header) = self.bytes(offset, FRAME_BYTES)? else {
            return Ok(Step::Bad("a frame header is cut short"));
        };
        let Some(frame) = Frame::parse(header, seed) else {
            return Ok(Step::Bad("no frame header here"));
        };
        match self.body(offset, &frame)? {
            None => Ok(Step::Bad("a frame body is cut short")),
            Some(body) if crc32c_append(seed, body) == frame.body_crc => Ok(Step::Frame(frame)),
            Some(_) => Ok(Step::Bad("a frame's body does not fit its checksum")),
        }
    }

    /// The body of the frame at `offset`.
    pub(crate) fn body(&mut self, offset: u64, frame: &Frame) -> io::Result<Option<&[u8]>> {
        let bytes = usize::try_from(frame.body_bytes).unwrap_or(usize::MAX);
        self.bytes(offset.saturating_add(FRAME_BYTES as u64), bytes)
    }

    /// The first whole frame at or after `offset` whose rows do not begin before `position`.
    pub(crate) fn search(
        &mut self,
        offset: u64,
        position: u64,
    ) -> io::Result<Option<(u64, Frame)>> {
        let mut at = offset;
        while let Some(found) = self.magic(at)? {
            if let Step::Frame(frame) = self.step(found)?
                && frame.first >= position
            {
                return Ok(Some((found, frame)));
            }
            at = found.saturating_add(1);
        }
        Ok(None)
    }

    /// Where the next frame header may begin.
    fn magic(&mut self, offset: u64) -> io::Result<Option<u64>> {
        let mut at = offset;
        while let Some(window) = self.from(at)? {
            let found = window
                .windows(FRAME_MAGIC.len())
                .position(|each| each == FRAME_MAGIC);
            if let Some(found) = found {
                return Ok(Some(at.saturating_add(found as u64)));
            }
            // The magic may straddle the window's end.
            let passed = window.len().saturating_sub(FRAME_MAGIC.len()) as u64;
            at = at.saturating_add(passed).saturating_add(1);
        }
        Ok(None)
    }

    /// The window from `offset` on, while a frame could still begin there.
    fn from(&mut self, offset: u64) -> io::Result<Option<&[u8]>> {
        if self.bytes(offset, FRAME_BYTES)?.is_none() {
            return Ok(None);
        }
        let from = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        Ok(self.window.get(from..))
    }

    fn bytes(&mut self, offset: u64, count: usize) -> io::Result<Option<&[u8]>> {
        let end = offset.saturating_add(count as u64);
        if end > self.end {
            return Ok(None);
        }
        if offset < self.start || end > self.start.saturating_add(self.window.len() as u64) {
            self.slide(offset, count)?;
        }
        let from = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        Ok(self.window.get(from..from.saturating_add(count)))
    }

    fn slide(&mut self, offset: u64, count: usize) -> io::Result<()> {
        let left = usize::try_from(self.end.saturating_sub(offset)).unwrap_or(usize::MAX);
        self.window.resize(count.max(WINDOW_BYTES).min(left), 0);
        let filled = read_full(self.file, &mut self.window, offset)?;
        self.window.truncate(filled);
        self.start = offset;
        Ok(())
    }
}

const WINDOW_BYTES: usize = 1 << 20;
