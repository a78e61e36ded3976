//! Registers and events: what is no block load becomes rows of other tables.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use cosem::encode;
use cosem::profile::{Code, profiles_from_json};
use reads::{Decoder, Protection, Settings, flags, gather};
use world::record::parse;
use world::{MIDNIGHT_S, Meter, NOW_MS, block, decode, wrapped};

const PROFILES: &str = r#"[
  {"name": "daily", "source": "test", "profile": "daily", "body": "push",
   "logical_names": ["0.6.25.9.0.255"], "fields": [
    {"obis": "0.0.1.0.0.255", "column": "clock", "class": 8},
    {"obis": "1.0.1.8.0.255", "column": "register", "scaler": 1, "unit": "Wh"},
    {"obis": "1.0.1.6.0.255", "column": "time", "class": 4, "attribute": 5}]},
  {"name": "daily-other", "source": "test", "profile": "theirs", "body": "push",
   "logical_names": ["0.6.25.9.0.255"], "goes_with": ["3ph"], "fields": [
    {"obis": "0.0.1.0.0.255", "column": "clock", "class": 8},
    {"obis": "1.0.2.8.0.255", "column": "register", "scaler": 1, "unit": "Wh"},
    {"obis": "1.0.1.6.0.255", "column": "time", "class": 4, "attribute": 5}]},
  {"name": "alert", "source": "test", "profile": "alert", "body": "flat",
   "logical_names": ["0.4.25.9.0.255"], "fields": [
    {"obis": "0.0.1.0.0.255", "column": "clock", "class": 8},
    {"obis": "0.0.94.91.18.255", "column": "alert", "class": 1}]},
  {"name": "log", "source": "test", "profile": "event_log", "body": "push",
   "logical_names": ["0.120.25.9.0.255"], "fields": [
    {"obis": "0.0.1.0.0.255", "column": "clock", "class": 8},
    {"obis": "0.0.96.11.0.255", "column": "event", "class": 1}]}]"#;
const IST_S: i64 = 19_800;

fn knowing(protection: Protection) -> Decoder {
    let mut decoder = world::decoder(Settings::default());
    let meanings = vec![
        (Code::Bit(81), "magnet".to_owned()),
        (Code::Number(7), "over-voltage".to_owned()),
    ];
    decoder.set_profiles(profiles_from_json(PROFILES.as_bytes()).unwrap(), meanings);
    Meter::new(9).register(&mut decoder, protection);
    decoder
}

/// The head of a push of meter 9 by `setup`; `elements` in all.
fn head(setup: u8, elements: u8, out: &mut Vec<u8>) {
    encode::data_notification(0, out);
    encode::structure(elements, out);
    encode::octets(Meter::new(9).serial().as_bytes(), out);
    encode::octets(&[0, setup, 25, 9, 0, 255], out);
}

fn clock(utc_s: i64, out: &mut Vec<u8>) {
    encode::octets(&encode::date_time(utc_s + IST_S, 330, 0), out);
}

fn daily(energy: u32, at_s: i64) -> Vec<u8> {
    let mut apdu = Vec::new();
    head(6, 4, &mut apdu);
    clock(at_s, &mut apdu);
    encode::array(1, &mut apdu);
    encode::structure(3, &mut apdu);
    clock(at_s, &mut apdu);
    encode::double_long_unsigned(energy, &mut apdu);
    clock(at_s - 3_600, &mut apdu);
    apdu
}

fn alert(bits: &[usize]) -> Vec<u8> {
    let mut apdu = Vec::new();
    head(4, 4, &mut apdu);
    clock(MIDNIGHT_S, &mut apdu);
    let mut word = [0_u8; 16];
    for bit in bits {
        word[bit / 8] |= 0x80 >> (bit % 8);
    }
    apdu.extend([4, 0x81, 128]);
    apdu.extend(word);
    apdu
}

fn sent(decoder: &mut Decoder, counter: u32, apdu: &[u8]) -> reads::Batch {
    let batch = decode(decoder, &wrapped(&Meter::new(9).seal(counter, apdu)));
    assert!(batch.tally.balances());
    batch
}

#[test]
fn a_daily_push_becomes_registers_with_scaler_unit_and_time() {
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    let batch = sent(&mut decoder, 5, &daily(1_234, MIDNIGHT_S));
    assert_eq!(
        (batch.registers, batch.events, batch.tally.frames_accepted),
        (2, 0, 1)
    );
    assert_eq!(batch.rows, 3, "two registers and a ledger row");
    let parsed = parse(&batch.record);
    let [energy, demand_at] = &parsed.registers[..] else {
        panic!("{parsed:?}")
    };
    let midnight = u32::try_from(MIDNIGHT_S).unwrap();
    assert_eq!(
        (energy.meter, energy.at_s, energy.flags, energy.counter),
        (9, midnight, 0, 5)
    );
    assert_eq!((energy.profile.as_str(), energy.class), ("daily", 3));
    assert_eq!((energy.value, energy.scaler, energy.unit), (1_234, 1, 30));
    assert_eq!((demand_at.value, demand_at.unit), (MIDNIGHT_S - 3_600, 7));
    assert_eq!((demand_at.attribute, demand_at.class), (5, 4));
    assert_eq!(parsed.counters.len(), 1, "its counter is on record");
}

