//! A Native block read the slow way, as `ClickHouse`'s format reference describes it.

use std::collections::BTreeMap;

/// Columns by name, each with its type and its values.
pub(crate) type Block = BTreeMap<String, (String, Vec<Value>)>;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Number(i128),
    Text(Vec<u8>),
}

/// The column's numbers.
pub(crate) fn numbers(block: &Block, column: &str) -> Vec<i128> {
    let (_, values) = block
        .get(column)
        .unwrap_or_else(|| panic!("no column {column}"));
    let number = |value: &Value| match value {
        Value::Number(number) => *number,
        Value::Text(text) => panic!("{column} holds text {text:?}"),
    };
    values.iter().map(number).collect()
}

pub(crate) fn parse(mut bytes: &[u8]) -> Block {
    let columns = varint(&mut bytes);
    let rows = varint(&mut bytes);
    let mut block = Block::new();
    for _ in 0..columns {
        let name = String::from_utf8(text(&mut bytes)).unwrap();
        let of = String::from_utf8(text(&mut bytes)).unwrap();
        let values = (0..rows).map(|_| value(&of, &mut bytes)).collect();
        assert!(
            block.insert(name.clone(), (of, values)).is_none(),
            "{name} twice"
        );
    }
    assert!(bytes.is_empty(), "bytes left over");
    block
}

fn value(of: &str, bytes: &mut &[u8]) -> Value {
    let (width, signed) = match of {
        "String" => return Value::Text(text(bytes)),
        "UInt8" => (1, false),
        "Int8" => (1, true),
        "UInt16" | "Date" => (2, false),
        "Int16" => (2, true),
        "UInt32" | "DateTime('UTC')" => (4, false),
        "UInt64" => (8, false),
        "Int64" | "DateTime64(3, 'UTC')" => (8, true),
        other => panic!("type {other}"),
    };
    let (head, rest) = bytes.split_at(width);
    *bytes = rest;
    let number = head
        .iter()
        .rev()
        .fold(0_i128, |number, byte| number << 8 | i128::from(*byte));
    let wrap = 1_i128 << (8 * width);
    Value::Number(if signed && number >= wrap / 2 {
        number - wrap
    } else {
        number
    })
}

fn text(bytes: &mut &[u8]) -> Vec<u8> {
    let length = varint(bytes);
    let (head, rest) = bytes.split_at(length);
    *bytes = rest;
    head.to_vec()
}

fn varint(bytes: &mut &[u8]) -> usize {
    let mut number = 0;
    let mut shift = 0;
    loop {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        number |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return number;
        }
    }
}
