//! What a server says when it cannot serve: exception-response and confirmed-service-error.

use super::{Apdu, Fields};
use crate::{DecodeError, Kind, Reader};

/// exception-response (Green Book 9, clause 9.4.5). An invocation-counter-error names the counter
/// that is expected next.
pub(super) fn exception(reader: &mut Reader<'_>) -> Result<Apdu, DecodeError> {
    reader.u8()?;
    let at = reader.error(Kind::BadValue);
    let state = match reader.u8()? {
        1 => "service-not-allowed",
        2 => "service-unknown",
        _ => return Err(at),
    };
    let at = reader.error(Kind::BadValue);
    let code = reader.u8()?;
    let service = match code {
        1 => "operation-not-possible",
        2 => "service-not-supported",
        3 => "other-reason",
        4 => "pdu-too-long",
        5 => "deciphering-error",
        6 => "invocation-counter-error",
        _ => return Err(at),
    };
    let mut fields = Fields::default()
        .with("state", state)
        .with("service", service);
    if code == 6 && !reader.is_empty() {
        fields.push("expected_counter", reader.be_u32()?);
    }
    reader.end()?;
    Ok(Apdu::new("exception-response", fields))
}

/// confirmed-service-error: the service that failed, the kind of error and its number.
pub(super) fn confirmed_service_error(reader: &mut Reader<'_>) -> Result<Apdu, DecodeError> {
    reader.u8()?;
    let at = reader.error(Kind::BadValue);
    let service = match reader.u8()? {
        1 => "initiate-error",
        5 => "read",
        6 => "write",
        _ => return Err(at),
    };
    let at = reader.error(Kind::BadValue);
    let class = match reader.u8()? {
        0 => "application-reference",
        1 => "hardware-resource",
        2 => "vde-state-error",
        3 => "service",
        4 => "definition",
        5 => "access",
        6 => "initiate",
        7 => "load-data-set",
        9 => "task",
        10 => "other",
        _ => return Err(at),
    };
    let fields = Fields::default()
        .with("service", service)
        .with("error", class);
    let fields = fields.with("value", reader.u8()?);
    reader.end()?;
    Ok(Apdu::new("confirmed-service-error", fields))
}
