//! What a line is taken for, and what is said about lines that are only partly good.

use serde_json::{Value as Json, json};

use crate::framing::tests::{long_frame, ui};

fn hex(bytes: &[u8]) -> String {
    super::json::hex(bytes)
}

fn ask(line: &Json) -> Json {
    serde_json::from_slice(&super::line(line.to_string().as_bytes())).unwrap()
}

fn bare(kind: &str, text: &str) -> Json {
    ask(&json!({ "hex": text, "transport": "none", "kind": kind }))
}

fn framed(transport: &str, bytes: &[u8]) -> Json {
    ask(&json!({ "hex": hex(bytes), "transport": transport, "kind": "" }))
}

#[test]
fn a_bare_line_is_what_its_kind_says() {
    assert_eq!(
        bare("data", "0100")["data"],
        json!({ "t": "array", "v": [] })
    );
    assert_eq!(bare("initiate-request", "0100")["outcome"], "reject");
    assert_eq!(bare("date", "07e50101ff")["data"]["t"], "date");
    assert_eq!(bare("date", "1a07e50101ff")["data"]["t"], "date");
    assert_eq!(bare("date", "07e50101")["outcome"], "reject");
    assert_eq!(bare("time", "0c223800")["data"]["v"], "0c223800");
    assert_eq!(
        bare("date-time", "090c07e5010105000000ffffc400")["data"]["t"],
        "octet-string"
    );
    assert_eq!(bare("something else", "1105")["data"]["v"], 5);
    assert_eq!(
        bare("something else", "d80203")["apdus"][0]["apdu"],
        "exception-response"
    );
}

#[test]
fn a_first_row_cannot_refer_to_one_above() {
    for buffer in ["0101020100", "010102011c01"] {
        assert_eq!(
            bare("profile-buffer", buffer)["outcome"],
            "reject",
            "{buffer}"
        );
        assert_eq!(bare("data", buffer)["outcome"], "accept", "{buffer}");
    }
    assert_eq!(
        bare("profile-buffer", "0102020111050201 00")["outcome"],
        "accept"
    );
}

#[test]
fn an_llc_header_is_told_from_a_gateway_by_its_empty_address() {
    let push = "0f00000001000600000005";
    assert!(bare("", &format!("e6e700{push}"))["apdus"][0]["carried_by"].is_null());
    let forwarded = bare("", &format!("e7000141{push}"));
    assert_eq!(
        forwarded["apdus"][0]["carried_by"][0]["apdu"],
        "gateway-response"
    );
}

#[test]
fn a_wrapped_key_is_proven_by_the_key_that_wraps() {
    let wrapped = "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5";
    let with = |kek: &str| {
        let keys = json!({ "kek": kek });
        ask(&json!({ "hex": wrapped, "transport": "none", "kind": "key-wrap", "keys": keys }))
    };
    assert_eq!(
        with("000102030405060708090a0b0c0d0e0f")["wrapped_key"]["verified"],
        true
    );
    assert_eq!(
        with("ff0102030405060708090a0b0c0d0e0f")["outcome"],
        "reject"
    );
    assert_eq!(bare("key-wrap", wrapped)["outcome"], "accept");
    assert_eq!(bare("key-wrap", "1fa6")["outcome"], "reject");
}

#[test]
fn what_still_awaits_bytes_is_incomplete() {
    assert_eq!(framed("wrapper", &[0, 1])["outcome"], "incomplete");
    assert_eq!(
        framed("wrapper", &[0, 1, 0, 1, 0, 1, 0, 9, 0x0f])["outcome"],
        "incomplete"
    );
    let block = |number| {
        ui(
            &[0xe6, 0xe7, 0, 0xe0, 0x40, 0, number, 0, 0, 1, 0x0f],
            false,
        )
    };
    assert_eq!(framed("hdlc", &block(1))["outcome"], "incomplete");
    assert_eq!(framed("hdlc", &block(2))["reject"]["kind"], "bad_sequence");
}

