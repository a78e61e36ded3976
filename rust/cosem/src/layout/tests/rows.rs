//! Sound rows and odd rows.

use super::*;
use crate::clock::RawClock;

const IMP: usize = Channel::ImpWh.index();
const VOLT: usize = Channel::VoltCv.index();
const CURR: usize = Channel::CurrMa.index();

#[test]
fn a_day_of_one_shape_fills_every_column_by_either_walk() {
    let rows: Vec<_> = (0..48).map(row).collect();
    let mut layout = single_phase(BodyShape::Push);
    let (first, bad) = extract(&mut layout, &push(&rows)).unwrap();
    let (second, _) = extract(&mut layout, &push(&rows)).unwrap();
    assert_eq!(
        first, second,
        "the second time all rows are of a known shape"
    );
    assert!(bad.is_empty());
    assert_eq!(first.channels[IMP], (0..48).collect::<Vec<_>>());
    assert_eq!(first.channels[VOLT], [23_000; 48]);
    assert_eq!(first.channels[CURR], [2_230; 48]);
    let expected = Channel::VoltCv.bit()
        | Channel::ImpWh.bit()
        | Channel::ImpVah.bit()
        | Channel::CurrMa.bit();
    assert_eq!(first.present, [expected; 48]);
    let local_s = MIDNIGHT_S + 47 * i64::from(INTERVAL_S);
    assert_eq!(
        first.clocks[47],
        RawClock {
            local_s,
            deviation_min: 330,
            status: 0
        }
    );
    for channel in Channel::ALL {
        let rows = if expected & channel.bit() == 0 { 0 } else { 48 };
        assert_eq!(
            first.channels[channel.index()].len(),
            rows,
            "{}",
            channel.name()
        );
    }
    let body = push(&rows);
    for ((start, end), row) in first.spans.iter().zip(&rows) {
        assert_eq!(&body[*start as usize..*end as usize], row);
    }
}

#[test]
fn a_body_says_who_sent_it() {
    let (mut columns, mut bad) = (Columns::default(), Vec::new());
    let body = push(&[row(0), row(1)]);
    let extracted =
        single_phase(BodyShape::Push).extract(&body, INTERVAL_S, &mut columns, &mut bad);
    let expected = Extracted {
        device_id: Some(b"LNT00001"),
        logical_name: Some(crate::encode::PUSH_SETUP),
        rows: 2,
    };
    assert_eq!(extracted, Ok(expected));
}

#[test]
fn all_body_shapes_hold_the_same_rows() {
    let expected = extract(&mut single_phase(BodyShape::Push), &push(&[row(3)]))
        .unwrap()
        .0
        .channels;
    let bare = extract(&mut single_phase(BodyShape::Buffer), &buffer(&[row(3)])).unwrap();
    let alone = extract(&mut single_phase(BodyShape::Buffer), &row(3)).unwrap();
    let identity = [
        &[9, 8][..],
        b"LNT00001",
        &[9, 6],
        &crate::encode::PUSH_SETUP,
    ]
    .concat();
    let flat = [&[2, 7][..], &identity, &row(3)[2..]].concat();
    let mut layout = single_phase(BodyShape::Flat);
    for _ in 0..2 {
        assert_eq!(extract(&mut layout, &flat).unwrap().0.channels, expected);
    }
    assert_eq!(bare.0.channels, expected);
    assert_eq!(alone.0.channels, expected);
}

