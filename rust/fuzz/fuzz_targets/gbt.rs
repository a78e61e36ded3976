//! Blocks of general-block-transfer in any order.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../cosem/tests/corpus/gbt.rs"]
mod gbt;
#[path = "../../cosem/tests/corpus/limits.rs"]
mod limits;

fuzz_target!(|bytes: &[u8]| gbt::check(bytes));
