//! What is remembered of the key that a meter has turned from.

use crate::state::KeyCheck;

/// A key that its meter has turned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retired {
    pub(crate) key_check: KeyCheck,
    /// The last counter accepted under it.
    pub(crate) counter: u32,
    /// Until when it is still taken, seconds since 1970.
    pub(crate) until_s: i64,
}
