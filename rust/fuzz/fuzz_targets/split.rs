//! Splitting does not depend on chunking, for any bytes in any framing.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../cosem/tests/corpus/limits.rs"]
mod limits;
#[path = "../../cosem/tests/corpus/split.rs"]
mod split;

fuzz_target!(|bytes: &[u8]| split::check(bytes));
