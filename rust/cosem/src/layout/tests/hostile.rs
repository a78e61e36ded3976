//! Bytes no meter meant: structural faults, limits, and mutations of sound bodies.

use super::*;
use proptest::prelude::*;

#[test]
fn bodies_of_another_layout_are_refused_where_they_differ() {
    let mut layout = single_phase(BodyShape::Push);
    let refused = |layout: &mut Layout, rows: &[Vec<u8>]| refusal(layout, &push(rows));
    let four = fields(&[&clock(0), &u16_field(1), &u32_field(2), &u32_field(3)]);
    assert_eq!(
        refused(&mut layout, &[four]),
        (Layer::Layout, 36, Kind::NoLayout)
    );
    let text = fields(&[
        &clock(0),
        &[0x0a, 1, b'x'],
        &u32_field(2),
        &u32_field(3),
        &u16_field(4),
    ]);
    assert_eq!(
        refused(&mut layout, &[text]),
        (Layer::Layout, 52, Kind::NoLayout)
    );
    let register_for_clock = fields(&[
        &u32_field(41_234),
        &u16_field(1),
        &u32_field(2),
        &u32_field(3),
        &u16_field(4),
    ]);
    assert_eq!(
        refused(&mut layout, &[register_for_clock]),
        (Layer::Layout, 38, Kind::NoLayout)
    );
    let mut alert = push(&[row(0)]);
    alert[15] = 4;
    assert_eq!(
        refusal(&mut layout, &alert),
        (Layer::Layout, 12, Kind::NoLayout),
        "0.4.25.9.0.255 is the alert push"
    );
    let compact = [&push(&[])[..34], &[0x13, 0x12, 0]].concat();
    assert_eq!(
        refusal(&mut layout, &compact),
        (Layer::Layout, 34, Kind::Unsupported)
    );
}

#[test]
fn a_body_cut_or_lengthened_anywhere_is_refused_whole_and_leaves_the_columns_alone() {
    let mut layout = single_phase(BodyShape::Push);
    let body = push(&[row(0), row(1), row(2)]);
    let (mut columns, mut bad) = (Columns::default(), Vec::new());
    layout
        .extract(&body, INTERVAL_S, &mut columns, &mut bad)
        .unwrap();
    let (before, bad_before) = (columns.clone(), bad.clone());
    for cut in 0..body.len() {
        let refused = layout.extract(&body[..cut], INTERVAL_S, &mut columns, &mut bad);
        assert_eq!(
            refused.map_err(|error| error.kind),
            Err(Kind::Truncated),
            "cut at {cut}"
        );
        assert_eq!((&columns, &bad), (&before, &bad_before));
    }
    columns.clear();
    for cut in 0..body.len() {
        assert!(
            layout
                .extract(&body[..cut], INTERVAL_S, &mut columns, &mut bad)
                .is_err()
        );
        assert_eq!(columns, Columns::default());
    }
    let longer = [&body[..], &[0]].concat();
    assert_eq!(refusal(&mut layout, &longer).2, Kind::TrailingBytes);
}

#[test]
fn more_rows_than_the_limit_are_refused_before_any_is_read() {
    let spec = LayoutSpec {
        name: "test".to_owned(),
        logical_names: Vec::new(),
        body: BodyShape::Buffer,
        fields: vec![FieldSpec {
            obis: [0; 6],
            attribute: 2,
            target: Target::Clock,
            scaler: 0,
            unit: 255,
        }],
    };
    let limits = LayoutLimits {
        rows_max: 2,
        ..LayoutLimits::default()
    };
    let mut layout = Layout::compile_within(&spec, limits).unwrap();
    let rows = |count: usize| buffer(&vec![fields(&[&clock(0)]); count]);
    assert_eq!(extract(&mut layout, &rows(2)).unwrap().0.len(), 2);
    assert_eq!(
        refusal(&mut layout, &rows(3)),
        (Layer::Layout, 2, Kind::TooMany)
    );
    assert_eq!(
        refusal(&mut layout, &[0x01, 0x84, 0xff, 0xff, 0xff, 0xff]).2,
        Kind::TooMany
    );
}

