//! Layout files: the shipped ones, and everything that can be wrong in one.

use super::*;

const ONE: &str = r#"[{"name": "x", "source": "", "body": "push", "logical_names": ["0.0.25.9.0.255"],
    "fields": [{"obis": "0.0.1.0.0.255", "column": "clock"},
               {"obis": "1.0.12.27.0.255", "column": "volt_cv", "scaler": -1, "unit": "V"}]}]"#;

fn problem(json: &str) -> String {
    let specs = match specs_from_json(json.as_bytes()) {
        Ok(specs) => specs,
        Err(error) => return error.to_string(),
    };
    Layout::compile(&specs[0]).unwrap_err().to_string()
}

#[test]
fn a_layout_in_json_is_what_it_says() {
    let specs = specs_from_json(ONE.as_bytes()).unwrap();
    let expected = LayoutSpec {
        name: "x".to_owned(),
        logical_names: vec![[0, 0, 25, 9, 0, 255]],
        body: BodyShape::Push,
        fields: vec![
            FieldSpec {
                obis: [0, 0, 1, 0, 0, 255],
                attribute: 2,
                target: Target::Clock,
                scaler: 0,
                unit: 255,
            },
            FieldSpec {
                obis: [1, 0, 12, 27, 0, 255],
                attribute: 2,
                target: Target::Channel(Channel::VoltCv),
                scaler: -1,
                unit: 35,
            },
        ],
    };
    assert_eq!(specs, [expected]);
    assert_eq!(Layout::compile(&specs[0]).unwrap().name(), "x");
}

/// The files that ship with the product.
const SHIPPED: [&str; 7] = [
    include_str!("../../../../../python/meteringest/layouts/is15959-block-load-1ph.toml"),
    include_str!("../../../../../python/meteringest/layouts/is15959-block-load-1ph-health.toml"),
    include_str!("../../../../../python/meteringest/layouts/is15959-block-load-3ph.toml"),
    include_str!("../../../../../python/meteringest/layouts/is15959-block-load-3ph-health.toml"),
    include_str!("../../../../../python/meteringest/layouts/is15959-block-load-3ph-direct.toml"),
    include_str!(
        "../../../../../python/meteringest/layouts/is15959-block-load-3ph-direct-health.toml"
    ),
    include_str!(
        "../../../../../python/meteringest/layouts/is15959-block-load-3ph-apparent-first.toml"
    ),
];

#[test]
fn the_shipped_layouts_compile_and_name_what_they_capture() {
    let written = SHIPPED.map(|file| toml::from_str::<serde_json::Value>(file).unwrap());
    let specs = specs_from_json(&serde_json::to_vec(&written).unwrap()).unwrap();
    let shapes: Vec<_> = specs
        .iter()
        .map(|spec| (spec.name.as_str(), spec.fields.len()))
        .collect();
    let expected = [
        ("is15959-block-load-1ph", 7),
        ("is15959-block-load-1ph-health", 9),
        ("is15959-block-load-3ph", 15),
        ("is15959-block-load-3ph-health", 17),
        ("is15959-block-load-3ph-direct", 11),
        ("is15959-block-load-3ph-direct-health", 13),
        ("is15959-block-load-3ph-apparent-first", 15),
    ];
    assert_eq!(shapes, expected);
    for spec in &specs {
        Layout::compile(spec).unwrap();
        for field in &spec.fields {
            if let Target::Channel(channel) = field.target {
                assert_eq!(
                    field.obis,
                    obis_of(channel),
                    "{} in {}",
                    channel.name(),
                    spec.name
                );
            }
        }
    }
}

/// IS 15959's logical name of a block load channel.
fn obis_of(channel: Channel) -> [u8; 6] {
    let (quantity, kind) = match channel {
        Channel::ImpWh => (1, 29),
        Channel::ExpWh => (2, 29),
        Channel::ImpVah => (9, 29),
        Channel::ExpVah => (10, 29),
        Channel::VoltCv => (12, 27),
        Channel::CurrMa => (11, 27),
        Channel::VarhQ1 => (5, 29),
        Channel::VarhQ2 => (6, 29),
        Channel::VarhQ3 => (7, 29),
        Channel::VarhQ4 => (8, 29),
        Channel::VoltRCv => (32, 27),
        Channel::VoltYCv => (52, 27),
        Channel::VoltBCv => (72, 27),
        Channel::CurrRMa => (31, 27),
        Channel::CurrYMa => (51, 27),
        Channel::CurrBMa => (71, 27),
    };
    [1, 0, quantity, kind, 0, 255]
}

#[test]
fn every_mistake_names_its_place_and_the_way_out() {
    let with = |from: &str, to: &str| problem(&ONE.replace(from, to));
    assert!(
        with("\"column\": \"volt_cv\"", "\"colum\": \"volt_cv\"").contains("unknown field `colum`")
    );
    assert!(
        with("volt_cv", "volts")
            .starts_with("layout `x`, field 1: `volts` is no column: use clock")
    );
    assert_eq!(
        with("\"V\"", "\"kV\""),
        "layout `x`, field 1: `kV` is no unit: use Wh, VAh, varh, A or V"
    );
    assert_eq!(
        with("\"V\"", "\"A\""),
        "layout `x`, field 1: the column needs DLMS unit 35, the field has 33"
    );
    assert!(
        with("1.0.12.27.0.255", "1.0.12.27.0.256")
            .contains("`1.0.12.27.0.256` is not an OBIS code")
    );
    assert!(with("\"push\"", "\"pull\"").contains("use push, buffer or flat"));
    assert!(with("-1", "-100").contains("scaler -100"));
    assert!(with("\"clock\"", "\"ignored\"").contains("exactly one clock, this one has 0"));
    let twice = ONE.replace(
        "\"clock\"}",
        "\"clock\"}, {\"obis\": \"1.0.12.27.0.255\", \"column\": \"volt_cv\", \"unit\": \"V\"}",
    );
    assert_eq!(
        problem(&twice),
        "layout `x`, field 2: another field already fills this column"
    );
    let inner = ONE
        .strip_prefix('[')
        .and_then(|json| json.strip_suffix(']'))
        .unwrap();
    let two = format!("[{inner},{inner}]");
    assert_eq!(
        problem(&two),
        "layout `x`: another layout already has this name"
    );
}

#[test]
fn more_fields_than_the_limit_are_refused() {
    let spec = &specs_from_json(ONE.as_bytes()).unwrap()[0];
    let limits = LayoutLimits {
        fields_max: 1,
        ..LayoutLimits::default()
    };
    let error = Layout::compile_within(spec, limits).unwrap_err();
    assert_eq!(
        error.problem,
        SpecProblem::TooManyFields { given: 2, limit: 1 }
    );
}

#[test]
fn channels_have_distinct_names_bits_and_places() {
    for (index, channel) in Channel::ALL.into_iter().enumerate() {
        assert_eq!(channel.index(), index);
        assert_eq!(channel.bit(), 1 << index);
        assert_eq!(Channel::from_name(channel.name()), Some(channel));
    }
}
