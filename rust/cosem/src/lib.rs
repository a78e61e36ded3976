//! COSEM on the wire: bytes in, reads out, with no I/O, no clock and no Python.
//!
//! The modules are listed in the order the bytes meet them.
#![forbid(unsafe_code)]

pub mod encode;
mod error;
mod reader;
pub mod security;

pub use error::{DecodeError, Kind, Layer};
pub use reader::Reader;
