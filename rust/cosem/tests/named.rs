//! Captured bodies whose values stand behind their names become registers without any layout.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its vectors must fail"
)]

use cosem::framing::{Frames, Framing, Limits, Splitter, What};
use cosem::profile::{self, Taken};
use cosem::push::notification;
use cosem::{axdr, profile::Quantity};
use serde_json::Value as Json;

const VECTORS: &str = include_str!("../../../tests/vectors/dlms.jsonl");

/// A vector, its registers, whether they have a time, and how many have a unit.
const NAMED: [(&str, usize, bool, usize); 9] = [
    ("ams-aidon-gh1119-1", 14, true, 14),
    ("ams-kaifa-gh242-1", 14, true, 0),
    ("ams-kaifa-gh539-4", 12, true, 12),
    ("ams-kamstrup-em001-2", 10, false, 0),
    ("ams-kamstrup-gh350-2", 31, true, 0),
    ("ams-sagemcom-gh867-2", 11, true, 11),
    ("dlmsparser-hdlc_iskra550", 14, false, 14),
    ("dlmsparser-raw_salzburg_netz", 12, true, 12),
    ("issue-amshan47-aidon", 9, false, 9),
];

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16)?.try_into().ok())
        .collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0_u8, |byte, digit| (byte << 4) | digit))
        .collect()
}

/// The APDUs in a vector, which may be one without a frame.
fn apdus(vector: &Json) -> Vec<Vec<u8>> {
    let bytes = unhex(vector["hex"].as_str().unwrap());
    if vector["transport"] == "none" {
        return vec![bytes];
    }
    let mut splitter = Splitter::new(Framing::Auto, Limits::default());
    let mut out = Frames::default();
    splitter.feed(&bytes, &mut out);
    let apdus = out
        .entries
        .iter()
        .filter(|entry| matches!(entry.what, What::Apdu { .. }));
    apdus.map(|entry| out.get(entry.apdu).to_vec()).collect()
}

fn taken(vector: &Json) -> Option<Taken> {
    let apdus = apdus(vector);
    let push = notification(apdus.first()?).ok()?;
    let (tree, _quirks) = axdr::tolerant(push.body, profile::LIMITS).ok()?;
    profile::described(&tree)
}

#[test]
fn captured_lists_of_names_and_values_are_registers() {
    let vectors: Vec<Json> = VECTORS
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (id, registers, timed, with_unit) in NAMED {
        let vector = vectors.iter().find(|vector| vector["id"] == id).unwrap();
        let taken = taken(vector).unwrap_or_else(|| panic!("{id} is not taken"));
        let [row] = &taken.rows[..] else {
            panic!("{id}: {taken:?}")
        };
        let units = row.registers.iter().filter(|each| each.unit != 0).count();
        assert_eq!(
            (row.registers.len(), row.clock.is_some(), units),
            (registers, timed, with_unit),
            "{id}: {row:?}"
        );
        let numbers = row.registers.iter();
        assert!(
            numbers
                .clone()
                .all(|each| matches!(each.value, Quantity::Number(_))),
            "{id}"
        );
    }
}
