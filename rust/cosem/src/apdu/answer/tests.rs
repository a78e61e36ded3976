//! What ingest takes from answers, and that any bytes are refused or lie inside.

use super::*;
use proptest::prelude::*;

fn kind_of<T>(read: Result<T, DecodeError>) -> Option<Kind> {
    read.err().map(|error| error.kind)
}

#[test]
fn a_get_response_is_a_value_a_block_a_list_or_a_refusal() {
    let long = [0x06, 0, 0, 1, 2];
    let normal = [&[0xc4, 1, 0xc1, 0][..], &long].concat();
    assert_eq!(get_response(&normal), Ok(Answer::Value(&long)));
    let block = [0xc4, 2, 0xc1, 0, 0, 0, 0, 7, 0, 2, 0x06, 0];
    let part = DataBlock {
        invoke_id: 1,
        last: false,
        number: 7,
        bytes: &[0x06, 0],
    };
    assert_eq!(get_response(&block), Ok(Answer::Block(part)));
    let list = [&[0xc4, 3, 0x81, 2, 0][..], &long, &[1, 3]].concat();
    let values = Answer::Values(vec![Some(&long), None]);
    assert_eq!(get_response(&list), Ok(values.clone()));
    let without_choice = [&[0xc4, 3, 0x81, 2][..], &long, &[1, 3]].concat();
    assert_eq!(get_response(&without_choice), Ok(values));
    let denied = Kind::Said(Said::Access(3));
    for refused in [&[0xc4, 1, 0xc1, 1, 3][..], &[0xc4, 3, 0x81, 2, 1, 3, 1, 4]] {
        assert_eq!(kind_of(get_response(refused)), Some(denied));
    }
    assert_eq!(denied.name(), "said_read_write_denied");
    let trailing = [&normal[..], &[0]].concat();
    assert_eq!(kind_of(get_response(&trailing)), Some(Kind::TrailingBytes));
}

#[test]
fn joined_blocks_are_a_value_or_the_results_of_a_list() {
    let long = [0x06, 0, 0, 1, 2];
    assert_eq!(joined(&long), Ok(Answer::Value(&long)));
    let list = [&[2, 0][..], &long, &[0], &long].concat();
    let values = Answer::Values(vec![Some(&long), Some(&long)]);
    assert_eq!(joined(&list), Ok(values));
    assert!(joined(&long[..4]).is_err());
}

#[test]
fn an_information_report_has_as_many_values_as_names() {
    let date = [7, 0xea, 11, 20, 5, 10, 30, 0, 0, 1, 0x4a, 0];
    let tail = [1, 2, 0xfa, 0, 1, 0x11, 9];
    for (head, time) in [
        (&[0x18, 0][..], None),
        (&[0x18, 12], Some(date)),
        (&[0x18, 1, 12], Some(date)),
        (&[0x18, 9, 12], Some(date)),
    ] {
        let clock = time.map_or(&[][..], |_| &date);
        let apdu = [head, clock, &tail].concat();
        let read = information_report(&apdu).unwrap();
        assert_eq!((read.time, read.values), (time, vec![&[0x11, 9][..]]));
    }
    let two_names = [0x18, 0, 2, 2, 0, 1, 2, 0, 2, 1, 0x11, 9];
    assert_eq!(
        kind_of(information_report(&two_names)),
        Some(Kind::BadLength)
    );
}

#[test]
fn what_a_server_says_is_named() {
    for (apdu, name) in [
        (&[0xd8, 1, 5][..], "said_deciphering_error"),
        (&[0xd8, 1, 6, 0, 0, 0, 9], "said_invocation_counter_error"),
        (&[0xd8, 2, 77], "said_exception"),
        (&[0x0e, 5, 5, 1], "said_access_error"),
        (&[0x0e, 1, 6, 1], "said_initiate_error"),
        (&[0xd8, 1], "truncated"),
    ] {
        assert_eq!(said(apdu).kind.name(), name);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_lie_inside(mut apdu: Vec<u8>, tag in 0_usize..3) {
        if let Some(first) = apdu.first_mut() {
            *first = [TAG_GET_RESPONSE, TAG_READ_RESPONSE, TAG_INFORMATION_REPORT][tag];
        }
        for read in [get_response(&apdu), read_response(&apdu), joined(&apdu)] {
            if let Ok(Answer::Value(value)) = read {
                prop_assert!(apdu.ends_with(value));
            }
        }
        if let Ok(report) = information_report(&apdu) {
            let bytes: usize = report.values.iter().map(|value| value.len()).sum();
            prop_assert!(bytes < apdu.len());
        }
        prop_assert!(said(&apdu).layer == Layer::Apdu);
    }
}
