//! Tax on an invoice: one line on the rounded net, so that what is printed can be checked with a pocket calculator.

use super::exact::round;
use crate::model::plan::Decimal;

/// `percent` of `net`, which is in whole minor units, rounded half away from zero.
pub fn tax(net: i64, percent: Decimal) -> i64 {
    let hundred = 100 * 1_000_000_000;
    // A percentage is a few digits; what does not fit is no tax that anyone levies.
    let exact = i128::from(net).checked_mul(percent.billionths());
    exact.and_then(|exact| i64::try_from(round(exact, hundred)).ok()).unwrap_or(i64::MAX)
}
