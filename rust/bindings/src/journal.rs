//! `Journal`: records stay in Rust from the decoder to the store's blocks.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use journal::{Files, Folder, JournalError, Limit, Records, Recovery, Settings};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::batch::Batch;
use crate::decoder::Decoder;
use crate::errors::{corrupt, lock};
use crate::gathered::Gathered;

/// Python's classes of what `journal::JournalError` tells apart.
mod classes {
    pyo3::import_exception!(meteringest.errors, JournalCorrupt);
    pyo3::import_exception!(meteringest.errors, JournalError);
    pyo3::import_exception!(meteringest.errors, JournalFull);
    pyo3::import_exception!(meteringest.errors, JournalLocked);
}

/// First position, rows, receive time and what was appended.
type PyRecord<'py> = (u64, u32, i64, Bound<'py, PyBytes>);

/// Append-only segments in a folder that belongs to this process alone.
#[pyclass(frozen, module = "meteringest._native")]
pub(crate) struct Journal {
    pub(crate) opened: journal::Journal,
    recovery: Recovery,
    wake: Mutex<Option<Py<PyAny>>>,
}

#[pymethods]
impl Journal {
    #[new]
    #[pyo3(signature = (path, *, node, segment_bytes, created_s, free_bytes_min = 256 << 20,
        pending_bytes_max = 256 << 20, salvage = false))]
    #[expect(
        clippy::too_many_arguments,
        clippy::needless_pass_by_value,
        reason = "keywords in Python, which hands paths over owned"
    )]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        node: u32,
        segment_bytes: u64,
        created_s: u64,
        free_bytes_min: u64,
        pending_bytes_max: usize,
        salvage: bool,
    ) -> PyResult<Self> {
        let settings = Settings {
            node,
            first_position: first_position(created_s),
            segment_bytes,
            pending_bytes_max,
            free_bytes_min,
            seed: secret(),
            salvage,
        };
        let folder = Folder::new(&path).map_err(|source| JournalError::Io {
            path: path.display().to_string(),
            step: "creating the folder",
            source,
        });
        let folder = folder.map_err(|error| raised(&error))?;
        Self::open(py, Arc::new(folder), settings)
    }

    #[getter]
    fn recovery<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let found = &self.recovery;
        let recovery = PyDict::new(py);
        recovery.set_item("records", found.records)?;
        recovery.set_item("torn_bytes", found.torn_bytes)?;
        recovery.set_item("appended", found.appended)?;
        recovery.set_item("stored", found.stored)?;
        let skipped = found.skipped.iter();
        let skipped: Vec<_> = skipped
            .map(|each| (each.segment, each.offset, each.end, each.first, each.next))
            .collect();
        recovery.set_item("skipped", skipped)?;
        Ok(recovery)
    }

    fn append(&self, py: Python<'_>, batch: &Bound<'_, Batch>, now_ms: i64) -> PyResult<u64> {
        let batch = &batch.get().batch;
        let position = py.detach(|| self.opened.append(batch.rows, now_ms, &batch.record));
        self.appended_to(py, position)
    }

    fn append_record(
        &self,
        py: Python<'_>,
        record: &[u8],
        rows: u32,
        now_ms: i64,
    ) -> PyResult<u64> {
        let position = py.detach(|| self.opened.append(rows, now_ms, record));
        self.appended_to(py, position)
    }

    #[pyo3(signature = (wake))]
    fn on_append(&self, wake: Option<Py<PyAny>>) -> PyResult<()> {
        *lock(&self.wake)? = wake;
        Ok(())
    }

    fn sync(&self, py: Python<'_>) -> PyResult<u64> {
        py.detach(|| self.opened.sync())
            .map_err(|error| raised(&error))
    }

    #[getter]
    fn first(&self) -> u64 {
        self.opened.first()
    }

    #[getter]
    fn appended(&self) -> u64 {
        self.opened.appended()
    }

    #[getter]
    fn durable(&self) -> u64 {
        self.opened.durable()
    }

    #[getter]
    fn stored(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.opened.stored())
    }

    #[getter]
    fn bytes_on_disk(&self) -> u64 {
        self.opened.bytes_on_disk()
    }

    fn free_bytes(&self) -> PyResult<u64> {
        self.opened.free_bytes().map_err(|error| raised(&error))
    }

    fn received_ms_at(&self, py: Python<'_>, position: u64) -> PyResult<Option<i64>> {
        let records = py.detach(|| self.range(position, 0, None, 0))?;
        Ok(records.iter().next().map(|record| record.received_at_ms))
    }

    #[pyo3(signature = (first, *, rows_max, until = None, bytes_max = 256 << 20))]
    fn gather(
        &self,
        py: Python<'_>,
        first: u64,
        rows_max: u64,
        until: Option<u64>,
        bytes_max: usize,
    ) -> PyResult<Option<Gathered>> {
        let gathered = py.detach(|| {
            let records = self.range(first, rows_max, until, bytes_max)?;
            let Some((begin, end)) = span(&records) else {
                return Ok(None);
            };
            let bodies: Vec<(u64, &[u8])> = records
                .iter()
                .map(|record| (record.first, record.body))
                .collect();
            let gathered = reads::gather(&bodies);
            let gathered =
                gathered.map_err(|error| corrupt(&format!("rows {begin} to {end}"), &error))?;
            Ok::<_, PyErr>(Some((begin, end, gathered)))
        })?;
        Ok(gathered.map(|(first, next, gathered)| Gathered::new(py, (first, next), gathered)))
    }

    #[pyo3(signature = (first, *, rows_max, bytes_max = 256 << 20))]
    fn records<'py>(
        &self,
        py: Python<'py>,
        first: u64,
        rows_max: u64,
        bytes_max: usize,
    ) -> PyResult<Vec<PyRecord<'py>>> {
        let records = py.detach(|| self.range(first, rows_max, None, bytes_max))?;
        let records = records.iter().map(|each| {
            let body = PyBytes::new(py, each.body);
            (each.first, each.rows, each.received_at_ms, body)
        });
        Ok(records.collect())
    }

    fn replay_into(
        &self,
        py: Python<'_>,
        decoder: &Bound<'_, Decoder>,
        first: u64,
    ) -> PyResult<u64> {
        let mut next = first;
        loop {
            let records = py.detach(|| self.range(next, u64::MAX, None, REPLAY_BYTES))?;
            for record in records.iter() {
                let body = PyBytes::new(py, record.body);
                decoder.call_method1("replay", (body, record.first))?;
            }
            match records.next() {
                Some(end) => next = end,
                None => return Ok(next),
            }
        }
    }

    #[pyo3(signature = (stored, keep_from = None))]
    fn release(&self, py: Python<'_>, stored: u64, keep_from: Option<u64>) -> PyResult<u64> {
        py.detach(|| self.opened.release(stored, keep_from.unwrap_or(u64::MAX)))
            .map_err(|error| raised(&error))
    }

    fn write_checkpoint(&self, py: Python<'_>, name: &str, checkpoint: &[u8]) -> PyResult<()> {
        py.detach(|| self.opened.write_checkpoint(name, checkpoint))
            .map_err(|error| raised(&error))
    }

    fn read_checkpoint<'py>(
        &self,
        py: Python<'py>,
        name: &str,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let read = py.detach(|| self.opened.read_checkpoint(name));
        let read = read.map_err(|error| raised(&error))?;
        Ok(read.map(|bytes| PyBytes::new(py, &bytes)))
    }
}

