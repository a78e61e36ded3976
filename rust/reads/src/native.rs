//! `ClickHouse`'s Native format: one block, columns one after another, as `INSERT … FORMAT Native`
//! takes it without a protocol version (no block info, no serialization kinds).

/// Writes one block column by column.
#[derive(Debug)]
pub(crate) struct Block {
    out: Vec<u8>,
}

/// A column's type, spelt as `ClickHouse` spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I64,
    Date,
    DateTime,
    DateTimeMs,
    Text,
}

impl Type {
    const fn name(self) -> &'static str {
        match self {
            Self::U8 => "UInt8",
            Self::U16 => "UInt16",
            Self::U32 => "UInt32",
            Self::U64 => "UInt64",
            Self::I8 => "Int8",
            Self::I16 => "Int16",
            Self::I64 => "Int64",
            Self::Date => "Date",
            Self::DateTime => "DateTime('UTC')",
            Self::DateTimeMs => "DateTime64(3, 'UTC')",
            Self::Text => "String",
        }
    }
}

impl Block {
    /// Begins a block of `columns` columns and `rows` rows, `bytes` of values in all.
    pub(crate) fn new(columns: usize, rows: usize, bytes: usize) -> Self {
        let heads = columns.saturating_mul(32);
        let mut out = Vec::with_capacity(bytes.saturating_add(heads).saturating_add(16));
        varint(columns, &mut out);
        varint(rows, &mut out);
        Self { out }
    }

    /// Begins a column; its values follow through [`Block::values`] or [`Block::text`].
    pub(crate) fn column(&mut self, name: &str, of: Type) {
        self.text(name.as_bytes());
        self.text(of.name().as_bytes());
    }

    /// A whole column whose values are at hand.
    pub(crate) fn fixed<const W: usize>(
        &mut self,
        name: &str,
        of: Type,
        values: impl Iterator<Item = [u8; W]>,
    ) {
        self.column(name, of);
        for value in values {
            self.out.extend_from_slice(&value);
        }
    }

    /// A whole column of strings.
    pub(crate) fn texts<'t>(&mut self, name: &str, values: impl Iterator<Item = &'t [u8]>) {
        self.column(name, Type::Text);
        for value in values {
            self.text(value);
        }
    }

    /// Appends values of the column begun last, as they stand in the block.
    pub(crate) fn values(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Room for `rows` values of the column begun last, to be filled in place.
    pub(crate) fn places<const W: usize>(&mut self, rows: usize) -> &mut [[u8; W]] {
        let start = self.out.len();
        let bytes = rows.saturating_mul(W);
        self.out.resize(start.saturating_add(bytes), 0);
        self.out
            .get_mut(start..)
            .unwrap_or_default()
            .as_chunks_mut()
            .0
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    fn text(&mut self, bytes: &[u8]) {
        varint(bytes.len(), &mut self.out);
        self.out.extend_from_slice(bytes);
    }
}

/// LEB128, `ClickHouse`'s `VarUInt`.
fn varint(mut value: usize, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_counts_then_name_type_values_of_each_column() {
        let mut block = Block::new(2, 2, 0);
        block.fixed(
            "a",
            Type::U16,
            [1_u16, 513].map(u16::to_le_bytes).into_iter(),
        );
        block.texts("b", [&b"xy"[..], b""].into_iter());
        let expected = b"\x02\x02\x01a\x06UInt16\x01\0\x01\x02\x01b\x06String\x02xy\0";
        assert_eq!(block.finish(), expected);
    }

    #[test]
    fn counts_above_127_take_more_bytes() {
        let mut out = Vec::new();
        varint(300, &mut out);
        assert_eq!(out, [0xac, 0x02]);
    }
}
