//! `meteringest._native`: the thin Python face of the crates. No rule about metering lives here.

mod fleet;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::fleet::{Fleet, Frames};
}
