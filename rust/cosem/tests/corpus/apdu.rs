//! Any bytes are an APDU of some kind, or a refusal inside their bounds.

use cosem::DecodeError;
use cosem::apdu::{self, Context, DEPTH_MAX, Opened, Opener, Protected};
use cosem::axdr::Limits;

use crate::limits::bounded;

/// Opens everything without a key: the body as it stands is the plaintext.
struct Open;

impl Opener for Open {
    fn open(&mut self, protected: &Protected<'_>) -> Result<Opened, DecodeError> {
        Ok(Opened::Plain(protected.body.to_vec(), false))
    }
}

/// Reads `bytes` as an APDU, as a push, and as a line of `meteringest decode`.
pub(crate) fn check(bytes: &[u8]) {
    let mut context = Context {
        limits: Limits::default(),
        opener: &mut Open,
        depth_left: DEPTH_MAX,
        title: None,
    };
    let parsed = bounded(bytes.len(), || apdu::parse(bytes, &mut context));
    if let Err(error) = parsed {
        assert!(usize::try_from(error.offset).is_ok_and(|offset| offset <= bytes.len()));
    }
    assert_eq!(context.depth_left, DEPTH_MAX);
    if let Ok(push) = bounded(bytes.len(), || cosem::push::notification(bytes)) {
        assert!(push.body.len() < bytes.len());
    }
    let mut line = String::from("{\"hex\":\"");
    for byte in bytes {
        line.extend(
            [byte >> 4, byte & 15]
                .map(|nibble| char::from_digit(nibble.into(), 16))
                .iter()
                .flatten(),
        );
    }
    line.push_str("\"}");
    let answer = bounded(line.len(), || cosem::inspect::line(line.as_bytes()));
    assert!(answer.starts_with(b"{\"id\":null,\"outcome\":"));
}
