//! What comes out of a cipher is an APDU like any other: sealing it changes nothing, and bytes that
//! no cipher was there to vouch for harm nobody.

use cosem::apdu::{self, Apdu, Context, DEPTH_MAX, Opened, Opener, Protected};
use cosem::axdr::Limits;
use cosem::encode;
use cosem::security::{OpenKey, SecurityControl};
use cosem::{DecodeError, Layer};

use crate::limits::bounded;

const ENCRYPTION_KEY: [u8; 16] = *b"fuzzed plaintext";
const AUTHENTICATION_KEY: [u8; 16] = *b"its proof of age";
const TITLE: [u8; 8] = *b"FUZ00001";
const TAG_GLO_GET_RESPONSE: u8 = 0xcc;

/// The first byte chooses how the rest is sealed.
pub(crate) fn check(bytes: &[u8]) {
    let ([choice, plain @ ..], Some(key)) =
        (bytes, OpenKey::new(&ENCRYPTION_KEY, &AUTHENTICATION_KEY))
    else {
        return;
    };
    let control = match choice % 3 {
        0 => SecurityControl::AUTHENTICATED_ENCRYPTED,
        1 => SecurityControl::ENCRYPTED,
        _ => SecurityControl::AUTHENTICATED,
    };
    let counter = u32::from(*choice);
    let mut sealed = Vec::new();
    if choice & 0x80 == 0 {
        let done = encode::general_glo(&key, control, &TITLE, counter, plain, &mut sealed);
        assert_eq!(done, Ok(()));
    } else {
        let mut body = vec![control.0];
        body.extend(counter.to_be_bytes());
        assert_eq!(key.seal(control, &TITLE, counter, plain, &mut body), Ok(()));
        sealed.push(TAG_GLO_GET_RESPONSE);
        encode::length(body.len(), &mut sealed);
        sealed.append(&mut body);
    }
    let mut keys = Keys(key);
    let opened = bounded(sealed.len(), || read(&sealed, &mut keys, DEPTH_MAX));
    let direct = bounded(plain.len(), || {
        read(plain, &mut keys, DEPTH_MAX.saturating_sub(1))
    });
    match (opened, direct) {
        (Ok(outer), Ok(direct)) => {
            // NaN is not equal to itself.
            let inside = outer.inside.map(|inside| format!("{inside:?}"));
            assert_eq!(inside, Some(format!("{direct:?}")));
        }
        // Without a tag, what begins with no APDU is said to be a wrong key.
        (Err(opened), Err(direct)) => {
            assert!(
                opened == direct || !control.authenticated(),
                "{opened:?} {direct:?}"
            );
        }
        (opened, direct) => assert_eq!(opened.is_ok(), direct.is_ok(), "{opened:?} {direct:?}"),
    }
}

fn read(apdu: &[u8], keys: &mut Keys, depth_left: u8) -> Result<Apdu, DecodeError> {
    let mut context = Context {
        limits: Limits::default(),
        opener: keys,
        depth_left,
        title: Some(TITLE),
    };
    apdu::parse(apdu, &mut context)
}

struct Keys(OpenKey);

impl Opener for Keys {
    fn open(&mut self, protected: &Protected<'_>) -> Result<Opened, DecodeError> {
        let mut plain = Vec::new();
        let opened = self.0.open_with_aad(
            protected.control,
            &protected.title.unwrap_or(TITLE),
            protected.counter,
            protected.body,
            protected.header,
            &mut plain,
        );
        match opened {
            Ok(()) => Ok(Opened::Plain(plain, protected.control.authenticated())),
            Err(kind) => Err(DecodeError::new(Layer::Ciphering, 0, kind)),
        }
    }
}
