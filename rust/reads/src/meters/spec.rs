//! A row of the registry on its way in, and why it may not be taken.

use core::fmt;

use cosem::clock::TimePolicy;

use crate::policy::Protection;

/// The longest serial number, in bytes.
pub const SERIAL_BYTES_MAX: usize = 23;

/// A row of the registry, as it comes in.
#[derive(Clone, Copy)]
pub struct MeterSpec<'a> {
    /// The meter's number; 0 is not a meter.
    pub meter: u32,
    /// Serial number or device id as the body carries it; empty when unknown.
    pub serial: &'a [u8],
    /// The system title of its ciphered frames, if it has one.
    pub title: Option<[u8; 8]>,
    /// The concentrator it is expected behind; 0 when unknown.
    pub dcu: u32,
    /// 16 or 32 bytes, or none when it never ciphers.
    pub encryption_key: &'a [u8],
    /// 16 or 32 bytes, or none when it never authenticates.
    pub authentication_key: &'a [u8],
    /// The least protection its frames must have.
    pub protection: Protection,
    /// Number of its layout, see [`Layouts`](crate::Layouts).
    pub layout: u16,
    /// Length of its intervals.
    pub interval_s: u16,
    /// How its clock becomes UTC.
    pub time_policy: TimePolicy,
}

/// Why a row cannot be taken. The registry is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MeterError {
    /// 0 means "unknown" everywhere.
    NumberZero,
    /// The serial number is longer than [`SERIAL_BYTES_MAX`].
    SerialTooLong,
    /// The system title belongs to this other meter.
    TitleTaken(u32),
    /// The serial number belongs to this other meter.
    SerialTaken(u32),
    /// A key has neither 16 nor 32 bytes.
    KeyLength,
    /// The protection asked for needs a key that is missing.
    KeyMissing,
    /// An interval must be 1 s at least.
    IntervalZero,
}

impl fmt::Display for MeterError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NumberZero => write!(out, "meter number 0 is reserved for unknown meters"),
            Self::SerialTooLong => write!(out, "the serial has more than {SERIAL_BYTES_MAX} bytes"),
            Self::TitleTaken(other) => write!(out, "the system title is that of meter {other}"),
            Self::SerialTaken(other) => write!(out, "the serial is that of meter {other}"),
            Self::KeyLength => write!(out, "a key must have 16 or 32 bytes"),
            Self::KeyMissing => write!(out, "the security policy needs a key that is missing"),
            Self::IntervalZero => write!(out, "the interval must be at least 1 s"),
        }
    }
}