#[test]
fn every_integer_type_is_taken_in_every_column_in_any_order_of_rows() {
    let hundred: [&[u8]; 9] = [
        &[0x05, 0, 0, 0, 100],
        &[0x06, 0, 0, 0, 100],
        &[0x0f, 100],
        &[0x10, 0, 100],
        &[0x11, 100],
        &[0x12, 0, 100],
        &[0x14, 0, 0, 0, 0, 0, 0, 0, 100],
        &[0x15, 0, 0, 0, 0, 0, 0, 0, 100],
        &[0x16, 100],
    ];
    let mut layout = single_phase(BodyShape::Push);
    for volt in hundred {
        let rows: Vec<_> = hundred
            .map(|imp| fields(&[&clock(0), volt, imp, &[0x11, 100], &[0x11, 100]]))
            .into();
        for _ in 0..2 {
            let (columns, bad) = extract(&mut layout, &push(&rows)).unwrap();
            assert!(bad.is_empty());
            assert_eq!(columns.channels[VOLT], [1_000; 9]);
            assert_eq!(columns.channels[IMP], [100; 9]);
            assert_eq!(columns.channels[CURR], [1_000; 9]);
        }
    }
}

#[test]
fn null_data_is_the_row_above_and_in_the_clock_one_interval_later() {
    let null: &[u8] = &[0];
    let rows = [
        fields(&[&clock(0), null, &u32_field(5), &u32_field(6), &u16_field(1)]),
        fields(&[null, null, null, &u32_field(7), null]),
        fields(&[null, &u16_field(2_300), &u32_field(9), null, null]),
    ];
    let (columns, bad) = extract(&mut single_phase(BodyShape::Push), &push(&rows)).unwrap();
    assert!(bad.is_empty());
    let local: Vec<_> = columns
        .clocks
        .iter()
        .map(|clock| clock.local_s - MIDNIGHT_S)
        .collect();
    assert_eq!(local, [0, 1_800, 3_600]);
    assert_eq!(columns.channels[IMP], [5, 5, 9]);
    assert_eq!(columns.channels[Channel::ImpVah.index()], [6, 7, 7]);
    assert_eq!(columns.channels[VOLT], [0, 0, 23_000]);
    let has_voltage: Vec<_> = columns
        .present
        .iter()
        .map(|present| present & Channel::VoltCv.bit() != 0)
        .collect();
    assert_eq!(has_voltage, [false, false, true]);
}

#[test]
fn null_data_below_rows_that_were_taken_at_once_refers_to_the_last_of_them() {
    let mut layout = single_phase(BodyShape::Push);
    extract(&mut layout, &push(&[row(0)])).unwrap();
    let rows = [
        row(0),
        row(1),
        row(2),
        fields(&[&[0], &[0], &[0], &[0], &[0]]),
    ];
    let (columns, _) = extract(&mut layout, &push(&rows)).unwrap();
    assert_eq!(columns.channels[IMP], [0, 1, 2, 2]);
    assert_eq!(
        columns.clocks[3].local_s,
        MIDNIGHT_S + 3 * i64::from(INTERVAL_S)
    );
}

#[test]
fn bodies_with_other_channels_share_columns_without_shifting_them() {
    let mut wide = single_phase(BodyShape::Buffer);
    let targets = [
        (Target::Clock, 0, 255),
        (Target::Channel(Channel::CurrBMa), -3, 33),
    ];
    let mut narrow = layout(BodyShape::Buffer, &targets);
    let (mut columns, mut bad) = (Columns::default(), Vec::new());
    let single = fields(&[&clock(0), &u16_field(9)]);
    narrow
        .extract(
            &buffer(core::slice::from_ref(&single)),
            INTERVAL_S,
            &mut columns,
            &mut bad,
        )
        .unwrap();
    let before = columns.clone();
    let longer = [buffer(&[row(5)]), vec![0]].concat();
    assert!(
        wide.extract(&longer, INTERVAL_S, &mut columns, &mut bad)
            .is_err()
    );
    assert_eq!(columns, before, "a refused body leaves no column behind");
    columns.clear();
    for _ in 0..2 {
        for (layout, row) in [(&mut wide, row(5)), (&mut narrow, single.clone())] {
            let body = buffer(&[row.clone(), row]);
            layout
                .extract(&body, INTERVAL_S, &mut columns, &mut bad)
                .unwrap();
        }
    }
    assert_eq!(columns.channels[IMP], [5, 5, 0, 0, 5, 5, 0, 0]);
    assert_eq!(
        columns.channels[Channel::CurrBMa.index()],
        [0, 0, 9, 9, 0, 0, 9, 9]
    );
    assert!(columns.channels[Channel::ExpWh.index()].is_empty());
}

