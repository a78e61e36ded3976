//! Checked reads in columns: the meters that may send, the checks, and the `ClickHouse` blocks.
//!
//! Pure: no I/O, no clock, no Python. Time is an argument.
//! The modules are listed in the order a frame meets them; the last ones are the way into the store.
#![forbid(unsafe_code)]

mod settings;

mod decode;

mod alarms;
mod keys;
mod layouts;
mod learned;
mod meters;
mod other_keys;
mod policy;
mod profiles;
mod quarantine;

mod checks;
pub mod flags;
mod hash;
mod retired;
mod rows;
mod state;
mod transfers;
mod uplinks;

mod batch;
mod columns;
mod ledger;
mod record;

mod gather;
mod native;

mod replay;
mod snapshot;

pub use batch::Batch;
pub use decode::{
    Decoder, Footprint, LinkFrames, Reconsidered, RegisterKey, Rejected, RejectedRow, Resolved,
    Retimed, Span, Standing, Survey,
};
pub use gather::{Gathered, gather, record_rows};
pub use layouts::{Family, Layouts};
pub use ledger::Tally;
pub use meters::{MeterError, MeterSpec, SERIAL_BYTES_MAX};
pub use policy::Protection;
pub use profiles::Meaning;
pub use record::{RecordError, Section};
pub use settings::Settings;
pub use snapshot::SnapshotError;
