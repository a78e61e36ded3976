//! Rejects decoded again, after a meter, a key or a layout was added: see
//! `docs/decisions/0005-rejects-are-decoded-again.md`.
//!
//! Rule 1: nothing is believed that would not be believed of a frame just received: identity,
//! policy and tag are checked as ever, and no counter moves backwards.
//! Rule 2: a frame whose exact counter was accepted before brings nothing; and a read that was
//! stored by a later frame, by its counter or by the order of receipt, stands.

mod standing;

use cosem::framing::{Entry, Frames, Framing, Limits, Splitter};
use cosem::{DecodeError, Kind, Layer};

pub(super) use standing::{ACCEPTED_BEFORE, Again};
pub use standing::{Reconsidered, RegisterKey, Rejected, RejectedRow, Resolved, Standing, Survey};

use super::odd::Whose;
use super::opening::{Proof, Took};
use super::push::grid;
use super::{Decoder, Envelope, Frame, Known, LinkFrames};
use crate::batch::Batch;
use crate::checks::Walk;
use crate::columns::FrameFields;
use crate::flags;
use crate::ledger::{Outcome, ReadCounts};
use crate::record::Resolution;

/// A link that no listener has.
const NO_LINK: u64 = u64::MAX;
/// A frame may be as long as what was kept of it.
const FRAME_BYTES_MIN: usize = 1_024;

