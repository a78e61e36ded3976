//! What becomes of the reads in a frame that is trusted.

use super::*;

#[test]
fn other_values_are_a_new_version_and_old_ones_unchecked() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let meter = Meter::new(1);
    decode(&mut decoder, &meter.frame(1, &day(10)));
    let mixed = [
        Interval::nth(22, 10),
        Interval::nth(23, 11),
        Interval::nth(24, 10),
    ];
    let batch = decode(&mut decoder, &meter.frame(2, &mixed));
    assert_eq!(counts(&batch), ([1, 0, 0], [1, 0, 2, 1]));
    let read = parse(&batch.record).reads.remove(0);
    assert_eq!(
        (read["imp_wh"], read["flags"]),
        (11, i64::from(flags::CHANGED))
    );
    // 24 - 96 is the newest number outside the window.
    let old = [Interval::nth(-72, 10), Interval::nth(-71, 10)];
    let batch = decode(&mut decoder, &meter.frame(3, &old));
    assert_eq!(flags_of(&batch), [i64::from(flags::UNCHECKED), 0]);
}

fn flags_of(batch: &Batch) -> Vec<i64> {
    let record = parse(&batch.record);
    record.reads.iter().map(|row| row["flags"]).collect()
}

#[test]
fn what_records_lost_may_have_held_is_unchecked_also_after_a_restart() {
    let mut decoder = knowing(&[(1, PROTECTED), (2, PROTECTED)]);
    let meter = Meter::new(1);
    decode(&mut decoder, &meter.frame(1, &[Interval::nth(0, 10)]));
    decoder.records_lost(u32::try_from(MIDNIGHT_S).unwrap());
    let mut restarted = knowing(&[(1, PROTECTED), (2, PROTECTED)]);
    restarted.restore(&decoder.snapshot()).unwrap();
    for mut decoder in [decoder, restarted] {
        // A read is named by its end: the second starts where the tolerance of 900 s ends.
        let about = [Interval::nth(1, 10), Interval::nth(2, 10)];
        let batch = decode(&mut decoder, &meter.frame(2, &about));
        assert_eq!(flags_of(&batch), [i64::from(flags::UNCHECKED), 0]);
        let known = [Interval::nth(0, 10), Interval::nth(1, 10)];
        let batch = decode(&mut decoder, &meter.frame(3, &known));
        assert_eq!(counts(&batch), ([0, 0, 1], [0, 0, 2, 0]));
        // Of a meter that was not heard before nothing is known either.
        let batch = decode(&mut decoder, &Meter::new(2).frame(1, &about));
        assert_eq!(flags_of(&batch), [i64::from(flags::UNCHECKED), 0]);
    }
}

#[test]
fn each_check_quarantines_its_read_alone_with_the_rows_bytes() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let crooked = Interval {
        end_s: MIDNIGHT_S + 17,
        wh: 10,
        clock_status: 0,
    };
    let reads = [
        Interval::nth(1, 10),
        crooked,
        Interval::nth(26, 10),
        Interval::nth(-48 * 91, 10),
        Interval::nth(2, 10),
    ];
    let batch = decode(&mut decoder, &Meter::new(1).frame(1, &reads));
    assert_eq!(counts(&batch), ([1, 0, 0], [2, 3, 0, 0]));
    let parsed = parse(&batch.record);
    let kinds: Vec<&str> = parsed.rejects.iter().map(|row| row.kind.as_str()).collect();
    assert_eq!(kinds, ["misaligned", "future_timestamp", "too_old"]);
    for reject in &parsed.rejects {
        assert_eq!((reject.layer.as_str(), reject.meter), ("check", 1));
        assert_eq!(reject.raw[..2], [2, 7], "the row's structure of seven");
    }
    let starts: Vec<i64> = parsed
        .reads
        .iter()
        .map(|row| row["interval_start"])
        .collect();
    assert_eq!(starts, [MIDNIGHT_S, MIDNIGHT_S + 1_800]);
}

