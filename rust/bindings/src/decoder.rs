//! `Decoder`: waiting frames to batches, and the registry and state that this takes.

mod again;
mod profiles;
mod rows;
mod settings;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use cosem::layout::specs_from_json;
use cosem::profile::profiles_from_json;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use reads::{LinkFrames, Span};

use crate::batch::{Batch, Spares};
use crate::errors::{RegistryError, config, corrupt, lock};
use crate::link::{Link, Taken};

/// Registry, keys, layouts, counters and duplicate windows.
#[pyclass(frozen, module = "meteringest._native")]
pub(crate) struct Decoder {
    node: u32,
    inner: Mutex<reads::Decoder>,
    spares: Arc<Spares>,
}

#[pymethods]
impl Decoder {
    #[new]
    fn new(node: u32, config_json: &[u8]) -> PyResult<Self> {
        let settings = settings::parse(config_json).map_err(|error| config("decoder", &error))?;
        Ok(Self {
            node,
            inner: Mutex::new(reads::Decoder::new(settings)),
            spares: Arc::default(),
        })
    }

    #[getter]
    const fn node(&self) -> u32 {
        self.node
    }

    fn upsert_meters(&self, py: Python<'_>, rows: Vec<Bound<'_, PyTuple>>) -> PyResult<()> {
        let rows: Vec<rows::MeterRow> = rows
            .into_iter()
            .map(|row| rows::MeterRow::extract(&row))
            .collect::<PyResult<_>>()?;
        let problems = py.detach(|| {
            let mut decoder = lock(&self.inner)?;
            let problems = rows.iter().filter_map(|row| row.apply(&mut decoder).err());
            Ok::<Vec<String>, PyErr>(problems.collect())
        })?;
        if problems.is_empty() {
            return Ok(());
        }
        let problems = PyTuple::new(py, problems)?;
        Err(RegistryError::new_err(("registry", problems.unbind())))
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "arguments from Python are owned"
    )]
    fn set_next_keys(&self, py: Python<'_>, rows: Vec<(u32, Vec<u8>, Vec<u8>)>) -> PyResult<()> {
        let problems = py.detach(|| {
            let mut decoder = lock(&self.inner)?;
            let problems = rows
                .iter()
                .filter_map(|(meter, encryption, authentication)| {
                    let named = decoder.set_next_keys(*meter, encryption, authentication);
                    named.err().map(|error| format!("meter {meter}: {error}"))
                });
            Ok::<Vec<String>, PyErr>(problems.collect())
        })?;
        if problems.is_empty() {
            return Ok(());
        }
        let problems = PyTuple::new(py, problems)?;
        Err(RegistryError::new_err(("registry", problems.unbind())))
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "arguments from Python are owned"
    )]
    fn set_other_keys(&self, py: Python<'_>, rows: Vec<rows::OtherKeysRow>) -> PyResult<()> {
        let problems = py.detach(|| {
            let mut decoder = lock(&self.inner)?;
            let problems = rows
                .iter()
                .filter_map(|(meter, broadcast, dedicated, kek)| {
                    let named = decoder.set_other_keys(*meter, broadcast, dedicated, kek);
                    named.err().map(|error| format!("meter {meter}: {error}"))
                });
            Ok::<Vec<String>, PyErr>(problems.collect())
        })?;
        if problems.is_empty() {
            return Ok(());
        }
        let problems = PyTuple::new(py, problems)?;
        Err(RegistryError::new_err(("registry", problems.unbind())))
    }

    fn remove_meters(&self, py: Python<'_>, ids: Vec<u32>) -> PyResult<()> {
        py.detach(|| {
            let mut decoder = lock(&self.inner)?;
            for id in ids {
                decoder.remove(id);
            }
            Ok(())
        })
    }

    #[pyo3(signature = (json, families=None))]
    fn set_layouts(&self, py: Python<'_>, json: &[u8], families: Option<&[u8]>) -> PyResult<()> {
        let wrong = |error| config("layouts", &error);
        let specs = specs_from_json(json).map_err(wrong)?;
        let families = profiles::families(families.unwrap_or(b"{}"))
            .map_err(|error| config("models", &error))?;
        py.detach(|| {
            let mut decoder = lock(&self.inner)?;
            decoder.set_layouts(&specs).map_err(wrong)?;
            decoder.set_families(&families).map_err(wrong)
        })
    }

    fn set_profiles(&self, py: Python<'_>, json: &[u8], event_codes: &[u8]) -> PyResult<()> {
        let profiles = profiles_from_json(json).map_err(|error| config("layouts", &error))?;
        let meanings =
            profiles::meanings(event_codes).map_err(|error| config("event_codes", &error))?;
        py.detach(|| {
            lock(&self.inner)?.set_profiles(profiles, meanings);
            Ok(())
        })
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "arguments from Python are owned"
    )]
    fn survey(&self, py: Python<'_>, rejects: Vec<again::Row>) -> PyResult<Vec<again::Surveyed>> {
        py.detach(|| {
            let rejects = again::rejects(&rejects);
            let surveyed = lock(&self.inner)?.survey(&rejects);
            Ok(surveyed.iter().map(again::surveyed).collect())
        })
    }

    #[expect(
        clippy::needless_pass_by_value,
        clippy::too_many_arguments,
        reason = "arguments from Python are owned, and named there"
    )]
    fn reconsider(
        &self,
        py: Python<'_>,
        rejects: Vec<again::Row>,
        accepted: Vec<(u32, u32)>,
        standing: Vec<again::Stored>,
        registers: Vec<again::StoredRegister>,
        marks: Vec<(u32, u64)>,
        now_ms: i64,
    ) -> PyResult<(Batch, Vec<again::Done>)> {
        let (batch, done) = py.detach(|| {
            let standing = again::standing(accepted, standing, registers, marks);
            let rejects = again::rejects(&rejects);
            let (batch, done) = lock(&self.inner)?.reconsider(&rejects, &standing, now_ms);
            Ok::<_, PyErr>((batch, done.iter().map(again::done).collect()))
        })?;
        Ok((Batch::new(batch, Arc::clone(&self.spares)), done))
    }

    fn reads_marks(&self, py: Python<'_>, meters: Vec<u32>) -> PyResult<Vec<(u32, u64)>> {
        py.detach(|| {
            let decoder = lock(&self.inner)?;
            let mark = |meter| (meter, decoder.reads_mark(meter));
            Ok(meters.into_iter().map(mark).collect())
        })
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "arguments from Python are named there"
    )]
    #[pyo3(signature = (rows, wanted, fetched, marks, now_ms, *, dry=false))]
    fn retime(
        &self,
        py: Python<'_>,
        rows: &[u8],
        wanted: (u32, u32),
        fetched: (u32, u32),
        marks: Vec<(u32, u64)>,
        now_ms: i64,
        dry: bool,
    ) -> PyResult<(Batch, BTreeMap<&'static str, u64>)> {
        let retimed = py.detach(|| {
            let span = Span { wanted, fetched };
            let marks = marks.into_iter().collect();
            let mut decoder = lock(&self.inner)?;
            Ok::<_, PyErr>(decoder.retime(rows, span, &marks, now_ms, dry))
        })?;
        let (batch, done) = retimed.ok_or_else(|| {
            let reason = "the rows are not the columns of m.reads in RowBinary";
            PyValueError::new_err(reason)
        })?;
        let counts = BTreeMap::from([
            ("seen", done.seen),
            ("moved", done.moved),
            ("withdrawn", done.withdrawn),
            ("undecided", done.undecided),
            ("unknown", done.unknown),
            ("busy", done.busy),
            ("wider", u64::from(done.wider)),
        ]);
        Ok((Batch::new(batch, Arc::clone(&self.spares)), counts))
    }

    fn decode(&self, py: Python<'_>, links: Vec<PyRef<'_, Link>>, now_ms: i64) -> PyResult<Batch> {
        let taken: Vec<Taken> = links
            .iter()
            .map(|link| link.take())
            .collect::<PyResult<_>>()?;
        let (batch, taken) = py.detach(|| {
            let frames: Vec<LinkFrames<'_>> = taken.iter().map(frames_of).collect();
            let mut decoder = lock(&self.inner)?;
            if let Some(spare) = self.spares.take() {
                decoder.recycle(spare);
            }
            let batch = decoder.decode(&frames, now_ms);
            Ok::<_, PyErr>((batch, taken))
        })?;
        for (link, taken) in links.into_iter().zip(taken) {
            link.give_back(taken.frames)?;
        }
        Ok(Batch::new(batch, Arc::clone(&self.spares)))
    }

    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let snapshot = py.detach(|| Ok::<_, PyErr>(lock(&self.inner)?.snapshot()))?;
        Ok(PyBytes::new(py, &snapshot))
    }

    fn restore(&self, py: Python<'_>, snapshot: &[u8]) -> PyResult<()> {
        py.detach(|| {
            let restored = lock(&self.inner)?.restore(snapshot);
            restored.map_err(|error| corrupt("snapshot", &error))
        })
    }

    fn replay(&self, py: Python<'_>, record: &[u8], first: u64) -> PyResult<()> {
        py.detach(|| {
            let replayed = lock(&self.inner)?.replay(record);
            replayed.map_err(|error| corrupt(&format!("record at {first}"), &error))
        })
    }

    fn records_lost(&self, py: Python<'_>, now_s: u32) -> PyResult<()> {
        py.detach(|| {
            lock(&self.inner)?.records_lost(now_s);
            Ok(())
        })
    }

    #[getter]
    fn uplinks_taken(&self, py: Python<'_>) -> PyResult<BTreeMap<u32, u64>> {
        py.detach(|| Ok(lock(&self.inner)?.uplinks_taken().collect()))
    }

    #[getter]
    fn footprint(&self, py: Python<'_>) -> PyResult<BTreeMap<&'static str, usize>> {
        let footprint = py.detach(|| Ok::<_, PyErr>(lock(&self.inner)?.footprint()))?;
        Ok(BTreeMap::from([
            ("meters", footprint.meters),
            ("registry_bytes", footprint.registry_bytes),
            ("state_bytes", footprint.state_bytes),
            ("open_keys_bytes", footprint.open_keys_bytes),
            ("transfers_bytes", footprint.transfers_bytes),
        ]))
    }
}

fn frames_of(taken: &Taken) -> LinkFrames<'_> {
    LinkFrames {
        link: taken.id,
        dcu: taken.dcu,
        peer: &taken.peer,
        frames: &taken.frames,
    }
}
