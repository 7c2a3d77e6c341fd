//! Amounts before they are rounded.

use crate::model::money::{Amount, MICROS};

/// More money than can be counted: beyond nine trillion minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an amount is larger than can be counted")]
pub struct Overflow;

/// An amount that was not rounded yet: a whole number of 10^-`scale` of a millionth of a minor unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exact {
    pub(super) numerator: i128,
    pub(super) scale: u8,
}

impl Exact {
    fn unit(self) -> i128 {
        10_i128.pow(u32::from(self.scale))
    }

    /// How many of its units are one minor unit.
    pub(super) fn units_of_minor(self) -> i128 {
        self.unit() * i128::from(MICROS)
    }

    /// In whole minor units, rounded half away from zero.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn to_minor(self) -> Result<i64, Overflow> {
        i64::try_from(round(self.numerator, self.units_of_minor())).map_err(|_| Overflow)
    }

    /// In millionths of a minor unit, rounded half away from zero: for what is spent so far.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn to_amount(self) -> Result<Amount, Overflow> {
        i64::try_from(round(self.numerator, self.unit())).map(Amount).map_err(|_| Overflow)
    }
}

/// `numerator / denominator`, rounded half away from zero. The denominator is positive.
pub(super) fn round(numerator: i128, denominator: i128) -> i128 {
    let (whole, rest) = (numerator / denominator, numerator % denominator);
    if rest.abs() >= denominator - rest.abs() { whole + numerator.signum() } else { whole }
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn halves_go_away_from_zero() {
        for (numerator, denominator, rounded) in [
            (5, 10, 1),
            (-5, 10, -1),
            (4, 10, 0),
            (-4, 10, 0),
            (15, 10, 2),
            (-15, 10, -2),
            (0, 7, 0),
            (1, 3, 0),
        ] {
            assert_eq!(round(numerator, denominator), rounded, "{numerator}/{denominator}");
        }
        assert_eq!(round(i128::MAX, 1), i128::MAX);
    }
}
