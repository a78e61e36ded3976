//! `inspect`: one line of `meteringest decode`, JSON in and JSON out.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Decodes one JSON line and answers with one; whatever the line holds, this does not raise.
#[pyfunction]
pub(crate) fn inspect<'py>(
    py: Python<'py>,
    line_json: &Bound<'py, PyBytes>,
) -> Bound<'py, PyBytes> {
    let line = line_json.as_bytes();
    let answer = py.detach(|| cosem::inspect::line(line));
    PyBytes::new(py, &answer)
}
