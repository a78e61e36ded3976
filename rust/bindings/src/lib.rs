//! `meteringest._native`: the thin Python face of the crates. No rule about metering lives here.

mod batch;
mod decoder;
mod errors;
mod fleet;
mod gathered;
mod inspect;
mod journal;
mod link;
mod simulated;
mod verify;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::batch::Batch;
    #[pymodule_export]
    use crate::decoder::Decoder;
    #[pymodule_export]
    use crate::fleet::{Fleet, Frames};
    #[pymodule_export]
    use crate::gathered::Gathered;
    #[pymodule_export]
    use crate::inspect::inspect;
    #[pymodule_export]
    use crate::journal::Journal;
    #[pymodule_export]
    use crate::link::Link;
    #[pymodule_export]
    use crate::simulated::SimulatedDisk;
    #[pymodule_export]
    use crate::verify::verify_journal;
}
