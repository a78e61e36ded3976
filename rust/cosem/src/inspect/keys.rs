//! The keys a line brings, and opening with them.

use super::line::Line;
use crate::apdu::{Opened, Opener, Protected};
use crate::security::{OpenKey, TAG_BYTES};
use crate::{DecodeError, Kind, Layer};

/// The keys of a line, expanded.
pub(super) struct Keys {
    global: Option<OpenKey>,
    dedicated: Option<OpenKey>,
    /// Without the authentication key nothing is proven, but the text can be shown.
    can_verify: bool,
    title: Option<[u8; 8]>,
}

impl Keys {
    /// The keys of `line`.
    pub(super) fn of(line: &Line) -> Self {
        let authentication = line.key(&["authentication_key"]);
        let expand = |name| {
            let key = line.key(&[name])?;
            OpenKey::new(&key, authentication.as_deref().unwrap_or_default())
        };
        Self {
            global: expand("encryption_key"),
            dedicated: expand("dedicated_key"),
            can_verify: authentication.is_some(),
            title: line
                .key(&["system_title"])
                .and_then(|title| title.try_into().ok()),
        }
    }

    /// The title to fall back on.
    pub(super) const fn title(&self) -> Option<[u8; 8]> {
        self.title
    }

    /// Whether `token` (control, counter, tag) is the GMAC of `challenge` (Green Book 9, 9.2.7.3).
    pub(super) fn proves(&self, challenge: &[u8], token: &Protected<'_>) -> Option<bool> {
        let key = self.global.as_ref().filter(|_| self.can_verify)?;
        let body = [challenge, token.body].concat();
        let opened = key.open(
            token.control,
            &self.title?,
            token.counter,
            &body,
            &mut Vec::new(),
        );
        Some(opened.is_ok())
    }

    fn key_for(&self, protected: &Protected<'_>) -> Option<&OpenKey> {
        if protected.dedicated {
            self.dedicated.as_ref().or(self.global.as_ref())
        } else {
            self.global.as_ref()
        }
    }
}

impl Opener for Keys {
    fn open(&mut self, protected: &Protected<'_>) -> Result<Opened, DecodeError> {
        let title = protected.title.or(self.title);
        if let (Some(key), Some(title)) = (self.key_for(protected), title) {
            return opened(key, self.can_verify, title, protected);
        }
        if protected.control.encrypted() {
            return Ok(Opened::Sealed);
        }
        let tag_bytes = if protected.control.authenticated() {
            TAG_BYTES
        } else {
            0
        };
        let text = protected.body.len().saturating_sub(tag_bytes);
        let text = protected.body.get(..text).unwrap_or_default();
        Ok(Opened::Plain(text.to_vec(), false))
    }
}

fn opened(
    key: &OpenKey,
    can_verify: bool,
    title: [u8; 8],
    protected: &Protected<'_>,
) -> Result<Opened, DecodeError> {
    let Protected {
        control,
        counter,
        body,
        header,
        ..
    } = *protected;
    let mut plain = Vec::new();
    let refused = |kind| DecodeError::new(Layer::Ciphering, 0, kind);
    if control.compressed() {
        return Err(refused(Kind::Unsupported));
    }
    if !control.authenticated() && !control.encrypted() {
        return Ok(Opened::Plain(body.to_vec(), false));
    }
    let verify = control.authenticated() && can_verify;
    if verify || !control.authenticated() {
        key.open_with_aad(control, &title, counter, body, header, &mut plain)
    } else {
        key.decipher_unverified(control, &title, counter, body, &mut plain)
    }
    .map_err(refused)?;
    Ok(Opened::Plain(plain, verify))
}
