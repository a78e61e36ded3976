//! Bodies in, columns out: what a layout takes, what it refuses alone and what it refuses whole.

mod bodies;
mod captured;
mod hostile;
mod refused;
mod rows;
mod specs;

use super::*;
use crate::{DecodeError, Kind, Layer};
pub(super) use bodies::*;
