//! From the meter's number to the channel's fixed unit, in integers only.

use super::{Channel, FieldSpec, SpecProblem};
use crate::Kind;
use crate::decimal::Decimal;

/// Widest distance between a meter's scaler and the channel's power of ten, either way.
const POWER_MAX: u32 = 9;

/// One field's factor: multiply or divide by a power of ten, exactly or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    One,
    Multiply(u32),
    Divide(u32),
}

impl Scale {
    /// The factor from `field`'s scaler to `channel`'s unit.
    pub(super) fn new(field: &FieldSpec, channel: Channel) -> Result<Self, SpecProblem> {
        if field.unit != channel.unit() {
            let (needed, given) = (channel.unit(), field.unit);
            return Err(SpecProblem::WrongUnit { needed, given });
        }
        let power = i16::from(field.scaler).saturating_sub(i16::from(channel.exponent()));
        let magnitude = u32::from(power.unsigned_abs());
        if magnitude > POWER_MAX {
            return Err(SpecProblem::ScalerTooFar(field.scaler));
        }
        let factor = 10_u32.saturating_pow(magnitude);
        Ok(match power {
            0 => Self::One,
            1.. => Self::Multiply(factor),
            _ => Self::Divide(factor),
        })
    }

    /// Scales a float, written in decimals: `InexactScale` when that is no whole number of the unit.
    #[cold]
    pub(super) fn apply_float(self, written: &str) -> Result<u32, Kind> {
        let power = match self {
            Self::One => 0,
            Self::Multiply(factor) => i32::try_from(factor.ilog10()).unwrap_or_default(),
            Self::Divide(factor) => i32::try_from(factor.ilog10())
                .unwrap_or_default()
                .saturating_neg(),
        };
        let decimal = Decimal::parse(written).ok_or(Kind::BadValue)?;
        let whole = decimal.whole(power).ok_or(Kind::InexactScale)?;
        u32::try_from(whole).map_err(|_| Kind::BadValue)
    }

    /// Scales one number: `BadValue` when it is negative or too large, `InexactScale` when it does not divide.
    #[inline]
    pub(super) fn apply(self, raw: i64) -> Result<u32, Kind> {
        let scaled = match self {
            Self::One => Some(raw),
            Self::Multiply(factor) => raw.checked_mul(i64::from(factor)),
            Self::Divide(factor) => {
                let factor = i64::from(factor);
                if raw.checked_rem(factor) != Some(0) {
                    return Err(Kind::InexactScale);
                }
                raw.checked_div(factor)
            }
        };
        scaled
            .and_then(|value| u32::try_from(value).ok())
            .ok_or(Kind::BadValue)
    }
}
