//! Protected APDUs: their headers, and the way to whoever holds the key (Green Book 9, clause 9.2.7).
//!
//! glo- and ded- services carry `length | security header | body`; general-glo and general-ded put
//! the sender's system title before that; general-ciphering names both parties, a transaction and a
//! key, all of which its tag covers; general-signing puts a signature behind readable content.

use super::{Apdu, Context, Fields, parse as parse_apdu};
use crate::push;
use crate::security::SecurityControl;
use crate::{DecodeError, Kind, Layer, Reader};

/// A protected APDU's header and body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protected<'a> {
    /// The standard's name of the APDU.
    pub name: &'static str,
    /// The sender's system title, when the APDU or what is around it says so.
    pub title: Option<[u8; 8]>,
    /// How the body is protected.
    pub control: SecurityControl,
    /// Invocation counter.
    pub counter: u32,
    /// Ciphertext and tag, or plaintext and tag.
    pub body: &'a [u8],
    /// What the tag covers besides: general-ciphering's header fields with their lengths.
    pub header: &'a [u8],
    /// Protected with the association's dedicated key instead of the global one.
    pub dedicated: bool,
}

/// What became of a protected body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It stays closed: there is no key for it.
    Sealed,
    /// Its plaintext, and whether a tag proved it.
    Plain(Vec<u8>, bool),
}

/// Whoever holds the keys.
pub trait Opener {
    /// Opens `protected`, or says that it cannot, or that the key does not fit.
    fn open(&mut self, protected: &Protected<'_>) -> Result<Opened, DecodeError>;
}

/// The name of the protected APDU that `tag` begins.
pub(super) const fn name(tag: u8) -> Option<&'static str> {
    Some(match tag {
        0x21 => "glo-initiate-request",
        0x25 => "glo-read-request",
        0x26 => "glo-write-request",
        0x28 => "glo-initiate-response",
        0x2c => "glo-read-response",
        0x2d => "glo-write-response",
        0x2e => "glo-confirmed-service-error",
        0x36 => "glo-unconfirmed-write-request",
        0x38 => "glo-information-report-request",
        0x41 => "ded-initiate-request",
        0x45 => "ded-read-request",
        0x46 => "ded-write-request",
        0x48 => "ded-initiate-response",
        0x4c => "ded-read-response",
        0x4d => "ded-write-response",
        0x4e => "ded-confirmed-service-error",
        0x56 => "ded-unconfirmed-write-request",
        0x58 => "ded-information-report-request",
        0xc8 => "glo-get-request",
        0xc9 => "glo-set-request",
        0xca => "glo-event-notification-request",
        0xcb => "glo-action-request",
        0xcc => "glo-get-response",
        0xcd => "glo-set-response",
        0xcf => "glo-action-response",
        0xd0 => "ded-get-request",
        0xd1 => "ded-set-request",
        0xd2 => "ded-event-notification-request",
        0xd3 => "ded-action-request",
        0xd4 => "ded-get-response",
        0xd5 => "ded-set-response",
        0xd7 => "ded-action-response",
        0xdb => "general-glo-ciphering",
        0xdc => "general-ded-ciphering",
        0xdd => "general-ciphering",
        0xdf => "general-signing",
        _ => return None,
    })
}

/// Reads a protected APDU and, if it can be opened, the APDU inside.
pub(super) fn parse(
    name: &'static str,
    apdu: &[u8],
    context: &mut Context<'_>,
) -> Result<Apdu, DecodeError> {
    match apdu.first() {
        Some(0xdb | 0xdc) => {
            let header = push::glo(apdu)?;
            let title = header.title.try_into().ok();
            let protected = Protected {
                name,
                title: title.or(context.title),
                control: header.control,
                counter: header.counter,
                body: header.body,
                header: &[],
                dedicated: apdu.first() == Some(&0xdc),
            };
            open(
                &protected,
                Fields::default().with("system_title", header.title),
                context,
            )
        }
        Some(0xdd) => general(name, apdu, context),
        Some(0xdf) => signed(name, apdu, context),
        _ => service(name, apdu, context),
    }
}

/// A glo- or ded- service: the title is the association's.
fn service(
    name: &'static str,
    apdu: &[u8],
    context: &mut Context<'_>,
) -> Result<Apdu, DecodeError> {
    let mut reader = Reader::new(apdu, Layer::Ciphering);
    reader.u8()?;
    let mut contents = Reader::new(reader.counted()?, Layer::Ciphering);
    reader.end()?;
    let protected = Protected {
        name,
        title: context.title,
        control: SecurityControl(contents.u8()?),
        counter: contents.be_u32()?,
        body: contents.rest(),
        header: &[],
        dedicated: name.starts_with("ded-"),
    };
    open(&protected, Fields::default(), context)
}

