//! HDLC links from a script: sound frames come out as they went in, the rest is rejected.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../cosem/tests/corpus/hdlc.rs"]
mod hdlc;
#[path = "../../cosem/tests/corpus/limits.rs"]
mod limits;

fuzz_target!(|bytes: &[u8]| hdlc::check(bytes));
