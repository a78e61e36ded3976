//! Whose frame it is: system title before device id before gateway address before the
//! concentrator's word. Two that name different meters are a conflict.

use cosem::{DecodeError, Kind, Layer, Reader};

use super::Frame;
use crate::meters::Meters;

const TAG_STRUCTURE: u8 = 0x02;
const TAG_OCTET_STRING: u8 = 0x09;
const TAG_VISIBLE_STRING: u8 = 0x0a;
const TAG_UTF8_STRING: u8 = 0x0c;

/// The meter of a ciphered frame; `title` may be empty, as some meters leave it out.
pub(super) fn of_title(
    meters: &Meters,
    frame: &Frame<'_>,
    title: &[u8],
) -> Result<usize, DecodeError> {
    let by_gateway = meters.by_gateway_address(frame.gateway_address());
    let Ok(title) = <[u8; 8]>::try_from(title) else {
        return by_gateway
            .or_else(|| by_hint(meters, frame))
            .ok_or(unknown(Layer::Ciphering));
    };
    let by_title = meters.by_title(title).ok_or(unknown(Layer::Ciphering))?;
    agree(by_title, by_gateway, Layer::Gateway)?;
    Ok(by_title)
}

/// The meter of a frame in clear, by the device id at the head of its body.
pub(super) fn of_body(
    meters: &Meters,
    frame: &Frame<'_>,
    body: &[u8],
) -> Result<usize, DecodeError> {
    let by_gateway = meters.by_gateway_address(frame.gateway_address());
    match device_id(body).and_then(|id| meters.by_serial(id)) {
        Some(by_device_id) => {
            agree(by_device_id, by_gateway, Layer::Gateway)?;
            Ok(by_device_id)
        }
        None => by_gateway
            .or_else(|| by_hint(meters, frame))
            .ok_or(unknown(Layer::Apdu)),
    }
}

/// Refuses a body whose device id is that of another known meter. An id we do not know is no
/// conflict: many meters carry one that is not their serial number.
pub(super) fn check_device_id(
    meters: &Meters,
    meter: usize,
    device_id: Option<&[u8]>,
) -> Result<(), DecodeError> {
    // Nearly always it is the meter's own, and then no other can have it.
    let foreign =
        device_id.filter(|id| !meters.get(meter).is_some_and(|meter| meter.is_called(id)));
    let by_device_id = foreign.and_then(|id| meters.by_serial(id));
    agree(meter, by_device_id, Layer::Layout)
}

fn agree(meter: usize, other: Option<usize>, layer: Layer) -> Result<(), DecodeError> {
    match other {
        Some(other) if other != meter => Err(DecodeError::new(layer, 0, Kind::IdentityConflict)),
        _ => Ok(()),
    }
}

/// What the envelope calls the meter, the last resort.
fn by_hint(meters: &Meters, frame: &Frame<'_>) -> Option<usize> {
    meters.by_serial(frame.envelope?.meter)
}

const fn unknown(layer: Layer) -> DecodeError {
    DecodeError::new(layer, 0, Kind::UnknownMeter)
}

/// The device id in front of a push or flat body.
fn device_id(body: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(body, Layer::Data);
    if reader.u8().ok()? != TAG_STRUCTURE {
        return None;
    }
    reader.length().ok()?;
    match reader.u8().ok()? {
        TAG_OCTET_STRING | TAG_VISIBLE_STRING | TAG_UTF8_STRING => reader.counted().ok(),
        _ => None,
    }
}
