//! Opening and sealing ciphered APDUs: AES-GCM as DLMS/COSEM uses it (Green Book 9, clause 9.2.7; IEC 62056-5-3, clause 5.3).
//!
//! Suites 0 and 1 are AES-128, suite 2 is AES-256; their symmetric halves differ in nothing else.
//! The tag is 12 bytes. What protection a meter owes is policy and belongs to the caller: the security
//! control byte here comes from the frame and only says how to read it.
//! Nothing here knows counters, meters or time.

mod gcm;
pub mod key_wrap;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

use crate::Kind;
use gcm::{Authenticated, Gcm};

/// Length of the authentication tag on the wire.
pub const TAG_BYTES: usize = 12;

/// System title and invocation counter.
const NONCE_BYTES: usize = 12;

/// Longest authentication key: suite 2 uses 32 bytes.
const KEY_BYTES_MAX: usize = 32;

/// The security control byte in front of every protected APDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecurityControl(pub u8);

impl SecurityControl {
    /// Authenticated only, suite 0.
    pub const AUTHENTICATED: Self = Self(0x10);
    /// Encrypted only, suite 0.
    pub const ENCRYPTED: Self = Self(0x20);
    /// Authenticated and encrypted, suite 0.
    pub const AUTHENTICATED_ENCRYPTED: Self = Self(0x30);

    /// The security suite, 0 to 15; 0, 1 and 2 are defined.
    pub const fn suite(self) -> u8 {
        self.0 & 0x0f
    }

    /// Whether a tag follows.
    pub const fn authenticated(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// Whether the body is ciphertext.
    pub const fn encrypted(self) -> bool {
        self.0 & 0x20 != 0
    }

    /// Whether the global broadcast key was used instead of the unicast one.
    pub const fn broadcast(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// Whether the plaintext is V.44 compressed, which is not supported.
    pub const fn compressed(self) -> bool {
        self.0 & 0x80 != 0
    }
}

/// The keys of one meter, expanded once: building it costs about as much as opening a short push.
///
/// Its `Debug` shows no key material.
pub struct OpenKey {
    gcm: Gcm,
    /// What nearly every push is sealed with, and the hash of what its tag covers first.
    usual: Option<(SecurityControl, Authenticated)>,
    authentication_key: [u8; KEY_BYTES_MAX],
    authentication_key_len: u8,
}

impl core::fmt::Debug for OpenKey {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("OpenKey").finish_non_exhaustive()
    }
}

impl OpenKey {
    /// Expands a key pair; `None` unless the encryption key has 16 or 32 bytes and the authentication
    /// key 16, 32 or, for a meter that never authenticates, none.
    pub fn new(encryption_key: &[u8], authentication_key: &[u8]) -> Option<Self> {
        let gcm = Gcm::new(encryption_key)?;
        let authentication_key_len = match authentication_key.len() {
            0 => 0,
            16 => 16,
            32 => 32,
            _ => return None,
        };
        let mut padded = [0; KEY_BYTES_MAX];
        padded
            .get_mut(..authentication_key.len())?
            .copy_from_slice(authentication_key);
        let mut key = Self {
            gcm,
            usual: None,
            authentication_key: padded,
            authentication_key_len,
        };
        let suite = if key.gcm.is_256() { 2 } else { 0 };
        let control = SecurityControl(SecurityControl::AUTHENTICATED_ENCRYPTED.0 | suite);
        key.usual = key
            .authenticate(control, &[])
            .ok()
            .map(|hashed| (control, hashed));
        Some(key)
    }

