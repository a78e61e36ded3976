//! CRC-16/X.25, the HCS and FCS of HDLC (ISO/IEC 13239: reflected 0x1021, all ones in and out).

/// The register before the first byte.
const START: u16 = 0xffff;
/// What the register holds after bytes followed by their own checksum.
const RESIDUE: u16 = 0xf0b8;

/// The checksum of `bytes` as it is sent, low byte first.
pub(super) fn of(bytes: &[u8]) -> [u8; 2] {
    let register = bytes.iter().fold(START, |crc, byte| step(crc, *byte));
    (!register).to_le_bytes()
}

/// Whether the last two of `bytes` are the checksum of the rest, low byte first.
pub(super) fn holds(bytes: &[u8]) -> bool {
    bytes.len() > 2 && bytes.iter().fold(START, |crc, byte| step(crc, *byte)) == RESIDUE
}

/// Offsets after which the bytes so far end in their own checksum, shortest first.
pub(super) fn ends(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let mut crc = START;
    (1_usize..).zip(bytes).filter_map(move |(end, byte)| {
        crc = step(crc, *byte);
        (end > 2 && crc == RESIDUE).then_some(end)
    })
}

fn step(crc: u16, byte: u8) -> u16 {
    (0..8).fold(crc ^ u16::from(byte), |crc, _| {
        if crc & 1 == 0 {
            crc >> 1
        } else {
            (crc >> 1) ^ 0x8408
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_check_value_holds() {
        // "123456789" has CRC-16/X.25 906e.
        let mut bytes = b"123456789\x6e\x90".to_vec();
        assert!(holds(&bytes));
        assert_eq!(of(b"123456789"), [0x6e, 0x90]);
        assert_eq!(ends(&bytes).collect::<Vec<_>>(), [11]);
        bytes[0] ^= 1;
        assert!(!holds(&bytes));
    }
}
