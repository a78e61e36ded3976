//! The quickest of several rounds of pushes, in nanoseconds: what `benches/against.py` runs of
//! two commits in turn, so it uses nothing that an older one lacks.
//!
//! `pushes INTERVALS ROUNDS METERS`: one round is one push of every meter, as in the bench `decode`.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    unused_crate_dependencies,
    reason = "it measures time, says it, and stops at the first surprise"
)]

#[path = "../tests/world/mod.rs"]
mod world;

use std::time::{Duration, Instant};

use cosem::framing::Framing;
use cosem::security::OpenKey;
use reads::{Protection, Settings};
use world::{INTERVAL_S, Interval, MIDNIGHT_S, Meter, decode_frames, decoder, split, wrapped};

fn main() {
    let mut asked = std::env::args().skip(1).map(|each| each.parse::<u32>());
    let mut next = || asked.next().and_then(Result::ok).expect("three numbers");
    let (intervals, rounds, meters) = (next(), next(), next());
    let mut decoder = decoder(Settings::default());
    let meters: Vec<(Meter, OpenKey)> = (1..=meters)
        .map(|number| {
            let meter = Meter::new(number);
            meter.register(&mut decoder, Protection::ENCRYPT_AUTHENTICATE);
            let key = OpenKey::new(&meter.encryption_key(), &meter.authentication_key());
            (meter, key.expect("two keys of sixteen bytes"))
        })
        .collect();
    let mut quickest = Duration::MAX;
    for round in 1..=rounds {
        let before = i64::from(round * intervals);
        let pushes = meters
            .iter()
            .flat_map(|(meter, key)| sealed(*meter, key, round, before, intervals));
        let frames = split(Framing::Wrapper, &pushes.collect::<Vec<u8>>());
        let now_s = MIDNIGHT_S + (before + i64::from(intervals)) * i64::from(INTERVAL_S);
        let start = Instant::now();
        let batch = decode_frames(&mut decoder, now_s * 1_000, &frames);
        quickest = quickest.min(start.elapsed());
        assert!(batch.rejected.is_empty(), "a push of ours is refused");
        decoder.recycle(batch.record);
    }
    println!("{}", quickest.as_nanos());
}

fn sealed(meter: Meter, key: &OpenKey, round: u32, before: i64, intervals: u32) -> Vec<u8> {
    let rows: Vec<Interval> = (1..=intervals)
        .map(|n| Interval::nth(before + i64::from(n), 250 + n + meter.number % 97))
        .collect();
    let (push, title) = (meter.push(&rows), meter.title());
    let mut sealed = Vec::new();
    cosem::encode::general_glo(key, meter.control, &title, round, &push, &mut sealed)
        .expect("a key that seals");
    wrapped(&sealed)
}
