//! Association control: AARQ, AARE, RLRQ and RLRE (ISO/IEC 8650-1 in BER; Green Book 9, clause 9.4.2).
//!
//! Every field is `tag | length | contents`; the tags that COSEM names are shown by name, others as
//! they are. The user information is an APDU of its own, ciphered or not.

use super::{Apdu, Context, Field, Fields, parse as parse_apdu, terms};
use crate::{DecodeError, Kind, Layer, Reader};

/// aarq, aare, rlrq or rlre.
pub(super) fn parse(apdu: &[u8], context: &mut Context<'_>) -> Result<Apdu, DecodeError> {
    let mut reader = Reader::new(apdu, Layer::Apdu);
    let tag = reader.u8()?;
    let name = match tag {
        0x60 => "aarq",
        0x61 => "aare",
        0x62 => "rlrq",
        _ => "rlre",
    };
    let contents = reader.counted()?;
    reader.end()?;
    let titles = context.title;
    let mut fields = Fields::default();
    let mut inner = Reader::new(contents, Layer::Apdu);
    while !inner.is_empty() {
        let field = inner.u8()?;
        let contents = inner.counted()?;
        let (name, field) = one(tag, field, contents, context)?;
        fields.push(name, field);
    }
    context.title = titles;
    Ok(Apdu::new(name, fields))
}

/// One field of the association APDU `apdu`. Requests and responses number theirs differently.
fn one(
    apdu: u8,
    tag: u8,
    contents: &[u8],
    context: &mut Context<'_>,
) -> Result<(&'static str, Field), DecodeError> {
    Ok(match (apdu, tag) {
        (0x60 | 0x61, 0x80) => ("protocol_version", contents.into()),
        (0x60 | 0x61, 0xa1) => ("application_context", context_name(contents)?),
        (0x61, 0xa2) => ("result", result(contents)?),
        (0x61, 0xa3) => ("diagnostic", diagnostic(contents)?),
        (0x60, 0xa6) | (0x61, 0xa4) => {
            let title = inside(contents, 0x04)?;
            context.title = title.try_into().ok().or(context.title);
            ("system_title", title.into())
        }
        (0x60, 0xa7) | (0x61, 0xa5) => ("ae_qualifier", inside(contents, 0x04)?.into()),
        (0x60, 0xa2) => ("called_title", inside(contents, 0x04)?.into()),
        (0x60, 0xa9) => ("ae_invocation", inside(contents, 0x02)?.into()),
        (0x60, 0x8a) | (0x61, 0x88) => ("acse_requirements", contents.into()),
        (0x60, 0x8b) | (0x61, 0x89) => ("mechanism", mechanism(contents)),
        (0x60, 0xac) | (0x61, 0xaa) => ("authentication", authentication(contents)?),
        (0x62 | 0x63, 0x80) => ("reason", reason(apdu, contents)?),
        (_, 0xbe) => {
            let information = inside(contents, 0x04)?;
            ("user_information", parse_apdu(information, context)?.into())
        }
        (_, 0xbd) => ("implementation", contents.into()),
        _ => ("other", other(tag, contents)),
    })
}

/// A field whose meaning COSEM does not need.
fn other(tag: u8, contents: &[u8]) -> Field {
    Fields::default()
        .with("tag", tag)
        .with("contents", contents)
        .into()
}

/// The contents of the one element of type `tag` that `contents` is.
fn inside(contents: &[u8], tag: u8) -> Result<&[u8], DecodeError> {
    let mut reader = Reader::new(contents, Layer::Apdu);
    let unknown = reader.error(Kind::BadTag);
    if reader.u8()? != tag {
        return Err(unknown);
    }
    let inner = reader.counted()?;
    reader.end()?;
    Ok(inner)
}

/// COSEM's application contexts, 2.16.756.5.8.1.n.
fn context_name(contents: &[u8]) -> Result<Field, DecodeError> {
    let oid = inside(contents, 0x06)?;
    Ok(match oid {
        [0x60, 0x85, 0x74, 0x05, 0x08, 0x01, 1] => "logical-name".into(),
        [0x60, 0x85, 0x74, 0x05, 0x08, 0x01, 2] => "short-name".into(),
        [0x60, 0x85, 0x74, 0x05, 0x08, 0x01, 3] => "logical-name-ciphered".into(),
        [0x60, 0x85, 0x74, 0x05, 0x08, 0x01, 4] => "short-name-ciphered".into(),
        _ => terms::object_identifier(oid).into(),
    })
}

/// COSEM's authentication mechanisms, 2.16.756.5.8.2.n.
fn mechanism(oid: &[u8]) -> Field {
    const NAMES: [&str; 8] = [
        "none",
        "lls",
        "hls",
        "hls-md5",
        "hls-sha1",
        "hls-gmac",
        "hls-sha256",
        "hls-ecdsa",
    ];
    match oid {
        [0x60, 0x85, 0x74, 0x05, 0x08, 0x02, number] => match NAMES.get(usize::from(*number)) {
            Some(name) => (*name).into(),
            None => terms::object_identifier(oid).into(),
        },
        _ => terms::object_identifier(oid).into(),
    }
}

fn authentication(contents: &[u8]) -> Result<Field, DecodeError> {
    inside(contents, 0x80).map(Field::from)
}

/// An INTEGER of one byte.
fn integer(contents: &[u8]) -> Result<u8, DecodeError> {
    let short = DecodeError::new(Layer::Apdu, 0, Kind::BadLength);
    inside(contents, 0x02)?.last().copied().ok_or(short)
}

fn result(contents: &[u8]) -> Result<Field, DecodeError> {
    Ok(match integer(contents)? {
        0 => "accepted".into(),
        1 => "rejected-permanent".into(),
        2 => "rejected-transient".into(),
        _ => return Err(DecodeError::new(Layer::Apdu, 0, Kind::BadValue)),
    })
}

/// Who refused, and why: by number, as the words differ between editions.
fn diagnostic(contents: &[u8]) -> Result<Field, DecodeError> {
    let mut reader = Reader::new(contents, Layer::Apdu);
    let unknown = reader.error(Kind::BadTag);
    let source = match reader.u8()? {
        0xa1 => "acse-service-user",
        0xa2 => "acse-service-provider",
        _ => return Err(unknown),
    };
    let code = integer(reader.counted()?)?;
    reader.end()?;
    Ok(Fields::default()
        .with("source", source)
        .with("code", code)
        .into())
}

fn reason(apdu: u8, contents: &[u8]) -> Result<Field, DecodeError> {
    let [code] = contents else {
        return Err(DecodeError::new(Layer::Apdu, 0, Kind::BadLength));
    };
    Ok(match (apdu, code) {
        (_, 0) => "normal".into(),
        (0x62, 1) => "urgent".into(),
        (0x63, 1) => "not-finished".into(),
        (_, 30) => "user-defined".into(),
        (_, code) => (*code).into(),
    })
}
