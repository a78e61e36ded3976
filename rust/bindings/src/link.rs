//! `Link`: one connection's splitter and the frames that wait for the decoder.

use std::mem;
use std::sync::{Arc, Mutex};

use cosem::DecodeError;
use cosem::framing::{Frames, Framing, Limits, Splitter, datagram};
use pyo3::prelude::*;

use crate::errors::{config, invariant, lock};

/// An idle link's arena is given back above this size, so that ten thousand of them stay small.
const ARENA_BYTES_KEPT: usize = 256 << 10;

/// One connection's bytes on their way to frames.
#[pyclass(frozen, module = "meteringest._native")]
pub(crate) struct Link {
    id: u64,
    dcu: u32,
    peer: Arc<str>,
    framing: Framing,
    limits: Limits,
    pending_bytes_max: usize,
    state: Mutex<State>,
}

struct State {
    splitter: Splitter,
    frames: Frames,
}

/// A link's frames, taken out of it.
pub(crate) struct Taken {
    pub(crate) id: u64,
    pub(crate) dcu: u32,
    pub(crate) peer: Arc<str>,
    pub(crate) frames: Frames,
}

#[pymethods]
impl Link {
    #[new]
    #[pyo3(signature = (link_id, framing="auto", *, dcu=0, peer="", frame_bytes_max=65_543,
                        pending_bytes_max=8 << 20, acked=None))]
    fn new(
        link_id: u64,
        framing: &str,
        dcu: u32,
        peer: &str,
        frame_bytes_max: usize,
        pending_bytes_max: usize,
        acked: Option<u64>,
    ) -> PyResult<Self> {
        let Some(framing) = Framing::parse(framing) else {
            let reason =
                format!("{framing:?} is not auto, wrapper, hdlc, mbus, uplink or prime-dc");
            return Err(config("framing", &reason));
        };
        let limits = Limits::of_frames(frame_bytes_max);
        let state = State {
            splitter: match acked {
                Some(acked) => Splitter::uplink_after(acked, limits),
                None => Splitter::new(framing, limits),
            },
            frames: Frames::default(),
        };
        Ok(Self {
            id: link_id,
            dcu,
            peer: Arc::from(peer),
            framing,
            limits,
            pending_bytes_max,
            state: Mutex::new(state),
        })
    }

    fn feed(&self, chunk: &[u8]) -> PyResult<usize> {
        let mut state = lock(&self.state)?;
        let State { splitter, frames } = &mut *state;
        self.demand_room(frames)?;
        splitter.feed(chunk, frames);
        Ok(waiting(frames))
    }

    fn feed_datagram(&self, chunk: &[u8], bytes_max: usize) -> PyResult<usize> {
        let mut state = lock(&self.state)?;
        let frames = &mut state.frames;
        self.demand_room(frames)?;
        datagram(self.framing, chunk, bytes_max, self.limits, frames);
        Ok(waiting(frames))
    }

    fn finish(&self) -> PyResult<()> {
        let mut state = lock(&self.state)?;
        let State { splitter, frames } = &mut *state;
        splitter.finish(frames);
        Ok(())
    }

    #[getter]
    fn waiting(&self) -> PyResult<usize> {
        Ok(waiting(&lock(&self.state)?.frames))
    }

    #[getter]
    fn closed(&self) -> PyResult<Option<String>> {
        let closed = lock(&self.state)?.splitter.closed();
        Ok(closed.map(described))
    }

    #[getter]
    const fn link_id(&self) -> u64 {
        self.id
    }
}

impl Link {
    fn demand_room(&self, frames: &Frames) -> PyResult<()> {
        if frames.bytes.len() < self.pending_bytes_max {
            return Ok(());
        }
        let seen = format!(
            "link {} was fed with {} bytes waiting; decode before feeding on",
            self.id,
            frames.bytes.len()
        );
        Err(invariant("I7", &seen))
    }

    /// Takes what waits.
    pub(crate) fn take(&self) -> PyResult<Taken> {
        Ok(Taken {
            id: self.id,
            dcu: self.dcu,
            peer: Arc::clone(&self.peer),
            frames: mem::take(&mut lock(&self.state)?.frames),
        })
    }

    /// Puts the arena of frames that were decoded back into use.
    pub(crate) fn give_back(&self, mut frames: Frames) -> PyResult<()> {
        let mut state = lock(&self.state)?;
        if state.frames.entries.is_empty() && frames.bytes.capacity() <= ARENA_BYTES_KEPT {
            frames.clear();
            state.frames = frames;
        }
        Ok(())
    }
}

/// A reject without bytes still waits to be counted.
fn waiting(frames: &Frames) -> usize {
    frames.bytes.len().max(frames.entries.len())
}

fn described(error: DecodeError) -> String {
    format!(
        "{}: {} at {}",
        error.layer.name(),
        error.kind.name(),
        error.offset
    )
}