#[test]
fn an_invalid_clock_makes_a_read_suspect_and_keeps_it() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    let interval = Interval {
        clock_status: 0x01,
        ..Interval::nth(1, 10)
    };
    let batch = decode(&mut decoder, &Meter::new(1).frame(1, &[interval]));
    let read = parse(&batch.record).reads.remove(0);
    let invalid = i64::from(flags::CLOCK_INVALID);
    assert_eq!(
        (read["quality"], read["flags"], read["clock_status"]),
        (3, invalid, 1)
    );
}

#[test]
fn a_fault_of_the_clock_is_seen_in_a_run_of_new_reads_too() {
    let mut decoder = knowing(&[(1, PROTECTED)]);
    decode(
        &mut decoder,
        &Meter::new(1).frame(1, &[Interval::nth(1, 10)]),
    );
    let doubtful = [2, 3].map(|n| Interval {
        clock_status: 0x02,
        ..Interval::nth(n, 10)
    });
    let batch = decode(&mut decoder, &Meter::new(1).frame(2, &doubtful));
    let seen: Vec<i64> = parse(&batch.record)
        .reads
        .iter()
        .map(|row| row["flags"])
        .collect();
    assert_eq!(seen, [i64::from(flags::CLOCK_DOUBTFUL); 2]);
}

/// One read of a meter with the layout `3ph`, in clear.
fn three_phase(meter: Meter, n: i64) -> Vec<u8> {
    let mut apdu = Vec::new();
    cosem::encode::data_notification(0, &mut apdu);
    cosem::encode::structure(4, &mut apdu);
    cosem::encode::octets(meter.serial().as_bytes(), &mut apdu);
    cosem::encode::octets(&cosem::encode::PUSH_SETUP, &mut apdu);
    apdu.push(0);
    cosem::encode::array(1, &mut apdu);
    cosem::encode::structure(4, &mut apdu);
    let end_s = Interval::nth(n, 0).end_s + 19_800;
    cosem::encode::octets(&cosem::encode::date_time(end_s, 330, 0), &mut apdu);
    cosem::encode::long_unsigned(777, &mut apdu);
    cosem::encode::double_long_unsigned(0x8000_0001, &mut apdu);
    cosem::encode::double_long_unsigned(99, &mut apdu);
    wrapped(&apdu)
}

#[test]
fn layouts_mixed_in_a_batch_keep_every_value_in_its_row() {
    let mut decoder = knowing(&[(1, Protection::NONE)]);
    let (single, three) = (Meter::with(1, 0), Meter::with(2, 0));
    let serial = three.serial();
    let spec = reads::MeterSpec {
        meter: 2,
        serial: serial.as_bytes(),
        title: None,
        dcu: 0,
        encryption_key: &[],
        authentication_key: &[],
        protection: Protection::NONE,
        layout: decoder.layout("3ph").unwrap(),
        interval_s: world::INTERVAL_S,
        time_policy: cosem::clock::TimePolicy::Ist,
    };
    decoder.upsert(&spec).unwrap();
    let one = |n| single.frame(0, &[Interval::nth(n, 10)]);
    let frames = [
        one(1),
        three_phase(three, 1),
        one(2),
        three_phase(three, 2),
        one(3),
    ];
    let batch = decode(&mut decoder, &frames.concat());
    let reads = parse(&batch.record).reads;
    let column = |name| reads.iter().map(|row| row[name]).collect::<Vec<i64>>();
    assert_eq!(column("meter"), [1, 2, 1, 2, 1]);
    assert_eq!(column("imp_wh"), [10, 99, 10, 99, 10]);
    assert_eq!(column("volt_cv"), [23_000, 0, 23_000, 0, 23_000]);
    assert_eq!(column("curr_r_ma"), [0, 7_770, 0, 7_770, 0]);
    assert_eq!(column("status"), [0, 0x8000_0001, 0, 0x8000_0001, 0]);
    let (first, second) = (0b11_1111, 1 << 13 | 1);
    assert_eq!(column("present"), [first, second, first, second, first]);
    let alone = parse(&decode(&mut decoder, &one(4)).record).reads;
    assert!(
        !alone[0].contains_key("curr_r_ma"),
        "no read of that batch has it"
    );
}
