//! Floats as exact decimals. A meter that sends 230.1 as a float32 means 230.1 and not
//! 230.100006103515625: the fewest digits that name the float are taken, and nothing is rounded.

/// Digits that a 64-bit integer surely holds.
const DIGITS_MAX: usize = 18;

/// `number * 10^exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub(crate) number: i64,
    pub(crate) exponent: i8,
}

impl Decimal {
    /// Reads what Rust's `Display` writes for a float: digits, perhaps with a point and a sign;
    /// `None` for what is no number or has more digits than fit.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let zeros = if part.is_empty() {
            whole
                .len()
                .saturating_sub(whole.trim_end_matches('0').len())
        } else {
            0
        };
        let written = whole.get(..whole.len().saturating_sub(zeros))?;
        let joined = [written, part].concat();
        let significant = joined.trim_start_matches('0');
        if significant.len() > DIGITS_MAX {
            return None;
        }
        let number: i64 = match significant {
            "" => 0,
            digits => digits.parse().ok()?,
        };
        let exponent = match part.len() {
            0 => i8::try_from(zeros).ok()?,
            places => i8::try_from(places).ok()?.checked_neg()?,
        };
        let number = if negative {
            number.checked_neg()?
        } else {
            number
        };
        Some(Self {
            number,
            exponent: if number == 0 { 0 } else { exponent },
        })
    }

    /// `self * 10^power`, when that is a whole number.
    pub(crate) fn whole(self, power: i32) -> Option<i64> {
        let power = i32::from(self.exponent).checked_add(power)?;
        let factor = 10_i64.checked_pow(power.unsigned_abs())?;
        if power >= 0 {
            return self.number.checked_mul(factor);
        }
        (self.number.checked_rem(factor)? == 0).then(|| self.number.checked_div(factor))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_is_the_decimal_its_fewest_digits_name() {
        for (written, number, exponent) in [
            (230.1_f32.to_string(), 2_301, -1),
            (0.05_f32.to_string(), 5, -2),
            ((-1.5_f32).to_string(), -15, -1),
            (1_200_000_f32.to_string(), 12, 5),
            (0_f32.to_string(), 0, 0),
            ((-0.0_f32).to_string(), 0, 0),
            (0.1_f64.to_string(), 1, -1),
        ] {
            let expected = Decimal { number, exponent };
            assert_eq!(Decimal::parse(&written), Some(expected), "{written}");
        }
        for none in [f32::NAN, f32::INFINITY] {
            assert_eq!(Decimal::parse(&none.to_string()), None, "{none}");
        }
    }

    #[test]
    fn only_whole_numbers_come_out() {
        let decimal = |text| Decimal::parse(text).unwrap();
        assert_eq!(decimal("230.1").whole(2), Some(23_010));
        assert_eq!(decimal("230.125").whole(2), None);
        assert_eq!(decimal("1200").whole(-2), Some(12));
        assert_eq!(decimal("1234").whole(-2), None);
        assert_eq!(decimal("9000000000000").whole(9), None);
    }
}
