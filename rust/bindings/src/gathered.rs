//! `Gathered`: what the writer takes from the journal, one block for each table.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Neighbouring records, merged into one sorted block for each table.
#[pyclass(frozen, module = "meteringest._native")]
pub(crate) struct Gathered {
    #[pyo3(get)]
    first: u64,
    #[pyo3(get)]
    next: u64,
    #[pyo3(get)]
    reads: u64,
    #[pyo3(get)]
    changed: Vec<(u32, u32)>,
    #[pyo3(get)]
    received_ms: (i64, i64),
    blocks: Vec<(&'static str, Py<PyBytes>)>,
}

#[pymethods]
impl Gathered {
    #[getter]
    fn blocks<'py>(&self, py: Python<'py>) -> Vec<(&'static str, Bound<'py, PyBytes>)> {
        let blocks = self.blocks.iter();
        blocks
            .map(|(table, block)| (*table, block.bind(py).clone()))
            .collect()
    }

    fn __repr__(&self) -> String {
        format!("Gathered(first={}, next={})", self.first, self.next)
    }
}

impl Gathered {
    /// The range `[first, next)` as its blocks.
    pub(crate) fn new(
        py: Python<'_>,
        (first, next): (u64, u64),
        gathered: reads::Gathered,
    ) -> Self {
        let blocks = gathered.blocks.into_iter();
        Self {
            first,
            next,
            reads: gathered.reads,
            changed: gathered.changed,
            received_ms: (gathered.received_at_min_ms, gathered.received_at_max_ms),
            blocks: blocks
                .map(|(table, block)| (table, PyBytes::new(py, &block).unbind()))
                .collect(),
        }
    }
}
