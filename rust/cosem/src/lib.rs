//! COSEM on the wire: bytes in, reads out, with no I/O, no clock and no Python.
//!
//! The modules are listed in the order the bytes meet them.
#![forbid(unsafe_code)]

pub mod apdu;
pub mod axdr;
pub mod block_transfer;
pub mod clock;
mod decimal;
pub mod encode;
mod error;
pub mod framing;
pub mod general;
pub mod inspect;
pub mod layout;
pub mod profile;
pub mod push;
mod reader;
pub mod security;

pub use error::{DecodeError, Kind, Layer, Said};
pub use reader::Reader;
