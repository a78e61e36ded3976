//! The headers of protected APDUs, brought to one form.

use cosem::DecodeError;
use cosem::general::{KeyInfo, Service, general, service};
use cosem::push::{Glo, glo};
use cosem::security::SecurityControl;

/// A protected APDU, whichever header it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sealed<'a> {
    pub(super) title: &'a [u8],
    pub(super) control: SecurityControl,
    pub(super) counter: u32,
    pub(super) body: &'a [u8],
    /// What the tag covers besides.
    pub(super) header: &'a [u8],
    pub(super) key: KeyInfo<'a>,
}

impl<'a> Sealed<'a> {
    pub(super) fn glo(apdu: &'a [u8]) -> Result<Self, DecodeError> {
        let Glo {
            title,
            control,
            counter,
            body,
        } = glo(apdu)?;
        Ok(Self {
            title,
            control,
            counter,
            body,
            header: &[],
            key: KeyInfo::GlobalUnicast,
        })
    }

    pub(super) fn general(apdu: &'a [u8]) -> Result<Self, DecodeError> {
        let general = general(apdu)?;
        Ok(Self {
            title: general.title,
            control: general.control,
            counter: general.counter,
            body: general.body,
            header: general.header,
            key: general.key,
        })
    }

    /// A glo- or ded- service, which leaves its sender to the association.
    pub(super) fn service(apdu: &'a [u8], of: Service) -> Result<Self, DecodeError> {
        let glo = service(apdu)?;
        Ok(Self::under(&glo, of))
    }

    /// general-ded-ciphering.
    pub(super) fn ded(apdu: &'a [u8]) -> Result<Self, DecodeError> {
        Ok(Self::under(&glo(apdu)?, Service::Dedicated))
    }

    fn under(glo: &Glo<'a>, of: Service) -> Self {
        Self {
            title: glo.title,
            control: glo.control,
            counter: glo.counter,
            body: glo.body,
            header: &[],
            key: match of {
                Service::Dedicated => KeyInfo::Dedicated,
                Service::Global | Service::Asked => KeyInfo::GlobalUnicast,
            },
        }
    }
}
