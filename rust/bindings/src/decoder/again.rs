//! Rejects on their way back into the decoder, as Python hands them over.

use cosem::DecodeError;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use reads::{Reconsidered, Rejected, RejectedRow, Standing, Survey};

/// (position, receive time in ms, concentrator, peer, raw bytes, what the envelope called the meter,
/// (meter, counter, flags) of a row of a body or nothing).
pub(super) type Row = (
    u64,
    i64,
    u32,
    PyBackedStr,
    PyBackedBytes,
    PyBackedBytes,
    Option<(u32, u32, u32)>,
);
/// (meter, counter, mark, first interval start, last one, first register time, last one, why it would
/// be refused or nothing).
pub(super) type Surveyed = (u32, u32, u64, u32, u32, u32, u32, String);
/// (meter, interval start, version, counter) of a stored read.
pub(super) type Stored = (u32, u32, u64, u32);
/// (meter, time, profile, logical name, attribute, version, counter) of a stored register.
pub(super) type StoredRegister = (u32, u32, String, String, i8, u64, u32);
/// (reads, registers, events stored, why it is still refused or nothing).
pub(super) type Done = (u32, u32, u32, String);

pub(super) fn rejects(rows: &[Row]) -> Vec<Rejected<'_>> {
    let rows = rows.iter();
    rows.map(|(position, at_ms, dcu, peer, raw, hint, row)| Rejected {
        position: *position,
        at_ms: *at_ms,
        dcu: *dcu,
        peer,
        raw,
        hint,
        row: row.map(|(meter, counter, flags)| RejectedRow {
            meter,
            counter,
            flags,
        }),
    })
    .collect()
}

pub(super) fn surveyed(survey: &Survey) -> Surveyed {
    let (first, last) = survey.starts.unwrap_or_default();
    let (first_told, last_told) = survey.told.unwrap_or_default();
    let refusal = survey.refusal.map_or_else(String::new, said);
    (
        survey.meter,
        survey.counter,
        survey.mark,
        first,
        last,
        first_told,
        last_told,
        refusal,
    )
}

pub(super) fn standing(
    accepted: Vec<(u32, u32)>,
    reads: Vec<Stored>,
    registers: Vec<StoredRegister>,
    marks: Vec<(u32, u64)>,
) -> Standing {
    let reads = reads.into_iter();
    let registers = registers.into_iter();
    Standing {
        accepted: accepted.into_iter().collect(),
        reads: reads
            .map(|(meter, start, ver, counter)| ((meter, start), (ver, counter)))
            .collect(),
        registers: registers
            .filter_map(|(meter, at, profile, name, attribute, ver, counter)| {
                let key = (meter, at, profile, obis(&name)?, attribute);
                Some((key, (ver, counter)))
            })
            .collect(),
        marks: marks.into_iter().collect(),
    }
}

/// As the store writes logical names.
fn obis(name: &str) -> Option<[u8; 6]> {
    let groups: Result<Vec<u8>, _> = name.split('.').map(str::parse).collect();
    groups.ok()?.try_into().ok()
}

pub(super) fn done(reconsidered: &Reconsidered) -> Done {
    match reconsidered {
        Ok(resolved) => (
            resolved.reads,
            resolved.registers,
            resolved.events,
            String::new(),
        ),
        Err(error) => (0, 0, 0, said(*error)),
    }
}

/// As reject rows are counted: by layer and kind.
fn said(error: DecodeError) -> String {
    format!("{}/{}", error.layer.name(), error.kind.name())
}