impl Journal {
    pub(crate) fn open(
        py: Python<'_>,
        files: Arc<dyn Files>,
        settings: Settings,
    ) -> PyResult<Self> {
        let found = py.detach(|| journal::Journal::open(files, settings));
        let (opened, recovery) = found.map_err(|error| raised(&error))?;
        Ok(Self {
            opened,
            recovery,
            wake: Mutex::new(None),
        })
    }

    /// Tells whoever syncs, from the thread that appended.
    fn appended_to(&self, py: Python<'_>, position: Result<u64, JournalError>) -> PyResult<u64> {
        let position = position.map_err(|error| raised(&error))?;
        let wake = lock(&self.wake)?.as_ref().map(|wake| wake.clone_ref(py));
        if let Some(wake) = wake {
            wake.call0(py)?;
        }
        Ok(position)
    }

    fn range(
        &self,
        first: u64,
        rows_max: u64,
        until: Option<u64>,
        bytes: usize,
    ) -> PyResult<Records> {
        let read = if let Some(until) = until {
            self.opened.read_exact(first, until)
        } else {
            let until = first.saturating_add(rows_max);
            self.opened.read(first, Limit { until, bytes })
        };
        read.map_err(|error| raised(&error))
    }
}

fn span(records: &Records) -> Option<(u64, u64)> {
    let first = records.iter().next()?.first;
    Some((first, records.next()?))
}

pub(crate) fn raised(error: &JournalError) -> PyErr {
    let said = (error.path().to_owned(), error.reason());
    match error {
        JournalError::Full { .. } => classes::JournalFull::new_err(said),
        JournalError::Corrupt { .. } => classes::JournalCorrupt::new_err(said),
        JournalError::Locked { .. } => classes::JournalLocked::new_err(said),
        JournalError::Io { .. }
        | JournalError::Poisoned { .. }
        | JournalError::Refused { .. }
        | _ => classes::JournalError::new_err(said),
    }
}

/// A number nobody outside can know: the keys that the standard library draws for its hash maps.
fn secret() -> u32 {
    let drawn = RandomState::new().hash_one(0_u8);
    u32::try_from(drawn & u64::from(u32::MAX)).unwrap_or(0)
}

/// Positions of a folder begin where its clock says, so that they never fall when one is lost.
pub(crate) fn first_position(created_s: u64) -> u64 {
    created_s.saturating_mul(POSITIONS_A_SECOND)
}

const POSITIONS_A_SECOND: u64 = 1 << 20;
const REPLAY_BYTES: usize = 8 << 20;
