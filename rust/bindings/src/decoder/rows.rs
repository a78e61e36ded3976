//! A registry row as Python hands it over.

use cosem::clock::TimePolicy;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use reads::{Decoder, MeterSpec, Protection};

/// (meter, broadcast key, dedicated key, key that wraps others).
pub(super) type OtherKeysRow = (u32, Vec<u8>, Vec<u8>, Vec<u8>);

/// (meter, serial, `system_title`, dcu, `encryption_key`, `authentication_key`, security, layout,
/// `interval_s`, `time_policy`); the phase may follow and is not used here.
pub(super) struct MeterRow {
    meter: u32,
    serial: String,
    title: Vec<u8>,
    dcu: u32,
    encryption_key: Vec<u8>,
    authentication_key: Vec<u8>,
    security: String,
    layout: String,
    interval_s: u16,
    time_policy: String,
}

impl MeterRow {
    pub(super) fn extract(row: &Bound<'_, PyTuple>) -> PyResult<Self> {
        if !matches!(row.len(), 10 | 11) {
            let reason = format!("a meter row has 10 or 11 values, not {}", row.len());
            return Err(PyValueError::new_err(reason));
        }
        Ok(Self {
            meter: row.get_item(0)?.extract()?,
            serial: row.get_item(1)?.extract()?,
            title: row.get_item(2)?.extract()?,
            dcu: row.get_item(3)?.extract()?,
            encryption_key: row.get_item(4)?.extract()?,
            authentication_key: row.get_item(5)?.extract()?,
            security: row.get_item(6)?.extract()?,
            layout: row.get_item(7)?.extract()?,
            interval_s: row.get_item(8)?.extract()?,
            time_policy: row.get_item(9)?.extract()?,
        })
    }

    /// Adds the meter, or says what is wrong with the row.
    pub(super) fn apply(&self, decoder: &mut Decoder) -> Result<(), String> {
        let problem = |what: String| format!("meter {}: {what}", self.meter);
        let title = match self.title.as_slice() {
            [] => None,
            title => Some(title.try_into().map_err(|_| {
                problem(format!("a system title has 8 bytes, not {}", title.len()))
            })?),
        };
        let spec = MeterSpec {
            meter: self.meter,
            serial: self.serial.as_bytes(),
            title,
            dcu: self.dcu,
            encryption_key: &self.encryption_key,
            authentication_key: &self.authentication_key,
            protection: Protection::parse(&self.security)
                .ok_or_else(|| problem(format!("no security policy {:?}", self.security)))?,
            layout: decoder
                .layout(&self.layout)
                .ok_or_else(|| problem(format!("no layout {:?}", self.layout)))?,
            interval_s: self.interval_s,
            time_policy: TimePolicy::parse(&self.time_policy)
                .ok_or_else(|| problem(format!("no time policy {:?}", self.time_policy)))?,
        };
        decoder
            .upsert(&spec)
            .map_err(|error| problem(error.to_string()))
    }
}
