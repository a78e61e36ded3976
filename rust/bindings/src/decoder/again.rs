//! Rejects on their way back into the decoder, as Python hands them over.

use cosem::DecodeError;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use reads::{Reconsidered, Rejected, Standing, Survey};

/// (position, receive time in ms, concentrator, peer, raw bytes).
pub(super) type Row = (u64, i64, u32, PyBackedStr, PyBackedBytes);
/// (meter, counter, mark, first interval start, last one, why it would be refused or nothing).
pub(super) type Surveyed = (u32, u32, u64, u32, u32, String);
/// (meter, interval start, version, counter) of a stored read.
pub(super) type Stored = (u32, u32, u64, u32);
/// (reads, registers, events stored, why it is still refused or nothing).
pub(super) type Done = (u32, u32, u32, String);

pub(super) fn rejects(rows: &[Row]) -> Vec<Rejected<'_>> {
    let rows = rows.iter();
    rows.map(|(position, at_ms, dcu, peer, raw)| Rejected {
        position: *position,
        at_ms: *at_ms,
        dcu: *dcu,
        peer,
        raw,
    })
    .collect()
}

pub(super) fn surveyed(survey: &Survey) -> Surveyed {
    let (first, last) = survey.starts.unwrap_or_default();
    let refusal = survey.refusal.map_or_else(String::new, said);
    (
        survey.meter,
        survey.counter,
        survey.mark,
        first,
        last,
        refusal,
    )
}

pub(super) fn standing(
    accepted: Vec<(u32, u32)>,
    reads: Vec<Stored>,
    marks: Vec<(u32, u64)>,
) -> Standing {
    let reads = reads.into_iter();
    Standing {
        accepted: accepted.into_iter().collect(),
        reads: reads
            .map(|(meter, start, ver, counter)| ((meter, start), (ver, counter)))
            .collect(),
        marks: marks.into_iter().collect(),
    }
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
