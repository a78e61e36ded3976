//! The vectors of `tests/vectors`, each judged as its line says.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its vectors must fail"
)]

use serde_json::{Value as Json, json};

const VECTORS: &str = include_str!("../../../tests/vectors/dlms.jsonl");

fn vectors() -> Vec<Json> {
    VECTORS
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The answer to a vector, given only what `meteringest decode` may use.
fn answer(vector: &Json) -> Json {
    let pick = |name: &str| vector.get(name).cloned().unwrap_or(Json::Null);
    let line = json!({
        "id": pick("id"),
        "hex": pick("hex"),
        "transport": pick("transport"),
        "kind": pick("kind"),
        "keys": pick("keys"),
    });
    serde_json::from_slice(&cosem::inspect::line(line.to_string().as_bytes())).unwrap()
}

#[test]
fn every_vector_comes_out_as_its_line_says() {
    let mut wrong = Vec::new();
    for vector in vectors() {
        let answer = answer(&vector);
        let no_apdu = answer["apdus"].as_array().is_none_or(Vec::is_empty);
        let right = match vector["outcome"].as_str() {
            Some("accept" | "quirk") => answer["outcome"] == "accept",
            Some("reject") => {
                answer["outcome"] == "reject" || (no_apdu && answer["data"].is_null())
            }
            _ => answer["outcome"] == vector["outcome"],
        };
        assert_eq!(answer["id"], vector["id"]);
        if !right {
            wrong.push(format!("{}: {} {answer}", vector["id"], vector["outcome"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn where_a_second_decoder_agreed_on_a_tree_ours_is_equal() {
    let mut compared = 0_u32;
    for vector in vectors() {
        let body = &vector["decoded"]["apdu"]["body"];
        if !body.is_null() {
            compared = compared.strict_add(1);
            assert_eq!(
                answer(&vector)["apdus"][0]["body"],
                *body,
                "{}",
                vector["id"]
            );
        }
        let tree = &vector["decoded"]["data"];
        if !tree.is_null() && vector["outcome"] == "accept" {
            compared = compared.strict_add(1);
            assert_eq!(answer(&vector)["data"], *tree, "{}", vector["id"]);
        }
    }
    assert_eq!(compared, 46);
}

#[test]
fn data_that_gurux_read_is_read_alike() {
    let mut compared = 0_u32;
    for vector in vectors() {
        let theirs = &vector["decoded"]["gurux_java_data"];
        if theirs.is_null() {
            continue;
        }
        let ours = &answer(&vector)["apdus"][0];
        // Of a list Gurux shows the first item.
        let first = &ours["results"][0];
        let ours = if first.is_null() {
            &ours["body"]
        } else {
            first
        };
        assert_eq!(ours, theirs, "{}", vector["id"]);
        compared = compared.strict_add(1);
    }
    assert_eq!(compared, 13);
}

#[test]
fn header_fields_of_a_push_are_those_of_the_second_decoder() {
    for vector in vectors() {
        let theirs = &vector["decoded"]["apdu"];
        if theirs.is_null() {
            continue;
        }
        let ours = &answer(&vector)["apdus"][0];
        for field in ["apdu", "long_invoke_id", "invoke_flags"] {
            assert_eq!(ours[field], theirs[field], "{} {field}", vector["id"]);
        }
        for field in [
            "raw",
            "dow",
            "hundredths",
            "deviation_min",
            "status",
            "local",
        ] {
            let (ours, theirs) = (&ours["date_time"][field], &theirs["date_time"][field]);
            assert_eq!(ours, theirs, "{} date_time {field}", vector["id"]);
        }
    }
}

/// Vectors with both keys whose security control asks for a tag.
fn provable() -> Vec<Json> {
    let mut provable = vectors();
    provable.retain(|vector| {
        let keys = &vector["keys"];
        let control = keys["security_control"].as_u64().unwrap_or(0);
        let keyed = !keys["encryption_key"].is_null() && !keys["authentication_key"].is_null();
        keyed && control & 0x10 != 0
    });
    provable
}

#[test]
fn every_tag_that_can_be_checked_holds() {
    let provable = provable();
    assert_eq!(provable.len(), 22);
    for vector in provable {
        let answer = answer(&vector).to_string();
        assert!(
            answer.contains("\"verified\":true"),
            "{} {answer}",
            vector["id"]
        );
    }
}

#[test]
fn with_one_bit_of_its_authentication_key_flipped_nothing_is_verified() {
    for mut vector in provable() {
        let key = vector["keys"]["authentication_key"].as_str().unwrap();
        let (first, rest) = key.split_at_checked(1).unwrap();
        let digit = u32::from_str_radix(first, 16).unwrap() ^ 1;
        vector["keys"]["authentication_key"] = format!("{digit:x}{rest}").into();
        let answer = answer(&vector);
        assert_eq!(answer["outcome"], "reject", "{} {answer}", vector["id"]);
        assert_eq!(
            answer["reject"]["kind"], "bad_authentication",
            "{}",
            vector["id"]
        );
    }
}