    /// Opens `body` (ciphertext and tag as on the wire) and appends the plaintext to `out`.
    ///
    /// When it refuses, `out` is as it was: nothing unverified is ever left in it.
    pub fn open(
        &self,
        control: SecurityControl,
        title: &[u8; 8],
        counter: u32,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Kind> {
        self.open_with_aad(control, title, counter, body, &[], out)
    }

    /// [`open`](Self::open) for general-ciphering, whose header fields join the authenticated data.
    pub fn open_with_aad(
        &self,
        control: SecurityControl,
        title: &[u8; 8],
        counter: u32,
        body: &[u8],
        extra_aad: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Kind> {
        self.accepts(control)?;
        let nonce = nonce(*title, counter);
        if !control.authenticated() {
            return self.gcm.keystream(nonce, body, out);
        }
        let Some((text, tag)) = body.split_last_chunk::<TAG_BYTES>() else {
            return Err(Kind::Truncated);
        };
        if control.encrypted() {
            let aad = self.authenticate(control, &[extra_aad])?;
            self.gcm.open(nonce, aad, text, tag, out)
        } else {
            let aad = self.authenticate(control, &[extra_aad, text])?;
            self.gcm.open(nonce, aad, &[], tag, out)?;
            out.extend_from_slice(text);
            Ok(())
        }
    }

    /// Deciphers without proof, for a person who looks at a frame without its authentication key.
    ///
    /// Never on the way to a read: whatever comes out may have been written by anyone.
    pub fn decipher_unverified(
        &self,
        control: SecurityControl,
        title: &[u8; 8],
        counter: u32,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Kind> {
        self.accepts(control)?;
        let tag_bytes = if control.authenticated() {
            TAG_BYTES
        } else {
            0
        };
        let Some((text, _)) = body
            .len()
            .checked_sub(tag_bytes)
            .and_then(|at| body.split_at_checked(at))
        else {
            return Err(Kind::Truncated);
        };
        if control.encrypted() {
            return self.gcm.keystream(nonce(*title, counter), text, out);
        }
        out.extend_from_slice(text);
        Ok(())
    }

    /// Seals `plain` and appends ciphertext and tag as they go on the wire.
    pub fn seal(
        &self,
        control: SecurityControl,
        title: &[u8; 8],
        counter: u32,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Kind> {
        self.accepts(control)?;
        let nonce = nonce(*title, counter);
        if !control.authenticated() {
            return self.gcm.keystream(nonce, plain, out);
        }
        let tag = if control.encrypted() {
            let aad = self.authenticate(control, &[])?;
            self.gcm.seal(nonce, aad, plain, out)?
        } else {
            let aad = self.authenticate(control, &[plain])?;
            let tag = self.gcm.seal(nonce, aad, &[], out)?;
            out.extend_from_slice(plain);
            tag
        };
        out.extend_from_slice(&tag);
        Ok(())
    }

    /// Whether this key can serve that control byte at all.
    fn accepts(&self, control: SecurityControl) -> Result<(), Kind> {
        if control.compressed() || control.suite() > 2 {
            return Err(Kind::Unsupported);
        }
        if !control.authenticated() && !control.encrypted() {
            return Err(Kind::SecurityPolicy);
        }
        if (control.suite() == 2) == self.gcm.is_256() {
            Ok(())
        } else {
            Err(Kind::NoKey)
        }
    }

    /// Hashes what a tag covers first: control byte, authentication key, and `more`.
    #[inline]
    fn authenticate(
        &self,
        control: SecurityControl,
        more: &[&[u8]],
    ) -> Result<Authenticated, Kind> {
        match self.usual {
            Some((usual, hashed))
                if usual == control && more.iter().all(|part| part.is_empty()) =>
            {
                Ok(hashed)
            }
            _ => self.authenticate_all(control, more),
        }
    }

    /// The rarer forms: other controls, general-ciphering's header, bodies that are authenticated only.
    fn authenticate_all(
        &self,
        control: SecurityControl,
        more: &[&[u8]],
    ) -> Result<Authenticated, Kind> {
        let key = self
            .authentication_key
            .get(..usize::from(self.authentication_key_len));
        let Some(key @ [_, ..]) = key else {
            return Err(Kind::NoKey);
        };
        let mut aad = vec![control.0];
        aad.extend_from_slice(key);
        for part in more {
            aad.extend_from_slice(part);
        }
        Ok(self.gcm.authenticate(&aad))
    }
}

/// The initialisation vector: system title, then invocation counter.
fn nonce(title: [u8; 8], counter: u32) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    if let Some((head, tail)) = nonce.split_first_chunk_mut::<8>() {
        *head = title;
        tail.copy_from_slice(&counter.to_be_bytes());
    }
    nonce
}
