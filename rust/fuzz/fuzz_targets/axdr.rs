//! Any bytes are data, or a refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../cosem/tests/corpus/axdr.rs"]
mod axdr;
#[path = "../../cosem/tests/corpus/limits.rs"]
mod limits;

fuzz_target!(|bytes: &[u8]| axdr::check(bytes));
