//! Reads in bodies that the meter's configured layout does not take as they stand: packed or quirky
//! ones, those of its model's other layouts, of columns the meter told itself, and bodies that say
//! what they hold.
//!
//! Rule 1: all of this is rare and stays out of the way of bodies that fit.
//! Rule 2: where a meter told the order of its columns, no other order is tried.

use std::collections::BTreeSet;

use cosem::layout::{self, BodyShape, Captured, Layout, LayoutSpec, Listed, Unit};
use cosem::{DecodeError, Kind, Layer};

use super::opening::{Proof, Took};
use super::{Decoder, Frame, Known, Scratch};
use crate::learned::{Key, is_scaler_profile};
use crate::ledger::{Outcome, ReadCounts};
use crate::record::LearnedRow;

/// Whose body it is, and what may be believed of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'f> {
    pub(super) frame: &'f Frame<'f>,
    pub(super) known: &'f Known,
    pub(super) index: usize,
    pub(super) proof: Proof,
}

/// What a body that describes itself brought, and the objects that are therefore no registers.
#[derive(Debug, Default)]
pub(super) struct Described {
    pub(super) taken: Option<(Outcome, ReadCounts)>,
    pub(super) reads: BTreeSet<Captured>,
}

impl Decoder {
    /// Tries the layouts of a meter that told its columns.
    #[cold]
    pub(super) fn told_layouts(&mut self, whose: Whose<'_>, body: &[u8]) -> Told {
        let Some(meter) = self.meters.get(whose.index) else {
            return Told::Nothing;
        };
        let (number, interval_s) = (meter.layout, u32::from(meter.interval_s));
        let mut variants = self
            .learned
            .take_variants(whose.index, &self.layouts, number);
        let none = variants.is_empty();
        let tried = first_fitting(&mut variants, body, interval_s, &mut self.scratch);
        self.learned.put_variants(whose.index, number, variants);
        match tried {
            Some(tried) => Told::Taken(self.fitted(whose, body, tried)),
            None if none => Told::Nothing,
            None => Told::Otherwise,
        }
    }

    /// The reads of a body that the first layout does not take; `None` when it holds none.
    #[cold]
    pub(super) fn odd_reads(&mut self, whose: Whose<'_>, body: &[u8]) -> Option<Took> {
        if let Some((profile, list)) = Captured::told(body) {
            self.remember(whose, profile, 3, list);
            return Some(Ok((Outcome::Accepted, ReadCounts::NONE)));
        }
        if let Told::Taken(taken) = self.told_layouts(whose, body) {
            return Some(taken);
        }
        let meter = self.meters.get(whose.index)?;
        let (number, interval_s) = (meter.layout, u32::from(meter.interval_s));
        let variants = self
            .learned
            .take_variants(whose.index, &self.layouts, number);
        let own = self.layouts.all(number);
        let tried = own.into_iter().find_map(|number| {
            let layout = self.layouts.one_mut(number)?;
            let told = variants.iter().any(|other| other.name() == layout.name());
            (!told).then(|| fitting(layout, body, interval_s, &mut self.scratch))?
        });
        self.learned.put_variants(whose.index, number, variants);
        tried.map(|tried| self.fitted(whose, body, tried))
    }

    fn fitted(&mut self, whose: Whose<'_>, body: &[u8], tried: Tried<'_>) -> Took {
        let device_id = tried?;
        self.extracted(whose, body, device_id)
    }

