use proptest::prelude::*;

use super::*;
use crate::axdr::{self, Value};

mod named;

const DAILY: &str = r#"[{"name": "daily", "source": "test", "profile": "daily", "body": "push",
  "logical_names": ["0.6.25.9.0.255"], "period_s": 86400, "fields": [
    {"obis": "0.0.1.0.0.255", "column": "clock", "class": 8},
    {"obis": "1.0.1.8.0.255", "column": "register", "scaler": 1, "unit": "Wh"},
    {"obis": "1.0.1.6.0.255", "column": "register", "class": 4, "unit": "W"},
    {"obis": "1.0.1.6.0.255", "column": "time", "class": 4, "attribute": 5}]}]"#;

const ALERT: &str = r#"[{"name": "alert", "source": "test", "profile": "alert", "body": "flat",
  "logical_names": ["0.4.25.9.0.255"], "fields": [
    {"obis": "0.0.1.0.0.255", "column": "clock", "class": 8},
    {"obis": "0.0.94.91.18.255", "column": "alert", "class": 1}]}]"#;

fn profile(json: &str) -> Profile {
    profiles_from_json(json.as_bytes()).unwrap().remove(0)
}

fn octets(bytes: &[u8]) -> Value {
    Value::Octets("octet-string", bytes.to_vec())
}

fn u32_of(number: u64) -> Value {
    Value::Unsigned("double-long-unsigned", number)
}

fn at(hour: u8) -> Value {
    octets(&[7, 0xea, 11, 20, 5, hour, 0, 0, 0, 1, 0x4a, 0])
}

fn push(name: [u8; 6], rest: Vec<Value>) -> Value {
    let mut elements = vec![octets(b"SN1"), octets(&name)];
    elements.extend(rest);
    Value::Structure(elements)
}

fn row(clock: Value, wh: Value) -> Value {
    Value::Structure(vec![clock, wh, u32_of(5), at(9)])
}

fn daily(rows: Vec<Value>) -> Value {
    push([0, 6, 25, 9, 0, 255], vec![Value::Null, Value::Array(rows)])
}

#[test]
fn a_daily_row_keeps_number_scaler_unit_and_the_time_of_its_demand() {
    let body = daily(vec![row(at(0), u32_of(123))]);
    let taken = profile(DAILY).fit(&body).unwrap();
    assert_eq!(taken.device_id.as_deref(), Some(&b"SN1"[..]));
    let [row] = &taken.rows[..] else {
        panic!("{taken:?}")
    };
    let [energy, demand, demand_at] = &row.registers[..] else {
        panic!("{row:?}")
    };
    assert_eq!(
        (energy.value, energy.scaler, energy.unit),
        (Quantity::Number(123), 1, 30)
    );
    assert_eq!((demand.object.class, demand.unit), (4, 27));
    assert_eq!(
        (demand_at.object.attribute, demand_at.unit),
        (5, UNIT_SECOND)
    );
    assert!(matches!(demand_at.value, Quantity::Time(time) if time.deviation_min == 330));
}

#[test]
fn null_is_the_value_above_and_the_next_capture_time() {
    let body = daily(vec![row(at(0), u32_of(7)), row(Value::Null, Value::Null)]);
    let rows = profile(DAILY).fit(&body).unwrap().rows;
    let local = |row: &Row| row.clock.unwrap().local_s;
    assert_eq!(local(&rows[1]) - local(&rows[0]), 86_400);
    assert_eq!(rows[1].registers[0].value, Quantity::Number(7));
    let mut without = profile(DAILY);
    without.period_s = 0;
    assert_eq!(without.fit(&body), None, "nobody said how long a period is");
    assert_eq!(
        profile(DAILY).fit(&daily(vec![row(Value::Null, u32_of(7))])),
        None
    );
}

#[test]
fn another_push_another_count_or_another_type_does_not_fit() {
    let sound = row(at(0), u32_of(7));
    let other = push(
        [0, 5, 25, 9, 0, 255],
        vec![Value::Null, Value::Array(vec![sound])],
    );
    assert_eq!(profile(DAILY).fit(&other), None);
    let short = Value::Structure(vec![at(0), u32_of(7)]);
    assert_eq!(profile(DAILY).fit(&daily(vec![short])), None);
    assert_eq!(
        profile(DAILY).fit(&daily(vec![row(at(0), octets(b"x"))])),
        None
    );
    assert_eq!(profile(DAILY).fit(&daily(vec![u32_of(1)])), None);
}

#[test]
fn every_set_bit_of_an_alert_is_an_event() {
    let bits = Value::BitString(128, [&[0b1000_0001, 0b0100_0000][..], &[0; 14]].concat());
    let body = push([0, 4, 25, 9, 0, 255], vec![at(10), bits]);
    let taken = profile(ALERT).fit(&body).unwrap();
    let codes: Vec<Code> = taken.rows[0]
        .events
        .iter()
        .map(|event| event.what)
        .collect();
    assert_eq!(codes, [Code::Bit(0), Code::Bit(7), Code::Bit(9)]);
    assert_eq!(taken.rows[0].events[0].object.obis, [0, 0, 94, 91, 18, 255]);
}