#[test]
fn health_words_come_as_integers_bits_or_octets() {
    let columns = [
        (Target::Clock, 0, 255),
        (Target::Status, 0, 255),
        (Target::Ignored, 0, 255),
    ];
    let mut layout = layout(BodyShape::Buffer, &columns);
    let words: [(&[u8], u32); 6] = [
        (&[0x06, 0, 0, 1, 0], 256),
        (&[0x04, 12, 0x80, 0x1f], 0x0801),
        (&[0x04, 32, 0x40, 0, 0, 1], 0x8000_0002),
        (&[0x09, 2, 1, 2], 0x0102),
        (&[0x03, 1], 1),
        (&[0x00], 1),
    ];
    let ignored = [
        0x02, 2, 0x0a, 1, b'x', 0x13, 0x02, 2, 0x12, 0x01, 0, 3, 0x0f, 2, 7, 7,
    ];
    let rows: Vec<_> = words
        .map(|(word, _)| fields(&[&clock(0), word, &ignored]))
        .into();
    let (columns, bad) = extract(&mut layout, &buffer(&rows)).unwrap();
    assert!(bad.is_empty());
    assert_eq!(columns.status, words.map(|(_, status)| status));
    let too_wide = buffer(&[fields(&[&clock(0), &[0x04, 33, 0, 0, 0, 0, 0], &ignored])]);
    assert_eq!(
        extract(&mut layout, &too_wide).unwrap().1[0].error.kind,
        Kind::BadValue
    );
}

#[test]
fn floats_are_the_decimals_they_name_and_repeat_by_null_data() {
    let mut layout = single_phase(BodyShape::Push);
    let with = |after_s: i64, volt: &[u8], imp: &[u8]| {
        fields(&[&clock(after_s), volt, imp, &u32_field(7), &u16_field(223)])
    };
    let float = |value: f32| [&[0x17][..], &value.to_be_bytes()].concat();
    // 230.1 V in steps of 0.1 V is 2301: the layout's scaler is the meter's.
    let rows = [
        with(0, &float(2_301.0), &float(12.0)),
        with(1_800, &[0], &u32_field(13)),
        with(3_600, &u16_field(2_299), &[0]),
        with(5_400, &[0], &float(0.5)),
        with(7_200, &[0], &float(f32::NAN)),
    ];
    let (columns, bad) = extract(&mut layout, &push(&rows)).unwrap();
    assert_eq!(columns.channels[VOLT], [23_010, 23_010, 22_990]);
    assert_eq!(columns.channels[IMP], [12, 13, 13]);
    let kinds: Vec<_> = bad.iter().map(|row| row.error.kind).collect();
    assert_eq!(kinds, [Kind::InexactScale, Kind::BadValue]);
}

#[test]
fn a_count_of_seconds_is_a_clock_in_utc() {
    let mut layout = single_phase(BodyShape::Push);
    let at = |seconds: u32| {
        let rest = [u16_field(2_300), u32_field(5), u32_field(7), u16_field(223)];
        fields(&[&u32_field(seconds), &rest[0], &rest[1], &rest[2], &rest[3]])
    };
    let rows = [at(1_795_132_800), at(1_795_134_600)];
    let (columns, _) = extract(&mut layout, &push(&rows)).unwrap();
    let clock = columns.clocks[1];
    assert_eq!(clock.deviation_min, crate::clock::DEVIATION_UNIX);
    let policy = crate::clock::TimePolicy::Ist;
    assert_eq!(policy.utc_s(&clock), Some(1_795_134_600));
}