/// The five fields that general-ciphering and general-signing share.
fn parties(reader: &mut Reader<'_>) -> Result<Fields, DecodeError> {
    Ok(Fields::default()
        .with("transaction_id", reader.counted()?)
        .with("originator", reader.counted()?)
        .with("recipient", reader.counted()?)
        .with("date_time", reader.counted()?)
        .with("other_information", reader.counted()?))
}

/// general-ciphering. Its tag covers the five fields with their lengths; the originator is the
/// title, unless (GBCS) the fields are empty and the title is agreed on elsewhere.
fn general(
    name: &'static str,
    apdu: &[u8],
    context: &mut Context<'_>,
) -> Result<Apdu, DecodeError> {
    let mut reader = Reader::new(apdu, Layer::Ciphering);
    reader.u8()?;
    let from = reader.rest();
    let fields = parties(&mut reader)?;
    let header = from
        .get(..from.len().saturating_sub(reader.rest().len()))
        .unwrap_or_default();
    let originator = Reader::new(header, Layer::Ciphering);
    let title = originator_title(originator)?;
    let fields = fields.with("key", super::optional(&mut reader, key)?);
    let mut contents = Reader::new(reader.counted()?, Layer::Ciphering);
    reader.end()?;
    let protected = Protected {
        name,
        title: title.or(context.title),
        control: SecurityControl(contents.u8()?),
        counter: contents.be_u32()?,
        body: contents.rest(),
        header,
        dedicated: false,
    };
    open(&protected, fields, context)
}

fn originator_title(mut header: Reader<'_>) -> Result<Option<[u8; 8]>, DecodeError> {
    header.counted()?;
    Ok(header.counted()?.try_into().ok())
}

/// key-info: which key, a wrapped key, or the parameters of an agreement.
fn key(reader: &mut Reader<'_>) -> Result<Fields, DecodeError> {
    let unknown = reader.error(Kind::BadTag);
    let fields = Fields::default();
    Ok(match reader.u8()? {
        0 => fields
            .with("choice", "identified-key")
            .with("key_id", reader.u8()?),
        1 => fields
            .with("choice", "wrapped-key")
            .with("kek_id", reader.u8()?)
            .with("wrapped", reader.counted()?),
        2 => fields
            .with("choice", "agreed-key")
            .with("parameters", reader.counted()?)
            .with("ciphered", reader.counted()?),
        _ => return Err(unknown),
    })
}

/// general-signing: the content can be read whoever signed it; what is no APDU is shown as bytes.
fn signed(name: &'static str, apdu: &[u8], context: &mut Context<'_>) -> Result<Apdu, DecodeError> {
    let mut reader = Reader::new(apdu, Layer::Ciphering);
    reader.u8()?;
    let fields = parties(&mut reader)?;
    let content = reader.counted()?;
    let fields = fields.with("signature", reader.counted()?);
    reader.end()?;
    let mut outer = Apdu::new(name, fields);
    match parse_apdu(content, context) {
        Ok(inside) => outer.inside = Some(Box::new(inside)),
        Err(error) if error.kind == Kind::BadTag && error.layer == Layer::Apdu => {
            outer.fields.push("content", content);
        }
        Err(error) => return Err(error),
    }
    Ok(outer)
}

fn open(
    protected: &Protected<'_>,
    fields: Fields,
    context: &mut Context<'_>,
) -> Result<Apdu, DecodeError> {
    let fields = fields
        .with("security_control", protected.control.0)
        .with("invocation_counter", protected.counter);
    let mut outer = Apdu::new(protected.name, fields);
    if protected.control.authenticated() && protected.body.len() < crate::security::TAG_BYTES {
        return Err(DecodeError::new(Layer::Ciphering, 0, Kind::Truncated));
    }
    match context.opener.open(protected)? {
        Opened::Sealed => {}
        Opened::Plain(plain, verified) => {
            outer.fields.push("verified", verified);
            let inside = parse_apdu(&plain, context).map_err(|error| {
                // Without proof, a plaintext that begins with no APDU means the wrong key.
                if !verified && error == DecodeError::new(Layer::Apdu, 0, Kind::BadTag) {
                    DecodeError::new(Layer::Ciphering, 0, Kind::BadDecryption)
                } else {
                    error
                }
            })?;
            outer.inside = Some(Box::new(inside));
        }
    }
    Ok(outer)
}
