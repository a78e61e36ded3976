//! `verify_journal`: a journal in use is read again, and what does not fit is said file by file.

use journal::Verified;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::journal::{Journal, raised};

#[pyfunction]
pub(crate) fn verify_journal<'py>(
    py: Python<'py>,
    journal: &Bound<'py, Journal>,
) -> PyResult<Bound<'py, PyDict>> {
    let journal = journal.get();
    let found = py.detach(|| journal.opened.verify());
    let found = found.map_err(|error| raised(&error))?;
    told(py, found)
}

fn told(py: Python<'_>, found: Verified) -> PyResult<Bound<'_, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("segments", found.segments)?;
    told.set_item("records", found.records)?;
    told.set_item("bytes", found.bytes)?;
    told.set_item("released", found.released)?;
    told.set_item("given_up", found.given_up)?;
    let faults = found.faults.into_iter();
    let faults: Vec<_> = faults
        .map(|fault| (fault.path, fault.offset, fault.reason))
        .collect();
    told.set_item("faults", faults)?;
    told.set_item("head", found.head.map(Vec::from))?;
    Ok(told)
}
