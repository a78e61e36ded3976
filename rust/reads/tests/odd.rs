//! Reads in bodies that the configured layout does not take as they stand.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod world;

use cosem::encode;
use reads::{Decoder, Protection, Settings};
use world::record::parse;
use world::{MIDNIGHT_S, Meter, decode, wrapped};

const IST_S: i64 = 19_800;

fn knowing(protection: Protection) -> Decoder {
    let mut decoder = world::decoder(Settings::default());
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

fn sent(decoder: &mut Decoder, counter: u32, apdu: &[u8]) -> reads::Batch {
    let batch = decode(decoder, &wrapped(&Meter::new(9).seal(counter, apdu)));
    assert!(batch.tally.balances());
    batch
}

fn object(class: u16, obis: [u8; 6], attribute: u8, out: &mut Vec<u8>) {
    encode::structure(4, out);
    encode::long_unsigned(class, out);
    encode::octets(&obis, out);
    out.extend([0x0f, attribute]);
    encode::long_unsigned(0, out);
}

const CLOCK: [u8; 6] = [0, 0, 1, 0, 0, 255];
const LOAD_PROFILE: [u8; 6] = [1, 0, 99, 1, 0, 255];
const IMP: [u8; 6] = [1, 0, 1, 29, 0, 255];
const EXP: [u8; 6] = [1, 0, 2, 29, 0, 255];

/// A push that lists its objects: block load values, one of them with its scaler, and a register.
fn listed(at_s: i64) -> Vec<u8> {
    let mut apdu = Vec::new();
    encode::data_notification(0, &mut apdu);
    encode::structure(6, &mut apdu);
    encode::array(6, &mut apdu);
    object(40, [0, 8, 25, 9, 0, 255], 2, &mut apdu);
    object(8, CLOCK, 2, &mut apdu);
    object(3, IMP, 2, &mut apdu);
    object(3, IMP, 3, &mut apdu);
    object(3, [1, 0, 1, 8, 0, 255], 2, &mut apdu);
    object(3, EXP, 2, &mut apdu);
    clock(at_s, &mut apdu);
    encode::double_long_unsigned(12, &mut apdu);
    apdu.extend([2, 2, 0x0f, 1, 0x16, 30]);
    encode::double_long_unsigned(77, &mut apdu);
    encode::double_long_unsigned(3, &mut apdu);
    apdu
}

#[test]
fn block_load_values_in_a_body_that_lists_its_objects_are_reads_and_the_rest_registers() {
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    let batch = sent(&mut decoder, 1, &listed(MIDNIGHT_S + 1_800));
    let parsed = parse(&batch.record);
    let [read] = &parsed.reads[..] else {
        panic!("{parsed:?}")
    };
    assert_eq!(read["interval_start"], MIDNIGHT_S);
    assert_eq!(
        (read["imp_wh"], read["exp_wh"]),
        (120, 3),
        "the layout tells the other unit"
    );
    let registers: Vec<_> = parsed.registers.iter().map(|each| each.value).collect();
    assert_eq!(registers, [77]);
    let again = sent(&mut decoder, 1, &listed(MIDNIGHT_S + 1_800));
    assert_eq!((again.tally.frames_duplicate, again.registers), (1, 0));
    let askew = sent(&mut decoder, 2, &listed(MIDNIGHT_S + 1_801));
    assert_eq!(
        (askew.rejected.get("misaligned"), askew.registers),
        (Some(&1), 1)
    );
}

#[test]
fn a_packed_body_is_read_as_what_it_packs() {
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    let mut apdu = Vec::new();
    head(0, 4, &mut apdu);
    apdu.push(0);
    apdu.extend([0x13, 2, 7, 9, 0x12, 6, 6, 6, 6, 0x12]);
    let mut rows = Vec::new();
    for n in 1..=3_u32 {
        let mut at = Vec::new();
        clock(MIDNIGHT_S + i64::from(n) * 1_800, &mut at);
        rows.extend(&at[1..]);
        rows.extend(2_300_u16.to_be_bytes());
        for wh in [n, n, 0, 0] {
            rows.extend(wh.to_be_bytes());
        }
        rows.extend(100_u16.to_be_bytes());
    }
    encode::length(rows.len(), &mut apdu);
    apdu.extend(rows);
    let reads = parse(&sent(&mut decoder, 1, &apdu).record).reads;
    let energies: Vec<_> = reads.iter().map(|read| read["imp_wh"]).collect();
    assert_eq!(energies, [1, 2, 3]);
}

/// A push whose values are a load profile's columns and its buffer.
fn with_buffer(columns: &[[u8; 6]], rows: u32) -> Vec<u8> {
    let mut apdu = Vec::new();
    encode::data_notification(0, &mut apdu);
    encode::structure(3, &mut apdu);
    encode::array(3, &mut apdu);
    object(40, [0, 8, 25, 9, 0, 255], 2, &mut apdu);
    object(7, LOAD_PROFILE, 3, &mut apdu);
    object(7, LOAD_PROFILE, 2, &mut apdu);
    encode::array(columns.len() + 1, &mut apdu);
    object(8, CLOCK, 2, &mut apdu);
    for column in columns {
        object(3, *column, 2, &mut apdu);
    }
    encode::array(usize::try_from(rows).unwrap(), &mut apdu);
    for n in 1..=rows {
        encode::structure(u8::try_from(columns.len()).unwrap() + 1, &mut apdu);
        clock(MIDNIGHT_S + i64::from(n) * 1_800, &mut apdu);
        for (at, _) in (1..).zip(columns) {
            encode::double_long_unsigned(10 * at + n, &mut apdu);
        }
    }
    apdu
}

#[test]
fn the_buffer_of_a_profile_in_a_body_is_reads_in_the_order_told_beside_it() {
    for (columns, imp, exp) in [([IMP, EXP], 10, 20), ([EXP, IMP], 20, 10)] {
        let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
        let batch = sent(&mut decoder, 1, &with_buffer(&columns, 3));
        let parsed = parse(&batch.record);
        let reads: Vec<_> = (parsed.reads.iter())
            .map(|read| (read["interval_start"], read["imp_wh"], read["exp_wh"]))
            .collect();
        let wanted = (1..=3).map(|n| (MIDNIGHT_S + (n - 1) * 1_800, imp + n, exp + n));
        assert_eq!(reads, wanted.collect::<Vec<_>>());
        assert_eq!((parsed.registers.len(), parsed.learned.len()), (0, 1));
    }
    // A column whose unit nobody told is no read.
    let mut decoder = knowing(Protection::ENCRYPT_AUTHENTICATE);
    let untold = with_buffer(&[IMP, [1, 0, 5, 29, 0, 255]], 3);
    let batch = sent(&mut decoder, 1, &untold);
    assert_eq!(batch.tally.reads_stored, 0);
    assert_eq!(batch.rejected.get("no_layout"), Some(&1));
}

/// A push of the order of the load profile's columns, as a meter tells it.
fn columns(order: &[(u16, [u8; 6])]) -> Vec<u8> {
    let mut apdu = Vec::new();
    encode::data_notification(0, &mut apdu);
    encode::structure(4, &mut apdu);
    encode::octets(Meter::new(9).serial().as_bytes(), &mut apdu);
    encode::octets(&LOAD_PROFILE, &mut apdu);
    apdu.push(0);
    encode::array(order.len(), &mut apdu);
    for (class, obis) in order {
        object(*class, *obis, 2, &mut apdu);
    }
    apdu
}

const TWO: &str = r#"[{"name": "two", "source": "test", "body": "push",
  "logical_names": ["0.5.25.9.0.255", "1.0.99.1.0.255"], "fields": [
    {"obis": "0.0.1.0.0.255", "column": "clock"},
    {"obis": "1.0.1.29.0.255", "column": "imp_wh", "unit": "Wh"},
    {"obis": "1.0.2.29.0.255", "column": "exp_wh", "scaler": 1, "unit": "Wh"}]}]"#;

