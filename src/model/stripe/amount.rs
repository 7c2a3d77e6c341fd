//! Amounts as Stripe counts them. Mostly those are minor units of ISO 4217, as ours are.

use crate::model::money::Currency;

/// Without minor units in ISO 4217, with two digits at Stripe.
const TWO_DIGITS_THERE: &[&str] = &["ISK", "UGX"];
/// With two digits in ISO 4217, without any at Stripe.
const NO_DIGITS_THERE: &[&str] = &["MGA"];
/// With three digits in both, of which Stripe takes the last one as zero only.
const TENS_ONLY: &[&str] = &["BHD", "JOD", "KWD", "OMR", "TND"];

/// An amount of ours in minor units as Stripe wants it, rounded half away from zero where it takes tens or whole units only. Nothing
/// beyond its bounds.
pub fn in_stripe_units(currency: Currency, minor: i64) -> Option<i64> {
    let code = currency.code();
    if TWO_DIGITS_THERE.contains(&code) {
        return minor.checked_mul(100);
    }
    if NO_DIGITS_THERE.contains(&code) {
        let half = if minor < 0 { -50 } else { 50 };
        return Some(minor.checked_add(half)? / 100);
    }
    if TENS_ONLY.contains(&code) {
        let half = if minor < 0 { -5 } else { 5 };
        return Some(minor.checked_add(half)? / 10 * 10);
    }
    Some(minor)
}

/// An amount as Stripe counts it in minor units of ours.
pub fn from_stripe_units(currency: Currency, there: i64) -> i64 {
    let code = currency.code();
    if TWO_DIGITS_THERE.contains(&code) {
        there / 100
    } else if NO_DIGITS_THERE.contains(&code) {
        there.saturating_mul(100)
    } else {
        there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_count_as_stripe_does() {
        for (code, minor, there) in [
            ("USD", 1_999, 1_999),
            ("JPY", 500, 500),
            ("ISK", 500, 50_000),
            ("MGA", 1_249, 12),
            ("MGA", 1_250, 13),
            ("MGA", -1_250, -13),
            ("KWD", 1_234, 1_230),
            ("KWD", 1_235, 1_240),
            ("KWD", -1_235, -1_240),
            ("KWD", 1_230, 1_230),
        ] {
            let currency = Currency::parse(code).unwrap();
            assert_eq!(in_stripe_units(currency, minor), Some(there), "{code} {minor}");
        }
        assert_eq!(in_stripe_units(Currency::parse("UGX").unwrap(), i64::MAX), None);
    }
}
