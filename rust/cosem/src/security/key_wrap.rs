//! AES key wrap (RFC 3394), as DLMS transports keys (Green Book 9, clause 9.2.6.8): only the way back.

use aes::cipher::{Block, BlockCipherDecrypt, KeyInit};
use aes::{Aes128, Aes256};

/// The key in `wrapped`; `None` when `kek` did not wrap it, or the lengths fit no key.
pub fn unwrap(kek: &[u8], wrapped: &[u8]) -> Option<Vec<u8>> {
    match kek.len() {
        16 => with(&Aes128::new_from_slice(kek).ok()?, wrapped),
        32 => with(&Aes256::new_from_slice(kek).ok()?, wrapped),
        _ => None,
    }
}

/// RFC 3394 section 2.2.2, the index-based form.
fn with<C: BlockCipherDecrypt>(cipher: &C, wrapped: &[u8]) -> Option<Vec<u8>> {
    let (check, rest) = wrapped.split_first_chunk::<8>()?;
    let (parts, []) = rest.as_chunks::<8>() else {
        return None;
    };
    let mut parts = parts.to_vec();
    let mut check = u64::from_be_bytes(*check);
    // The last step of wrapping comes first: six rounds over the parts, numbered from 1.
    let mut step = u64::try_from(parts.len().checked_mul(6)?).ok()?;
    for _round in 0..6 {
        for part in parts.iter_mut().rev() {
            let mut block = Block::<C>::default();
            let (high, low) = block.split_at_mut_checked(8)?;
            high.copy_from_slice(&(check ^ step).to_be_bytes());
            low.copy_from_slice(part);
            cipher.decrypt_block(&mut block);
            let (high, low) = block.split_first_chunk::<8>()?;
            check = u64::from_be_bytes(*high);
            *part = low.try_into().ok()?;
            step = step.saturating_sub(1);
        }
    }
    (check == CHECK).then(|| parts.concat())
}

/// The default initial value, RFC 3394 section 2.2.3.1.
const CHECK: u64 = 0xa6a6_a6a6_a6a6_a6a6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_come_back() {
        // RFC 3394 section 4.1 and 4.6.
        let kek: Vec<u8> = (0..16).collect();
        let key: Vec<u8> = (0..16).map(|byte| byte * 0x11).collect();
        let wrapped = [
            0x1f, 0xa6, 0x8b, 0x0a, 0x81, 0x12, 0xb4, 0x47, 0xae, 0xf3, 0x4b, 0xd8, 0xfb, 0x5a,
            0x7b, 0x82, 0x9d, 0x3e, 0x86, 0x23, 0x71, 0xd2, 0xcf, 0xe5,
        ];
        assert_eq!(unwrap(&kek, &wrapped), Some(key));
        let mut altered = wrapped;
        altered[20] ^= 1;
        assert_eq!(unwrap(&kek, &altered), None);
        assert_eq!(unwrap(&kek, &wrapped[..23]), None);
        assert_eq!(unwrap(&kek[..15], &wrapped), None);
    }
}
