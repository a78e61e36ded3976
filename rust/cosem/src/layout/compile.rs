//! A checked layout, ready to walk bodies.

use super::scale::Scale;
use super::template::Template;
use super::{
    BodyShape, Captured, Channel, FieldSpec, LayoutSpec, SpecError, SpecProblem, Target, Unit,
};
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
    /// What was written of each field.
    fields: Vec<FieldSpec>,
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
            fields: spec.fields.clone(),
            limits,
            templates: Vec::new(),
            days: Days::default(),
        })
    }

    /// The name that a meter's registration refers to.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The logical names whose bodies have it; none: any.
    pub fn logical_names(&self) -> &[[u8; 6]] {
        &self.logical_names
    }

    /// What is written of each field, in order.
    pub fn fields(&self) -> &[FieldSpec] {
        &self.fields
    }

    /// Its columns as capture objects.
    pub fn columns(&self) -> Vec<Captured> {
        let fields = self.fields.iter();
        fields
            .map(|field| Captured {
                class: if field.target == Target::Clock { 8 } else { 3 },
                obis: field.obis,
                attribute: field.attribute,
            })
            .collect()
    }

    /// Scaler and unit of a channel that a field of that name has here.
    pub fn unit(&self, obis: [u8; 6]) -> Option<Unit> {
        let channel =
            |field: &&FieldSpec| field.obis == obis && matches!(field.target, Target::Channel(_));
        let field = self.fields.iter().find(channel)?;
        Some((field.scaler, field.unit))
    }

    /// The same layout for a meter whose rows have these columns; `None` when they are those it has,
    /// or one that cannot be placed.
    ///
    /// A column keeps its meaning here; one that this layout does not have is told by its name.
    pub fn rearranged(
        &self,
        objects: &[Captured],
        unit: impl Fn([u8; 6]) -> Option<Unit>,
    ) -> Option<Self> {
        let same = |field: &FieldSpec, object: &Captured| {
            (field.obis, field.attribute) == (object.obis, object.attribute)
        };
        let mut known = self.fields.iter().zip(objects);
        if self.fields.len() == objects.len() && known.all(|(field, object)| same(field, object)) {
            return None;
        }
        let name = self.name.clone();
        let names = self.logical_names.clone();
        let told = |obis| unit(obis).or_else(|| self.unit(obis));
        let mut spec = LayoutSpec::of_captured(&name, self.body, names, objects, told)?;
        for (field, object) in spec.fields.iter_mut().zip(objects) {
            let own = self.fields.iter().find(|own| same(own, object));
            field.target = own.map_or(field.target, |own| own.target);
        }
        Self::compile_within(&spec, self.limits).ok()
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