#[test]
fn the_same_push_again_is_a_duplicate_and_an_older_one_a_replay() {
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    sent(&mut decoder, 5, &daily(1, MIDNIGHT_S));
    let again = sent(&mut decoder, 5, &daily(1, MIDNIGHT_S));
    assert_eq!((again.registers, again.tally.frames_duplicate), (0, 1));
    let older = sent(&mut decoder, 4, &daily(1, MIDNIGHT_S));
    assert_eq!(older.rejected.get("replayed_counter"), Some(&1));
}

#[test]
fn a_profile_made_for_the_meters_layout_goes_before_one_for_any() {
    let mut decoder = knowing(Protection::NONE);
    let layout = decoder.layout("3ph").unwrap();
    let meter = Meter::new(9);
    decoder
        .upsert(&reads::MeterSpec {
            meter: 9,
            serial: meter.serial().as_bytes(),
            title: None,
            dcu: 0,
            encryption_key: &[],
            authentication_key: &[],
            protection: Protection::NONE,
            layout,
            interval_s: 1_800,
            time_policy: cosem::clock::TimePolicy::Ist,
        })
        .unwrap();
    let batch = decode(&mut decoder, &wrapped(&daily(1, MIDNIGHT_S)));
    let registers = parse(&batch.record).registers;
    assert_eq!(registers[0].profile, "theirs");
    assert_eq!(registers[0].flags, flags::UNAUTHENTICATED);
}

#[test]
fn an_alert_is_an_event_for_each_bit_with_its_meaning() {
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    let batch = sent(&mut decoder, 5, &alert(&[81, 90]));
    let parsed = parse(&batch.record);
    let told: Vec<_> = parsed
        .events
        .iter()
        .map(|event| {
            (
                event.source.as_str(),
                event.bit,
                event.code,
                event.meaning.as_str(),
            )
        })
        .collect();
    assert_eq!(told, [("alert", 81, 0, "magnet"), ("alert", 90, 0, "")]);
    assert_eq!(parsed.events[0].obis, [0, 0, 94, 91, 18, 255]);
    let none = sent(&mut decoder, 6, &alert(&[]));
    assert_eq!((none.events, none.tally.frames_accepted), (0, 1));
}

#[test]
fn an_event_log_tells_codes() {
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    let mut apdu = Vec::new();
    head(120, 4, &mut apdu);
    apdu.push(0);
    encode::array(2, &mut apdu);
    for (at_s, code) in [(MIDNIGHT_S, 7), (MIDNIGHT_S + 60, 999)] {
        encode::structure(2, &mut apdu);
        clock(at_s, &mut apdu);
        encode::long_unsigned(code, &mut apdu);
    }
    let events = parse(&sent(&mut decoder, 1, &apdu).record).events;
    assert_eq!(
        (events[0].code, events[0].meaning.as_str()),
        (7, "over-voltage")
    );
    assert_eq!((events[1].code, events[1].meaning.as_str()), (999, ""));
    assert_eq!(
        (events[0].source.as_str(), events[0].bit),
        ("event_log", 0xffff)
    );
}

#[test]
fn an_event_notification_is_an_event_at_its_time_or_at_receipt() {
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    let object = [0, 1, 0, 0, 96, 11, 0, 255, 2];
    let told = |time: &[u8]| [&[0xc2][..], time, &object, &[0x12, 0, 7]].concat();
    let at = encode::date_time(MIDNIGHT_S + IST_S, 330, 0);
    for (counter, flag) in [(1_u32, 1_u8), (2, 9)] {
        let apdu = told(&[&[flag, 12][..], &at].concat());
        let event = parse(&sent(&mut decoder, counter, &apdu).record)
            .events
            .remove(0);
        assert_eq!(
            (event.source.as_str(), event.code),
            ("event_notification", 7)
        );
        assert_eq!((i64::from(event.at_s), event.flags), (MIDNIGHT_S, 0));
    }
    let event = parse(&sent(&mut decoder, 3, &told(&[0])).record)
        .events
        .remove(0);
    assert_eq!(i64::from(event.at_s), NOW_MS / 1_000);
    assert_eq!(event.flags, flags::TIME_OF_RECEIPT);
    let clear = decode(&mut decoder, &wrapped(&told(&[0])));
    assert_eq!(
        clear.rejected.get("unknown_meter"),
        Some(&1),
        "it names nobody"
    );
}

