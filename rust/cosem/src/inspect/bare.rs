//! Lines without a framing: an APDU, A-XDR data, a date, or a GMAC token, as their kind says.

use super::keys::Keys;
use super::line::Line;
use super::near;
use super::report::Report;
use super::stream::read;
use crate::apdu::{self, Protected};
use crate::axdr::{self, Value};
use crate::framing::hdlc::without_llc;
use crate::security::key_wrap;
use crate::security::{SecurityControl, TAG_BYTES};
use crate::{DecodeError, Kind, Layer};

/// Reads the line's bytes as what its kind says they are.
pub(super) fn judge(line: &Line) -> Report {
    let mut report = Report::default();
    let judged = match Bare::of(&line.kind) {
        Bare::DateTime => moment(&line.bytes, "date-time", 12, &mut report),
        Bare::Date => moment(&line.bytes, "date", 5, &mut report),
        Bare::Time => moment(&line.bytes, "time", 4, &mut report),
        Bare::Token => token(line, &mut report),
        Bare::WrappedKey => wrapped_key(line, &mut report),
        Bare::Profile => data(&line.bytes, &mut report).and_then(|buffer| first_row(&buffer)),
        Bare::Data => data(&line.bytes, &mut report).map(|_| ()),
        Bare::Apdu => apdu(line, &mut report),
        Bare::Unknown => apdu(line, &mut report).or_else(|error| {
            data(&line.bytes, &mut report)
                .map(|_| ())
                .map_err(|_| error)
        }),
    };
    match judged {
        Ok(()) => report,
        Err(error) => Report::refused_in(error, counted_in(line, error), &line.bytes),
    }
}

/// The bytes that the offset of a refusal counts in.
fn counted_in(line: &Line, error: DecodeError) -> Option<&[u8]> {
    match Bare::of(&line.kind) {
        Bare::Apdu | Bare::Unknown => near::read_by(error, without_llc(&line.bytes)),
        Bare::Data | Bare::Profile | Bare::DateTime | Bare::Date | Bare::Time => Some(&line.bytes),
        Bare::Token | Bare::WrappedKey => None,
    }
}

/// What a bare line is.
enum Bare {
    Apdu,
    Data,
    /// Rows of a profile, the first of which can refer to none before it.
    Profile,
    DateTime,
    Date,
    Time,
    /// The token of the fifth authentication mechanism: control, counter, tag.
    Token,
    /// A key wrapped with another one.
    WrappedKey,
    Unknown,
}

impl Bare {
    fn of(kind: &str) -> Self {
        let word = kind
            .split(|each: char| !each.is_alphanumeric() && each != '-')
            .next();
        let word = word.unwrap_or_default();
        match word {
            "date-time" | "datetime" => Self::DateTime,
            "date" => Self::Date,
            "time" => Self::Time,
            "data" | "axdr" | "a-xdr" => Self::Data,
            "profile-buffer" | "profile" => Self::Profile,
            _ if kind.contains("payloads") => Self::Data,
            _ if word.ends_with("gmac") => Self::Token,
            _ if word.ends_with("key-wrap") || word.starts_with("wrapped") => Self::WrappedKey,
            _ if APDUS.iter().any(|name| word.starts_with(name)) => Self::Apdu,
            _ => Self::Unknown,
        }
    }
}

/// How the names of APDUs begin.
const APDUS: [&str; 23] = [
    "aarq",
    "aare",
    "rlrq",
    "rlre",
    "initiate",
    "get-re",
    "set-re",
    "action-re",
    "access-re",
    "event-notification",
    "data-notification",
    "exception",
    "confirmed-service",
    "information",
    "read-re",
    "write-re",
    "general-",
    "glo-",
    "ded-",
    "gateway",
    "gbt",
    "llc",
    "unconfirmed",
];

/// An APDU, perhaps behind an LLC header.
///
/// `E6 E7 00` begins both an LLC header and a gateway-response whose device address is empty. A
/// gateway has an address to name; so without a transport to tell, an empty one means LLC.
fn apdu(line: &Line, report: &mut Report) -> Result<(), DecodeError> {
    let apdu = read(without_llc(&line.bytes), &mut Keys::of(line))?;
    report.apdu(&apdu, serde_json::Map::new());
    Ok(())
}