impl Decoder {
    /// What each of `rejects` would bring; changes nothing.
    pub fn survey(&mut self, rejects: &[Rejected<'_>]) -> Vec<Survey> {
        let standing = Standing::default();
        self.building.begin(0);
        let surveyed = rejects.iter().map(|reject| {
            let mut known = Known::default();
            self.surveyed = None;
            self.surveyed_told = None;
            let again = Again {
                position: reject.position,
                standing: &standing,
                survey: true,
                flags: reject.row.map(|row| row.flags),
            };
            let taken = self.once_more(reject, again, &mut known);
            Survey {
                meter: known.meter,
                counter: known.counter,
                mark: self.mark(known.meter),
                starts: self.surveyed,
                told: self.surveyed_told,
                refusal: taken.err(),
            }
        });
        let surveyed = surveyed.collect();
        self.building.begin(0);
        surveyed
    }

    /// Decodes `rejects` again; the batch must reach the journal like any other.
    ///
    /// `standing` must hold what the store has of every meter that [`Decoder::survey`] named, with
    /// nothing accepted since.
    pub fn reconsider(
        &mut self,
        rejects: &[Rejected<'_>],
        standing: &Standing,
        now_ms: i64,
    ) -> (Batch, Vec<Reconsidered>) {
        self.building.begin(now_ms);
        let mut standing = standing.clone();
        standing
            .marks
            .retain(|meter, mark| *mark != self.mark(*meter));
        let mut done = Vec::with_capacity(rejects.len());
        for reject in rejects {
            let mut known = Known {
                dcu: reject.dcu,
                ..Known::default()
            };
            let (registers, events) = self.building.told();
            let again = Again {
                position: reject.position,
                standing: &standing,
                survey: false,
                flags: reject.row.map(|row| row.flags),
            };
            let taken = self.once_more(reject, again, &mut known);
            let (registers_after, events_after) = self.building.told();
            let (outcome, reads) = match taken {
                Ok((_, reads)) => ("decoded", reads),
                Err(error) if error == ACCEPTED_BEFORE => {
                    ("accepted_before", ReadCounts::default())
                }
                Err(error) => {
                    done.push(Err(error));
                    continue;
                }
            };
            let resolved = Resolved {
                reads: u32::try_from(reads.stored).unwrap_or(u32::MAX),
                registers: registers_after.saturating_sub(registers),
                events: events_after.saturating_sub(events),
            };
            self.building.count_reads(known.dcu, reads);
            self.building.resolution(&Resolution {
                position: reject.position,
                received_ms: reject.at_ms,
                dcu: reject.dcu,
                at_ms: now_ms,
                meter: known.meter,
                outcome,
                reads: resolved.reads,
                registers: resolved.registers,
                events: resolved.events,
            });
            if known.counter > 0 && reject.row.is_none() {
                standing.accepted.insert((known.meter, known.counter));
            }
            done.push(Ok(resolved));
        }
        (self.building.finish(&self.settings), done)
    }

    /// Tells whether a meter's counter has moved.
    fn mark(&self, meter: u32) -> u64 {
        let index = self.meters.by_number(meter);
        let progress = index.map(|index| self.state.progress(index));
        progress.map_or(0, |progress| {
            u64::from(progress.key_check) << 32 | u64::from(progress.counter)
        })
    }

    /// Splits and takes what was kept of a reject.
    fn once_more(
        &mut self,
        reject: &Rejected<'_>,
        again: Again<'_>,
        known: &mut Known,
    ) -> Result<(Outcome, ReadCounts), DecodeError> {
        if let Some(row) = reject.row {
            return self.row_again(reject, row, again, known);
        }
        let limits = Limits::of_frames(reject.raw.len().max(FRAME_BYTES_MIN));
        let mut splitter = Splitter::new(Framing::Auto, limits);
        let mut frames = Frames::default();
        splitter.feed(reject.raw, &mut frames);
        splitter.finish(&mut frames);
        let link = LinkFrames {
            link: NO_LINK,
            dcu: reject.dcu,
            peer: reject.peer,
            frames: &frames,
        };
        let now_s = reject.at_ms.div_euclid(1000);
        let mut taken = Err(DecodeError::new(Layer::Link, 0, Kind::Truncated));
        for entry in &frames.entries {
            taken = self.entry_once_more(&link, entry, reject.hint, now_s, again, known);
            if taken.is_err() {
                break;
            }
        }
        if self.close_transfers(NO_LINK) {
            return Err(DecodeError::new(Layer::BlockTransfer, 2, Kind::Truncated));
        }
        taken
    }

    fn entry_once_more(
        &mut self,
        link: &LinkFrames<'_>,
        entry: &Entry,
        hint: &[u8],
        now_s: i64,
        again: Again<'_>,
        known: &mut Known,
    ) -> Result<(Outcome, ReadCounts), DecodeError> {
        let envelope = (!hint.is_empty()).then_some(Envelope {
            meter: hint,
            resent: false,
        });
        let mut frame = Frame::new(link, entry, envelope, now_s);
        frame.again = Some(again);
        self.take(&frame, known)
    }

    /// A row that was refused alone: its frame was believed then, and its other rows are taken.
    fn row_again(
        &mut self,
        reject: &Rejected<'_>,
        row: RejectedRow,
        again: Again<'_>,
        known: &mut Known,
    ) -> Took {
        let unknown = DecodeError::new(Layer::Check, 0, Kind::UnknownMeter);
        let index = self.meters.by_number(row.meter).ok_or(unknown)?;
        let active = self.meters.get(index).is_some_and(|meter| meter.active);
        if !active {
            return Err(unknown);
        }
        self.know(index, known);
        known.counter = row.counter;
        let changed = again.standing.marks.contains_key(&row.meter);
        if changed && !again.survey {
            return Err(DecodeError::new(Layer::Check, 0, Kind::BadSequence));
        }
        let frames = Frames::default();
        let link = LinkFrames {
            link: NO_LINK,
            dcu: reject.dcu,
            peer: reject.peer,
            frames: &frames,
        };
        let frame = Frame::row(&link, reject, again);
        let whose = Whose {
            frame: &frame,
            known,
            index,
            proof: Proof {
                counter: row.counter,
                ..Proof::CLEAR
            },
        };
        self.row_once_more(whose, reject.raw)
    }

    /// The reads of a frame that is decoded again; they are in the scratch columns.
    #[cold]
    pub(super) fn reads_again(&mut self, whose: Whose<'_>, body: &[u8], again: Again<'_>) -> Took {
        let Whose {
            frame,
            known,
            index,
            proof,
        } = whose;
        let unmapped = DecodeError::new(Layer::Layout, 0, Kind::NoLayout);
        let meter = self.meters.get(index).ok_or(unmapped)?;
        let grid = grid(&self.settings, meter, frame.now_s);
        let scratch = &mut self.scratch;
        if again.survey {
            let mut walk = Walk::new(grid);
            let clocks = scratch.columns.clocks.iter();
            let starts = clocks.filter_map(|clock| Some(walk.interval(clock).ok()?.start_s));
            if let (Some(_), Some(clock)) = (again.flags, scratch.columns.clocks.first()) {
                let refused = |kind| DecodeError::new(Layer::Check, 0, kind);
                Walk::new(grid).interval(clock).map_err(refused)?;
            }
            self.surveyed = starts.fold(self.surveyed, |range, start| {
                let (first, last) = range.unwrap_or((start, start));
                Some((first.min(start), last.max(start)))
            });
            return Ok((Outcome::Accepted, ReadCounts::default()));
        }
        let window = self.state.window(index, meter.interval_s);
        let mut window = window.ok_or(unmapped)?;
        let flags = again.flags.unwrap_or_else(|| proof.flags());
        let number = meter.number;
        let judge = |start: u32| match again.standing.reads.get(&(number, start)) {
            None => Some(0),
            Some((ver, counter)) if again.is_older(*ver, *counter, proof.counter) => None,
            Some(_) => Some(flags::CHANGED),
        };
        scratch
            .rows
            .check_again(&scratch.columns, grid, &mut window, flags, judge);
        let fields = FrameFields {
            meter: number,
            interval_s: meter.interval_s,
            dcu: known.dcu,
            counter: proof.counter,
        };
        scratch
            .rows
            .store(&scratch.columns, fields, &mut self.building.reads);
        if let (Some(_), Some((_, kind))) = (again.flags, scratch.rows.refused.first()) {
            return Err(DecodeError::new(Layer::Check, 0, *kind)); // It is kept already.
        }
        self.refuse_rows(frame, known, flags, body);
        Ok(self.outcome())
    }
}
