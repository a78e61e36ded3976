//! A tree back into bytes, every value with its tag: what was packed is unpacked by this.

use super::Value;
use crate::encode::length;

/// Appends `value` as plain A-XDR. Compact arrays become arrays, quirks the standard's own form.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0),
        Value::DontCare => out.push(255),
        Value::Array(elements) | Value::CompactArray(elements) => several(1, elements, out),
        Value::Structure(elements) => several(2, elements, out),
        Value::Boolean(set) => out.extend([3, u8::from(*set)]),
        Value::BitString(bits, bytes) => {
            out.push(4);
            length(*bits, out);
            out.extend_from_slice(bytes);
        }
        Value::Signed(name, number) => {
            let (tag, bytes) = SIGNED
                .iter()
                .find(|(known, ..)| known == name)
                .map_or((20, 8), |(_, tag, bytes)| (*tag, *bytes));
            last(tag, number.to_be_bytes(), bytes, out);
        }
        Value::Unsigned(name, number) => {
            let (tag, bytes) = UNSIGNED
                .iter()
                .find(|(known, ..)| known == name)
                .map_or((21, 8), |(_, tag, bytes)| (*tag, *bytes));
            last(tag, number.to_be_bytes(), bytes, out);
        }
        Value::Octets(name, bytes) => match *name {
            "date-time" => fixed(25, bytes, out),
            "date" => fixed(26, bytes, out),
            "time" => fixed(27, bytes, out),
            _ => counted(9, bytes, out),
        },
        Value::Text("utf8-string", text) => counted(12, text.as_bytes(), out),
        Value::Text(_, text) => {
            let latin1 = text
                .chars()
                .map(|letter| u8::try_from(letter).unwrap_or(b'?'));
            counted(10, &latin1.collect::<Vec<_>>(), out);
        }
        Value::Float("float64", float) => fixed(24, &float.to_be_bytes(), out),
        Value::Float(name, float) => {
            let tag = if *name == "float32" { 23 } else { 7 };
            fixed(tag, &single(*float).to_be_bytes(), out);
        }
    }
}

/// A float32 that was widened, as it was.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it was a float32 before, so nothing is lost"
)]
pub(crate) const fn single(widened: f64) -> f32 {
    widened as f32
}

fn several(tag: u8, elements: &[Value], out: &mut Vec<u8>) {
    out.push(tag);
    length(elements.len(), out);
    for element in elements {
        write(element, out);
    }
}

fn fixed(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

fn counted(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// The last `bytes` of a number that has eight.
fn last(tag: u8, number: [u8; 8], bytes: usize, out: &mut Vec<u8>) {
    let from = number.len().saturating_sub(bytes);
    fixed(tag, number.get(from..).unwrap_or_default(), out);
}

const SIGNED: [(&str, u8, usize); 7] = [
    ("double-long", 5, 4),
    ("integer", 15, 1),
    ("long", 16, 2),
    ("long64", 20, 8),
    ("delta-integer", 28, 1),
    ("delta-long", 29, 2),
    ("delta-double-long", 30, 4),
];
const UNSIGNED: [(&str, u8, usize); 9] = [
    ("double-long-unsigned", 6, 4),
    ("bcd", 13, 1),
    ("unsigned", 17, 1),
    ("long-unsigned", 18, 2),
    ("long64-unsigned", 21, 8),
    ("enum", 22, 1),
    ("delta-unsigned", 31, 1),
    ("delta-long-unsigned", 32, 2),
    ("delta-double-long-unsigned", 33, 4),
];
