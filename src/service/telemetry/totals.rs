//! What all tenants together bring in, cost and take up, of what is kept of each.

use super::kept::Kept;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::money::{Amount, Currency, MICROS};
use crate::model::plan::Window;
use crate::rating::window_of;
use crate::service::Installation;
use std::collections::BTreeMap;

/// The sums of the month that is open.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// When the month began, of UTC.
    pub month: Timestamp,
    /// When that was looked at which was looked at longest ago; nothing before anything was.
    pub as_of: Option<Timestamp>,
    /// Whether all tenants are in it; not in the first moments of a server or a month.
    pub complete: bool,
    /// How many tenants are in it.
    pub tenants: u64,
    /// How many of them cost more than they bring in.
    pub unprofitable: u64,
    /// Bytes that they take on the disk.
    pub storage_bytes: i64,
    /// By currency, most revenue first: different money does not add up.
    pub by_currency: Vec<CurrencyTotals>,
}

/// The sums of those that pay in one currency. Amounts are millionths of its minor unit.
#[derive(Clone, Copy, Debug)]
pub struct CurrencyTotals {
    /// What they pay in.
    pub currency: Currency,
    /// How many they are.
    pub tenants: u64,
    /// What was invoiced.
    pub revenue: Amount,
    /// What events and serving cost; nothing where one of them has that in several currencies.
    pub cost: Option<Amount>,
    /// What is left.
    pub margin: Option<Amount>,
}

/// Sums up what is kept. Nothing is read for it.
///
/// # Errors
/// The clock is beyond all calendars.
pub fn totals(installation: &Installation) -> Result<Totals> {
    let month = Timestamp(window_of("UTC", Window::Month, installation.clock.now().0)?.from);
    let kept = &installation.telemetry.kept;
    let complete = kept.is_whole(month.0);
    let all = kept.all();
    // What was looked at in the month before is about that.
    let all = all.into_iter().map(|(_, kept)| kept).filter(|kept| kept.looked_at >= month);
    Ok(Totals { month, complete, ..sum(all) })
}

fn sum(all: impl Iterator<Item = Kept>) -> Totals {
    let mut out = Totals::default();
    let mut by_currency: BTreeMap<&str, CurrencyTotals> = BTreeMap::new();
    for kept in all {
        out.as_of = Some(out.as_of.map_or(kept.looked_at, |oldest| oldest.min(kept.looked_at)));
        out.tenants += 1;
        out.unprofitable += u64::from(kept.margin.is_some_and(|margin| margin < 0));
        out.storage_bytes = out.storage_bytes.saturating_add(kept.size_bytes.unwrap_or(0));
        let nothing = CurrencyTotals {
            currency: kept.currency,
            tenants: 0,
            revenue: Amount(0),
            cost: Some(Amount(0)),
            margin: Some(Amount(0)),
        };
        let of = by_currency.entry(kept.currency.code()).or_insert(nothing);
        let add = |sum: Option<Amount>, one: Option<i64>| Some(Amount(sum?.0.saturating_add(one?)));
        of.tenants += 1;
        of.revenue = Amount(of.revenue.0.saturating_add(kept.revenue.saturating_mul(MICROS)));
        of.cost = add(of.cost, kept.cost);
        of.margin = add(of.margin, kept.margin);
    }
    out.by_currency = by_currency.into_values().collect();
    out.by_currency.sort_by_key(|of| std::cmp::Reverse(of.revenue.0));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(currency: &str, revenue: i64, margin: Option<i64>) -> Kept {
        Kept {
            looked_at: Timestamp(revenue),
            size_bytes: Some(10),
            currency: Currency::parse(currency).unwrap(),
            revenue,
            cost: margin.map(|margin| revenue * MICROS - margin),
            margin,
            growth_percent: None,
        }
    }

    #[test]
    fn different_money_is_summed_apart_and_what_is_unknown_of_one_is_unknown_of_all() {
        let all = [
            kept("USD", 100, Some(40)),
            kept("USD", 5, Some(-60)),
            kept("EUR", 900, Some(1)),
            kept("EUR", 7, None),
        ];
        let totals = sum(all.into_iter());
        assert_eq!((totals.tenants, totals.unprofitable, totals.storage_bytes), (4, 1, 40));
        assert_eq!(totals.as_of, Some(Timestamp(5)));
        let told = totals.by_currency.iter();
        let told: Vec<_> = told
            .map(|of| {
                (of.currency.code(), of.tenants, of.revenue.0 / MICROS, of.margin.map(|margin| margin.0))
            })
            .collect();
        assert_eq!(told, [("EUR", 2, 907, None), ("USD", 2, 105, Some(-20))]);
        assert_eq!(totals.by_currency.first().and_then(|of| of.cost), None);
        assert_eq!(sum(std::iter::empty()).as_of, None);
    }
}