fn of_two() -> Decoder {
    let mut decoder = Decoder::new(Settings::default());
    let specs = cosem::layout::specs_from_json(TWO.as_bytes()).unwrap();
    decoder.set_layouts(&specs).unwrap();
    let meter = Meter::new(9);
    let layout = decoder.layout("two").unwrap();
    decoder
        .upsert(&reads::MeterSpec {
            meter: 9,
            serial: meter.serial().as_bytes(),
            title: Some(meter.title()),
            dcu: 0,
            encryption_key: &meter.encryption_key(),
            authentication_key: &meter.authentication_key(),
            protection: Protection::ENCRYPT_AUTHENTICATE,
            layout,
            interval_s: 1_800,
            time_policy: cosem::clock::TimePolicy::Ist,
        })
        .unwrap();
    decoder
}

fn two(n: i64, first: u32, second: u32) -> Vec<u8> {
    let mut apdu = Vec::new();
    head(5, 4, &mut apdu);
    apdu.push(0);
    encode::array(1, &mut apdu);
    encode::structure(3, &mut apdu);
    clock(MIDNIGHT_S + n * 1_800, &mut apdu);
    encode::double_long_unsigned(first, &mut apdu);
    encode::double_long_unsigned(second, &mut apdu);
    apdu
}

#[test]
fn the_order_of_columns_that_a_meter_told_goes_before_its_layout_and_survives_a_restart() {
    let mut decoder = of_two();
    let energies = |decoder: &mut Decoder, counter, n| {
        let reads = parse(&sent(decoder, counter, &two(n, 5, 6)).record).reads;
        (reads[0]["imp_wh"], reads[0]["exp_wh"])
    };
    assert_eq!(energies(&mut decoder, 1, 1), (5, 60));
    let swapped = columns(&[(8, CLOCK), (3, EXP), (3, IMP)]);
    let batch = sent(&mut decoder, 2, &swapped);
    let learned = parse(&batch.record).learned;
    assert_eq!((learned.len(), learned[0].0, learned[0].2), (1, 9, 3));
    assert_eq!(
        energies(&mut decoder, 3, 2),
        (6, 50),
        "scaler and unit stay with the name"
    );
    let known = parse(&sent(&mut decoder, 4, &swapped).record);
    assert!(known.learned.is_empty(), "told again it is no news");
    let mut from_journal = of_two();
    from_journal.replay(&batch.record).unwrap();
    assert_eq!(energies(&mut from_journal, 5, 3), (6, 50));
    let mut from_snapshot = of_two();
    from_snapshot.restore(&decoder.snapshot()).unwrap();
    assert_eq!(energies(&mut from_snapshot, 5, 3), (6, 50));
    let longer = columns(&[(8, CLOCK), (3, EXP), (3, IMP), (1, [0, 0, 96, 1, 0, 255])]);
    sent(&mut decoder, 6, &longer);
    let misfit = sent(&mut decoder, 7, &two(4, 5, 6));
    assert_eq!(
        misfit.rejected.get("no_layout"),
        Some(&1),
        "no other order is tried"
    );
}

