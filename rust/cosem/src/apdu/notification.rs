//! Pushes: data-notification, its confirm, and event-notification (Green Book 9, clause 9.3.10).

use super::{Apdu, Context, Fields, body, date_time, descriptor};
use crate::{DecodeError, Reader, axdr, push};

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
        .with("time", push::event_time(reader)?.map(date_time))
        .with("attribute", descriptor(reader, "attribute")?);
    body(
        Apdu::new("event-notification-request", fields),
        reader,
        limits,
    )
}
