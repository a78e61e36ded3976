//! Lists whose values stand behind their names, and one whose values have none.

use super::*;

/// Kaifa's list `KFM_001`: its name, meter, model, then numbers in an order that only the model tells.
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

const ENERGY: [u8; 6] = [1, 1, 1, 8, 0, 255];

fn told() -> Value {
    Value::Structure(vec![
        Value::Signed("integer", 1),
        Value::Unsigned("enum", 30),
    ])
}

fn text(text: &str) -> Value {
    Value::Text("visible-string", text.to_owned())
}

fn name() -> Value {
    octets(&ENERGY)
}

fn clock() -> Value {
    octets(&[0, 1, 1, 0, 0, 255])
}

fn number() -> Value {
    u32_of(7)
}

fn entry(values: Vec<Value>) -> Value {
    Value::Structure(values)
}

#[test]
fn values_behind_their_names_need_no_layout_whatever_holds_them() {
    for (body, expected) in [
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
            vec![name(), number(), told(), clock(), at(3)],
            (1, 30, true),
        ),
        (vec![at(3), name(), number()], (0, 0, true)),
        (vec![name(), number(), text("178210128502")], (0, 0, false)),
        (
            vec![clock(), at(3), entry(vec![name(), number()])],
            (0, 0, true),
        ),
        (vec![entry(vec![name(), number(), told()])], (1, 30, false)),
    ] {
        let taken = described(&Value::Structure(body)).unwrap();
        let row = &taken.rows[0];
        let [register] = &row.registers[..] else {
            panic!("{row:?}")
        };
        assert_eq!((register.object.obis, register.object.class), (ENERGY, 3));
        assert_eq!(register.value, Quantity::Number(7));
        let seen = (register.scaler, register.unit, row.clock.is_some());
        assert_eq!(seen, expected, "{taken:?}");
    }
}

#[test]
fn a_list_with_anything_out_of_its_place_is_none() {
    for body in [
        vec![name()],
        vec![name(), number(), number()],
        vec![number(), name(), number()],
        vec![text("SN1"), octets(&[0, 0, 25, 9, 0, 255]), number()],
        vec![text("SN1"), octets(&[1, 0, 99, 2, 0, 255]), number()],
        vec![octets(&[0xff; 12]), name(), number()],
        vec![text("a"), text("b"), name(), number()],
        vec![entry(vec![name(), number(), number()])],
        vec![entry(vec![name(), number(), told(), told()])],
        vec![clock(), number(), name(), number()],
        vec![name(), text("no number")],
    ] {
        let body = Value::Structure(body);
        assert_eq!(described(&body), None, "{body:?}");
    }
}
