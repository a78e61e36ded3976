//! The append-only journal: nothing is acknowledged before it is here and synced.
#![forbid(unsafe_code)]
