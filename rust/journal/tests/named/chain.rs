//! A segment that was removed, altered or moved shows, and is named.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use crc32c::{crc32c, crc32c_append};
use journal::{Journal, Recovery};

use super::{Scratch, bodies, corrupt, write};

const HEADER: usize = 64;
const FRAME: usize = 44;
const SEED: u32 = 0x5eed;

impl Scratch {
    fn file(&self, first: u64) -> PathBuf {
        self.0.join(format!("segment-{first:020}"))
    }

    fn corrupt(&self) -> (String, u64, String) {
        corrupt(self.open())
    }
}

/// Eight records of ten rows, two a segment; the first segment was released.
fn filled(name: &str) -> (Scratch, Journal) {
    let scratch = Scratch::new(name);
    let (journal, _) = scratch.open().unwrap();
    for round in 0..8_u8 {
        write(&journal, &[&[round; 100]]);
    }
    assert!(journal.release(125, u64::MAX).unwrap() > 0);
    assert_eq!(journal.first(), 120);
    (scratch, journal)
}

/// Alters a body so that its checksum still fits, as whoever knows CRCs can: the polynomial itself,
/// anywhere in the bytes, leaves every CRC as it was.
fn forge(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let body = HEADER + FRAME..HEADER + FRAME + 100;
    let before = crc32c_append(SEED, &bytes[body.clone()]);
    let polynomial = (0x82f6_3b78_u64 << 1) | 1;
    for (byte, flip) in bytes[HEADER + FRAME + 5..]
        .iter_mut()
        .zip(polynomial.to_le_bytes())
    {
        *byte ^= flip;
    }
    assert_eq!(crc32c_append(SEED, &bytes[body]), before);
    fs::write(file, bytes).unwrap();
}

fn faults(journal: &Journal) -> Vec<String> {
    let found = journal.verify().unwrap();
    let file = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    found.faults.iter().map(|each| file(&each.path)).collect()
}

#[test]
fn a_whole_journal_has_no_faults_and_says_what_it_read() {
    let (_scratch, journal) = filled("whole");
    let found = journal.verify().unwrap();
    assert_eq!(found.faults, []);
    assert_eq!(found.given_up, []);
    assert_eq!((found.segments, found.records, found.released), (4, 6, 1));
    assert!(found.head.is_some());
}

#[test]
fn a_removed_segment_shows_while_running_and_at_the_start() {
    for (gone, said) in [
        (120, "rows 120 to 140"),
        (140, "rows 140 to 160"),
        (180, "missing"),
    ] {
        let (scratch, journal) = filled("removed");
        fs::remove_file(scratch.file(gone)).unwrap();
        assert_eq!(faults(&journal), [format!("segment-{gone:020}")]);
        drop(journal);
        let (_, _, reason) = scratch.corrupt();
        assert!(reason.contains(said), "{reason}");
        assert!(reason.contains("missing"), "{reason}");
    }
}

#[test]
fn a_removed_segment_that_was_stored_shows_too() {
    let (scratch, journal) = filled("stored");
    // Stored, but kept for the decoder's checkpoint.
    journal.release(165, 130).unwrap();
    drop(journal);
    fs::remove_file(scratch.file(120)).unwrap();
    let (path, _, reason) = scratch.corrupt();
    assert!(path.ends_with("140"), "{path}");
    assert!(reason.contains("rows 120 to 140 are missing"), "{reason}");
}

#[test]
fn altered_bytes_show_even_when_every_checksum_fits() {
    let (scratch, journal) = filled("altered");
    forge(&scratch.file(140));
    assert_eq!(faults(&journal), [format!("segment-{:020}", 140)]);
    drop(journal);
    let (path, _, reason) = scratch.corrupt();
    assert!(path.ends_with("160"), "{path}");
    assert!(reason.contains("that one was altered"), "{reason}");
}

#[test]
fn an_altered_byte_shows_where_it_is() {
    let (scratch, journal) = filled("flipped");
    let mut bytes = fs::read(scratch.file(160)).unwrap();
    bytes[HEADER + FRAME + 7] ^= 0x40;
    fs::write(scratch.file(160), bytes).unwrap();
    let found = journal.verify().unwrap();
    assert_eq!(found.faults.len(), 1);
    assert!(found.faults[0].path.ends_with("160"));
    assert_eq!(found.faults[0].offset, HEADER as u64);
}

