//! xDLMS-Initiate: what the parties can do (Green Book 9, clause 9.4.6).

use super::{Apdu, Fields, optional, terms};
use crate::{DecodeError, Kind, Reader};

/// initiate-request or initiate-response.
pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Apdu, DecodeError> {
    let read = if reader.u8()? == 0x01 {
        request(reader)?
    } else {
        response(reader)?
    };
    reader.end()?;
    Ok(read)
}

fn request(reader: &mut Reader<'_>) -> Result<Apdu, DecodeError> {
    let dedicated_key = optional(reader, Reader::counted)?;
    // BOOLEAN DEFAULT TRUE: absent means true.
    let response_allowed = optional(reader, Reader::u8)?.is_none_or(|flag| flag != 0);
    let quality = optional(reader, Reader::u8)?;
    let fields = Fields::default()
        .with("has_dedicated_key", dedicated_key.is_some())
        .with("response_allowed", response_allowed)
        .with("quality_of_service", quality)
        .with("dlms_version", reader.u8()?)
        .with("conformance", terms::conformance(conformance(reader)?))
        .with("pdu_bytes_max", reader.be_u16()?);
    Ok(Apdu::new("initiate-request", fields))
}

fn response(reader: &mut Reader<'_>) -> Result<Apdu, DecodeError> {
    let quality = optional(reader, Reader::u8)?;
    let fields = Fields::default()
        .with("quality_of_service", quality)
        .with("dlms_version", reader.u8()?)
        .with("conformance", terms::conformance(conformance(reader)?))
        .with("pdu_bytes_max", reader.be_u16()?)
        .with("vaa_name", reader.be_u16()?);
    Ok(Apdu::new("initiate-response", fields))
}

/// `[APPLICATION 31] BIT STRING (SIZE(24))`, BER: `5F 1F 04 00` and 24 bits, or `5F 04 00` as before
/// the tag was corrected. Sixteen bits, as before DLMS version 6, are not supported.
fn conformance(reader: &mut Reader<'_>) -> Result<[u8; 3], DecodeError> {
    let at = reader.error(Kind::BadTag);
    if reader.u8()? != 0x5f {
        return Err(at);
    }
    if reader.peek()? == 0x1f {
        reader.u8()?;
    }
    let at = reader.error(Kind::BadLength);
    if reader.take::<2>()? != [4, 0] {
        return Err(at);
    }
    reader.take()
}
