//! Any bytes are data, or a refusal inside their bounds.

use cosem::axdr::{self, Limits};

/// Reads `bytes` the three ways there are, which must agree.
pub(crate) fn check(bytes: &[u8]) {
    let limits = Limits::default();
    let head = axdr::head(bytes, limits);
    let whole = axdr::whole(bytes, limits);
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
    if whole.is_ok() {
        assert!(axdr::tolerant(bytes, limits).is_ok_and(|(_, quirks)| quirks.is_empty()));
    } else {
        let _ = axdr::tolerant(bytes, limits);
    }
}
