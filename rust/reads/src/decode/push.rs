//! An opened push: its body through the meter's layout, its reads through the checks.

use cosem::layout::Columns;
use cosem::push::Notification;
use cosem::{DecodeError, Kind, Layer};

use super::odd::{Told, Whose, is_misfit};
use super::opening::Proof;
use super::{Decoder, Frame, Known, identity, reply};
use crate::batch::Sender;
use crate::checks::Grid;
use crate::columns::FrameFields;
use crate::ledger::{Outcome, ReadCounts};
use crate::meters::Meter;
use crate::settings::Settings;
use crate::state::Order;

impl Decoder {
    pub(super) fn push(
        &mut self,
        frame: &Frame<'_>,
        known: &Known,
        meter: usize,
        proof: Proof,
        push: &Notification<'_>,
    ) -> Result<(Outcome, ReadCounts), DecodeError> {
        let taken = self.body(frame, known, meter, proof, push);
        let replayed = matches!(taken, Err(error) if error.kind == Kind::ReplayedCounter);
        // A quarantined body is safe in the journal too, and sending it again would not help.
        if push.confirmed && frame.answerable() && !replayed {
            let bytes = reply::confirm(frame, push.long_invoke_id_and_priority);
            self.building.replies.push((frame.link.link, bytes));
        }
        taken
    }

    fn body(
        &mut self,
        frame: &Frame<'_>,
        known: &Known,
        index: usize,
        proof: Proof,
        push: &Notification<'_>,
    ) -> Result<(Outcome, ReadCounts), DecodeError> {
        let body = push.body;
        let unmapped = DecodeError::new(Layer::Layout, 0, Kind::NoLayout);
        let whose = Whose {
            frame,
            known,
            index,
            proof,
        };
        if !self.learned.is_empty() {
            match self.told_layouts(whose, body) {
                Told::Taken(taken) => return taken,
                Told::Otherwise => return self.other_body(whose, push, unmapped),
                Told::Nothing => {}
            }
        }
        let meter = self.meters.get(index).ok_or(unmapped)?;
        let Some(layout) = self.layouts.get_mut(meter.layout) else {
            return self.other_body(whose, push, unmapped);
        };
        let scratch = &mut self.scratch;
        scratch.columns.clear();
        scratch.bad.clear();
        let extracted = match layout.extract(
            body,
            u32::from(meter.interval_s),
            &mut scratch.columns,
            &mut scratch.bad,
        ) {
            Err(error) if is_misfit(error) => {
                return self.other_body(whose, push, error);
            }
            extracted => extracted?,
        };
        self.extracted(whose, body, extracted.device_id)
    }

    /// The reads in the scratch columns, which are rows of `body`: checked, compared and taken.
    #[inline]
    pub(super) fn extracted(
        &mut self,
        whose: Whose<'_>,
        body: &[u8],
        device_id: Option<&[u8]>,
    ) -> Result<(Outcome, ReadCounts), DecodeError> {
        let Whose {
            frame,
            known,
            index,
            proof,
        } = whose;
        let unmapped = DecodeError::new(Layer::Layout, 0, Kind::NoLayout);
        identity::check_device_id(&self.meters, index, device_id)?;
        let meter = self.meters.get(index).ok_or(unmapped)?;
        let grid = grid(&self.settings, meter, frame.now_s);
        let scratch = &mut self.scratch;
        scratch.rows.begin(&scratch.columns, &self.state.hash);
        if let Some(again) = frame.again {
            return self.reads_again(whose, body, again);
        }
        let window = self.state.window(index, meter.interval_s);
        let mut window = window.ok_or(unmapped)?;
        if proof.order != Order::Fresh {
            if !scratch.rows.all_known(&scratch.columns, grid, &window) {
                return Err(DecodeError::new(Layer::Check, 0, Kind::ReplayedCounter));
            }
            let reads = scratch.columns.len().saturating_add(scratch.bad.len());
            return Ok((
                Outcome::Duplicate,
                ReadCounts {
                    duplicate: u64::try_from(reads).unwrap_or(u64::MAX),
                    ..ReadCounts::default()
                },
            ));
        }
        let flags = proof.flags();
        scratch
            .rows
            .check(&scratch.columns, grid, &mut window, flags);
        let fields = FrameFields {
            meter: meter.number,
            interval_s: meter.interval_s,
            dcu: known.dcu,
            counter: proof.counter,
        };
        scratch
            .rows
            .store(&scratch.columns, fields, &mut self.building.reads);
        self.refuse_rows(frame, known, flags, body);
        Ok(self.outcome())
    }

    /// Quarantines single reads, each with its own bytes.
    pub(super) fn refuse_rows(
        &mut self,
        frame: &Frame<'_>,
        known: &Known,
        flags: u32,
        body: &[u8],
    ) {
        let sender = Sender {
            row: Some(flags),
            ..known.sender(frame)
        };
        let scratch = &self.scratch;
        for (row, kind) in &scratch.rows.refused {
            let (start, end) = span_of(&scratch.columns, *row);
            let error = DecodeError::new(Layer::Check, start, *kind);
            self.building
                .reject(sender, error, part(body, start, end), &self.settings);
        }
        for bad in &scratch.bad {
            let raw = part(body, bad.start, bad.end);
            self.building.reject(sender, bad.error, raw, &self.settings);
        }
    }

    pub(super) fn outcome(&self) -> (Outcome, ReadCounts) {
        let mut reads = self.scratch.rows.counts;
        let bad = u64::try_from(self.scratch.bad.len()).unwrap_or(u64::MAX);
        reads.quarantined = reads.quarantined.saturating_add(bad);
        let nothing_new = reads.stored == 0 && reads.quarantined == 0 && reads.duplicate > 0;
        let outcome = if nothing_new {
            Outcome::Duplicate
        } else {
            Outcome::Accepted
        };
        (outcome, reads)
    }
}

pub(super) fn grid(settings: &Settings, meter: &Meter, now_s: i64) -> Grid {
    Grid {
        interval_s: meter.interval_s,
        time_policy: meter.time_policy,
        latest_s: now_s.saturating_add(i64::from(settings.future_tolerance_s)),
        earliest_s: now_s.saturating_sub(i64::from(settings.too_old_s)),
    }
}

fn span_of(columns: &Columns, row: usize) -> (u32, u32) {
    columns.spans.get(row).copied().unwrap_or_default()
}

fn part(body: &[u8], start: u32, end: u32) -> &[u8] {
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let end = usize::try_from(end).unwrap_or(usize::MAX);
    body.get(start..end).unwrap_or_default()
}
