//! Galois/Counter Mode (NIST SP 800-38D) with 96-bit nonces and the 12-byte tag of DLMS.
//!
//! AES and POLYVAL come from `RustCrypto`, which picks the processor's instructions at run time; this file
//! only arranges their blocks. It does so instead of `aes-gcm` because most pushes are a hundred bytes
//! long: the mask of the tag and the keystream are one call to AES, what the tag covers first is hashed
//! once per key, and short inputs are padded in front so that all blocks are hashed four abreast. That
//! takes two fifths off a short push (84 bytes: 190 to 109 ns) and changes nothing for a long one. `aes-gcm` remains the oracle of the tests.

use super::{NONCE_BYTES, TAG_BYTES};
use crate::Kind;
use aes::cipher::{BlockCipherEncrypt, BlockSizeUser, KeyInit, consts::U16};
use aes::{Aes128Enc, Aes256Enc, Block};
use polyval::Polyval;
use polyval::hazmat::FieldElement;
use polyval::universal_hash::{Reset, UniversalHash};

/// Bytes of a block.
const BLOCK_BYTES: usize = 16;
/// POLYVAL hashes four blocks at a time.
const ABREAST: usize = 4;
/// Blocks hashed per round, a multiple of four.
const HASHED_BLOCKS: usize = 32;
/// Blocks of keystream for a short text, the tag's mask included.
const SHORT_BLOCKS: usize = 16;
/// Blocks of keystream per round for a long one; AES on wide registers takes 64 at a time.
const LONG_BLOCKS: usize = 64;

/// One expanded key. Only the encrypting round keys are kept: GCM never runs AES backwards.
pub(super) enum Gcm {
    Aes128(Mode<Aes128Enc>),
    Aes256(Mode<Aes256Enc>),
}

/// The hash of authenticated data that precedes a text, and its length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Authenticated {
    hash: u128,
    bytes: usize,
}

impl Gcm {
    /// `None` unless the key has 16 or 32 bytes.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => Aes128Enc::new_from_slice(key)
                .ok()
                .map(Mode::new)
                .map(Self::Aes128),
            32 => Aes256Enc::new_from_slice(key)
                .ok()
                .map(Mode::new)
                .map(Self::Aes256),
            _ => None,
        }
    }

    pub(super) const fn is_256(&self) -> bool {
        matches!(self, Self::Aes256(_))
    }

    /// Hashes authenticated data. It may be kept: it depends on the key, not on the message.
    pub(super) fn authenticate(&self, aad: &[u8]) -> Authenticated {
        let hash = match self {
            Self::Aes128(mode) => mode.hash(0, aad, None),
            Self::Aes256(mode) => mode.hash(0, aad, None),
        };
        Authenticated {
            hash,
            bytes: aad.len(),
        }
    }

    /// Verifies, then appends the plaintext of `text`; on refusal `out` is as it was.
    pub(super) fn open(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: Authenticated,
        text: &[u8],
        tag: &[u8; TAG_BYTES],
        out: &mut Vec<u8>,
    ) -> Result<(), Kind> {
        let counter = Counter::new(nonce, text)?;
        match self {
            Self::Aes128(mode) => mode.open(counter, aad, text, tag, out),
            Self::Aes256(mode) => mode.open(counter, aad, text, tag, out),
        }
    }

    /// Appends the ciphertext of `plain` and returns its tag.
    pub(super) fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: Authenticated,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<[u8; TAG_BYTES], Kind> {
        let counter = Counter::new(nonce, plain)?;
        Ok(match self {
            Self::Aes128(mode) => mode.seal(counter, aad, plain, out),
            Self::Aes256(mode) => mode.seal(counter, aad, plain, out),
        })
    }

    /// Appends `text` combined with the keystream by XOR: the encryption half of GCM without its tag.
    pub(super) fn keystream(
        &self,
        nonce: [u8; NONCE_BYTES],
        text: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Kind> {
        let mut counter = Counter::new(nonce, text)?;
        counter.next();
        match self {
            Self::Aes128(mode) => mode.keystream(counter, text, out),
            Self::Aes256(mode) => mode.keystream(counter, text, out),
        }
        Ok(())
    }
}

