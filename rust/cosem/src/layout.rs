//! Profile layouts: which field of a row is which channel, and the walk that takes rows straight into columns.
//!
//! A layout is data, one TOML file per profile under `python/meteringest/layouts/`, handed over as JSON
//! (see [`specs_from_json`] for the shape). It says what each field *means*; it never says which integer type
//! carries it, because two meters of one model may differ in that.
//!
//! Rule 1: a structural fault refuses the whole body and leaves the columns as they were; a row whose clock,
//! range or scale is wrong is refused alone. Rule 2: no object per read and no allocation per row.
//! A layout knows nothing about meters, keys, policies of time or the present.

mod captured;
mod channel;
mod columns;
mod compile;
mod extract;
mod head;
mod json;
mod scale;
mod spec;
mod template;
#[cfg(test)]
mod tests;
mod value;
mod walk;

pub use captured::{Captured, Listed, Unit, scaler_profile};
pub use channel::Channel;
pub use columns::Columns;
pub use compile::{Layout, LayoutLimits};
pub use extract::{BadRow, Extracted, plain};
pub use json::specs_from_json;
pub use spec::{BodyShape, FieldSpec, LayoutSpec, SpecError, SpecProblem, Target};
