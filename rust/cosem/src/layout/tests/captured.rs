//! Layouts made of capture objects, supplied, read from a meter, or at the head of a body.

use super::*;
use crate::encode;

fn object(class: u16, obis: [u8; 6], attribute: u8) -> Vec<u8> {
    let mut name = Vec::new();
    encode::octets(&obis, &mut name);
    fields(&[&u16_field(class), &name, &[0x0f, attribute], &u16_field(0)])
}

const CLOCK: [u8; 6] = [0, 0, 1, 0, 0, 255];
const PUSH: [u8; 6] = [0, 8, 25, 9, 0, 255];
const PROFILE: [u8; 6] = [1, 0, 99, 1, 0, 255];

fn imp() -> [u8; 6] {
    Channel::ImpWh.obis()
}

#[test]
fn every_channel_is_found_by_its_name_in_any_measuring_channel() {
    for channel in Channel::ALL {
        let mut obis = channel.obis();
        assert_eq!(Channel::of_obis(obis), Some(channel));
        obis[1] = 1;
        assert_eq!(Channel::of_obis(obis), Some(channel));
        obis[4] = 1;
        assert_eq!(
            Channel::of_obis(obis),
            None,
            "a tariff's share is not the whole"
        );
    }
}

#[test]
fn a_layout_follows_the_order_that_a_meter_says() {
    let mut layout = single_phase(BodyShape::Buffer);
    let objects = [
        Captured {
            class: 3,
            obis: imp(),
            attribute: 2,
        },
        Captured {
            class: 8,
            obis: CLOCK,
            attribute: 2,
        },
        Captured {
            class: 1,
            obis: [0, 0, 96, 1, 0, 255],
            attribute: 2,
        },
    ];
    let mut other = layout.rearranged(&objects, |_| Some((1, 30))).unwrap();
    let rows = [fields(&[&u32_field(7), &clock(1_800), &[9, 1, 0]])];
    let (columns, _) = extract(&mut other, &buffer(&rows)).unwrap();
    assert_eq!(columns.channels[Channel::ImpWh.index()], [70]);
    assert!(
        layout.rearranged(&objects, |_| None).is_none(),
        "nobody told the unit"
    );
    let own: Vec<_> = layout
        .fields()
        .iter()
        .map(|field| Captured {
            class: 3,
            obis: field.obis,
            attribute: field.attribute,
        })
        .collect();
    assert!(
        layout.rearranged(&own, |_| None).is_none(),
        "it is the same"
    );
    assert!(extract(&mut layout, &buffer(&rows)).is_err());
}

#[test]
fn a_body_with_an_object_list_names_its_elements_and_their_units() {
    let list = buffer(&[
        object(40, PUSH, 2),
        object(8, CLOCK, 2),
        object(3, imp(), 2),
        object(3, imp(), 3),
        object(7, PROFILE, 3),
        object(7, PROFILE, 2),
    ]);
    let columns = buffer(&[object(8, CLOCK, 2), object(3, imp(), 2)]);
    let rows = buffer(&[fields(&[&clock(0), &u32_field(5)])]);
    let body = fields(&[
        &list,
        &clock(1_800),
        &u32_field(9),
        &[2, 2, 0x0f, 0xff, 0x16, 30],
        &columns,
        &rows,
    ]);
    let listed = Listed::parse(&body).unwrap();
    assert_eq!(listed.unit(imp()), Some((-1, 30)));
    assert_eq!(
        listed.profiles(3).collect::<Vec<_>>(),
        [(PROFILE, &columns[..])]
    );
    assert_eq!(
        listed.profiles(2).collect::<Vec<_>>(),
        [(PROFILE, &rows[..])]
    );
    let objects = listed.objects();
    let spec = LayoutSpec::of_captured("body", BodyShape::Buffer, vec![], &objects, |_| {
        Some((0, 30))
    });
    let mut layout = Layout::compile(&spec.unwrap()).unwrap();
    let (columns, bad) = extract(&mut layout, &body).unwrap();
    assert!(bad.is_empty());
    assert_eq!(
        columns.channels[Channel::ImpWh.index()],
        [9],
        "the body is its own row"
    );
    assert!(Listed::parse(&body[..body.len() - 1]).is_none());
    assert!(Listed::parse(&push(&[row(0)])).is_none());
}

