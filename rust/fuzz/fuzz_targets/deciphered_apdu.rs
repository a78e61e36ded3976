//! Plaintexts that went through sealing and opening.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../cosem/tests/corpus/deciphered_apdu.rs"]
mod deciphered_apdu;
#[path = "../../cosem/tests/corpus/limits.rs"]
mod limits;

fuzz_target!(|bytes: &[u8]| deciphered_apdu::check(bytes));
