//! Pushes: data-notification, its confirm, and event-notification (Green Book 9, clause 9.3.10).

use super::{Apdu, CLOCK_BYTES, Context, Fields, body, date_time, descriptor};
use crate::{DecodeError, Kind, Reader, axdr, push};

/// The flags that share the u32 of the long-invoke-id.
const FLAGS_SHIFT: u32 = 24;

/// data-notification.
pub(super) fn data(apdu: &[u8], context: &Context<'_>) -> Result<Apdu, DecodeError> {
    let push = push::notification(apdu)?;
    let fields = Fields::default()
        .with("long_invoke_id", push.long_invoke_id)
        .with(
            "invoke_flags",
            push.long_invoke_id_and_priority >> FLAGS_SHIFT,
        )
        .with("date_time", push.time.map(date_time));
    let mut read = Apdu::new("data-notification", fields);
    let (value, quirks) = axdr::tolerant(push.body, context.limits)?;
    read.fields.push("body", value);
    read.quirks = quirks;
    Ok(read)
}

/// data-notification-confirm.
pub(super) fn confirm(reader: &mut Reader<'_>) -> Result<Apdu, DecodeError> {
    reader.u8()?;
    let invoke = reader.be_u32()?;
    let time = reader.counted()?;
    reader.end()?;
    let fields = Fields::default()
        .with("long_invoke_id", invoke & 0x00ff_ffff)
        .with("invoke_flags", invoke >> FLAGS_SHIFT)
        .with("date_time", time);
    Ok(Apdu::new("data-notification-confirm", fields))
}

/// event-notification-request.
pub(super) fn event(reader: &mut Reader<'_>, limits: axdr::Limits) -> Result<Apdu, DecodeError> {
    reader.u8()?;
    let fields = Fields::default()
        .with("time", time(reader)?.map(date_time))
        .with("attribute", descriptor(reader, "attribute")?);
    body(
        Apdu::new("event-notification-request", fields),
        reader,
        limits,
    )
}

/// The OPTIONAL time: `00`, or `01` and a counted date-time. Kaifa's MX382 writes the data tag `09`
/// where the presence flag belongs.
fn time(reader: &mut Reader<'_>) -> Result<Option<[u8; CLOCK_BYTES]>, DecodeError> {
    let at = reader.error(Kind::BadTag);
    match reader.u8()? {
        0 => Ok(None),
        1 | 9 => {
            let at = reader.error(Kind::BadLength);
            let clock = reader.counted()?;
            clock.try_into().map(Some).map_err(|_| at)
        }
        _ => Err(at),
    }
}
