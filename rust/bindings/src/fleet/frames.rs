//! What one call encoded: the frames back to back, where each ends, and what they hold.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::push::Sums;
use super::refusal;

/// Frames as they are encoded, before they become Python's.
pub(super) struct Encoded {
    pub(super) octets: Vec<u8>,
    pub(super) ends: Vec<u32>,
    pub(super) meters: Vec<u32>,
    pub(super) sums: Sums,
}

/// Many frames in one `bytes`, in the order they should be sent.
#[pyclass(frozen, module = "meteringest._native")]
pub(crate) struct Frames {
    octets: Py<PyBytes>,
    ends: Vec<u32>,
    meters: Vec<u32>,
    per_push: u32,
    sums: Sums,
}

/// What a frame takes around its rows, and a row of most meters.
const FRAME_BYTES: usize = 112;
const ROW_BYTES: usize = 46;

impl Encoded {
    /// Room for so many frames of so many intervals, so that growing copies little.
    pub(super) fn with_room(frames: usize, per_push: u32) -> Self {
        let rows = usize::try_from(per_push)
            .unwrap_or(0)
            .saturating_mul(ROW_BYTES);
        Self {
            octets: Vec::with_capacity(frames.saturating_mul(rows.saturating_add(FRAME_BYTES))),
            ends: Vec::with_capacity(frames),
            meters: Vec::with_capacity(frames),
            sums: Sums::default(),
        }
    }
}

impl Frames {
    pub(super) fn new(py: Python<'_>, encoded: Encoded, per_push: u32) -> Self {
        Self {
            octets: PyBytes::new(py, &encoded.octets).unbind(),
            ends: encoded.ends,
            meters: encoded.meters,
            per_push,
            sums: encoded.sums,
        }
    }
}

#[pymethods]
impl Frames {
    fn __len__(&self) -> usize {
        self.ends.len()
    }

    /// All frames, back to back.
    #[getter]
    fn octets<'py>(&self, py: Python<'py>) -> &Bound<'py, PyBytes> {
        self.octets.bind(py)
    }

    /// Where frame `index` lies in `octets`.
    fn span(&self, index: usize) -> PyResult<(u32, u32)> {
        let end = self
            .ends
            .get(index)
            .ok_or_else(|| refusal("no such frame"))?;
        let before = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before));
        Ok((before.copied().unwrap_or(0), *end))
    }

    /// Whose frame `index` is.
    fn meter(&self, index: usize) -> PyResult<u32> {
        let meter = self.meters.get(index).copied();
        meter.ok_or_else(|| refusal("no such frame"))
    }

    /// Reads in all frames together.
    #[getter]
    fn reads(&self) -> u64 {
        let frames = u64::try_from(self.ends.len()).unwrap_or(u64::MAX);
        frames.saturating_mul(u64::from(self.per_push))
    }

    /// What the values of all frames come to, channel by channel.
    #[getter]
    const fn sums(&self) -> Sums {
        self.sums
    }
}
