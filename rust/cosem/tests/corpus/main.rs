//! Replays the fuzz corpus on a stable toolchain, with the checks that the fuzz targets use.

mod apdu;
mod axdr;
mod split;

use std::path::PathBuf;

/// Every file of `rust/fuzz/corpus/<target>`.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let named = |path: &PathBuf| (path.display().to_string(), std::fs::read(path).unwrap());
    files.iter().map(named).collect()
}

fn replay(target: &str, check: fn(&[u8])) {
    let corpus = corpus(target);
    assert!(corpus.len() >= 20, "the corpus of {target} is missing");
    for (name, bytes) in corpus {
        println!("{name}");
        check(&bytes);
        // Cut short anywhere near its ends, it must not do worse.
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
