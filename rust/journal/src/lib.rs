//! The append-only journal: nothing is acknowledged before it is here and synced.
//!
//! What a record holds is the caller's affair; a position counts rows. docs/journal.md has the
//! format. The modules are listed in the order of a record's life.
#![forbid(unsafe_code)]

mod settings;

mod journal;

mod group;
mod segment;
mod shelf;
mod writer;

mod frame;

mod folder_walk;
mod header;
mod oldest;
mod recovery;
mod released;
mod scan;
mod skips;
mod walk;

mod reader;
mod verify;

mod checkpoint;

mod error;
mod files;
mod folder;

#[cfg(feature = "simulated")]
pub mod simulated;

pub use error::JournalError;
pub use files::{DataFile, Files};
pub use folder::Folder;
pub use journal::Journal;
pub use reader::{Limit, Record, Records};
pub use recovery::Recovery;
pub use segment::Skipped;
pub use settings::Settings;
pub use verify::{Fault, Verified};
