//! Checked reads in columns: the meters that may send, the checks, and the ClickHouse blocks.
//!
//! Pure: no I/O, no clock, no Python. Time is an argument.
#![forbid(unsafe_code)]