#[test]
fn a_time_that_cannot_be_refuses_the_frame_whole() {
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    for (counter, at_s, kind) in [
        (1, NOW_MS / 1_000 + 3_600, "future_timestamp"),
        (2, MIDNIGHT_S - 1_826 * 86_400, "too_old"),
    ] {
        let batch = sent(&mut decoder, counter, &daily(1, at_s));
        assert_eq!(batch.rejected.get(kind), Some(&1), "{kind}");
        assert_eq!((batch.registers, batch.tally.frames_quarantined), (0, 1));
    }
}

#[test]
fn a_self_describing_push_needs_no_layout_and_what_fits_nothing_stays_raw() {
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    let object = |class: u8, obis: [u8; 6], attribute: u8, out: &mut Vec<u8>| {
        encode::structure(4, out);
        encode::long_unsigned(class.into(), out);
        encode::octets(&obis, out);
        out.extend([0x0f, attribute]);
        encode::long_unsigned(0, out);
    };
    let mut apdu = Vec::new();
    encode::data_notification(0, &mut apdu);
    encode::structure(3, &mut apdu);
    encode::array(3, &mut apdu);
    object(40, [0, 8, 25, 9, 0, 255], 2, &mut apdu);
    object(8, [0, 0, 1, 0, 0, 255], 2, &mut apdu);
    object(3, [1, 0, 1, 8, 0, 255], 2, &mut apdu);
    clock(MIDNIGHT_S, &mut apdu);
    encode::double_long_unsigned(77, &mut apdu);
    let register = parse(&sent(&mut decoder, 1, &apdu).record)
        .registers
        .remove(0);
    assert_eq!((register.profile.as_str(), register.value), ("push", 77));
    assert_eq!(
        (register.scaler, register.unit),
        (0, 0),
        "nobody told its unit"
    );
    let mut other = Vec::new();
    head(99, 2, &mut other);
    let batch = sent(&mut decoder, 2, &other);
    assert_eq!(batch.rejected.get("no_layout"), Some(&1));
}

#[test]
fn blocks_hold_the_rows_at_their_positions() {
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    let first = sent(&mut decoder, 1, &daily(5, MIDNIGHT_S));
    let second = sent(&mut decoder, 2, &alert(&[81]));
    let next = 1_000 + u64::from(first.rows);
    let gathered = gather(&[(1_000, &first.record), (next, &second.record)]).unwrap();
    let of = |table: &str| {
        let (_, bytes) = gathered
            .blocks
            .iter()
            .find(|(name, _)| *name == table)
            .unwrap();
        block::parse(bytes)
    };
    let registers = of("m.registers");
    assert_eq!(
        block::numbers(&registers, "ver"),
        [1_001, 1_002],
        "after the ledger's row"
    );
    assert_eq!(
        block::numbers(&registers, "value"),
        [5, i128::from(MIDNIGHT_S) - 3_600]
    );
    let obis = block::Value::Text(b"1.0.1.8.0.255".to_vec());
    assert_eq!(registers["obis"].1[0], obis);
    let events = of("m.events");
    assert_eq!(block::numbers(&events, "bit"), [81]);
    assert_eq!(block::numbers(&events, "ver"), [i128::from(next) + 1]);
}

#[test]
fn a_register_that_a_later_frame_stored_stands_when_an_older_one_is_decoded_again() {
    let late = wrapped(&Meter::new(9).seal(4, &daily(1, MIDNIGHT_S)));
    let rejected = reads::Rejected {
        position: 500,
        at_ms: NOW_MS,
        dcu: 0,
        peer: "",
        raw: &late,
        hint: &[],
        row: None,
    };
    let at_s = u32::try_from(MIDNIGHT_S).unwrap();
    for ((ver, counter), stored) in [((600, 3), 1), ((100, 5), 1), ((100, 3), 2)] {
        let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
        let survey = decoder.survey(&[rejected])[0];
        assert_eq!(survey.told, Some((at_s, at_s)));
        let key = (9, at_s, "daily".to_owned(), [1, 0, 1, 8, 0, 255], 2);
        let standing = reads::Standing {
            registers: std::collections::BTreeMap::from([(key, (ver, counter))]),
            ..reads::Standing::default()
        };
        let (batch, done) = decoder.reconsider(&[rejected], &standing, NOW_MS);
        assert_eq!(done[0].unwrap().registers, stored, "{ver} {counter}");
        assert_eq!(batch.registers, u64::from(stored));
    }
}
