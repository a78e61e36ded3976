//! Any bytes are data, or a refusal inside their bounds.

use cosem::axdr::{self, Limits};

use crate::limits::bounded;

/// Reads `bytes` the three ways there are, which must agree.
pub(crate) fn check(bytes: &[u8]) {
    let limits = Limits::default();
    let head = bounded(bytes.len(), || axdr::head(bytes, limits));
    let whole = bounded(bytes.len(), || axdr::whole(bytes, limits));
    match (&head, &whole) {
        (Ok((value, used)), Ok(all)) => {
            assert_eq!(*used, bytes.len());
            // NaN is not equal to itself.
            assert_eq!(format!("{value:?}"), format!("{all:?}"));
        }
        (Ok((_, used)), Err(error)) => {
            assert!(*used < bytes.len());
            assert!(usize::try_from(error.offset).is_ok_and(|offset| offset == *used));
        }
        (Err(head), whole) => assert_eq!(Some(head), whole.as_ref().err()),
    }
    let tolerant = bounded(bytes.len(), || axdr::tolerant(bytes, limits));
    if whole.is_ok() {
        assert!(tolerant.is_ok_and(|(_, quirks)| quirks.is_empty()));
    }
}
