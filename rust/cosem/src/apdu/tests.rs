//! Kinds of APDU that the vectors do not have, and what no APDU may do.

use proptest::prelude::*;

use super::*;

/// Has a plaintext for every protected body, or none.
struct Fake(Option<Vec<u8>>, bool);

impl Opener for Fake {
    fn open(&mut self, _: &Protected<'_>) -> Result<Opened, DecodeError> {
        let plain = self.0.clone();
        Ok(plain.map_or(Opened::Sealed, |plain| Opened::Plain(plain, self.1)))
    }
}

fn read_with(apdu: &[u8], mut opener: Fake) -> Result<Apdu, DecodeError> {
    let mut context = Context {
        limits: axdr::Limits::default(),
        opener: &mut opener,
        depth_left: DEPTH_MAX,
        title: None,
    };
    parse(apdu, &mut context)
}

fn read(apdu: &[u8]) -> Result<Apdu, DecodeError> {
    read_with(apdu, Fake(None, false))
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// Name and the names of the fields of an APDU in hex.
fn shape(text: &str) -> (&'static str, Vec<&'static str>) {
    let apdu = read(&hex(text)).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    (
        apdu.name,
        apdu.fields.0.iter().map(|(name, _)| *name).collect(),
    )
}

/// Bytes, name and the fields behind the invoke id. CLASS stands for a descriptor.
const SERVICES: [(&str, &str, &str); 21] = [
    (
        "c003c1 02 CLASS 00 CLASS 00",
        "get-request-with-list",
        "attributes",
    ),
    (
        "c402c1 00 00000001 00 03 010203",
        "get-response-with-datablock",
        BLOCK,
    ),
    (
        "c402c1 01 00000002 01 13",
        "get-response-with-datablock",
        "last_block block_number error",
    ),
    (
        "c102c1 CLASS 00 00 00000001 02 0203",
        "set-request-with-first-datablock",
        "attribute last_block block_number raw_data",
    ),
    ("c103c1 01 00000002 00", "set-request-with-datablock", BLOCK),
    (
        "c104c1 01 CLASS 00 01 1105",
        "set-request-with-list",
        "attributes values",
    ),
    (
        "c105c1 01 CLASS 00 01 00000001 00",
        "set-request-with-list-and-first-datablock",
        "attributes last_block block_number raw_data",
    ),
    ("c501c1 00", "set-response-normal", "result"),
    ("c502c1 00000001", "set-response-datablock", "block_number"),
    (
        "c503c1 00 00000002",
        "set-response-last-datablock",
        "result block_number",
    ),
    (
        "c504c1 02 00 03 00000002",
        "set-response-last-datablock-with-list",
        "results block_number",
    ),
    ("c505c1 02 00 03", "set-response-with-list", "results"),
    ("c301c1 CLASS 00", "action-request-normal", "method"),
    (
        "c302c1 00000001",
        "action-request-next-pblock",
        "block_number",
    ),
    (
        "c303c1 01 CLASS 01 0f00",
        "action-request-with-list",
        "methods values",
    ),
    (
        "c304c1 CLASS 00 00000001 00",
        "action-request-with-first-pblock",
        "method last_block block_number raw_data",
    ),
    (
        "c305c1 01 CLASS 01 00000001 00",
        "action-request-with-list-and-first-pblock",
        "methods last_block block_number raw_data",
    ),
    ("c306c1 01 00000002 00", "action-request-with-pblock", BLOCK),
    (
        "c702c1 01 00000001 00",
        "action-response-with-pblock",
        BLOCK,
    ),
    (
        "c703c1 02 00 00 03 01 01 04",
        "action-response-with-list",
        "results",
    ),
    (
        "c704c1 00000001",
        "action-response-next-pblock",
        "block_number",
    ),
];
const BLOCK: &str = "last_block block_number raw_data";

#[test]
fn services_by_block_and_with_list_are_read() {
    for (text, name, fields) in SERVICES {
        let text = text.replace("CLASS", "0001 0000600100ff 02");
        let (read, read_fields) = shape(&text);
        assert_eq!(read, name, "{text}");
        let fields = format!("invoke_id confirmed high_priority {fields}");
        assert_eq!(read_fields.join(" "), fields, "{text}");
    }
}

#[test]
fn short_name_services_are_read() {
    for (text, name) in [
        ("05 02 02 2048 04 4242 01 0600000001", "read-request"),
        ("06 01 02 2048 01 1105", "write-request"),
        ("0c 02 00 1105 01 03", "read-response"),
        ("0c 01 02 01 0001 02 1105", "read-response"),
        ("0d 02 00 01 03", "write-response"),
        ("16 01 02 2048 01 1105", "unconfirmed-write-request"),
        ("18 00 01 02 2048 01 1105", "information-report"),
    ] {
        assert_eq!(shape(text).0, name, "{text}");
    }
    let only = read(&hex("0c 01 00 1105")).unwrap();
    assert_eq!(
        only.fields.get("body"),
        Some(&Field::Data(Value::Unsigned("unsigned", 5)))
    );
}

#[test]
fn access_lists_its_specifications_and_results() {
    let text = "d9 20000001 00 02 03 0046 000060030aff 01 04 0007 0100630100ff 02 01 00 02 0f00 00";
    let (name, fields) = shape(text);
    assert_eq!(name, "access-request");
    assert_eq!(
        fields,
        [
            "long_invoke_id",
            "invoke_flags",
            "date_time",
            "specifications",
            "values"
        ]
    );
    let refused = read(&hex("d9 20000001 00 01 06 0046 000060030aff 01 00")).unwrap_err();
    assert_eq!((refused.offset, refused.kind), (7, Kind::BadTag));
}

#[test]
fn a_counter_error_names_the_counter_expected() {
    let apdu = read(&hex("d8 01 06 00000102")).unwrap();
    assert_eq!(
        apdu.fields.get("expected_counter"),
        Some(&Field::Number(0x102))
    );
    assert_eq!(shape("d80106").1, ["state", "service"]);
    assert_eq!(read(&hex("d8 03 01")).unwrap_err().kind, Kind::BadValue);
}

#[test]
fn a_failed_action_may_be_followed_by_anything_and_a_good_one_may_not() {
    assert!(read(&hex("c701c1 01 0102")).is_ok());
    assert!(read(&hex("c701c1 00 0102")).is_err());
}

#[test]
fn the_conformance_block_is_read_by_name_with_and_without_its_second_tag_byte() {
    for tag in ["5f1f04", "5f04"] {
        let apdu = read(&hex(&format!("08 00 06 {tag} 00 00501f 01f4 0007"))).unwrap();
        let Some(Field::List(names)) = apdu.fields.get("conformance") else {
            panic!()
        };
        let names: Vec<&Field> = names.iter().collect();
        let want = [
            "priority-mgmt-supported",
            "block-transfer-with-get-or-read",
            "get",
            "set",
            "selective-access",
            "event-notification",
            "action",
        ];
        assert_eq!(names, want.map(Field::from).iter().collect::<Vec<_>>());
    }
}

#[test]
fn sealed_apdus_show_their_header_and_opened_ones_what_is_inside() {
    let sealed = hex("d0 09 30 00000001 aabbccdd");
    let short = read(&sealed).unwrap_err();
    assert_eq!(
        (short.layer, short.kind),
        (Layer::Ciphering, Kind::Truncated)
    );
    let sealed = hex("d0 0d 20 00000001 aabbccddaabbccdd");
    let apdu = read(&sealed).unwrap();
    assert_eq!((apdu.name, apdu.inside), ("ded-get-request", None));
    let plain = hex("c0 02 c1 00000001");
    let apdu = read_with(&sealed, Fake(Some(plain), true)).unwrap();
    assert_eq!(apdu.innermost().name, "get-request-next");
    assert_eq!(apdu.fields.get("verified"), Some(&Field::Flag(true)));
}

#[test]
fn an_unproven_plaintext_that_is_no_apdu_means_the_wrong_key() {
    let sealed = hex("d0 0d 20 00000001 aabbccddaabbccdd");
    let garbage = || Some(vec![0x99, 1, 2]);
    let unproven = read_with(&sealed, Fake(garbage(), false)).unwrap_err();
    assert_eq!(
        (unproven.layer, unproven.kind),
        (Layer::Ciphering, Kind::BadDecryption)
    );
    let proven = read_with(&sealed, Fake(garbage(), true)).unwrap_err();
    assert_eq!((proven.layer, proven.kind), (Layer::Apdu, Kind::BadTag));
}

#[test]
fn general_ciphering_covers_its_five_fields_and_names_the_sender() {
    struct Expect;
    impl Opener for Expect {
        fn open(&mut self, protected: &Protected<'_>) -> Result<Opened, DecodeError> {
            assert_eq!(protected.header, hex("01aa 084d4d4d0000bc614e 00 00 00"));
            assert_eq!(protected.title, Some(*b"MMM\0\0\xbc\x61\x4e"));
            Ok(Opened::Sealed)
        }
    }
    let mut context = Context {
        limits: axdr::Limits::default(),
        opener: &mut Expect,
        depth_left: DEPTH_MAX,
        title: None,
    };
    for key in ["00", "01 00 00", "01 01 00 02 1234", "01 02 01 01 02 5678"] {
        let text = format!("dd 01aa 084d4d4d0000bc614e 00 00 00 {key} 06 20 00000001 aa");
        assert!(parse(&hex(&text), &mut context).is_ok(), "{key}");
    }
    let text = "dd 01aa 084d4d4d0000bc614e 00 00 00 01 03 06 20 00000001 aa";
    assert_eq!(
        parse(&hex(text), &mut context).unwrap_err().kind,
        Kind::BadTag
    );
}

#[test]
fn signed_content_that_is_no_apdu_is_shown_as_it_is() {
    let apdu = read(&hex("df 00 00 00 00 00 02 9911 01 ff")).unwrap();
    assert_eq!(
        apdu.fields.get("content"),
        Some(&Field::Octets(vec![0x99, 0x11]))
    );
    assert!(read(&hex("df 00 00 00 00 00 02 c001 01 ff")).is_err());
}

#[test]
fn a_single_block_is_a_message_and_any_other_a_part() {
    let whole = read(&hex("e0 80 0001 0000 03 c00142")).unwrap();
    assert_eq!(whole.inside, None, "cut short inside");
    let whole = read(&hex("e0 80 0001 0000 07 c002c100000001")).unwrap();
    assert_eq!(whole.innermost().name, "get-request-next");
    let part = read(&hex("e0 40 0001 0000 02 c002")).unwrap();
    assert_eq!(
        part.fields.get("block"),
        Some(&Field::Octets(vec![0xc0, 2]))
    );
}

#[test]
fn a_gateway_names_the_device_and_forwards() {
    let apdu = read(&hex("e6 01 02 4142 c002c100000001")).unwrap();
    assert_eq!(
        (apdu.name, apdu.innermost().name),
        ("gateway-request", "get-request-next")
    );
    assert_eq!(
        apdu.fields.get("physical_device_address"),
        Some(&Field::Octets(b"AB".to_vec()))
    );
}

#[test]
fn apdus_inside_one_another_stop_at_the_limit() {
    let bomb = [&hex("e60100").repeat(100)[..], &hex("c002c100000001")].concat();
    assert_eq!(read(&bomb).unwrap_err().kind, Kind::TooDeep);
}

#[test]
fn bytes_behind_an_apdu_are_refused() {
    for text in [
        "c002c100000001",
        "d80203",
        "c501c100",
        "6300",
        "100000000100",
    ] {
        assert!(read(&hex(text)).is_ok(), "{text}");
        let error = read(&hex(&format!("{text}00"))).unwrap_err();
        assert_eq!(error.kind, Kind::TrailingBytes, "{text}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_apdu_or_a_refusal(
        tag in prop::sample::select(&[1_u8, 5, 6, 8, 12, 13, 14, 15, 16, 24, 0x60, 0x61, 0x62, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc7, 0xc8, 0xd8, 0xd9, 0xda, 0xdb, 0xdd, 0xdf, 0xe0, 0xe6][..]),
        rest in prop::collection::vec(prop_oneof![0_u8..6, any::<u8>()], 0..80),
        plain in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let apdu = [&[tag][..], &rest].concat();
        let _ = read(&apdu);
        if let Err(error) = read_with(&apdu, Fake(Some(plain), false)) {
            prop_assert!(usize::try_from(error.offset).unwrap() <= apdu.len().max(80));
        }
    }
}