    /// The reads of a body that lists its objects; what it tells of profiles is remembered.
    #[cold]
    pub(super) fn described_reads(
        &mut self,
        whose: Whose<'_>,
        body: &[u8],
    ) -> Result<Described, DecodeError> {
        let mut described = Described::default();
        let Some(listed) = Listed::parse(body) else {
            return Ok(described);
        };
        for (profile, list) in listed.profiles(3) {
            self.remember(whose, profile, 3, list);
        }
        let scalers = listed
            .profiles(2)
            .filter(|(profile, _)| is_scaler_profile(*profile));
        for (profile, rows) in scalers {
            self.remember(whose, profile, 2, rows);
        }
        let objects = listed.objects();
        if let Some(layout) = self.made(whose.index, &objects, &listed) {
            self.add(whose, layout, body, &mut described)?;
            let channels = objects.iter().filter(|object| object.channel().is_some());
            described.reads.extend(channels);
        }
        for (profile, rows) in listed.profiles(2) {
            let in_body = listed.profiles(3).find(|(name, _)| *name == profile);
            let columns = in_body
                .and_then(|(_, list)| Captured::list(list))
                .or_else(|| self.learned.columns(whose.index, profile))
                .or_else(|| self.configured_columns(whose.index, profile));
            if let Some(layout) = columns.and_then(|each| self.made(whose.index, &each, &listed)) {
                self.add(whose, layout, rows, &mut described)?;
            }
        }
        Ok(described)
    }

    /// Remembers an attribute of a meter's profile, and journals it.
    pub(super) fn remember(
        &mut self,
        whose: Whose<'_>,
        profile: [u8; 6],
        attribute: i8,
        bytes: &[u8],
    ) {
        let key: Key = (whose.index, profile, attribute);
        let may_change = !whose.frame.again.is_some_and(|again| again.is_survey());
        if may_change && self.learned.is_news(key, bytes) {
            self.learned.keep(key, bytes);
            self.building.learned(&LearnedRow {
                meter: whose.known.meter,
                profile,
                attribute,
                bytes,
            });
        }
    }

    /// A layout of these columns, if the units of all its channels were told by anyone.
    fn made(&self, index: usize, objects: &[Captured], listed: &Listed<'_>) -> Option<Layout> {
        let told = self.learned.units(index);
        let unit = |obis| {
            let own = listed.unit(obis).or_else(|| told.get(&obis).copied());
            own.or_else(|| self.configured_unit(index, obis))
        };
        let spec = LayoutSpec::of_captured("", BodyShape::Buffer, Vec::new(), objects, unit)?;
        Layout::compile(&spec).ok()
    }

    fn configured_unit(&self, index: usize, obis: [u8; 6]) -> Option<Unit> {
        let own = self.layouts.all(self.meters.get(index)?.layout);
        let mut layouts = own.iter().filter_map(|number| self.layouts.one(*number));
        layouts.find_map(|layout| layout.unit(obis))
    }

    fn configured_columns(&self, index: usize, profile: [u8; 6]) -> Option<Vec<Captured>> {
        let own = self.layouts.all(self.meters.get(index)?.layout);
        let mut layouts = own.iter().filter_map(|number| self.layouts.one(*number));
        let layout = layouts.find(|layout| layout.logical_names().contains(&profile))?;
        Some(layout.columns())
    }

