//! Lists whose values stand behind their names, and one whose values have none.

use super::*;

/// Kaifa's list KFM_001: its name, meter, model, then numbers in an order that only the model tells.
#[test]
fn a_list_without_names_is_a_buffer_of_one_row() {
    let list = r#"[{"name": "kfm_001", "source": "test", "profile": "list", "body": "buffer",
      "logical_names": [], "goes_with": ["kaifa"], "fields": [
        {"obis": "1.0.0.2.129.255", "column": "ignored", "class": 1},
        {"obis": "0.0.96.1.0.255", "column": "ignored", "class": 1},
        {"obis": "1.0.1.7.0.255", "column": "register", "unit": "W"},
        {"obis": "0.0.1.0.0.255", "column": "clock", "class": 8}]}]"#;
    let body =
        |head: &[u8]| Value::Structure(vec![octets(head), octets(b"6970631401"), u32_of(7), at(3)]);
    let taken = profile(list).fit(&body(b"KFM_001")).unwrap();
    let [register] = &taken.rows[0].registers[..] else {
        panic!("{taken:?}")
    };
    assert_eq!((register.value, register.unit), (Quantity::Number(7), 27));
    assert!(taken.rows[0].clock.is_some());
    assert_eq!(described(&body(b"KFM_001")), None, "it names nothing");
}

#[test]
fn values_behind_their_names_need_no_layout_whatever_holds_them() {
    const ENERGY: [u8; 6] = [1, 1, 1, 8, 0, 255];
    let told = Value::Structure(vec![
        Value::Signed("integer", 1),
        Value::Unsigned("enum", 30),
    ]);
    let text = |text: &str| Value::Text("visible-string", text.to_owned());
    let name = || octets(&ENERGY);
    let clock = || octets(&[0, 1, 1, 0, 0, 255]);
    let number = || u32_of(7);
    let unit = |value: Vec<Value>| {
        let taken = described(&Value::Structure(value))?;
        let row = &taken.rows[0];
        let [register] = &row.registers[..] else {
            panic!("{row:?}")
        };
        assert_eq!((register.object.obis, register.object.class), (ENERGY, 3));
        assert_eq!(register.value, Quantity::Number(7));
        Some((register.scaler, register.unit, row.clock.is_some()))
    };
    let pair = || Value::Structure(vec![name(), number()]);
    for (value, expected) in [
        (
            vec![text("Kamstrup_V0001"), name(), number()],
            (0, 0, false),
        ),
        (
            vec![octets(b"KFM_001"), clock(), at(3), name(), number()],
            (0, 0, true),
        ),
        (
            vec![name(), number(), Value::Null, Value::Null],
            (0, 0, false),
        ),
        (
            vec![name(), number(), told.clone(), clock(), at(3)],
            (1, 30, true),
        ),
        (vec![at(3), name(), number()], (0, 0, true)),
        (vec![name(), number(), text("178210128502")], (0, 0, false)),
        (vec![clock(), at(3), pair()], (0, 0, true)),
        (
            vec![Value::Structure(vec![name(), number(), told.clone()])],
            (1, 30, false),
        ),
    ] {
        assert_eq!(unit(value.clone()), Some(expected), "{value:?}");
    }
    let no_date = octets(&[0xff; 12]);
    for value in [
        vec![name()],
        vec![name(), number(), number()],
        vec![number(), name(), number()],
        vec![text("SN1"), octets(&[0, 0, 25, 9, 0, 255]), number()],
        vec![text("SN1"), octets(&[1, 0, 99, 2, 0, 255]), number()],
        vec![no_date, name(), number()],
        vec![text("a"), text("b"), name(), number()],
        vec![Value::Structure(vec![name(), number(), number()])],
        vec![Value::Structure(vec![
            name(),
            number(),
            told.clone(),
            told.clone(),
        ])],
        vec![clock(), number(), name(), number()],
        vec![name(), text("no number")],
    ] {
        assert_eq!(
            described(&Value::Structure(value.clone())),
            None,
            "{value:?}"
        );
    }
}