#[test]
fn a_model_has_a_layout_for_each_of_its_pushes() {
    let mut decoder = world::decoder(Settings::default());
    let mut specs = cosem::layout::specs_from_json(TWO.as_bytes()).unwrap();
    specs.extend(cosem::layout::specs_from_json(world::LAYOUT.as_bytes()).unwrap());
    decoder.set_layouts(&specs).unwrap();
    let family = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned());
        vec![("model/x".to_owned(), names.collect())]
    };
    assert!(decoder.set_families(&family(&["1ph", "absent"])).is_err());
    decoder.set_families(&family(&["1ph", "two"])).unwrap();
    let meter = Meter::new(9);
    let layout = decoder.layout("model/x").unwrap();
    decoder
        .upsert(&reads::MeterSpec {
            meter: 9,
            serial: meter.serial().as_bytes(),
            title: Some(meter.title()),
            dcu: 0,
            encryption_key: &meter.encryption_key(),
            authentication_key: &meter.authentication_key(),
            protection: Protection::ENCRYPT_AUTHENTICATE,
            layout,
            interval_s: 1_800,
            time_policy: cosem::clock::TimePolicy::Ist,
        })
        .unwrap();
    let first = sent(
        &mut decoder,
        1,
        &Meter::new(9).push(&[world::Interval::nth(1, 4)]),
    );
    assert_eq!(first.tally.reads_stored, 1);
    let second = parse(&sent(&mut decoder, 2, &two(2, 5, 6)).record).reads;
    assert_eq!((second[0]["imp_wh"], second[0]["exp_wh"]), (5, 60));
}
