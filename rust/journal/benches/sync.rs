//! Append and sync beside the bare write and fdatasync of the same bytes, turn by turn.
//!
//! `cargo bench -p journal`: machines are noisy, so the ratios count, not the rates.
#![expect(
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench reads the clock and prints what it saw"
)]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use journal::{Folder, Journal, Settings};

const ROUNDS: usize = 5;

fn main() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench");
    println!("   bytes   raw MB/s  journal MB/s  journal / raw (median of {ROUNDS} turns)");
    for (bytes, times) in [(4096, 300), (65_536, 300), (1 << 20, 150), (8 << 20, 30)] {
        let body = vec![0x5a_u8; bytes];
        let turn = |_| (raw(&folder, &body, times), journal(&folder, &body, times));
        let mut turns: Vec<(f64, f64)> = (0..ROUNDS).map(turn).collect();
        turns.sort_by(|one, other| (one.1 / one.0).total_cmp(&(other.1 / other.0)));
        let (raw, journal) = turns.get(ROUNDS >> 1).copied().expect("rounds");
        println!("{bytes:8} {raw:10.0} {journal:13.0} {:14.2}", journal / raw);
    }
}

fn raw(folder: &Path, body: &[u8], times: usize) -> f64 {
    std::fs::create_dir_all(folder).expect("a folder");
    let file = File::create(folder.join("raw")).expect("a file");
    let mut offset = 0;
    let rate = rate(body.len(), times, || {
        file.write_all_at(body, offset).expect("written");
        file.sync_data().expect("synced");
        offset = offset.saturating_add(body.len() as u64);
    });
    std::fs::remove_dir_all(folder).expect("removed");
    rate
}

fn journal(folder: &Path, body: &[u8], times: usize) -> f64 {
    let files = Arc::new(Folder::new(folder).expect("a folder"));
    let settings = Settings {
        segment_bytes: 128 << 20,
        ..Settings::default()
    };
    let (journal, _) = Journal::open(files, settings).expect("open");
    let rate = rate(body.len(), times, || {
        journal.append(1, 0, body).expect("room");
        journal.sync().expect("synced");
    });
    drop(journal);
    std::fs::remove_dir_all(folder).expect("removed");
    rate
}

fn rate(bytes: usize, times: usize, mut step: impl FnMut()) -> f64 {
    let began = Instant::now();
    for _ in 0..times {
        step();
    }
    (bytes.saturating_mul(times)) as f64 / began.elapsed().as_secs_f64() / 1e6
}
