//! Rows that are refused alone, by either walk.

use super::*;

const IMP: usize = Channel::ImpWh.index();
const VOLT: usize = Channel::VoltCv.index();

#[test]
fn the_first_row_must_say_what_time_it_is() {
    let rows = [
        fields(&[
            &[0],
            &u16_field(1),
            &u32_field(2),
            &u32_field(3),
            &u16_field(4),
        ]),
        row(1),
    ];
    let (columns, bad) = extract(&mut single_phase(BodyShape::Push), &push(&rows)).unwrap();
    assert_eq!((columns.len(), bad.len()), (1, 1));
    assert_eq!(bad[0].error.kind, Kind::BadClock);
}

#[test]
fn deltas_count_from_the_row_above_and_the_first_from_nothing() {
    let with = |imp: &[u8]| fields(&[&clock(0), &u16_field(1), imp, &u32_field(1), &u16_field(1)]);
    let rows = [
        with(&[0x1f, 200]),
        with(&[0x1c, 0xff]),
        with(&[0x21, 0, 0, 1, 0]),
        with(&[0x1d, 0xf0, 0]),
    ];
    let (columns, bad) = extract(&mut single_phase(BodyShape::Push), &push(&rows)).unwrap();
    assert_eq!(columns.channels[IMP], [200, 199, 455]);
    assert_eq!(bad[0].error.kind, Kind::BadValue, "no channel is negative");
}

/// Gurux takes the byte as binary, others as two digits: only where both say the same is it a number.
#[test]
fn a_bcd_of_one_digit_is_that_digit_and_one_of_two_is_none() {
    let with = |imp: u8| {
        fields(&[
            &clock(0),
            &u16_field(1),
            &[0x0d, imp],
            &u32_field(1),
            &u16_field(1),
        ])
    };
    for digit in 0..=9 {
        let body = push(&[row(1), with(digit)]);
        let (columns, bad) = extract(&mut single_phase(BodyShape::Push), &body).unwrap();
        assert_eq!((columns.channels[IMP][1], bad.len()), (u32::from(digit), 0));
    }
    for digits in [0x0a, 0x10, 0x99, 0xff] {
        let mut layout = single_phase(BodyShape::Push);
        extract(&mut layout, &push(&[with(9)])).unwrap();
        let refused = extract(&mut layout, &push(&[with(digits)])).unwrap_err();
        assert_eq!(refused.kind, Kind::NoLayout, "{digits:#04x}");
    }
}

#[test]
fn a_row_with_a_wrong_clock_or_value_is_refused_alone_with_its_bytes() {
    for (bad_row, field_at, kind) in bad_rows() {
        let body = push(&[row(1), bad_row.clone(), row(2)]);
        let mut layout = single_phase(BodyShape::Push);
        for _ in 0..2 {
            let (columns, bad) = extract(&mut layout, &body).unwrap();
            assert_eq!(columns.channels[IMP], [1, 2]);
            let [refused] = bad.as_slice() else {
                panic!("{} rows refused", bad.len())
            };
            assert_eq!(&body[refused.start as usize..refused.end as usize], bad_row);
            let offset = refused.start + field_at;
            assert_eq!(refused.error, DecodeError::new(Layer::Layout, offset, kind));
        }
    }
}

/// Rows that are sound but for one field, where it stands in the row, and what is wrong with it.
fn bad_rows() -> [(Vec<u8>, u32, Kind); 5] {
    let thirteenth_month = [
        &[9, 12][..],
        &[7, 0xea, 13, 1, 0xff, 0, 0, 0, 0, 1, 0x4a, 0],
    ]
    .concat();
    let negative = [0x05, 0xff, 0xff, 0xff, 0xff];
    let huge = [0x15, 0xff, 0, 0, 0, 0, 0, 0, 0];
    let over_32_bits = [0x14, 0, 0, 0, 1, 0, 0, 0, 0];
    let volt = u16_field(2_300);
    [
        (
            fields(&[
                &thirteenth_month,
                &volt,
                &u32_field(1),
                &u32_field(1),
                &u16_field(1),
            ]),
            2,
            Kind::BadClock,
        ),
        (
            fields(&[&clock(0), &volt, &negative, &u32_field(1), &u16_field(1)]),
            19,
            Kind::BadValue,
        ),
        (
            fields(&[&clock(0), &volt, &huge, &u32_field(1), &u16_field(1)]),
            19,
            Kind::BadValue,
        ),
        (
            fields(&[
                &clock(0),
                &volt,
                &over_32_bits,
                &u32_field(1),
                &u16_field(1),
            ]),
            19,
            Kind::BadValue,
        ),
        (
            fields(&[
                &clock(0),
                &u32_field(u32::MAX),
                &u32_field(1),
                &u32_field(1),
                &u16_field(1),
            ]),
            16,
            Kind::BadValue,
        ),
    ]
}

#[test]
fn a_value_too_large_for_its_column_is_found_among_rows_that_look_alike() {
    let with = |volt| {
        fields(&[
            &clock(0),
            &u32_field(volt),
            &u32_field(1),
            &u32_field(1),
            &u16_field(1),
        ])
    };
    let mut layout = single_phase(BodyShape::Push);
    extract(&mut layout, &push(&[with(2_300)])).unwrap();
    let largest = u32::MAX / 10;
    let body = push(&[with(largest), with(largest + 1), with(1)]);
    let (columns, bad) = extract(&mut layout, &body).unwrap();
    assert_eq!(columns.channels[VOLT], [largest * 10, 10]);
    assert_eq!(bad[0].error.kind, Kind::BadValue);
}

#[test]
fn a_scaled_value_that_is_no_whole_step_is_refused_not_rounded() {
    let columns = [
        (Target::Clock, 0, 255),
        (Target::Channel(Channel::ImpWh), -1, 30),
    ];
    let mut layout = layout(BodyShape::Buffer, &columns);
    let rows = [
        fields(&[&clock(0), &u16_field(120)]),
        fields(&[&clock(0), &u16_field(125)]),
    ];
    for _ in 0..2 {
        let (columns, bad) = extract(&mut layout, &buffer(&rows)).unwrap();
        assert_eq!(columns.channels[IMP], [12]);
        assert_eq!(bad[0].error.kind, Kind::InexactScale);
    }
}