#[test]
fn two_segments_that_changed_places_show() {
    let (scratch, journal) = filled("swapped");
    let aside = scratch.0.join("aside");
    fs::rename(scratch.file(140), &aside).unwrap();
    fs::rename(scratch.file(160), scratch.file(140)).unwrap();
    fs::rename(&aside, scratch.file(160)).unwrap();
    let names = [140, 160].map(|first| format!("segment-{first:020}"));
    assert_eq!(faults(&journal), names);
    drop(journal);
    let (_, _, reason) = scratch.corrupt();
    assert!(reason.contains("the file is named for row"), "{reason}");
}

#[test]
fn the_list_of_released_segments_cannot_go_or_change() {
    for harm in ["gone", "flipped", "cut"] {
        let (scratch, journal) = filled(harm);
        let list = scratch.0.join("released");
        let mut bytes = fs::read(&list).unwrap();
        match harm {
            "gone" => fs::remove_file(&list).unwrap(),
            "flipped" => {
                bytes[20] ^= 1;
                fs::write(&list, bytes).unwrap();
            }
            _ => fs::write(&list, &bytes[..bytes.len() - 84]).unwrap(),
        }
        let found = faults(&journal);
        assert_eq!(found, ["released"], "{harm}");
        drop(journal);
        let (_, _, reason) = scratch.corrupt();
        let said = match harm {
            "gone" => "the list of released segments is missing",
            "flipped" => "an entry of the released segments",
            _ => "rows 100 to 120 are missing",
        };
        assert!(reason.contains(said), "{harm}: {reason}");
    }
}

#[test]
fn an_entry_that_was_mended_breaks_the_links() {
    let (scratch, journal) = filled("linked");
    write(&journal, &[&[9; 100], &[9; 100]]);
    journal.release(165, u64::MAX).unwrap();
    let list = scratch.0.join("released");
    let mut bytes = fs::read(&list).unwrap();
    let entry = 16 + 84;
    bytes[entry + 20] ^= 1;
    let crc = crc32c(&bytes[entry..entry + 80]).to_le_bytes();
    bytes[entry + 80..entry + 84].copy_from_slice(&crc);
    fs::write(&list, bytes).unwrap();
    let found = journal.verify().unwrap();
    assert!(found.faults[0].reason.contains("does not follow"));
}

#[test]
fn a_journal_of_version_1_goes_on_as_version_2() {
    let scratch = Scratch::new("version1");
    fs::create_dir_all(&scratch.0).unwrap();
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/version1");
    for file in fs::read_dir(old).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), scratch.0.join(file.file_name())).unwrap();
    }
    let (journal, recovery): (Journal, Recovery) = scratch.open().unwrap();
    assert_eq!((recovery.appended, recovery.stored), (150, 125));
    assert_eq!((recovery.torn_bytes, recovery.skipped.len()), (0, 0));
    for round in 5..9_u8 {
        write(&journal, &[&[round; 100]]);
    }
    let expected: Vec<Vec<u8>> = (2..9_u8).map(|round| vec![round; 100]).collect();
    assert_eq!(bodies(&journal, 120), expected);
    assert_eq!(journal.verify().unwrap().faults, []);
    journal.release(165, u64::MAX).unwrap();
    drop(journal);
    let (journal, _) = scratch.open().unwrap();
    assert_eq!(bodies(&journal, 160), expected[4..]);
    let found = journal.verify().unwrap();
    assert_eq!((found.faults.len(), found.released), (0, 2));
    drop(journal);
    let bytes = fs::read(scratch.file(160)).unwrap();
    assert_eq!(bytes[8..12], 2_u32.to_le_bytes());
}

#[test]
fn a_version_to_come_is_refused_clearly() {
    let (scratch, journal) = filled("future");
    drop(journal);
    let mut bytes = fs::read(scratch.file(140)).unwrap();
    bytes[8] = 3;
    let crc = crc32c(&bytes[..60]).to_le_bytes();
    bytes[60..64].copy_from_slice(&crc);
    fs::write(scratch.file(140), bytes).unwrap();
    let (_, _, reason) = scratch.corrupt();
    assert!(
        reason.contains("format version 3, this program knows 1 to 2"),
        "{reason}"
    );
}