fn listed(class: u64, obis: [u8; 6], attribute: i64) -> Value {
    Value::Structure(vec![
        Value::Unsigned("long-unsigned", class),
        octets(&obis),
        Value::Signed("integer", attribute),
        Value::Unsigned("long-unsigned", 0),
    ])
}

#[test]
fn a_body_with_its_object_list_needs_no_layout() {
    const ENERGY: [u8; 6] = [1, 0, 1, 8, 0, 255];
    let list = Value::Array(vec![
        listed(40, [0, 8, 25, 9, 0, 255], 2),
        listed(1, [0, 0, 42, 0, 0, 255], 2),
        listed(8, [0, 0, 1, 0, 0, 255], 2),
        listed(3, ENERGY, 2),
        listed(3, ENERGY, 3),
        listed(3, [1, 0, 2, 8, 0, 255], 2),
    ]);
    let scaler = Value::Structure(vec![
        Value::Signed("integer", 3),
        Value::Unsigned("enum", 30),
    ]);
    let body = |list| {
        Value::Structure(vec![
            list,
            octets(b"LGZ1"),
            at(3),
            u32_of(42),
            scaler.clone(),
            u32_of(9),
        ])
    };
    let taken = described(&body(list)).unwrap();
    assert_eq!(taken.device_id.as_deref(), Some(&b"LGZ1"[..]));
    let [told, untold] = &taken.rows[0].registers[..] else {
        panic!("{taken:?}")
    };
    assert_eq!(
        (told.value, told.scaler, told.unit),
        (Quantity::Number(42), 3, 30)
    );
    assert_eq!(
        (untold.scaler, untold.unit),
        (0, UNIT_UNTOLD),
        "a scaler is never assumed"
    );
    let short = Value::Array(vec![listed(40, [0, 8, 25, 9, 0, 255], 2)]);
    assert_eq!(described(&body(short)), None);
}

#[test]
fn entries_that_name_themselves_need_no_layout() {
    let told = Value::Structure(vec![
        Value::Signed("integer", -1),
        Value::Unsigned("enum", 35),
    ]);
    let entry = Value::Structure(vec![octets(&[1, 0, 32, 7, 0, 255]), u32_of(2301), told]);
    let taken = described(&Value::Array(vec![entry])).unwrap();
    let register = taken.rows[0].registers[0];
    assert_eq!(
        (register.value, register.scaler, register.unit),
        (Quantity::Number(2301), -1, 35)
    );
    assert_eq!(described(&Value::Array(vec![u32_of(1)])), None);
}

/// As in a channel of a load profile.
#[test]
fn a_bcd_of_one_digit_is_that_digit_and_one_of_two_fits_no_register() {
    let of = |number| daily(vec![row(at(0), Value::Unsigned("bcd", number))]);
    let taken = profile(DAILY).fit(&of(9)).unwrap();
    assert_eq!(taken.rows[0].registers[0].value, Quantity::Number(9));
    for digits in [10, 0x10, 0x99] {
        assert_eq!(profile(DAILY).fit(&of(digits)), None);
    }
}

/// Blue Book 15, clause 4.3.2, table of the unit codes.
#[test]
fn units_have_the_codes_of_the_blue_book() {
    for (unit, code) in [
        ("month", 2),
        ("day", 4),
        ("h", 5),
        ("min", 6),
        ("s", 7),
        ("W", 27),
        ("VA", 28),
        ("var", 29),
        ("Wh", 30),
        ("VAh", 31),
        ("varh", 32),
        ("A", 33),
        ("V", 35),
        ("Hz", 44),
        ("count", 255),
    ] {
        let written = DAILY.replacen("\"Wh\"", &format!("\"{unit}\""), 1);
        assert_eq!(profile(&written).fields[1].unit, code, "{unit}");
    }
    let without = DAILY.replacen(", \"unit\": \"Wh\"", "", 1);
    assert_eq!(profile(&without).fields[1].unit, UNIT_NONE);
}

#[test]
fn a_mistake_names_the_profile_and_the_field() {
    for (from, to) in [
        ("\"register\"", "\"registers\""),
        ("\"Wh\"", "\"kWh\""),
        ("1.0.1.8.0.255", "1.0.1.8"),
        ("\"push\"", "\"round\""),
        ("\"register\"", "\"clock\""),
    ] {
        let error = profiles_from_json(DAILY.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert_eq!(error.layout, "daily", "{error}");
    }
    assert!(profiles_from_json(b"{}").is_err());
}

proptest! {
    #[test]
    fn whatever_the_tree_it_is_taken_or_left(bytes: Vec<u8>) {
        if let Ok(value) = axdr::whole(&bytes, LIMITS) {
            let _left = (profile(DAILY).fit(&value), profile(ALERT).fit(&value), described(&value));
        }
    }
}