#[test]
fn nesting_in_a_skipped_field_ends_at_the_limit() {
    let columns = [(Target::Clock, 0, 255), (Target::Ignored, 0, 255)];
    let mut layout = layout(BodyShape::Buffer, &columns);
    let nested = |depth: usize| [[2, 1].repeat(depth), vec![0]].concat();
    let body = |depth| buffer(&[fields(&[&clock(0), &nested(depth)])]);
    assert!(extract(&mut layout, &body(16)).is_ok());
    assert_eq!(refusal(&mut layout, &body(17)).2, Kind::TooDeep);
    let types = [&[0x13][..], &[2, 1].repeat(40), &[0x11, 0]].concat();
    assert_eq!(
        refusal(&mut layout, &buffer(&[fields(&[&clock(0), &types])])).2,
        Kind::TooDeep
    );
}

/// What both walks must agree on: the same body through a layout that knows its shapes and one that does not.
fn both_walks_agree(bodies: &[Vec<u8>]) -> Result<(), TestCaseError> {
    let mut experienced = single_phase(BodyShape::Push);
    let (mut columns, mut bad) = (Columns::default(), Vec::new());
    for body in bodies {
        let rows = columns.len();
        let seen = experienced
            .extract(body, INTERVAL_S, &mut columns, &mut bad)
            .map(|extracted| extracted.rows);
        let (mut alone, mut alone_bad) = (Columns::default(), Vec::new());
        let mut fresh = single_phase(BodyShape::Push);
        let expected = fresh
            .extract(body, INTERVAL_S, &mut alone, &mut alone_bad)
            .map(|extracted| extracted.rows);
        prop_assert_eq!(seen, expected);
        prop_assert_eq!(&columns.clocks[rows..], &alone.clocks[..]);
        prop_assert_eq!(&columns.present[rows..], &alone.present[..]);
        prop_assert_eq!(&columns.status[rows..], &alone.status[..]);
        prop_assert_eq!(&columns.spans[rows..], &alone.spans[..]);
        for (all, own) in columns.channels.iter().zip(&alone.channels) {
            prop_assert!(all.is_empty() || all.len() == columns.len());
            prop_assert!(own.is_empty() || own.len() == alone.len());
            let (all, own) = (all.get(rows..).unwrap_or_default(), own.as_slice());
            // A channel may have been filled by a body before.
            prop_assert!(all == own || own.is_empty() && all.iter().all(|value| *value == 0));
        }
        prop_assert_eq!(&bad, &alone_bad);
        bad.clear();
    }
    Ok(())
}

/// A row of any integer types, values, nulls and clocks.
fn any_row() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        3 => any::<u32>().prop_map(u32_field),
        3 => any::<u16>().prop_map(u16_field),
        1 => any::<[u8; 8]>().prop_map(|bytes| [&[0x15][..], &bytes].concat()),
        1 => any::<i32>().prop_map(|value| [&[0x05][..], &value.to_be_bytes()].concat()),
        1 => any::<u8>().prop_map(|value| vec![0x1f, value]),
        1 => Just(vec![0]),
    ];
    let time = prop_oneof![
        6 => (0i64..1_000_000).prop_map(clock),
        1 => any::<[u8; 12]>().prop_map(|bytes| [&[0x19][..], &bytes].concat()),
        1 => Just(vec![0]),
    ];
    (time, prop::collection::vec(value, 4))
        .prop_map(|(time, values)| fields(&[&time, &values[0], &values[1], &values[2], &values[3]]))
}

fn rows_mostly_alike() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(
        prop_oneof![4 => (0u16..500).prop_map(row), 1 => any_row()],
        0..12,
    )
}

proptest! {
    #[test]
    fn a_known_shape_never_changes_what_is_read(bodies in prop::collection::vec(rows_mostly_alike().prop_map(|rows| push(&rows)), 1..6)) {
        both_walks_agree(&bodies)?;
    }

    #[test]
    fn mutated_bodies_neither_panic_nor_leave_columns_ragged(
        rows in rows_mostly_alike(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let sound = push(&rows);
        let mut body = sound.clone();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if let Some(cut) = cut {
            body.truncate(cut.index(sound.len()));
        }
        both_walks_agree(&[sound.clone(), body, sound])?;
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_read_within_bounds(body in prop::collection::vec(any::<u8>(), 0..300)) {
        for shape in [BodyShape::Push, BodyShape::Buffer, BodyShape::Flat] {
            let mut layout = single_phase(shape);
            if let Ok((columns, bad)) = extract(&mut layout, &body) {
                // A row has a tag and a count at least.
                prop_assert!(columns.len().max(bad.len()) <= (body.len() / 2).max(1));
            }
        }
    }
}
