//! The journal against a list of records, through every fault the simulated disk knows:
//! what was synced survives, nothing is invented, the order is kept.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use journal::simulated::{Fault, SimulatedDisk};
use journal::{Journal, JournalError, Limit, Recovery, Settings, Skipped};
use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
enum Operation {
    Append { rows: u32, bytes: usize },
    Sync,
    Read { skip: usize, rows: u64 },
    Release { share: usize },
    Checkpoint { bytes: usize },
    Reopen,
    Kill,
    PowerCut(u64),
    Meet(Fault),
    DiskFull(u64),
    FlipBit { file: usize, bit: u64 },
    FlipAndSalvage { file: usize, bit: u64 },
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::{
        Append, Checkpoint, DiskFull, FlipAndSalvage, FlipBit, Kill, Meet, PowerCut, Read, Release,
        Reopen, Sync,
    };
    prop_oneof![
        12 => (1..5_u32, 0..900_usize).prop_map(|(rows, bytes)| Append { rows, bytes }),
        6 => Just(Sync),
        3 => (0..20_usize, 0..30_u64).prop_map(|(skip, rows)| Read { skip, rows }),
        1 => (0..100_usize).prop_map(|share| Release { share }),
        1 => (0..2000_usize).prop_map(|bytes| Checkpoint { bytes }),
        1 => Just(Reopen),
        1 => Just(Kill),
        2 => any::<u64>().prop_map(PowerCut),
        1 => (1..600_usize).prop_map(|most| Meet(Fault::ShortWrite(most))),
        1 => (0..1500_usize).prop_map(|most| Meet(Fault::KillInWrite(most))),
        1 => Just(Meet(Fault::WriteError)),
        1 => Just(Meet(Fault::SyncError)),
        1 => (0..1500_u64).prop_map(DiskFull),
        1 => (any::<usize>(), any::<u64>()).prop_map(|(file, bit)| FlipBit { file, bit }),
        1 => (any::<usize>(), any::<u64>()).prop_map(|(file, bit)| FlipAndSalvage { file, bit }),
    ]
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    first: u64,
    rows: u32,
    body: Vec<u8>,
}

impl Row {
    fn next(&self) -> u64 {
        self.first + u64::from(self.rows)
    }
}

struct World {
    disk: SimulatedDisk,
    journal: Option<Journal>,
    records: Vec<Row>,
    durable: u64,
    stored: u64,
    /// What the checkpoint may hold: one value, or two after a failed write.
    checkpoint: Vec<Option<Vec<u8>>>,
    seen: Vec<Skipped>,
    serial: u8,
}

const FIRST: u64 = 1 << 40;

impl World {
    fn new() -> Self {
        let mut world = Self {
            disk: SimulatedDisk::default(),
            journal: None,
            records: Vec::new(),
            durable: FIRST,
            stored: FIRST,
            checkpoint: vec![None],
            seen: Vec::new(),
            serial: 0,
        };
        world.recover();
        world
    }

    fn open(&self, salvage: bool) -> Result<(Journal, Recovery), JournalError> {
        let settings = Settings {
            node: 7,
            first_position: FIRST,
            segment_bytes: 2500,
            pending_bytes_max: 8000,
            free_bytes_min: 0,
            seed: 0x5eed,
            salvage,
        };
        Journal::open(self.disk.files(), settings)
    }

    fn journal(&self) -> &Journal {
        self.journal.as_ref().expect("open")
    }

    /// Opens after a crash: the synced records are there, and of the others a prefix.
    fn recover(&mut self) {
        self.journal = None;
        self.disk.limit(None);
        let (journal, recovery) = self.open(false).expect("a crash is no damage");
        self.adopt(journal, &recovery);
    }

    fn adopt(&mut self, journal: Journal, recovery: &Recovery) {
        assert!(recovery.appended >= self.durable, "synced rows are gone");
        assert!(recovery.stored == self.stored, "the stored position moved");
        assert!(journal.durable() == recovery.appended);
        self.records.retain(|row| row.first < recovery.appended);
        self.durable = recovery.appended;
        self.journal = Some(journal);
        let kept = self.journal().read_checkpoint("plan").expect("sound");
        assert!(self.checkpoint.contains(&kept), "a checkpoint was torn");
        self.checkpoint = vec![kept];
        self.check_reads(self.stored, u64::MAX);
    }

