//! `SimulatedDisk`: the journal on a disk in memory that fails on demand, for simulations.

use journal::Settings;
use journal::simulated::Fault;
use pyo3::prelude::*;

use crate::errors::config;
use crate::journal::{Journal, first_position};

/// A folder in memory, its page cache, and the faults it has in store.
#[pyclass(frozen, module = "meteringest._native")]
pub(crate) struct SimulatedDisk(journal::simulated::SimulatedDisk);

#[pymethods]
impl SimulatedDisk {
    #[new]
    fn new() -> Self {
        Self(journal::simulated::SimulatedDisk::default())
    }

    #[pyo3(signature = (*, node, segment_bytes, created_s, free_bytes_min = 0,
        pending_bytes_max = 256 << 20, salvage = false, seed = 0))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn journal(
        &self,
        py: Python<'_>,
        node: u32,
        segment_bytes: u64,
        created_s: u64,
        free_bytes_min: u64,
        pending_bytes_max: usize,
        salvage: bool,
        seed: u32,
    ) -> PyResult<Journal> {
        let settings = Settings {
            node,
            first_position: first_position(created_s),
            segment_bytes,
            pending_bytes_max,
            free_bytes_min,
            seed,
            salvage,
        };
        Journal::open(py, self.0.files(), settings)
    }

    fn kill(&self) {
        self.0.kill();
    }

    fn power_cut(&self, seed: u64) {
        self.0.power_cut(seed);
    }

    #[pyo3(signature = (fault, bytes = 0))]
    fn meet(&self, fault: &str, bytes: usize) -> PyResult<()> {
        let fault = match fault {
            "short_write" => Fault::ShortWrite(bytes),
            "kill_in_write" => Fault::KillInWrite(bytes),
            "write_error" => Fault::WriteError,
            "sync_error" => Fault::SyncError,
            _ => return Err(config("fault", &format!("no fault {fault:?}"))),
        };
        self.0.meet(fault);
        Ok(())
    }

    fn heal(&self) {
        self.0.heal();
    }

    fn limit(&self, bytes: Option<u64>) {
        self.0.limit(bytes);
    }

    fn flip(&self, name: &str, bit: u64) -> bool {
        self.0.flip(name, bit)
    }

    fn files(&self) -> Vec<(String, u64)> {
        self.0.list()
    }

    fn durable(&self) -> Self {
        Self(self.0.durable())
    }

    #[getter]
    fn syncs(&self) -> u64 {
        self.0.syncs()
    }

    #[getter]
    fn killed_in_write(&self) -> u64 {
        self.0.killed_in_write()
    }
}
