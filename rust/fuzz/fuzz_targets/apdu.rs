//! Any bytes are an APDU, or a refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../cosem/tests/corpus/apdu.rs"]
mod apdu;
#[path = "../../cosem/tests/corpus/limits.rs"]
mod limits;

fuzz_target!(|bytes: &[u8]| apdu::check(bytes));
