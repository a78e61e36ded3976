//! `Batch`: one journal record, what it counts, and who is owed an answer for it.

use std::mem;
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

/// Records kept for reuse: a few batches are on their way to the disk at any time.
const SPARES_MAX: usize = 4;
/// A larger record came from a rush; its memory goes back to the system.
const SPARE_BYTES_MAX: usize = 32 << 20;

/// Memory of records that are journaled, waiting to hold the next ones.
#[derive(Default)]
pub(crate) struct Spares(Mutex<Vec<Vec<u8>>>);

/// What one `Decoder.decode` made; never changes.
#[pyclass(frozen, module = "meteringest._native")]
pub(crate) struct Batch {
    pub(crate) batch: reads::Batch,
    spares: Arc<Spares>,
}

impl Batch {
    pub(crate) const fn new(batch: reads::Batch, spares: Arc<Spares>) -> Self {
        Self { batch, spares }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.spares.put(mem::take(&mut self.batch.record));
    }
}

impl Spares {
    /// Memory for a record, if there is any.
    pub(crate) fn take(&self) -> Option<Vec<u8>> {
        self.0.lock().ok()?.pop()
    }

    fn put(&self, record: Vec<u8>) {
        if let Ok(mut spares) = self.0.lock()
            && spares.len() < SPARES_MAX
            && (1..=SPARE_BYTES_MAX).contains(&record.capacity())
        {
            spares.push(record);
        }
    }
}

#[pymethods]
impl Batch {
    #[getter]
    const fn rows(&self) -> u32 {
        self.batch.rows
    }

    #[getter]
    fn record<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.batch.record)
    }

    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let tally = &self.batch.tally;
        let counts = PyDict::new(py);
        for (name, count) in [
            ("frames", tally.frames),
            ("frames_accepted", tally.frames_accepted),
            ("frames_quarantined", tally.frames_quarantined),
            ("frames_duplicate", tally.frames_duplicate),
            ("reads", tally.reads),
            ("reads_accepted", tally.reads_stored),
            ("reads_quarantined", tally.reads_quarantined),
            ("reads_duplicate", tally.reads_duplicate),
            ("reads_changed", tally.reads_changed),
            ("registers", self.batch.registers),
            ("events", self.batch.events),
        ] {
            counts.set_item(name, count)?;
        }
        let rejected = PyDict::new(py);
        for (kind, count) in &self.batch.rejected {
            rejected.set_item(kind, count)?;
        }
        counts.set_item("rejected", rejected)?;
        if !self.batch.wrong_keys.is_empty() {
            let wrong_keys = PyDict::new(py);
            for (meter, count) in &self.batch.wrong_keys {
                wrong_keys.set_item(meter.to_string(), count)?;
            }
            counts.set_item("wrong_keys", wrong_keys)?;
        }
        Ok(counts)
    }

    #[getter]
    fn replies<'py>(&self, py: Python<'py>) -> Vec<(u64, Bound<'py, PyBytes>)> {
        let replies = self.batch.replies.iter();
        replies
            .map(|(link, bytes)| (*link, PyBytes::new(py, bytes)))
            .collect()
    }

    #[getter]
    const fn waits(&self) -> bool {
        self.batch.waits
    }

    #[getter]
    fn uplink(&self) -> Vec<(u64, u64)> {
        self.batch.uplink.clone()
    }
}
