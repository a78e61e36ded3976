use proptest::prelude::*;

use super::*;
use crate::{Kind, Layer};

fn read(bytes: &[u8]) -> Result<Value, DecodeError> {
    whole(bytes, Limits::default())
}

fn refused(bytes: &[u8]) -> (u32, Kind) {
    let error = read(bytes).expect_err("should be refused");
    assert_eq!(error.layer, Layer::Data);
    (error.offset, error.kind)
}

#[test]
fn integers_keep_their_width_and_sign() {
    let signed = |name, value| Ok(Value::Signed(name, value));
    assert_eq!(read(&[0x0f, 0xff]), signed("integer", -1));
    assert_eq!(read(&[0x10, 0xff, 0xfe]), signed("long", -2));
    assert_eq!(
        read(&[0x05, 0x80, 0, 0, 0]),
        signed("double-long", -2_147_483_648)
    );
    assert_eq!(
        read(&[0x14, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        signed("long64", -1)
    );
    let most = Value::Unsigned("long64-unsigned", u64::MAX);
    assert_eq!(
        read(&[0x15, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        Ok(most)
    );
}

#[test]
fn every_tag_of_the_standard_is_read_and_every_other_is_refused() {
    let known = [
        0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 13, 15, 16, 17, 18, 20, 21, 22, 23, 24, 25, 26, 27, 28,
        29, 30, 31, 32, 33, 255,
    ];
    for tag in 0..=255_u8 {
        let bytes: Vec<u8> = std::iter::once(tag).chain([0; 12]).collect();
        let read = head(&bytes, Limits::default());
        if known.contains(&tag) {
            assert!(read.is_ok(), "{tag}: {read:?}");
        } else if tag != 19 {
            assert_eq!(
                read,
                Err(DecodeError::new(Layer::Data, 0, Kind::BadTag)),
                "{tag}"
            );
        }
    }
}

#[test]
fn long_forms_of_small_lengths_are_read() {
    assert_eq!(
        read(&[0x01, 0x82, 0, 1, 0x11, 7]),
        Ok(Value::Array(vec![Value::Unsigned("unsigned", 7)]))
    );
}

#[test]
fn a_count_larger_than_the_bytes_left_is_refused_before_anything_is_built() {
    assert_eq!(
        refused(&[0x02, 0x84, 0xff, 0xff, 0xff, 0xff, 0]),
        (1, Kind::BadLength)
    );
    assert_eq!(
        refused(&[0x09, 0x84, 0x7f, 0xff, 0xff, 0xff, 0]),
        (6, Kind::Truncated)
    );
}

#[test]
fn nesting_stops_at_the_limit() {
    assert_eq!(refused(&[0x01; 200]).1, Kind::TooDeep);
    let limits = Limits {
        depth_max: 2,
        ..Limits::default()
    };
    assert!(whole(&[1, 1, 1, 1, 0], limits).is_ok());
    assert!(whole(&[1, 1, 1, 1, 1, 0], limits).is_err());
    assert!(whole(&[1, 2, 1, 1, 0, 1, 1, 0], limits).is_ok());
}

#[test]
fn the_number_of_values_stops_at_the_limit() {
    let limits = Limits {
        elements_max: 3,
        ..Limits::default()
    };
    assert!(whole(&[1, 3, 0, 0, 0], limits).is_ok());
    let error = whole(&[1, 4, 0, 0, 0, 0], limits).unwrap_err();
    assert_eq!(error.kind, Kind::TooMany);
    // 600 rows of a byte, each with an array of 65535 null-data: 40 million values in 600 bytes.
    let bomb = [
        &[0x13, 2, 2, 1, 0xff, 0xff, 0, 0x11, 0x82, 2, 0x58][..],
        &[7; 600],
    ]
    .concat();
    assert_eq!(refused(&bomb).1, Kind::TooMany);
}

#[test]
fn a_row_with_more_values_than_its_bytes_may_stand_for_is_refused_before_it_is_unpacked() {
    // Found by fuzzing: one row of one byte, 31,488 null-data, two megabytes of memory.
    let bytes = [0x13, 1, 0x7b, 0, 0, 1, 3];
    assert_eq!(refused(&bytes), (6, Kind::TooMany));
    let nested = [0x13, 1, 0xff, 0xff, 1, 0xff, 0xff, 0, 1, 0];
    assert_eq!(refused(&nested), (9, Kind::TooMany));
    let empty = [0x13, 1, 0, 9, 0x11, 0];
    assert_eq!(read(&empty), Ok(Value::CompactArray(Vec::new())));
}

#[test]
fn compact_arrays_unpack_to_the_rows_they_stand_for() {
    let row = |a, b| {
        Value::Structure(vec![
            Value::Unsigned("unsigned", a),
            Value::Null,
            Value::Unsigned("long-unsigned", b),
        ])
    };
    let bytes = [0x13, 2, 3, 0x11, 0, 0x12, 6, 1, 0, 2, 3, 0, 4];
    assert_eq!(
        read(&bytes),
        Ok(Value::CompactArray(vec![row(1, 2), row(3, 4)]))
    );
    let bytes = [0x13, 1, 0, 2, 0x11, 4, 1, 2, 3, 4];
    let pair = |a, b| {
        Value::Array(vec![
            Value::Unsigned("unsigned", a),
            Value::Unsigned("unsigned", b),
        ])
    };
    assert_eq!(
        read(&bytes),
        Ok(Value::CompactArray(vec![pair(1, 2), pair(3, 4)]))
    );
}

#[test]
fn a_compact_array_whose_rows_take_no_bytes_or_overrun_is_refused() {
    assert_eq!(refused(&[0x13, 0, 2, 1, 0]).1, Kind::BadLength);
    assert_eq!(refused(&[0x13, 0x12, 3, 1, 2, 3]).1, Kind::Truncated);
    assert_eq!(refused(&[0x13, 0x12, 3, 1, 2, 3, 4]), (5, Kind::BadLength));
    assert_eq!(read(&[0x13, 0, 0]), Ok(Value::CompactArray(vec![])));
}

#[test]
fn quirks_are_tried_only_when_the_standard_fails_and_are_named() {
    let plain = [0x02, 0x02, 0x11, 1, 0x11, 2];
    assert_eq!(tolerant(&plain, Limits::default()).unwrap().1, []);
    let descriptor = [0x02, 0x02, 0, 3, 1, 0, 0x2a, 7, 0, 0xff, 2, 0x12, 0, 9];
    let (value, quirks) = tolerant(&descriptor, Limits::default()).unwrap();
    assert_eq!(quirks, [Quirk::UntaggedDescriptor]);
    let Value::Structure(elements) = value else {
        panic!()
    };
    assert_eq!(elements[1], Value::Unsigned("long-unsigned", 9));
    let swapped = [0x02, 0x02, 0x06, 0x09, 1, 0, 0x1f, 7, 0, 0xff, 0x12, 0, 9];
    let (value, quirks) = tolerant(&swapped, Limits::default()).unwrap();
    assert_eq!(quirks, [Quirk::SwappedLogicalName]);
    let Value::Structure(elements) = value else {
        panic!()
    };
    assert_eq!(
        elements[0],
        Value::Octets("octet-string", vec![1, 0, 0x1f, 7, 0, 0xff])
    );
    let neither = [0x02, 0x02, 0x06, 0x09, 1, 0, 0x1f, 7, 0, 0xfe, 0x12, 0, 9];
    assert_eq!(
        tolerant(&neither, Limits::default()),
        read(&neither).map(|value| (value, vec![]))
    );
}

proptest! {
    /// Unpacked and written plainly, a value is what it was; and writing is its own inverse.
    #[test]
    fn what_is_read_is_written_back(bytes in prop::collection::vec(any::<u8>(), 0..60), packed: bool) {
        let packed = packed.then_some(0x13);
        let bytes: Vec<u8> = packed.into_iter().chain(bytes).collect();
        if let Ok((value, used)) = head(&bytes, Limits::default()) {
            let mut written = Vec::new();
            write(&value, &mut written);
            let again = whole(&written, Limits { elements_max: u32::MAX, depth_max: 32 });
            prop_assert_eq!(format!("{again:?}").replace("CompactArray", "Array"), format!("{:?}", Ok::<_, DecodeError>(&value)).replace("CompactArray", "Array"));
            let _ = used;
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_and_never_more_than_there_are(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok((_, used)) = head(&bytes, Limits::default()) {
            prop_assert!(used <= bytes.len());
            prop_assert!(whole(&bytes[..used], Limits::default()).is_ok());
        }
        if let Err(error) = tolerant(&bytes, Limits::default()) {
            prop_assert!(usize::try_from(error.offset).unwrap() <= bytes.len());
        }
    }

    #[test]
    fn bytes_made_of_tags_are_too(bytes in prop::collection::vec(prop::sample::select(&[0_u8, 1, 2, 3, 6, 9, 0x12, 0x13, 0x81, 0x82, 0xff][..]), 0..120)) {
        let limits = Limits { depth_max: 32, elements_max: 10_000 };
        let _ = tolerant(&bytes, limits);
    }
}
