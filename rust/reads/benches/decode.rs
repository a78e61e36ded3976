//! Frames to journal records and records to blocks: `cargo bench -p reads --bench decode`.
//!
//! One round is one push of every meter, each with new reads and the next counter, as a fleet sends
//! them. Sealing the frames and splitting them are outside the measurement.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    unused_crate_dependencies,
    reason = "a bench measures time and stops at the first surprise"
)]

#[path = "../tests/world/mod.rs"]
mod world;

use std::time::{Duration, Instant};

use cosem::framing::{Frames, Framing};
use cosem::security::OpenKey;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use reads::{Decoder, Protection, Settings, gather};
use world::{INTERVAL_S, Interval, MIDNIGHT_S, Meter, decode_frames, decoder, split, wrapped};

/// About eight megabytes of 48-interval pushes, which is what the service decodes in one go.
const FRAMES_PER_BATCH: usize = 4_000;

/// Meters that send, and how many intervals a push holds.
struct Fleet {
    meters: Vec<(Meter, OpenKey)>,
    intervals: u32,
    decoder: Decoder,
    round: u32,
}

impl Fleet {
    fn new(meters: u32, intervals: u32) -> Self {
        let mut decoder = decoder(Settings::default());
        let meters = (1..=meters).map(|number| {
            let meter = Meter::new(number);
            meter.register(&mut decoder, Protection::ENCRYPT_AUTHENTICATE);
            let key = OpenKey::new(&meter.encryption_key(), &meter.authentication_key());
            (meter, key.expect("two keys of sixteen bytes"))
        });
        let meters = meters.collect();
        Self {
            meters,
            intervals,
            decoder,
            round: 0,
        }
    }

    /// The next push of every meter, in batches, and when they arrive.
    fn round(&mut self) -> (Vec<Frames>, i64) {
        self.round += 1;
        let before = i64::from(self.round * self.intervals);
        let batches = self.meters.chunks(FRAMES_PER_BATCH).map(|meters| {
            let frames = meters.iter().flat_map(|meter| self.frame(meter, before));
            split(Framing::Wrapper, &frames.collect::<Vec<u8>>())
        });
        let now_s = MIDNIGHT_S + (before + i64::from(self.intervals)) * i64::from(INTERVAL_S);
        (batches.collect(), now_s * 1_000)
    }

    fn frame(&self, (meter, key): &(Meter, OpenKey), before: i64) -> Vec<u8> {
        let intervals: Vec<Interval> = (1..=self.intervals)
            .map(|n| Interval::nth(before + i64::from(n), 250 + n + meter.number % 97))
            .collect();
        let mut sealed = Vec::new();
        let push = meter.push(&intervals);
        let (control, title) = (meter.control, meter.title());
        cosem::encode::general_glo(key, control, &title, self.round, &push, &mut sealed)
            .expect("a key that seals");
        wrapped(&sealed)
    }

    /// Decodes a round; the records are given back as memory, as the service does.
    fn decode(&mut self, (batches, now_ms): &(Vec<Frames>, i64)) -> u64 {
        let mut reads = 0;
        for frames in batches {
            let batch = decode_frames(&mut self.decoder, *now_ms, frames);
            reads += batch.tally.reads_stored;
            self.decoder.recycle(batch.record);
        }
        reads
    }

    fn reads(&self) -> u64 {
        u64::from(self.intervals) * u64::try_from(self.meters.len()).unwrap()
    }
}

fn decoding(criterion: &mut Criterion) {
    for (meters, intervals) in [(256, 48), (20_000, 48), (256, 1), (20_000, 1)] {
        let mut fleet = Fleet::new(meters, intervals);
        let first = fleet.round();
        assert_eq!(fleet.decode(&first), fleet.reads());
        let mut group = criterion.benchmark_group("decode");
        group.throughput(Throughput::Elements(fleet.reads()));
        group.bench_function(
            format!("{intervals} intervals, {meters} meters"),
            |bencher| {
                bencher.iter_custom(|rounds| {
                    let mut spent = Duration::ZERO;
                    for _ in 0..rounds {
                        let round = fleet.round();
                        let start = Instant::now();
                        let reads = fleet.decode(&round);
                        spent += start.elapsed();
                        assert_eq!(reads, fleet.reads());
                    }
                    spent
                });
            },
        );
        group.finish();
    }
}

fn gathering(criterion: &mut Criterion) {
    for (name, meters, intervals, shuffled) in [
        ("48 intervals", 1_000, 48, false),
        ("1 interval, by meter", 20_000, 1, false),
        ("1 interval, at random", 20_000, 1, true),
    ] {
        let mut fleet = Fleet::new(meters, intervals);
        let mut records = Vec::new();
        let mut first = 1 << 40;
        while u64::from(fleet.round) * fleet.reads() < 480_000 {
            if shuffled {
                shuffle(&mut fleet.meters);
            }
            let (batches, now_ms) = fleet.round();
            for frames in batches {
                let batch = decode_frames(&mut fleet.decoder, now_ms, &frames);
                records.push((first, batch.record));
                first += u64::from(batch.rows);
            }
        }
        let records: Vec<(u64, &[u8])> = records
            .iter()
            .map(|(first, record)| (*first, record.as_slice()))
            .collect();
        let reads = gather(&records).expect("records of our own").reads;
        let mut group = criterion.benchmark_group("gather");
        group.throughput(Throughput::Elements(reads));
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || (),
                |()| gather(&records).unwrap(),
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

/// A fixed permutation, the same in every run.
fn shuffle(meters: &mut [(Meter, OpenKey)]) {
    let mut state = 0x9e37_79b9_u32;
    for at in (1..meters.len()).rev() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        meters.swap(at, usize::try_from(state >> 8).unwrap() % (at + 1));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = decoding, gathering
}
criterion_main!(benches);
