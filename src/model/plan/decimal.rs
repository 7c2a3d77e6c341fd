//! Numbers that people write with a decimal point, kept exactly: no floats anywhere near money.

use std::fmt;

/// Digits after the point that are kept.
const DIGITS: u32 = 9;
/// One, in the unit of a [`Decimal`].
const ONE: i128 = 10_i128.pow(DIGITS);
/// Digits before the point.
const MOST_WHOLE: usize = 18;

/// A number of zero or more with at most nine digits after the point and eighteen before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(i128);

impl Decimal {
    /// Nothing.
    pub const ZERO: Decimal = Decimal(0);

    /// The number in `text`: digits, and after a point at most `digits` more. No sign, no exponent, no blanks.
    pub fn parse(text: &str, digits: u32) -> Option<Decimal> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let kept = fraction.trim_end_matches('0');
        if !is_number(whole)
            || !is_number(fraction)
            || whole.len() > MOST_WHOLE
            || fraction.len() > MOST_WHOLE
        {
            return None;
        }
        if kept.len() > digits.min(DIGITS) as usize {
            return None;
        }
        let fraction: i128 = format!("{kept:0<9}").parse().ok()?;
        Some(Decimal(whole.parse::<i128>().ok()? * ONE + fraction))
    }

    /// In units of 10^-`scale`, if it is a whole number of them and fits.
    pub fn scaled(self, scale: u8) -> Option<i64> {
        let unit = 10_i128.pow(DIGITS.checked_sub(u32::from(scale))?);
        if self.0 % unit == 0 { i64::try_from(self.0 / unit).ok() } else { None }
    }

    /// So many units of 10^-`scale`, nothing for less than that.
    pub fn of_scaled(quantity: i64, scale: u8) -> Decimal {
        let unit = 10_i128.pow(DIGITS.saturating_sub(u32::from(scale)));
        Decimal(i128::from(quantity.max(0)) * unit)
    }

    /// In units of 10^-9.
    pub fn billionths(self) -> i128 {
        self.0
    }
}

/// Without zeros that say nothing.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / ONE, self.0 % ONE);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{fraction:09}").trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_without_zeros_that_say_nothing() {
        for (text, written) in [
            ("0", "0"),
            ("007", "7"),
            ("1.500", "1.5"),
            ("0.000000001", "0.000000001"),
            ("999999999999999999.999999999", "999999999999999999.999999999"),
            ("10.0000000000", "10"),
        ] {
            assert_eq!(Decimal::parse(text, 9).unwrap().to_string(), written);
        }
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", " 1", "1 ", "0.0000000001", "٣", "1.2.3"]
        {
            assert_eq!(Decimal::parse(text, 9), None, "{text}");
        }
        assert_eq!(Decimal::parse("1000000000000000000", 9), None);
        assert_eq!(Decimal::parse("0.05", 1), None);
    }

    #[test]
    fn a_scale_that_would_lose_something_is_refused() {
        let number = |text| Decimal::parse(text, 9).unwrap();
        assert_eq!(number("1.25").scaled(2), Some(125));
        assert_eq!(number("1.25").scaled(1), None);
        assert_eq!(number("10000000000").scaled(9), None);
        assert_eq!(number("9").scaled(9), Some(9_000_000_000));
        assert_eq!(number("1").scaled(10), None);
    }
}
