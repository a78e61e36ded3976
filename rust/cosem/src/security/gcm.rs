//! AES-GCM with the 12-byte tag of DLMS, for either key length, over a caller's buffers.

use super::{NONCE_BYTES, TAG_BYTES};
use crate::Kind;
use aes_gcm::AesGcm;
use aes_gcm::aead::array::Array;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::{Aes128Enc, Aes256Enc};

/// One expanded key. Only the encrypting round keys are kept: GCM never runs AES backwards.
pub(super) enum Gcm {
    Aes128(AesGcm<Aes128Enc, U12, U12>),
    Aes256(AesGcm<Aes256Enc, U12, U12>),
}

impl Gcm {
    /// `None` unless the key has 16 or 32 bytes.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => AesGcm::new_from_slice(key).ok().map(Self::Aes128),
            32 => AesGcm::new_from_slice(key).ok().map(Self::Aes256),
            _ => None,
        }
    }

    pub(super) const fn is_256(&self) -> bool {
        matches!(self, Self::Aes256(_))
    }

    /// Verifies, then appends the plaintext of `text`; on refusal `out` is as it was.
    pub(super) fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        text: &[u8],
        tag: &[u8; TAG_BYTES],
        out: &mut Vec<u8>,
    ) -> Result<(), Kind> {
        let start = out.len();
        let buffer = between(text, out)?;
        let (nonce, tag) = (Array(*nonce), Array(*tag));
        let verified = match self {
            Self::Aes128(gcm) => gcm.decrypt_inout_detached(&nonce, aad, buffer, &tag),
            Self::Aes256(gcm) => gcm.decrypt_inout_detached(&nonce, aad, buffer, &tag),
        };
        verified.map_err(|_| {
            out.truncate(start);
            Kind::BadAuthentication
        })
    }

    /// Appends the ciphertext of `plain` and returns its tag.
    pub(super) fn seal(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<[u8; TAG_BYTES], Kind> {
        let buffer = between(plain, out)?;
        let nonce = Array(*nonce);
        let sealed = match self {
            Self::Aes128(gcm) => gcm.encrypt_inout_detached(&nonce, aad, buffer),
            Self::Aes256(gcm) => gcm.encrypt_inout_detached(&nonce, aad, buffer),
        };
        sealed.map(|Array(tag)| tag).map_err(|_| Kind::TooLong)
    }

    /// Appends `text` combined with the keystream by XOR: the encryption half of GCM without its tag.
    pub(super) fn keystream(
        &self,
        nonce: &[u8; NONCE_BYTES],
        text: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Kind> {
        self.seal(nonce, &[], text, out).map(|_unused_tag| ())
    }
}

/// A pair of `text` and as many new bytes at the end of `out`.
fn between<'a>(text: &'a [u8], out: &'a mut Vec<u8>) -> Result<InOutBuf<'a, 'a, u8>, Kind> {
    let start = out.len();
    out.resize(start.saturating_add(text.len()), 0);
    let room = out.get_mut(start..).unwrap_or_default();
    InOutBuf::new(text, room).map_err(|_| Kind::TooLong)
}