    /// Adds the reads of `rows` by a layout that was made for them. Once something of the frame is
    /// taken it cannot be refused any more: what fails then is kept alone.
    fn add(
        &mut self,
        whose: Whose<'_>,
        layout: Layout,
        rows: &[u8],
        described: &mut Described,
    ) -> Result<(), DecodeError> {
        match self.by(whose, layout, rows) {
            Ok(taken) => described.add(taken),
            Err(error) if described.taken.is_some() => {
                let sender = whose.known.sender(whose.frame);
                self.building.reject(sender, error, rows, &self.settings);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn by(&mut self, whose: Whose<'_>, mut layout: Layout, rows: &[u8]) -> Took {
        let meter = self.meters.get(whose.index).ok_or(UNMAPPED)?;
        let interval_s = u32::from(meter.interval_s);
        match fitting(&mut layout, rows, interval_s, &mut self.scratch) {
            Some(tried) => self.fitted(whose, rows, tried),
            None => Err(UNMAPPED),
        }
    }

    /// One row that was kept when it was refused, by whichever layout of its meter takes it.
    #[cold]
    pub(super) fn row_once_more(&mut self, whose: Whose<'_>, row: &[u8]) -> Took {
        let meter = self.meters.get(whose.index).ok_or(UNMAPPED)?;
        let number = meter.layout;
        let mut variants = self
            .learned
            .take_variants(whose.index, &self.layouts, number);
        let mut refusal = UNMAPPED;
        let mut took = variants
            .iter_mut()
            .any(|layout| row_fits(layout, row, &mut self.scratch, &mut refusal));
        let own = self.layouts.all(number).into_iter();
        for number in own {
            if let (false, Some(layout)) = (took, self.layouts.one_mut(number))
                && variants.iter().all(|other| other.name() != layout.name())
            {
                took = row_fits(layout, row, &mut self.scratch, &mut refusal);
            }
        }
        self.learned.put_variants(whose.index, number, variants);
        if took {
            return self.extracted(whose, row, None);
        }
        Err(refusal)
    }
}

impl Described {
    fn add(&mut self, (outcome, reads): (Outcome, ReadCounts)) {
        let (before, mut sum) = self.taken.unwrap_or((outcome, ReadCounts::NONE));
        sum.add(reads);
        let both = if before == outcome {
            outcome
        } else {
            Outcome::Accepted
        };
        self.taken = Some((both, sum));
    }
}

/// What a meter's own word on its columns made of a body.
#[derive(Debug)]
pub(super) enum Told {
    /// It told none that differ from the configured ones.
    Nothing,
    /// It has other columns than configured, and the body does not fit them.
    Otherwise,
    /// It fits.
    Taken(Took),
}

/// The device id of a body that a layout took, or why it is refused whole.
type Tried<'b> = Result<Option<&'b [u8]>, DecodeError>;

fn first_fitting<'b>(
    layouts: &mut [Layout],
    body: &'b [u8],
    interval_s: u32,
    scratch: &mut Scratch,
) -> Option<Tried<'b>> {
    let mut layouts = layouts.iter_mut();
    layouts.find_map(|layout| fitting(layout, body, interval_s, scratch))
}

/// The rows of `body` in the scratch columns; `None` when it is not of this layout. What is packed
/// or quirky is tried in its plain form by the caller.
fn fitting<'b>(
    layout: &mut Layout,
    body: &'b [u8],
    interval_s: u32,
    scratch: &mut Scratch,
) -> Option<Tried<'b>> {
    scratch.columns.clear();
    scratch.bad.clear();
    match layout.extract(body, interval_s, &mut scratch.columns, &mut scratch.bad) {
        Ok(extracted) => Some(Ok(extracted.device_id)),
        Err(error) if is_misfit(error) => None,
        Err(error) => Some(Err(error)),
    }
}

/// Whether `row` is a sound row of `layout`; if not, why.
fn row_fits(
    layout: &mut Layout,
    row: &[u8],
    scratch: &mut Scratch,
    refusal: &mut DecodeError,
) -> bool {
    scratch.columns.clear();
    scratch.bad.clear();
    match layout.extract_row(row, &mut scratch.columns, &mut scratch.bad) {
        Err(error) => *refusal = error,
        Ok(()) => match scratch.bad.first() {
            Some(bad) => *refusal = bad.error,
            None => return true,
        },
    }
    false
}

/// Whether a refusal only says that the bytes are of another layout.
pub(super) const fn is_misfit(error: DecodeError) -> bool {
    matches!(error.layer, Layer::Layout) && matches!(error.kind, Kind::NoLayout | Kind::Unsupported)
}

/// `body` in plain form, where it is not.
pub(super) fn plain(body: &[u8]) -> Option<Vec<u8>> {
    layout::plain(body)
}

const UNMAPPED: DecodeError = DecodeError::new(Layer::Layout, 0, Kind::NoLayout);
