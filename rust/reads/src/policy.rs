//! The least protection a meter owes; decided by configuration, never by its frames.

use cosem::security::SecurityControl;

/// Bits of the security control byte that a meter's frames must have set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Protection(u8);

impl Protection {
    /// Frames in clear are taken.
    pub const NONE: Self = Self(0);
    /// Encrypted at least. Without a tag nothing proves who sent the frame.
    pub const ENCRYPT: Self = Self(0x20);
    /// Authenticated at least.
    pub const AUTHENTICATE: Self = Self(0x10);
    /// Encrypted and authenticated.
    pub const ENCRYPT_AUTHENTICATE: Self = Self(0x30);

    /// The policy called `name` in settings and in the registry.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::NONE),
            "encrypt" => Some(Self::ENCRYPT),
            "authenticate" => Some(Self::AUTHENTICATE),
            "encrypt+authenticate" => Some(Self::ENCRYPT_AUTHENTICATE),
            _ => None,
        }
    }

    /// Whether a frame with `control` is protected enough.
    pub const fn admits(self, control: SecurityControl) -> bool {
        control.0 & self.0 == self.0
    }

    /// Whether a frame in clear is enough.
    pub const fn admits_clear(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn is_any(self) -> bool {
        self.0 != 0
    }

    pub(crate) const fn authenticated(self) -> bool {
        self.0 & 0x10 != 0
    }
}