fn data(bytes: &[u8], report: &mut Report) -> Result<Value, DecodeError> {
    let (value, quirks) = axdr::tolerant(bytes, axdr::Limits::default())?;
    report.data(&value);
    if !quirks.is_empty() {
        let names: Vec<_> = quirks.iter().map(|quirk| quirk.name()).collect();
        report.note("quirks", names);
    }
    Ok(value)
}

/// null-data and deltas refer to the row above: the first row has none.
fn first_row(buffer: &Value) -> Result<(), DecodeError> {
    let refused = Err(DecodeError::new(Layer::Data, 2, Kind::BadValue));
    let (Value::Array(rows) | Value::CompactArray(rows)) = buffer else {
        return Ok(());
    };
    match rows.first() {
        Some(Value::Structure(cells)) if cells.iter().any(refers_above) => refused,
        Some(row) if refers_above(row) => refused,
        _ => Ok(()),
    }
}

fn refers_above(cell: &Value) -> bool {
    *cell == Value::Null || cell.type_name().starts_with("delta-")
}

/// A date-time, date or time: its bytes alone, or as data with a tag.
fn moment(
    bytes: &[u8],
    name: &'static str,
    length: usize,
    report: &mut Report,
) -> Result<(), DecodeError> {
    let value = if bytes.len() == length {
        Value::Octets(name, bytes.to_vec())
    } else {
        axdr::whole(bytes, axdr::Limits::default())?
    };
    let Value::Octets(_, fields) = &value else {
        return Err(DecodeError::new(Layer::Data, 0, Kind::BadTag));
    };
    if fields.len() != length {
        return Err(DecodeError::new(Layer::Data, 1, Kind::BadLength));
    }
    if let Ok(clock) = <[u8; apdu::CLOCK_BYTES]>::try_from(fields.as_slice()) {
        let field = apdu::Field::Record(apdu::date_time(clock));
        report.note("date_time", super::json::one(&field));
    }
    report.data(&value);
    Ok(())
}

/// Control, counter and tag; checked when the line has the challenge and the keys.
fn token(line: &Line, report: &mut Report) -> Result<(), DecodeError> {
    let refused = |kind| DecodeError::new(Layer::Ciphering, 0, kind);
    let Some(([control, counter @ ..], tag)) = line.bytes.split_first_chunk::<5>() else {
        return Err(refused(Kind::Truncated));
    };
    let control = SecurityControl(*control);
    if tag.len() != TAG_BYTES || !control.authenticated() || control.encrypted() {
        return Err(refused(Kind::BadLength));
    }
    let counter = u32::from_be_bytes(*counter);
    let token = Protected {
        name: "hls-gmac-token",
        title: None,
        control,
        counter,
        body: tag,
        header: &[],
        dedicated: false,
    };
    let challenge = line.key(&["challenge"]);
    let verified = challenge.and_then(|challenge| Keys::of(line).proves(&challenge, &token));
    if verified == Some(false) {
        return Err(refused(Kind::BadAuthentication));
    }
    report.note(
        "token",
        serde_json::json!({
            "security_control": control.0,
            "invocation_counter": counter,
            "tag": super::json::hex(tag),
            "verified": verified,
        }),
    );
    Ok(())
}

/// A wrapped key: unwrapped, and so proven, when the line has the key that wraps.
fn wrapped_key(line: &Line, report: &mut Report) -> Result<(), DecodeError> {
    let refused = |kind| DecodeError::new(Layer::Ciphering, 0, kind);
    if line.bytes.len() < 24 || !line.bytes.len().is_multiple_of(8) {
        return Err(refused(Kind::BadLength));
    }
    let key = line.key(&["kek", "master_key", "key_encryption_key", "wrapping_key"]);
    let verified = match key.map(|kek| key_wrap::unwrap(&kek, &line.bytes)) {
        Some(None) => return Err(refused(Kind::BadAuthentication)),
        Some(Some(_)) => Some(true),
        None => None,
    };
    let key_bytes = line.bytes.len().saturating_sub(8);
    let note = serde_json::json!({ "key_bytes": key_bytes, "verified": verified });
    report.note("wrapped_key", note);
    Ok(())
}
