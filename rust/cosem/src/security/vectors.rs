//! Frames nobody here wrote: captured or published ciphertexts open to their known plaintexts, and seal back to themselves.

use super::{OpenKey, SecurityControl};
use crate::Kind;

struct Vector {
    id: String,
    encryption_key: Vec<u8>,
    authentication_key: Option<Vec<u8>>,
    title: [u8; 8],
    counter: u32,
    control: SecurityControl,
    body: Vec<u8>,
    plain: Vec<u8>,
}

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn vectors() -> Vec<Vector> {
    let table = include_str!("vectors.tsv");
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| vector(&line.split('\t').collect::<Vec<_>>()))
        .collect()
}

fn vector(fields: &[&str]) -> Vector {
    Vector {
        id: fields[0].to_owned(),
        encryption_key: octets(fields[1]),
        authentication_key: (fields[2] != "-").then(|| octets(fields[2])),
        title: octets(fields[3]).try_into().unwrap(),
        counter: fields[4].parse().unwrap(),
        control: SecurityControl(octets(fields[5])[0]),
        body: octets(fields[6]),
        plain: octets(fields[7]),
    }
}

#[test]
fn published_ciphertexts_open_to_their_plaintexts_and_seal_back() {
    let mut opened = 0;
    for v in vectors() {
        if v.authentication_key.is_none() && v.control.authenticated() {
            continue;
        }
        let authentication_key = v.authentication_key.unwrap_or_default();
        let key = OpenKey::new(&v.encryption_key, &authentication_key).unwrap();
        let mut plain = Vec::new();
        assert_eq!(
            key.open(v.control, &v.title, v.counter, &v.body, &mut plain),
            Ok(()),
            "{}",
            v.id
        );
        assert_eq!(plain, v.plain, "{}", v.id);
        let mut body = Vec::new();
        key.seal(v.control, &v.title, v.counter, &plain, &mut body)
            .unwrap();
        assert_eq!(body, v.body, "{}", v.id);
        opened = usize::saturating_add(opened, 1);
    }
    assert!(opened >= 20, "only {opened} vectors were opened");
}

#[test]
fn without_the_authentication_key_a_frame_is_legible_but_never_opens() {
    let mut looked_at = 0;
    for v in vectors()
        .into_iter()
        .filter(|v| v.authentication_key.is_none() && v.control.authenticated())
    {
        let key = OpenKey::new(&v.encryption_key, &[]).unwrap();
        let mut plain = Vec::new();
        assert_eq!(
            key.open(v.control, &v.title, v.counter, &v.body, &mut plain),
            Err(Kind::NoKey),
            "{}",
            v.id
        );
        key.decipher_unverified(v.control, &v.title, v.counter, &v.body, &mut plain)
            .unwrap();
        assert_eq!(plain, v.plain, "{}", v.id);
        looked_at = usize::saturating_add(looked_at, 1);
    }
    assert!(looked_at > 0, "no vector lacks its authentication key");
}
