//! APDUs that are neither pushes nor blocks: what servers answer and say, associations, signatures.
//!
//! Rule 1: nothing that is recognised here is line noise: it is taken, or kept under a kind that says
//! what it is. Rule 2: an answer in clear is believed no more than a push in clear.

use cosem::apdu::answer::{
    TAG_EXCEPTION, TAG_GET_RESPONSE, TAG_INFORMATION_REPORT, TAG_READ_RESPONSE, TAG_SERVICE_ERROR,
    said,
};
use cosem::apdu::between::{TAG_AARQ, TAG_INITIATE_REQUEST, TAG_RLRE};
use cosem::apdu::{self, Context, Opened, Opener, Protected};
use cosem::axdr::Limits;
use cosem::general::{Service, TAG_GENERAL_CIPHERING};
use cosem::push::TAG_GENERAL_DED;
use cosem::{DecodeError, Kind, Layer};

use super::opening::{Proof, Took};
use super::sealed::Sealed;
use super::transfers::TAG_GENERAL_BLOCK_TRANSFER;
use super::{Decoder, Frame, Known, identity};

const TAG_GENERAL_SIGNING: u8 = 0xdf;
const TAG_INITIATE_RESPONSE: u8 = 0x08;

/// Every APDU tag of the Green Book: what is one of these and not handled is unsupported, the rest
/// is no APDU.
const APDU_TAGS: [core::ops::RangeInclusive<u8>; 12] = [
    0x01..=0x01,
    0x05..=0x06,
    0x08..=0x08,
    0x0c..=0x10,
    0x16..=0x18,
    0x21..=0x21,
    0x25..=0x2e,
    0x36..=0x58,
    0x60..=0x63,
    0xc0..=0xc5,
    0xc7..=0xe0,
    0xe6..=0xe7,
];

impl Decoder {
    /// An APDU as framed that is no push, no event and no block.
    #[cold]
    pub(super) fn service(&mut self, frame: &Frame<'_>, known: &mut Known) -> Took {
        let apdu = frame.apdu;
        let tag = apdu.first().copied();
        match (tag, tag.and_then(Service::of)) {
            (Some(TAG_GENERAL_CIPHERING), _) => self.sealed(frame, known, &Sealed::general(apdu)?),
            (Some(TAG_GENERAL_DED), _) => self.sealed(frame, known, &Sealed::ded(apdu)?),
            (_, Some(of @ (Service::Global | Service::Dedicated))) => {
                self.sealed(frame, known, &Sealed::service(apdu, of)?)
            }
            (Some(TAG_GET_RESPONSE | TAG_READ_RESPONSE | TAG_INFORMATION_REPORT), _) => {
                self.clear_answer(frame, known, apdu)
            }
            (Some(TAG_INITIATE_REQUEST | TAG_INITIATE_RESPONSE | TAG_AARQ..=TAG_RLRE), _) => {
                self.association(frame, known, None, apdu)
            }
            _ => {
                self.recognise(frame, known);
                Err(refusal(apdu))
            }
        }
    }

    /// An opened APDU that is no push and no event.
    #[cold]
    pub(super) fn opened_service(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
        meter: usize,
        proof: Proof,
        plain: &[u8],
    ) -> Took {
        match plain.first().copied() {
            Some(TAG_GET_RESPONSE | TAG_READ_RESPONSE | TAG_INFORMATION_REPORT) => {
                self.answered(frame, known, meter, proof, plain)
            }
            Some(TAG_GENERAL_BLOCK_TRANSFER) => {
                self.block(frame, known, Some((meter, proof)), plain)
            }
            Some(TAG_INITIATE_REQUEST | TAG_INITIATE_RESPONSE | TAG_AARQ..=TAG_RLRE) => {
                if proof.unproven && !is_plausible(plain) {
                    return Err(GARBAGE);
                }
                self.association(frame, known, Some((meter, proof)), plain)
            }
            _ => Err(refusal(plain)),
        }
    }

    /// Names the meter of a frame that brings nothing, if anything names it.
    fn recognise(&mut self, frame: &Frame<'_>, known: &mut Known) {
        let index = identity::of_body(&self.meters, frame, &[]).ok();
        if let Some(index) = index.or_else(|| self.associated(frame, &[])) {
            self.know(index, known);
        }
    }
}

/// Why an APDU is kept as it is.
fn refusal(apdu: &[u8]) -> DecodeError {
    let refused = |kind| DecodeError::new(Layer::Apdu, 0, kind);
    match apdu.first() {
        Some(&(TAG_EXCEPTION | TAG_SERVICE_ERROR)) => said(apdu),
        Some(&TAG_GENERAL_SIGNING) => refused(Kind::UncheckedSignature),
        Some(tag) if APDU_TAGS.iter().any(|tags| tags.contains(tag)) => refused(Kind::Unsupported),
        Some(_) => refused(Kind::BadTag),
        None => refused(Kind::Truncated),
    }
}

/// What came out under a key that is the wrong one, where no tag proves it.
const GARBAGE: DecodeError = DecodeError::new(Layer::Ciphering, 0, Kind::BadDecryption);

/// `error`, unless it says no more than that the key was wrong: what came out under it is no APDU.
#[cold]
pub(super) fn unless_plausible(plain: &[u8], error: DecodeError) -> DecodeError {
    if error.layer == Layer::Check || is_plausible(plain) {
        error
    } else {
        GARBAGE
    }
}

/// Whether `plain` is an APDU to its last byte: random bytes are not, but once in a great while.
pub(super) fn is_plausible(plain: &[u8]) -> bool {
    let mut context = Context {
        limits: Limits::default(),
        opener: &mut Nobody,
        depth_left: apdu::DEPTH_MAX,
        title: None,
    };
    apdu::parse(plain, &mut context).is_ok()
}

/// Holds no keys.
struct Nobody;

impl Opener for Nobody {
    fn open(&mut self, _: &Protected<'_>) -> Result<Opened, DecodeError> {
        Ok(Opened::Sealed)
    }
}