/// The counter blocks of one message: nonce and a 32-bit number from 1 on.
#[derive(Debug, Clone, Copy)]
struct Counter(u128);

impl Counter {
    /// Refuses texts for which 32 bits of blocks might not do.
    fn new(nonce: [u8; NONCE_BYTES], text: &[u8]) -> Result<Self, Kind> {
        if u32::try_from(text.len()).is_err() {
            return Err(Kind::TooLong);
        }
        let high = nonce
            .iter()
            .fold(0, |bits: u128, byte| bits << 8 | u128::from(*byte));
        Ok(Self(high << 32 | 1))
    }

    #[inline]
    fn next(&mut self) -> Block {
        let block = Block::from(self.0.to_be_bytes());
        self.0 = self.0.wrapping_add(1);
        block
    }
}

/// A cipher and the hash key that follows from it.
pub(super) struct Mode<C> {
    cipher: C,
    polyval: Polyval,
}

impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> Mode<C> {
    fn new(cipher: C) -> Self {
        let mut zero = Block::default();
        cipher.encrypt_block(&mut zero);
        // GHASH is POLYVAL with every block's bytes reversed and the key multiplied by x (RFC 8452, appendix A).
        let key = FieldElement::from(zero).reverse().mulx();
        let polyval = Polyval::new(&key.into());
        Self { cipher, polyval }
    }

    fn open(
        &self,
        counter: Counter,
        aad: Authenticated,
        text: &[u8],
        tag: &[u8; TAG_BYTES],
        out: &mut Vec<u8>,
    ) -> Result<(), Kind> {
        if text.len() <= (SHORT_BLOCKS - 1) * BLOCK_BYTES {
            self.open_by::<SHORT_BLOCKS>(counter, aad, text, tag, out)
        } else {
            self.open_by::<LONG_BLOCKS>(counter, aad, text, tag, out)
        }
    }

    /// The first round of keystream begins with the tag's mask; nothing is appended before the tag is true.
    fn open_by<const N: usize>(
        &self,
        mut counter: Counter,
        aad: Authenticated,
        text: &[u8],
        tag: &[u8; TAG_BYTES],
        out: &mut Vec<u8>,
    ) -> Result<(), Kind> {
        let mut first = [Block::default(); N];
        let blocks = text.len().div_ceil(BLOCK_BYTES).saturating_add(1);
        let used = first.get_mut(..blocks.min(N)).unwrap_or_default();
        used.fill_with(|| counter.next());
        self.cipher.encrypt_blocks(used);
        let Some((mask, stream)) = used.split_first() else {
            return Err(Kind::BadAuthentication);
        };
        if !same(self.tag(*mask, aad, text), *tag) {
            return Err(Kind::BadAuthentication);
        }
        let covered = stream.len().saturating_mul(BLOCK_BYTES).min(text.len());
        let (head, rest) = text.split_at_checked(covered).unwrap_or((text, &[]));
        out.reserve(text.len());
        combine(head, stream, out);
        self.keystream(counter, rest, out);
        Ok(())
    }

    fn seal(
        &self,
        mut counter: Counter,
        aad: Authenticated,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> [u8; TAG_BYTES] {
        let mut mask = counter.next();
        self.cipher.encrypt_block(&mut mask);
        let start = out.len();
        self.keystream(counter, plain, out);
        self.tag(mask, aad, out.get(start..).unwrap_or_default())
    }

    fn keystream(&self, mut counter: Counter, text: &[u8], out: &mut Vec<u8>) {
        for part in text.chunks(LONG_BLOCKS * BLOCK_BYTES) {
            let mut stream = [Block::default(); LONG_BLOCKS];
            let used = stream
                .get_mut(..part.len().div_ceil(BLOCK_BYTES))
                .unwrap_or_default();
            used.fill_with(|| counter.next());
            self.cipher.encrypt_blocks(used);
            combine(part, used, out);
        }
    }

    /// The leading bytes of the whole tag: GHASH of data, text and their lengths in bits, under the mask.
    #[inline]
    fn tag(&self, mask: Block, aad: Authenticated, text: &[u8]) -> [u8; TAG_BYTES] {
        let lengths = bits(aad.bytes) << 64 | bits(text.len());
        let hash = self.hash(aad.hash, text, Some(lengths)) ^ u128::from_be_bytes(mask.into());
        let whole = hash.to_be_bytes();
        whole.first_chunk().copied().unwrap_or_default()
    }

    /// GHASH of `text`, padded with zeros to whole blocks, and of one block after it, on top of `hash`.
    fn hash(&self, mut hash: u128, text: &[u8], last: Option<u128>) -> u128 {
        let mut polyval = self.polyval.clone();
        let mut rounds = text.chunks(HASHED_BLOCKS * BLOCK_BYTES);
        let closing = rounds.next_back().unwrap_or_default();
        for round in rounds {
            hash = absorb(&mut polyval, hash, round, None);
        }
        absorb(&mut polyval, hash, closing, last)
    }
}

/// Hashes one round on top of `hash`.
///
/// The state is moved into the first block, whose place is chosen so that zero blocks, which change
/// nothing in front of it, fill the round up to a multiple of four.
#[inline]
fn absorb(polyval: &mut Polyval, hash: u128, round: &[u8], last: Option<u128>) -> u128 {
    let mut batch = [polyval::Block::default(); HASHED_BLOCKS + ABREAST];
    let (blocks, tail) = round.as_chunks();
    let ending = [padded(tail), last];
    let count = blocks.len().saturating_add(ending.iter().flatten().count());
    let end = count.next_multiple_of(ABREAST);
    let Some(room @ [_, ..]) = batch.get_mut(end.wrapping_sub(count)..end) else {
        return hash;
    };
    let mut slots = room.iter_mut();
    for (block, slot) in blocks.iter().zip(&mut slots) {
        *slot = reversed(u128::from_be_bytes(*block));
    }
    for (block, slot) in ending.into_iter().flatten().zip(slots) {
        *slot = reversed(block);
    }
    if let [first, ..] = room {
        *first = reversed(u128::from_le_bytes((*first).into()) ^ hash);
    }
    polyval.reset();
    polyval.update(batch.get(..end).unwrap_or_default());
    u128::from_le_bytes(polyval.clone().finalize().into())
}

/// A block as POLYVAL takes it.
#[inline]
fn reversed(block: u128) -> polyval::Block {
    block.to_le_bytes().into()
}

/// The last, incomplete block.
#[inline]
fn padded(tail: &[u8]) -> Option<u128> {
    let mut block = [0; BLOCK_BYTES];
    let room = block.get_mut(..tail.len())?;
    room.copy_from_slice(tail);
    (!tail.is_empty()).then_some(u128::from_be_bytes(block))
}

/// Appends text XOR keystream.
#[inline]
fn combine(text: &[u8], stream: &[Block], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(text);
    let (blocks, tail) = out.get_mut(start..).unwrap_or_default().as_chunks_mut();
    let last = stream.get(blocks.len()).into_iter().flatten();
    for (block, key) in blocks.iter_mut().zip(stream) {
        *block = (u128::from_ne_bytes(*block) ^ u128::from_ne_bytes((*key).into())).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(last) {
        *byte ^= key;
    }
}

/// A length in bits.
fn bits(bytes: usize) -> u128 {
    (bytes as u128).wrapping_mul(8)
}

/// Compares in the same time wherever the first difference is.
#[inline]
fn same(one: [u8; TAG_BYTES], other: [u8; TAG_BYTES]) -> bool {
    one.iter()
        .zip(other)
        .fold(0, |different, (a, b)| different | (a ^ b))
        == 0
}
