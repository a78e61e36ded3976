//! What a stored read says about itself: its quality and the rules that fired on it.
//!
//! The numbers stand in `ClickHouse` and in journals: they may be added to, never changed.

/// Another value of the same interval was stored before: this is a new version of it.
pub const CHANGED: u32 = 1;
/// Older than the duplicate window: whether it repeats or changes a stored read was not checked.
pub const UNCHECKED: u32 = 1 << 1;
/// The meter marked its clock as invalid when it stamped the read.
pub const CLOCK_INVALID: u32 = 1 << 2;
/// The meter marked its clock as doubtful.
pub const CLOCK_DOUBTFUL: u32 = 1 << 3;
/// The meter marked its clock as running on another time base.
pub const CLOCK_OTHER_BASE: u32 = 1 << 4;
/// No verified tag proves who sent the read: it came in clear or encrypted only.
pub const UNAUTHENTICATED: u32 = 1 << 5;
/// The meter gave no time: when it was received stands instead. Only events have it.
pub const TIME_OF_RECEIPT: u32 = 1 << 6;
/// Came under the key that its meter has turned from, while that was still taken.
pub const RETIRED_KEY: u32 = 1 << 7;
/// Came under a broadcast, dedicated or wrapped key, which has a counter of its own.
pub const OTHER_KEY: u32 = 1 << 8;

/// Was stored at another time before; the policy of its meter's clock was applied anew.
pub const RETIMED: u32 = 1 << 9;

/// Every flag with its name, for documentation and constants in other languages.
pub const FLAGS: [(&str, u32); 10] = [
    ("CHANGED", CHANGED),
    ("UNCHECKED", UNCHECKED),
    ("CLOCK_INVALID", CLOCK_INVALID),
    ("CLOCK_DOUBTFUL", CLOCK_DOUBTFUL),
    ("CLOCK_OTHER_BASE", CLOCK_OTHER_BASE),
    ("UNAUTHENTICATED", UNAUTHENTICATED),
    ("TIME_OF_RECEIPT", TIME_OF_RECEIPT),
    ("RETIRED_KEY", RETIRED_KEY),
    ("OTHER_KEY", OTHER_KEY),
    ("RETIMED", RETIMED),
];

/// How far a read may be trusted, as India Energy Stack `MeterData` v0.6 names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Quality {
    /// Received and nothing speaks against it.
    Valid = 0,
    /// Computed in place of a missing one.
    Estimated = 1,
    /// Entered by a person.
    Manual = 2,
    /// Received, but a rule fired that a person should look at.
    Suspect = 3,
    /// Withdrawn.
    Rejected = 4,
}
