//! Bodies for the tests, written value by value.

use super::*;
use crate::encode;

/// 2026-11-20 00:00 as a meter writes it.
pub(in crate::layout) const MIDNIGHT_S: i64 = 1_795_132_800;
pub(in crate::layout) const INTERVAL_S: u32 = 1_800;

pub(in crate::layout) fn single_phase(body: BodyShape) -> Layout {
    let columns = [
        (Target::Clock, 0, 255),
        (Target::Channel(Channel::VoltCv), -1, 35),
        (Target::Channel(Channel::ImpWh), 0, 30),
        (Target::Channel(Channel::ImpVah), 0, 31),
        (Target::Channel(Channel::CurrMa), -2, 33),
    ];
    layout(body, &columns)
}

pub(in crate::layout) fn layout(body: BodyShape, columns: &[(Target, i8, u8)]) -> Layout {
    let fields = columns.iter().map(|&(target, scaler, unit)| FieldSpec {
        obis: [1, 0, 0, 0, 0, 255],
        attribute: 2,
        target,
        scaler,
        unit,
    });
    let spec = LayoutSpec {
        name: "test".to_owned(),
        logical_names: vec![encode::PUSH_SETUP],
        body,
        fields: fields.collect(),
    };
    Layout::compile(&spec).unwrap()
}

/// A date-time of that many seconds after midnight, as an octet-string.
pub(in crate::layout) fn clock(after_s: i64) -> Vec<u8> {
    [
        &[9, 12][..],
        &encode::date_time(MIDNIGHT_S.saturating_add(after_s), 330, 0),
    ]
    .concat()
}

/// The row of interval `index` in the types most meters use.
pub(in crate::layout) fn row(index: u16) -> Vec<u8> {
    let value = u32::from(index);
    let after_s = i64::from(index).saturating_mul(i64::from(INTERVAL_S));
    fields(&[
        &clock(after_s),
        &u16_field(2_300),
        &u32_field(value),
        &u32_field(7),
        &u16_field(223),
    ])
}

pub(in crate::layout) fn fields(fields: &[&[u8]]) -> Vec<u8> {
    let mut row = Vec::new();
    encode::structure(u8::try_from(fields.len()).unwrap(), &mut row);
    row.extend(fields.concat());
    row
}

pub(in crate::layout) fn u16_field(value: u16) -> Vec<u8> {
    let mut field = Vec::new();
    encode::long_unsigned(value, &mut field);
    field
}

pub(in crate::layout) fn u32_field(value: u32) -> Vec<u8> {
    let mut field = Vec::new();
    encode::double_long_unsigned(value, &mut field);
    field
}

pub(in crate::layout) fn push(rows: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    encode::structure(4, &mut body);
    encode::octets(b"LNT00001", &mut body);
    encode::octets(&encode::PUSH_SETUP, &mut body);
    body.extend(clock(0));
    body.extend(buffer(rows));
    body
}

pub(in crate::layout) fn buffer(rows: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    encode::array(rows.len(), &mut body);
    body.extend(rows.concat());
    body
}

/// Everything that came of one body.
pub(in crate::layout) fn extract(
    layout: &mut Layout,
    body: &[u8],
) -> Result<(Columns, Vec<BadRow>), DecodeError> {
    let (mut columns, mut bad) = (Columns::default(), Vec::new());
    layout.extract(body, INTERVAL_S, &mut columns, &mut bad)?;
    Ok((columns, bad))
}

/// The refusal of the whole body.
pub(in crate::layout) fn refusal(layout: &mut Layout, body: &[u8]) -> (Layer, u32, Kind) {
    let error = extract(layout, body).unwrap_err();
    (error.layer, error.offset, error.kind)
}
