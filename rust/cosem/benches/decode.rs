//! The hot path and its halves, in intervals a second: `cargo bench -p cosem --bench decode`.
//!
//! One iteration is one push of each of 256 meters. How far this is from a bare C program is what
//! the bench `limit` says.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench stops at the first surprise, and is no library"
)]

mod input;

use cosem::framing::{Frames, Framing, Limits, Splitter, What};
use cosem::security::OpenKey;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use input::{DAY, Decoding, METERS, Meter};

/// How one push is decoded.
type Decode = fn(&mut Decoding, &Meter);

const WAYS: [(&str, Decode); 3] = [
    ("open and walk, cached keys", |decoding, meter| {
        decoding.open_and_walk(meter.apdu(), &meter.key);
    }),
    ("open and walk, fresh keys", |decoding, meter| {
        decoding.open_and_walk(meter.apdu(), &fresh(meter));
    }),
    ("walk alone", |decoding, meter| decoding.walk(&meter.plain)),
];

const HALVES: [(&str, Decode); 2] = [
    ("open alone, cached keys", |decoding, meter| {
        decoding.open(meter.apdu(), &meter.key);
    }),
    ("open alone, fresh keys", |decoding, meter| {
        decoding.open(meter.apdu(), &fresh(meter));
    }),
];

fn fresh(meter: &Meter) -> OpenKey {
    OpenKey::new(&meter.encryption_key, &meter.authentication_key).expect("sixteen bytes each")
}

fn pushes(criterion: &mut Criterion) {
    for (name, rows) in [("A: 48 intervals", DAY), ("B: 1 interval", 1)] {
        let fleet = input::fleet(rows);
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(u64::from(METERS) * u64::from(rows)));
        for (way, decode) in WAYS {
            let mut decoding = Decoding::default();
            for meter in &fleet {
                decode(&mut decoding, meter);
            }
            decoding.assert_sound(rows);
            measure(&mut group, way, &fleet, decode);
        }
        for (half, decode) in HALVES {
            measure(&mut group, half, &fleet, decode);
        }
        from_the_stream(&mut group, &fleet);
        group.finish();
    }
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, fleet: &[Meter], decode: Decode) {
    let mut decoding = Decoding::default();
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            decoding.clear();
            for meter in fleet {
                decode(&mut decoding, meter);
            }
        });
    });
}

/// Everything from the bytes of one TCP connection on, which carries all meters' frames.
fn from_the_stream(group: &mut BenchmarkGroup<'_, WallTime>, fleet: &[Meter]) {
    let stream: Vec<u8> = fleet
        .iter()
        .flat_map(|meter| meter.wire.iter().copied())
        .collect();
    let mut splitter = Splitter::new(Framing::Wrapper, Limits::default());
    let (mut frames, mut decoding) = (Frames::default(), Decoding::default());
    group.bench_function("split, open and walk, cached keys", |bencher| {
        bencher.iter(|| {
            decoding.clear();
            frames.clear();
            splitter.feed(&stream, &mut frames);
            for (entry, meter) in frames.entries.iter().zip(fleet) {
                assert!(
                    matches!(entry.what, What::Apdu { .. }),
                    "a frame of ours is refused"
                );
                decoding.open_and_walk(frames.get(entry.apdu), &meter.key);
            }
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = pushes
}
criterion_main!(benches);
