//! One test for each promise of docs/journal.md that a list of random operations meets too rarely.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::path::PathBuf;
use std::sync::Arc;

use journal::simulated::{Fault, SimulatedDisk};
use journal::{Folder, Journal, JournalError, Limit, Recovery, Settings};

mod chain;
mod gate;

const ALL: Limit = Limit {
    until: u64::MAX,
    bytes: usize::MAX,
};

fn settings() -> Settings {
    Settings {
        node: 7,
        first_position: 100,
        segment_bytes: 400,
        pending_bytes_max: 4000,
        free_bytes_min: 0,
        seed: 0x5eed,
        salvage: false,
    }
}

fn open(disk: &SimulatedDisk, salvage: bool) -> Result<(Journal, Recovery), JournalError> {
    let settings = Settings {
        salvage,
        ..settings()
    };
    Journal::open(disk.files(), settings)
}

fn bodies(journal: &Journal, from: u64) -> Vec<Vec<u8>> {
    let records = journal.read(from, ALL).expect("readable");
    records.iter().map(|record| record.body.to_vec()).collect()
}

fn write(journal: &Journal, bodies: &[&[u8]]) -> u64 {
    for body in bodies {
        journal.append(10, 1, body).expect("room");
    }
    journal.sync().expect("sound")
}

fn segments(disk: &SimulatedDisk) -> Vec<String> {
    let names = disk.list().into_iter().map(|(name, _)| name);
    names.filter(|name| name.starts_with("segment-")).collect()
}

fn corrupt(opened: Result<(Journal, Recovery), JournalError>) -> (String, u64, String) {
    match opened.map(|_| ()) {
        Err(JournalError::Corrupt {
            path,
            offset,
            reason,
        }) => (path, offset, reason),
        other => panic!("not corrupt: {other:?}"),
    }
}

/// A folder below the target directory, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn open(&self) -> Result<(Journal, Recovery), JournalError> {
        Journal::open(
            Arc::new(Folder::new(&self.0).expect("a folder")),
            settings(),
        )
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_real_folder_keeps_records_over_rotation_release_and_reopening() {
    let scratch = Scratch::new("keeps");
    let (journal, _) = scratch.open().unwrap();
    for round in 0..20_u8 {
        assert_eq!(
            write(&journal, &[&[round; 100]]),
            110 + u64::from(round) * 10
        );
    }
    journal.write_checkpoint("plan", b"one").unwrap();
    journal.write_checkpoint("plan", b"two").unwrap();
    for wrong in [99, 301] {
        let refused = journal.release(wrong, u64::MAX);
        assert!(matches!(refused, Err(JournalError::Refused { .. })));
    }
    assert!(journal.release(205, u64::MAX).unwrap() > 0);
    assert!(matches!(
        journal.read(100, ALL),
        Err(JournalError::Refused { .. })
    ));
    drop(journal);
    let (journal, recovery) = scratch.open().unwrap();
    assert_eq!((recovery.appended, recovery.stored), (300, 205));
    assert_eq!((recovery.torn_bytes, recovery.skipped.len()), (0, 0));
    assert_eq!(
        journal.read_checkpoint("plan").unwrap().as_deref(),
        Some(&b"two"[..])
    );
    assert_eq!(journal.read_checkpoint("none").unwrap(), None);
    let expected: Vec<Vec<u8>> = (11..20_u8).map(|round| vec![round; 100]).collect();
    assert_eq!(bodies(&journal, 210), expected);
    let exact = journal.read_exact(220, 250).unwrap();
    assert_eq!(
        exact.iter().map(|record| record.first).collect::<Vec<_>>(),
        [220, 230, 240]
    );
    assert!(matches!(
        journal.read_exact(220, 245),
        Err(JournalError::Refused { .. })
    ));
    assert!(matches!(
        journal.read(215, ALL),
        Err(JournalError::Refused { .. })
    ));
}

#[test]
fn a_second_opening_of_a_folder_is_told_who_holds_it() {
    let scratch = Scratch::new("locked");
    let held = scratch.open().unwrap();
    let error = scratch.open().map(|_| ()).unwrap_err();
    assert!(matches!(error, JournalError::Locked { .. }));
    let said = error.to_string();
    assert!(
        said.contains("locked") && said.contains(&std::process::id().to_string()),
        "{said}"
    );
    drop(held);
    scratch.open().unwrap();
}

#[test]
fn a_folder_of_another_node_is_refused() {
    let disk = SimulatedDisk::default();
    drop(open(&disk, false).unwrap());
    let other = Settings {
        node: 8,
        ..settings()
    };
    let error = Journal::open(disk.files(), other).map(|_| ()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("belongs to node 7, this is node 8"),
        "{error}"
    );
}

#[test]
fn a_segment_put_in_anothers_place_shows_in_the_chain() {
    let (ours, theirs) = (Scratch::new("ours"), Scratch::new("theirs"));
    for (scratch, fill) in [(&ours, 1_u8), (&theirs, 2)] {
        let (journal, _) = scratch.open().unwrap();
        for _ in 0..10 {
            write(&journal, &[&[fill; 100]]);
        }
    }
    let oldest = format!("segment-{:020}", 100);
    std::fs::copy(theirs.0.join(&oldest), ours.0.join(&oldest)).unwrap();
    let (path, _, reason) = corrupt(ours.open());
    assert!(path.ends_with(&format!("segment-{:020}", 120)), "{path}");
    assert!(
        reason.contains("not the one it was written after"),
        "{reason}"
    );
}