#[test]
fn a_scaler_profile_tells_units_by_name() {
    let objects = [
        Captured {
            class: 3,
            obis: imp(),
            attribute: 3,
        },
        Captured {
            class: 3,
            obis: Channel::VoltCv.obis(),
            attribute: 3,
        },
    ];
    let row = fields(&[&[2, 2, 0x0f, 1, 0x16, 30], &[2, 2, 0x0f, 0xff, 0x16, 35]]);
    let expected = vec![(imp(), (1, 30)), (Channel::VoltCv.obis(), (-1, 35))];
    assert_eq!(
        scaler_profile(&objects, &buffer(core::slice::from_ref(&row))),
        expected
    );
    assert_eq!(scaler_profile(&objects[..1], &buffer(&[row])), []);
    assert_eq!(scaler_profile(&objects, &[0x01]), []);
}

#[test]
fn capture_objects_in_a_file_make_the_layout_they_stand_for() {
    let json = |objects: &str, scalers: &str| {
        let text = format!(
            r#"[{{"name": "x", "source": "t", "body": "buffer", "logical_names": [],
                "capture_objects": [{objects}], "scalers": {{{scalers}}}}}]"#
        );
        specs_from_json(text.as_bytes())
    };
    let objects = r#""8/0.0.1.0.0.255/2", "3/1.0.1.29.0.255/2", "1/0.0.96.10.1.255/2""#;
    let scalers = r#""1.0.1.29.0.255": {"scaler": 1, "unit": "Wh"}"#;
    let spec = json(objects, scalers).unwrap().remove(0);
    let targets: Vec<_> = spec.fields.iter().map(|field| field.target).collect();
    assert_eq!(
        targets,
        [
            Target::Clock,
            Target::Channel(Channel::ImpWh),
            Target::Status
        ]
    );
    for (objects, scalers, said) in [
        (
            objects,
            "",
            "layout `x`: the scaler and unit of 1.0.1.29.0.255 are missing under `scalers`",
        ),
        (
            r#""8/0.0.1.0.0.255""#,
            "",
            "layout `x`: `8/0.0.1.0.0.255` is no capture object such as 3/1.0.1.29.0.255/2",
        ),
        (
            r#""8/0.0.1.0.0.255/2""#,
            "",
            "layout `x`: the capture objects need one clock and a register of a block load",
        ),
    ] {
        assert_eq!(json(objects, scalers).unwrap_err().to_string(), said);
    }
}

#[test]
fn a_compact_array_of_rows_is_read_as_the_rows_it_packs() {
    let mut layout = single_phase(BodyShape::Push);
    let mut body = push(&[]);
    body.truncate(body.len() - 2);
    // structure{octet-string, long-unsigned, double-long-unsigned twice, long-unsigned}, two rows,
    // each with all of its fields.
    body.extend([0x13, 2, 5, 9, 0x12, 6, 6, 0x12]);
    let packed = |after_s: i64, imp: u32| {
        let clock = clock(after_s);
        [
            &clock[1..],
            &2_300_u16.to_be_bytes(),
            &imp.to_be_bytes(),
            &7_u32.to_be_bytes(),
            &223_u16.to_be_bytes(),
        ]
        .concat()
    };
    let rows = [packed(0, 5), packed(1_800, 6)].concat();
    encode::length(rows.len(), &mut body);
    body.extend(rows);
    assert_eq!(
        refusal(&mut layout, &body).2,
        Kind::Unsupported,
        "as it stands"
    );
    let plain = plain(&body).unwrap();
    let (columns, bad) = extract(&mut layout, &plain).unwrap();
    assert!(bad.is_empty());
    assert_eq!(columns.channels[Channel::ImpWh.index()], [5, 6]);
    assert_eq!(super::plain(&plain), None, "it is plain now");
}
