//! How far from a bare C program: `cargo bench -p cosem --bench limit`.
//!
//! Ours and the program in `limit/limit.c` decode the same frames in alternating rounds, measured in CPU time,
//! so that a busy machine slows both; the ratio is the result, the absolute figures are only of that machine.
//! Needs `cc` and OpenSSL's headers; without them ours is measured alone, and the table says so.
//! `-- --json` prints one JSON object a line instead of the table. `-- --once WAY A|B ROUNDS` runs one way only, for a profiler.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench stops at the first surprise, prints its figures, and is no library"
)]

mod input;

use cosem::security::OpenKey;
use input::{DAY, Decoding, METERS, Meter};
use rustix::time::{ClockId, clock_gettime};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Alternations; the median of them is reported.
const ALTERNATIONS: usize = 21;
/// CPU time of one measurement.
const ROUND_NS: i64 = 10_000_000;

/// One way to decode all frames `rounds` times: CPU nanoseconds.
type Way<'a> = Box<dyn FnMut(u64) -> i64 + 'a>;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--once") {
        return once(&arguments[at + 1..]);
    }
    let json = arguments.iter().any(|argument| argument == "--json");
    let program = compiled();
    for (name, rows) in [("A", DAY), ("B", 1)] {
        let fleet = input::fleet(rows);
        sound(&fleet, rows);
        let mut limit = program
            .as_deref()
            .map(|program| Limit::start(program, &fleet, name, rows));
        let medians = alternate(&fleet, limit.as_mut());
        let intervals = f64::from(METERS) * f64::from(rows);
        report(name, intervals, &medians, json);
    }
    if let Some(program) = program {
        std::fs::remove_file(program).expect("what this run built");
    }
}

/// Refuses to measure a decoder that is wrong.
fn sound(fleet: &[Meter], rows: u16) {
    let mut decoding = Decoding::default();
    for meter in fleet {
        decoding.open_and_walk(meter.apdu(), &meter.key);
    }
    decoding.assert_sound(rows);
}

/// Ours, then the limit's, over and over; per way the median of CPU nanoseconds per round of the fleet.
fn alternate(fleet: &[Meter], limit: Option<&mut Limit>) -> Vec<(String, f64)> {
    let mut ways: Vec<(String, Way<'_>)> = ours(fleet);
    let limit = limit.map(std::cell::RefCell::new);
    if let Some(limit) = &limit {
        for (walk, keys) in [
            ("template", "fresh"),
            ("generic", "fresh"),
            ("template", "cached"),
            ("generic", "cached"),
        ] {
            let run = move |rounds| limit.borrow_mut().run(walk, keys, rounds);
            ways.push((format!("C, {walk} walk, {keys} keys"), Box::new(run)));
        }
    }
    let rounds: Vec<u64> = ways.iter_mut().map(|(_, way)| enough(way)).collect();
    let mut samples = vec![Vec::new(); ways.len()];
    for _ in 0..ALTERNATIONS {
        for (index, (_, way)) in ways.iter_mut().enumerate() {
            samples[index].push(way(rounds[index]) as f64 / rounds[index] as f64);
        }
    }
    let names = ways.into_iter().map(|(name, _)| name);
    names.zip(samples.into_iter().map(median)).collect()
}

/// Rounds that take about [`ROUND_NS`], found on a warm way.
fn enough(way: &mut Way<'_>) -> u64 {
    way(2);
    let one_ns = (way(4) / 4).max(1);
    u64::try_from(ROUND_NS / one_ns).expect("positive").max(1)
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn ours(fleet: &[Meter]) -> Vec<(String, Way<'_>)> {
    let named = ["cached", "fresh", "open", "walk"].map(|name| (name, way(name, fleet)));
    named
        .into_iter()
        .map(|(name, way)| (describe(name).to_owned(), way))
        .collect()
}

fn describe(name: &str) -> &str {
    match name {
        "cached" => "ours, cached keys",
        "fresh" => "ours, fresh keys",
        "open" => "ours, opening alone",
        _ => "ours, walking alone",
    }
}

fn way<'a>(name: &str, fleet: &'a [Meter]) -> Way<'a> {
    let decode: fn(&mut Decoding, &Meter) = match name {
        "cached" => |decoding, meter| decoding.open_and_walk(meter.apdu(), &meter.key),
        "fresh" => |decoding, meter| {
            let key = OpenKey::new(&meter.encryption_key, &meter.authentication_key);
            decoding.open_and_walk(meter.apdu(), &key.expect("sixteen bytes each"));
        },
        "open" => |decoding, meter| decoding.open(meter.apdu(), &meter.key),
        _ => |decoding, meter| decoding.walk(&meter.plain),
    };
    let mut decoding = Decoding::default();
    Box::new(move |rounds| {
        let start = cpu_ns();
        for _ in 0..rounds {
            decoding.clear();
            for meter in fleet {
                decode(&mut decoding, meter);
            }
        }
        cpu_ns() - start
    })
}

