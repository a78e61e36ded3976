//! Python's error classes, imported: the tree belongs to `meteringest.errors`.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard};

use pyo3::{PyErr, PyResult};

pyo3::import_exception!(meteringest.errors, ConfigError);
pyo3::import_exception!(meteringest.errors, InvariantError);
pyo3::import_exception!(meteringest.errors, JournalCorrupt);
pyo3::import_exception!(meteringest.errors, RegistryError);

/// A setting that cannot be used.
pub(crate) fn config(path: &str, reason: &impl Display) -> PyErr {
    ConfigError::new_err((path.to_owned(), reason.to_string()))
}

/// Something that cannot be was seen.
pub(crate) fn invariant(invariant: &str, seen: &impl Display) -> PyErr {
    InvariantError::new_err((invariant.to_owned(), seen.to_string()))
}

/// Bytes that we wrote ourselves and that are not what was written.
pub(crate) fn corrupt(what: &str, reason: &impl Display) -> PyErr {
    JournalCorrupt::new_err((what.to_owned(), reason.to_string()))
}

/// Locks what a panic has not left half changed.
pub(crate) fn lock<T>(held: &Mutex<T>) -> PyResult<MutexGuard<'_, T>> {
    held.lock().map_err(|_| {
        invariant(
            "native state",
            &"an earlier call panicked while changing it",
        )
    })
}
