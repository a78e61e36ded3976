//! The standard's words for numbers on the wire.

/// `A.B.C.D.E.F` of a logical name.
pub(super) fn logical_name(name: [u8; 6]) -> String {
    name.map(|group| group.to_string()).join(".")
}

/// data-access-result, and action-result, which shares its values.
pub(super) const fn data_access_result(code: u8) -> Option<&'static str> {
    Some(match code {
        0 => "success",
        1 => "hardware-fault",
        2 => "temporary-failure",
        3 => "read-write-denied",
        4 => "object-undefined",
        9 => "object-class-inconsistent",
        11 => "object-unavailable",
        12 => "type-unmatched",
        13 => "scope-of-access-violated",
        14 => "data-block-unavailable",
        15 => "long-get-aborted",
        16 => "no-long-get-in-progress",
        17 => "long-set-aborted",
        18 => "no-long-set-in-progress",
        19 => "data-block-number-invalid",
        250 => "other-reason",
        _ => return None,
    })
}

/// The conformance block, bit 0 first (Green Book 9, clause 9.4.6.1).
const CONFORMANCE: [&str; 24] = [
    "reserved-zero",
    "general-protection",
    "general-block-transfer",
    "read",
    "write",
    "unconfirmed-write",
    "delta-value-encoding",
    "reserved-seven",
    "attribute0-supported-with-set",
    "priority-mgmt-supported",
    "attribute0-supported-with-get",
    "block-transfer-with-get-or-read",
    "block-transfer-with-set-or-write",
    "block-transfer-with-action",
    "multiple-references",
    "information-report",
    "data-notification",
    "access",
    "parameterized-access",
    "get",
    "set",
    "selective-access",
    "event-notification",
    "action",
];

/// The names of the bits set in a conformance block.
pub(super) fn conformance(block: [u8; 3]) -> Vec<super::Field> {
    let [a, b, c] = block;
    let bits = u32::from_be_bytes([a, b, c, 0]);
    let set = (0_u32..)
        .zip(CONFORMANCE)
        .filter(|(bit, _)| bits.wrapping_shl(*bit) >> 31 == 1);
    set.map(|(_, name)| name.into()).collect()
}

/// The dotted form of a BER object identifier: the first byte holds two arcs.
pub(super) fn object_identifier(bytes: &[u8]) -> String {
    let Some((first, rest)) = bytes.split_first() else {
        return String::new();
    };
    let (root, under) = match *first {
        below @ ..40 => (0, below),
        below @ 40..80 => (1, below.saturating_sub(40)),
        below => (2, below.saturating_sub(80)),
    };
    let mut dotted = format!("{root}.{under}");
    let mut arc = 0_u64;
    for byte in rest {
        arc = arc.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            dotted.push('.');
            dotted.push_str(&arc.to_string());
            arc = 0;
        }
    }
    dotted
}