#[test]
fn noise_beside_a_good_frame_is_named_and_does_not_spoil_it() {
    let frame = ui(b"\xe6\xe7\x00\x0f\0\0\0\x01\0\x11\x05", false);
    let answer = framed("hdlc", &[b"noise", &frame[..], b")"].concat());
    assert_eq!(
        (&answer["outcome"], &answer["apdus"][0]["body"]["v"]),
        (&json!("accept"), &json!(5))
    );
    assert_eq!(answer["rejects"].as_array().unwrap().len(), 2);
}

#[test]
fn a_sound_frame_with_something_else_inside_is_a_frame() {
    let answer = framed("wrapper", &[0, 1, 0, 3, 0, 1, 0, 2, 0x98, 0x76]);
    assert_eq!(answer["outcome"], "accept");
    assert_eq!(answer["frames"][0]["unknown"], "9876");
    assert_eq!(answer["apdus"], json!([]));
}

#[test]
fn damaged_frames_are_shown_only_when_they_are_ciphered_and_consistent() {
    let glo = b"\xdb\x08LGZ12345\x07\x20\0\0\0\x01zz";
    let push = b"\x0f\0\0\0\x01\0\x11\x05";
    let short = &glo[..glo.len().strict_sub(1)];
    for (apdu, outcome) in [(&glo[..], "accept"), (push, "reject"), (short, "reject")] {
        let mut frame = ui(apdu, false);
        *frame.iter_mut().nth_back(1).unwrap() ^= 1;
        assert_eq!(framed("hdlc", &frame)["outcome"], outcome);
        let mut frame = long_frame(0x10, apdu);
        *frame.iter_mut().nth_back(1).unwrap() ^= 1;
        let answer = framed("mbus", &frame);
        assert_eq!(answer["outcome"], outcome);
        assert_eq!(
            answer["apdus"][0]["damaged"] == "bad_checksum",
            outcome == "accept"
        );
    }
}

#[test]
fn blocks_of_a_get_show_their_value_with_the_last_one() {
    let block = |last: u8, number: u8, raw: &[u8]| {
        let length = u8::try_from(raw.len()).unwrap();
        let head = [0xc4, 2, 0xc1, last, 0, 0, 0, number, 0, length];
        let apdu = [&head[..], raw].concat();
        let length = u8::try_from(apdu.len()).unwrap();
        [&[0, 1, 0, 1, 0, 16, 0, length][..], &apdu].concat()
    };
    let answer = framed(
        "wrapper",
        &[block(0, 1, &[0x12, 1]), block(1, 2, &[2])].concat(),
    );
    assert!(answer["apdus"][0]["body"].is_null());
    assert_eq!(
        answer["apdus"][1]["body"],
        json!({ "t": "long-unsigned", "v": 258 })
    );
}

#[test]
fn floats_that_json_has_no_number_for_are_named() {
    assert_eq!(
        bare("data", "177fc00000")["data"],
        json!({ "t": "float32", "v": "NaN" })
    );
    assert_eq!(
        bare("data", "173fc00000")["data"],
        json!({ "t": "float32", "v": 1.5 })
    );
}

#[test]
fn a_line_without_transport_is_sniffed_as_a_link_is() {
    let push = "0f00000001001105";
    let sniff = |text: String| ask(&json!({ "hex": text }))["apdus"][0]["framing"].clone();
    assert_eq!(sniff(format!("0001000100400008{push}")), "wrapper");
    assert_eq!(
        sniff(hex(&ui(&[0x0f, 0, 0, 0, 1, 0, 0x11, 5], false))),
        "hdlc"
    );
    assert_eq!(
        sniff(hex(&long_frame(0x10, &[0x0f, 0, 0, 0, 1, 0, 0x11, 5]))),
        "mbus"
    );
    assert_eq!(sniff(push.to_owned()), Json::Null);
}