fn cpu_ns() -> i64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

fn once(arguments: &[String]) {
    let [name, input, rounds, ..] = arguments else {
        println!("--once WAY A|B ROUNDS");
        return;
    };
    let fleet = input::fleet(if input == "A" { DAY } else { 1 });
    let rounds = rounds.parse().expect("a number of rounds");
    let ns = way(name, &fleet)(rounds);
    println!(
        "{name} {input}: {} ns a push",
        ns / i64::from(METERS) / i64::try_from(rounds).expect("small")
    );
}

fn report(input: &str, intervals: f64, medians: &[(String, f64)], json: bool) {
    let limit = medians
        .iter()
        .find(|(name, _)| name == "C, template walk, fresh keys");
    if !json {
        println!(
            "\n{input}: {intervals} intervals a round{:>26}{:>14}{:>10}",
            "intervals/s", "ns a push", "of limit"
        );
    }
    for (name, ns) in medians {
        let (rate, push_ns) = (intervals * 1e9 / ns, ns / f64::from(METERS));
        let ratio = limit.map(|(_, limit_ns)| limit_ns / ns);
        if json {
            let ratio = ratio.map_or_else(|| "null".to_owned(), |ratio| format!("{ratio:.3}"));
            println!(
                r#"{{"input":"{input}","way":"{name}","intervals_per_s":{rate:.0},"push_ns":{push_ns:.1},"of_limit":{ratio}}}"#
            );
        } else {
            let ratio = ratio.map_or_else(|| "no cc".to_owned(), |ratio| format!("{ratio:.2}"));
            println!("  {name:34}{rate:>18.0}{push_ns:>14.1}{ratio:>10}");
        }
    }
}

/// The C program, when this machine can build it.
fn compiled() -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/limit/limit.c");
    let program = std::env::temp_dir().join(format!("meteringest-limit-{}", std::process::id()));
    let built = Command::new("cc")
        .args(["-O3", "-march=native", "-o"])
        .args([&program, &source])
        .arg("-lcrypto")
        .stderr(Stdio::null())
        .status();
    built
        .is_ok_and(|status| status.success())
        .then_some(program)
}

/// The running C program.
struct Limit {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    frames: PathBuf,
    rows: i64,
}

impl Limit {
    fn start(program: &Path, fleet: &[Meter], name: &str, rows: u16) -> Self {
        let frames = program.with_extension(name);
        std::fs::write(&frames, written(fleet)).expect("frames written");
        let mut command = Command::new(program);
        let child = command
            .arg(&frames)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.expect("the program that was just built");
        Self {
            requests: child.stdin.take().expect("piped"),
            answers: BufReader::new(child.stdout.take().expect("piped")),
            child,
            frames,
            rows: i64::from(METERS) * i64::from(rows),
        }
    }

    /// CPU nanoseconds of `rounds`; stops when it does not decode what ours does.
    fn run(&mut self, walk: &str, keys: &str, rounds: u64) -> i64 {
        writeln!(self.requests, "{walk} {keys} {rounds}").expect("it listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        let numbers: Vec<i64> = answer
            .split_whitespace()
            .map(|number| number.parse().expect("a number"))
            .collect();
        assert_eq!(numbers[0], self.rows, "the limit decodes every row");
        numbers[1]
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        // It only computes; there is nothing it could leave undone.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.frames);
    }
}

fn written(fleet: &[Meter]) -> Vec<u8> {
    let mut bytes = u32::from(METERS).to_ne_bytes().to_vec();
    for meter in fleet {
        bytes.extend(meter.encryption_key);
        bytes.extend(meter.authentication_key);
        bytes.extend(
            u32::try_from(meter.wire.len())
                .expect("a frame")
                .to_ne_bytes(),
        );
        bytes.extend(&meter.wire);
    }
    bytes
}