    fn check_reads(&self, from: u64, until: u64) {
        let limit = Limit {
            until,
            bytes: usize::MAX,
        };
        let read = self.journal().read(from, limit).expect("readable");
        let read: Vec<Row> = read
            .iter()
            .map(|record| Row {
                first: record.first,
                rows: record.rows,
                body: record.body.to_vec(),
            })
            .collect();
        let mut expected: Vec<Row> = Vec::new();
        for row in self.records.iter().filter(|row| row.first >= from) {
            let fits = expected.is_empty() || row.next() <= until;
            if row.next() > self.durable || !fits {
                break;
            }
            expected.push(row.clone());
        }
        assert_eq!(read, expected);
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Append { rows, bytes } => self.append(rows, bytes),
            Operation::Sync => self.sync(),
            Operation::Read { skip, rows } => {
                let from = self.records.iter().map(|row| row.first);
                let from = from.filter(|first| *first >= self.stored).nth(skip);
                let from = from.unwrap_or(self.durable).min(self.durable);
                self.check_reads(from, from + rows);
            }
            Operation::Release { share } => self.release(share),
            Operation::Checkpoint { bytes } => self.write_checkpoint(bytes),
            Operation::Reopen => self.recover(),
            Operation::Kill => {
                self.disk.kill();
                self.recover();
            }
            Operation::PowerCut(seed) => {
                self.disk.power_cut(seed);
                self.recover();
            }
            Operation::Meet(fault) => self.disk.meet(fault),
            Operation::DiskFull(more) => {
                let used: u64 = self.disk.list().iter().map(|(_, bytes)| bytes).sum();
                self.disk.limit(Some(used + more));
            }
            Operation::FlipBit { file, bit } => self.flip(file, bit, false),
            Operation::FlipAndSalvage { file, bit } => self.flip(file, bit, true),
        }
    }

    fn append(&mut self, rows: u32, bytes: usize) {
        self.serial = self.serial.wrapping_add(1);
        // The body looks like frames of the journal itself, as a hostile sender's might.
        let body: Vec<u8> = b"MIJR"
            .iter()
            .chain(&[self.serial])
            .copied()
            .cycle()
            .take(bytes)
            .collect();
        let before = self.journal().appended();
        match self.journal().append(rows, 5, &body) {
            Ok(next) => {
                assert_eq!(next, before + u64::from(rows));
                self.records.push(Row {
                    first: before,
                    rows,
                    body,
                });
            }
            Err(JournalError::Full { .. }) => assert_eq!(self.journal().appended(), before),
            Err(_) => self.fall(),
        }
    }

    fn sync(&mut self) {
        match self.journal().sync() {
            Ok(durable) => {
                assert_eq!(durable, self.journal().appended());
                self.durable = durable;
            }
            // Room appears, and the same journal goes on by itself.
            Err(JournalError::Full { .. }) => {
                self.disk.limit(None);
                self.durable = self.journal().durable();
            }
            Err(_) => self.fall(),
        }
    }

    /// An error that ends the process: a poisoned journal stays poisoned, a new process recovers.
    fn fall(&mut self) {
        assert!(
            self.journal().append(1, 0, b"x").is_err(),
            "poison does not wear off"
        );
        self.disk.kill();
        self.recover();
    }

    fn release(&mut self, share: usize) {
        let safe: Vec<u64> = self.records.iter().map(Row::next).collect();
        let Some(to) = safe.get(safe.len() * share / 100).copied() else {
            return;
        };
        if to > self.durable || to < self.stored {
            return;
        }
        if self.journal().release(to, u64::MAX).is_ok() {
            self.stored = to;
            return;
        }
        self.disk.kill();
        self.journal = None;
        self.disk.limit(None);
        let (journal, recovery) = self.open(false).expect("a crash is no damage");
        assert!([self.stored, to].contains(&recovery.stored));
        self.stored = recovery.stored;
        self.adopt(journal, &recovery);
    }

    fn write_checkpoint(&mut self, bytes: usize) {
        let value = vec![self.serial; bytes];
        if self.journal().write_checkpoint("plan", &value).is_ok() {
            self.checkpoint = vec![Some(value)];
        } else {
            self.checkpoint.push(Some(value));
            self.disk.kill();
            self.recover();
        }
    }

    fn flip(&mut self, file: usize, bit: u64, salvage: bool) {
        // Damage is told from a torn tail by the mark behind the last sync: let it be there.
        self.disk.kill();
        self.recover();
        self.journal = None;
        self.disk.kill();
        let files: Vec<_> = self
            .disk
            .list()
            .into_iter()
            .filter(|(name, _)| name.starts_with("segment-"))
            .collect();
        let (name, bytes) = &files[file % files.len()];
        let bit = bit % (bytes * 8);
        assert!(self.disk.flip(name, bit));
        match self.open(false) {
            Ok((journal, recovery)) => self.adopt(journal, &recovery),
            Err(JournalError::Corrupt { path, .. }) => {
                assert!(path.contains("segment-"));
                if !(salvage && self.salvage()) {
                    self.disk.flip(name, bit);
                    self.recover();
                }
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// All but the reported rows survive, and the next opening need not be told again.
    fn salvage(&mut self) -> bool {
        let Ok((journal, recovery)) = self.open(true) else {
            return false; // the only header of the journal: there is no seed to read the rest with
        };
        let lost = |row: &Row| {
            let mut skips = recovery.skipped.iter();
            skips.any(|skip| row.first < skip.next && row.next() > skip.first)
        };
        self.records.retain(|row| !lost(row));
        let skips = recovery.skipped.iter();
        let fresh = skips.filter(|skip| skip.next > skip.first && !self.seen.contains(skip));
        assert!(
            fresh.count() <= 1,
            "one bit, one loss: {:?}",
            recovery.skipped
        );
        self.seen.clone_from(&recovery.skipped);
        self.adopt(journal, &recovery);
        self.recover();
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_synced_survives_everything(operations in prop::collection::vec(operation(), 1..80)) {
        let mut world = World::new();
        for operation in operations {
            world.apply(operation);
        }
        world.disk.kill();
        world.recover();
    }
}
