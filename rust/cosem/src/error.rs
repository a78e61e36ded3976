//! Why bytes were refused: the layer, the offset and the kind, never a panic and never a string.

/// Where in the stack of envelopes the bytes went wrong, outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Layer {
    /// Before any framing was recognised.
    Link,
    /// IEC 62056-47 wrapper.
    Wrapper,
    /// HDLC, IEC 62056-46.
    Hdlc,
    /// M-Bus long frames, EN 13757-2.
    MBus,
    /// The acked uplink's envelope.
    Uplink,
    /// Gateway prefix E6/E7.
    Gateway,
    /// general-block-transfer and data-blocks.
    BlockTransfer,
    /// Security header, decryption and tag.
    Ciphering,
    /// xDLMS and ACSE APDUs.
    Apdu,
    /// A-XDR data.
    Data,
    /// Mapping of data to reads by the profile's layout.
    Layout,
    /// Validation of decoded reads.
    Check,
}

/// What was wrong. The groups sort the blame: bytes, features, behaviour, trust, limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    // Malformed: no conforming sender writes these bytes.
    /// The bytes ended before the field did.
    Truncated,
    /// Bytes remain after the last field.
    TrailingBytes,
    /// A length field contradicts the bytes around it.
    BadLength,
    /// A checksum does not match.
    BadChecksum,
    /// A tag, choice or enumeration value that is not defined here.
    BadTag,
    /// A value outside its field's range.
    BadValue,
    /// A date or time that is not on the calendar.
    BadClock,
    // Unsupported: conforming, but not handled.
    /// Recognised, not handled.
    Unsupported,
    /// No layout fits this body.
    NoLayout,
    /// The scaled value is not a whole number of the column's unit.
    InexactScale,
    // Misbehaved: an order or a history that cannot be.
    /// An invocation counter that was already used, or fell.
    ReplayedCounter,
    /// Blocks or sequences out of order.
    BadSequence,
    // Refused: the sender is not trusted with this.
    /// No such meter.
    UnknownMeter,
    /// The meter has no key for this.
    NoKey,
    /// The authentication tag does not verify: wrong key or altered bytes.
    BadAuthentication,
    /// Decrypted to garbage: wrong key, no tag to prove it.
    BadDecryption,
    /// Less protection than the meter's policy demands.
    SecurityPolicy,
    /// Two sources of identity disagree.
    IdentityConflict,
    /// Signed, and nobody here can check a signature.
    UncheckedSignature,
    // Answered: what a meter said instead of a value, or without saying what the value is of.
    /// The meter said no.
    Said(Said),
    /// A value without an attribute descriptor, which no layout fits.
    NoDescriptor,
    // OverLimit: a named limit was reached.
    /// Longer than the limit.
    TooLong,
    /// Nested deeper than the limit.
    TooDeep,
    /// More elements than the limit.
    TooMany,
    // Checks.
    /// The capture time is not on the meter's interval grid.
    Misaligned,
    /// The capture time lies in the future.
    FutureTimestamp,
    /// The capture time lies too far in the past.
    TooOld,
}

impl Layer {
    /// The name used in reject rows, metrics and the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Wrapper => "wrapper",
            Self::Hdlc => "hdlc",
            Self::MBus => "mbus",
            Self::Uplink => "uplink",
            Self::Gateway => "gateway",
            Self::BlockTransfer => "block_transfer",
            Self::Ciphering => "ciphering",
            Self::Apdu => "apdu",
            Self::Data => "data",
            Self::Layout => "layout",
            Self::Check => "check",
        }
    }
}

impl Kind {
    /// The name used in reject rows, metrics and the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::TrailingBytes => "trailing_bytes",
            Self::BadLength => "bad_length",
            Self::BadChecksum => "bad_checksum",
            Self::BadTag => "bad_tag",
            Self::BadValue => "bad_value",
            Self::BadClock => "bad_clock",
            Self::Unsupported => "unsupported",
            Self::NoLayout => "no_layout",
            Self::InexactScale => "inexact_scale",
            Self::ReplayedCounter => "replayed_counter",
            Self::BadSequence => "bad_sequence",
            Self::UnknownMeter => "unknown_meter",
            Self::NoKey => "no_key",
            Self::BadAuthentication => "bad_authentication",
            Self::BadDecryption => "bad_decryption",
            Self::SecurityPolicy => "security_policy",
            Self::IdentityConflict => "identity_conflict",
            Self::UncheckedSignature => "unchecked_signature",
            Self::Said(said) => said.name(),
            Self::NoDescriptor => "no_descriptor",
            Self::TooLong => "too_long",
            Self::TooDeep => "too_deep",
            Self::TooMany => "too_many",
            Self::Misaligned => "misaligned",
            Self::FutureTimestamp => "future_timestamp",
            Self::TooOld => "too_old",
        }
    }
}

/// What a meter says when it cannot serve, by the number that the standard gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Said {
    /// exception-response: the service error.
    Exception(u8),
    /// confirmed-service-error: the class of the error.
    ServiceError(u8),
    /// A data-access-result in the place of a value.
    Access(u8),
}

impl Said {
    /// The name used in reject rows, metrics and the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exception(1) => "said_operation_not_possible",
            Self::Exception(2) => "said_service_not_supported",
            Self::Exception(4) => "said_pdu_too_long",
            Self::Exception(5) => "said_deciphering_error",
            Self::Exception(6) => "said_invocation_counter_error",
            Self::Exception(_) => "said_exception",
            Self::ServiceError(0) => "said_application_reference_error",
            Self::ServiceError(1) => "said_hardware_resource_error",
            Self::ServiceError(2) => "said_vde_state_error",
            Self::ServiceError(3) => "said_service_error",
            Self::ServiceError(4) => "said_definition_error",
            Self::ServiceError(5) => "said_access_error",
            Self::ServiceError(6) => "said_initiate_error",
            Self::ServiceError(7) => "said_load_data_set_error",
            Self::ServiceError(9) => "said_task_error",
            Self::ServiceError(_) => "said_other_service_error",
            Self::Access(1) => "said_hardware_fault",
            Self::Access(2) => "said_temporary_failure",
            Self::Access(3) => "said_read_write_denied",
            Self::Access(4) => "said_object_undefined",
            Self::Access(9) => "said_object_class_inconsistent",
            Self::Access(11) => "said_object_unavailable",
            Self::Access(12) => "said_type_unmatched",
            Self::Access(13) => "said_scope_of_access_violated",
            Self::Access(14) => "said_data_block_unavailable",
            Self::Access(15) => "said_long_get_aborted",
            Self::Access(16) => "said_no_long_get_in_progress",
            Self::Access(_) => "said_other_reason",
        }
    }
}

/// One refusal. The offset counts from the first byte of what the layer was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    /// Which envelope.
    pub layer: Layer,
    /// Byte offset inside that envelope.
    pub offset: u32,
    /// What was wrong there.
    pub kind: Kind,
}

impl DecodeError {
    /// A refusal of `kind` at `offset` of `layer`.
    pub const fn new(layer: Layer, offset: u32, kind: Kind) -> Self {
        Self {
            layer,
            offset,
            kind,
        }
    }
}
