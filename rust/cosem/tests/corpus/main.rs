//! Replays the fuzz corpus on a stable toolchain, with the checks that the fuzz targets use.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its files must fail"
)]

mod apdu;
mod axdr;
mod deciphered_apdu;
mod gbt;
mod hdlc;
mod limits;
mod split;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Memory is counted for the whole process, so one corpus is replayed at a time.
static TURN: Mutex<()> = Mutex::new(());

/// The files of `rust/fuzz/corpus/<target>`.
fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

/// Checks every file, whole and cut short by up to 64 bytes at either end.
fn replay(target: &str, check: fn(&[u8])) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let corpus = corpus(target);
    assert!(corpus.len() >= 20, "the corpus of {target} is missing");
    for path in corpus {
        let bytes = std::fs::read(&path).unwrap();
        check(&bytes);
        for cut in 0..bytes.len().min(64) {
            check(bytes.get(cut..).unwrap_or_default());
            check(
                bytes
                    .get(..bytes.len().saturating_sub(cut))
                    .unwrap_or_default(),
            );
        }
    }
}

#[test]
fn split_replays_its_corpus() {
    replay("split", split::check);
}

#[test]
fn apdu_replays_its_corpus() {
    replay("apdu", apdu::check);
}

#[test]
fn axdr_replays_its_corpus() {
    replay("axdr", axdr::check);
}

#[test]
fn deciphered_apdu_replays_its_corpus() {
    replay("deciphered_apdu", deciphered_apdu::check);
}

#[test]
fn hdlc_replays_its_corpus() {
    replay("hdlc", hdlc::check);
}

#[test]
fn gbt_replays_its_corpus() {
    replay("gbt", gbt::check);
}