#[test]
fn a_missing_segment_shows_wherever_it_was() {
    for gone in [0, 2, 4] {
        let disk = SimulatedDisk::default();
        let (journal, _) = open(&disk, false).unwrap();
        for _ in 0..8 {
            write(&journal, &[&[1; 100]]);
        }
        drop(journal);
        let names = segments(&disk);
        assert_eq!(names.len(), 5);
        assert!(disk.delete(&names[gone]));
        let (_, _, reason) = corrupt(open(&disk, false));
        assert!(reason.contains("missing"), "{reason}");
        let (journal, recovery) = open(&disk, true).unwrap();
        assert_eq!(recovery.skipped.len(), 1);
        let next = write(&journal, &[b"after"]);
        drop(journal);
        let (_, recovery) = open(&disk, false).expect("accepted once, accepted on");
        assert_eq!(recovery.appended, next);
    }
}

#[test]
fn a_full_disk_refuses_and_goes_on_once_there_is_room() {
    let disk = SimulatedDisk::default();
    let (journal, _) = open(&disk, false).unwrap();
    write(&journal, &[&[1; 50]]);
    disk.limit(Some(200));
    journal.append(10, 1, &[2; 150]).expect("memory has room");
    for _ in 0..3 {
        assert!(matches!(journal.sync(), Err(JournalError::Full { .. })));
        assert_eq!(journal.durable(), 110);
    }
    journal.append(10, 1, &[3; 150]).expect("memory has room");
    disk.limit(None);
    assert_eq!(journal.sync().unwrap(), 130);
    disk.power_cut(1);
    let (journal, _) = open(&disk, false).unwrap();
    assert_eq!(
        bodies(&journal, 100),
        [vec![1; 50], vec![2; 150], vec![3; 150]]
    );
}

#[test]
fn appending_stops_before_the_disk_is_full_and_before_memory_is() {
    let disk = SimulatedDisk::default();
    let reserve = Settings {
        free_bytes_min: 1000,
        ..settings()
    };
    let (journal, _) = Journal::open(disk.files(), reserve).unwrap();
    disk.limit(Some(1300));
    write(&journal, &[&[1; 100]]);
    assert!(matches!(
        journal.append(1, 1, &[1; 100]),
        Err(JournalError::Full { .. })
    ));
    disk.limit(Some(100_000));
    for _ in 0..27 {
        journal
            .append(1, 1, &[1; 100])
            .expect("room was noticed without a sync");
    }
    let error = journal.append(1, 1, &[1; 100]).unwrap_err();
    assert!(
        error.to_string().contains("would wait for a sync"),
        "{error}"
    );
    journal.sync().unwrap();
    journal.append(1, 1, &[1; 100]).expect("the wait is over");
}

#[test]
fn a_torn_tail_is_cut_and_counted() {
    let disk = SimulatedDisk::default();
    let (journal, _) = open(&disk, false).unwrap();
    write(&journal, &[b"safe"]);
    journal.append(10, 1, &[1; 60]).unwrap();
    disk.meet(Fault::KillInWrite(70));
    journal.sync().unwrap_err();
    let (journal, recovery) = open(&disk, false).unwrap();
    assert_eq!((recovery.torn_bytes, recovery.appended), (70, 110));
    assert_eq!(bodies(&journal, 100), [b"safe"]);
}

#[test]
fn a_later_group_proves_an_earlier_one_was_synced_even_without_marks() {
    let disk = SimulatedDisk::default();
    let (journal, _) = open(&disk, false).unwrap();
    write(&journal, &[b"synced"]);
    for body in [b"later ", b"latest"] {
        journal.append(10, 1, body).unwrap();
    }
    disk.meet(Fault::ShortWrite(usize::MAX)); // the group; the next is its mark
    disk.meet(Fault::WriteError);
    journal.sync().unwrap();
    disk.kill();
    let (body, mark) = (64 + 44, 64 + 44 + 6);
    let name = &segments(&disk)[0];
    assert!(disk.flip(name, body * 8) && disk.flip(name, mark * 8));
    // The first of the later records goes too: only what the last one says is left.
    assert!(disk.flip(name, (mark + 44) * 8));
    let (_, offset, _) = corrupt(open(&disk, false));
    assert_eq!(offset, 64);
}

#[test]
fn bytes_a_sender_chose_never_pass_as_records() {
    let forged = SimulatedDisk::default();
    let theirs = Settings {
        seed: 0x0bad,
        first_position: 120,
        segment_bytes: 4000,
        ..settings()
    };
    let (journal, _) = Journal::open(forged.files(), theirs).unwrap();
    write(&journal, &[b"forged", b"forged"]);
    drop(journal);
    let files = forged.files();
    let file = files.open(&segments(&forged)[0]).unwrap();
    let mut image = vec![0; usize::try_from(file.bytes().unwrap()).unwrap()];
    file.read_at(&mut image, 0).unwrap();

    let disk = SimulatedDisk::default();
    let (journal, _) = open(&disk, false).unwrap();
    write(&journal, &[b"first", &image, b"last"]);
    disk.kill();
    let header = 64 + 44 + 5;
    assert!(disk.flip(&segments(&disk)[0], (header + 20) * 8));
    corrupt(open(&disk, false));
    let (journal, recovery) = open(&disk, true).unwrap();
    assert_eq!(bodies(&journal, 100), [&b"first"[..], b"last"]);
    let lost = recovery.skipped[0];
    assert_eq!((lost.first, lost.next), (110, 120));
}
