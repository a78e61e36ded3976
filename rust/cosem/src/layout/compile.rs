//! A checked layout, ready to walk bodies.

use super::scale::Scale;
use super::template::Template;
use super::{BodyShape, Channel, FieldSpec, LayoutSpec, SpecError, SpecProblem, Target};
use crate::clock::Days;

/// What one layout may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayoutLimits {
    /// Rows of one body: two months of quarter hours and some.
    pub rows_max: usize,
    /// Fields of one row.
    pub fields_max: usize,
}

impl Default for LayoutLimits {
    fn default() -> Self {
        Self {
            rows_max: 8_192,
            fields_max: 64,
        }
    }
}

/// One field of a row, checked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Clock,
    Channel(Channel, Scale),
    Status,
    Ignored,
}

/// A layout that has been checked, with the row shapes and the date it has met.
///
/// Those are caches: they change how fast a body is read, never what is read from it.
#[derive(Debug, Clone)]
pub struct Layout {
    pub(super) name: String,
    pub(super) logical_names: Vec<[u8; 6]>,
    pub(super) body: BodyShape,
    pub(super) steps: Vec<Step>,
    pub(super) limits: LayoutLimits,
    pub(super) templates: Vec<Template>,
    pub(super) days: Days,
}

impl Layout {
    /// Checks a layout under the default limits.
    pub fn compile(spec: &LayoutSpec) -> Result<Self, SpecError> {
        Self::compile_within(spec, LayoutLimits::default())
    }

    /// Checks a layout under the given limits.
    pub fn compile_within(spec: &LayoutSpec, limits: LayoutLimits) -> Result<Self, SpecError> {
        let fault = |(field, problem)| SpecError {
            layout: spec.name.clone(),
            field,
            problem,
        };
        Ok(Self {
            name: spec.name.clone(),
            logical_names: spec.logical_names.clone(),
            body: spec.body,
            steps: steps(&spec.fields, limits).map_err(fault)?,
            limits,
            templates: Vec::new(),
            days: Days::default(),
        })
    }

    /// The name that a meter's registration refers to.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn steps(
    fields: &[FieldSpec],
    limits: LayoutLimits,
) -> Result<Vec<Step>, (Option<usize>, SpecProblem)> {
    let (given, limit) = (fields.len(), limits.fields_max);
    if given > limit {
        return Err((None, SpecProblem::TooManyFields { given, limit }));
    }
    let clocks = fields
        .iter()
        .filter(|field| field.target == Target::Clock)
        .count();
    if clocks != 1 {
        return Err((None, SpecProblem::ClockCount(clocks)));
    }
    for (index, field) in fields.iter().enumerate() {
        let before = fields.iter().take(index);
        if field.target != Target::Ignored
            && before.into_iter().any(|other| other.target == field.target)
        {
            return Err((Some(index), SpecProblem::DuplicateColumn));
        }
    }
    let steps = fields.iter().enumerate();
    steps
        .map(|(index, field)| step(field).map_err(|problem| (Some(index), problem)))
        .collect()
}

fn step(field: &FieldSpec) -> Result<Step, SpecProblem> {
    Ok(match field.target {
        Target::Clock => Step::Clock,
        Target::Status => Step::Status,
        Target::Ignored => Step::Ignored,
        Target::Channel(channel) => Step::Channel(channel, Scale::new(field, channel)?),
    })
}
