//! What the usage of the open period costs so far.
//!
//! Usage is rated as it will be on the invoice, but not rounded, without fees and minimums, and as if the plan had counted
//! for all of the period.

use super::super::TenantTx;
use super::terms::UsageTerms;
use crate::error::{Error, Result};
use crate::model::meter::{Aggregation, Meter, Meters};
use crate::model::money::MICROS;
use crate::model::plan::Price;
use crate::rating::{Share, rate};
use std::sync::Arc;

const SPEND: &str = "spend";

/// The spend of the open period while events are taken.
pub(super) struct OpenSpend {
    meters: Vec<Priced>,
    /// The cap in minor units, where there is one.
    pub(super) cap: Option<i64>,
    /// In millionths of a minor unit.
    pub(super) before: i64,
}

struct Priced {
    meter: Arc<Meter>,
    price: Price,
    quantity: i64,
    /// In millionths of a minor unit.
    amount: i64,
    is_changed: bool,
}

impl OpenSpend {
    /// In millionths of a minor unit.
    pub(super) fn total(&self) -> i64 {
        self.meters.iter().fold(0_i64, |sum, priced| sum.saturating_add(priced.amount))
    }

    /// Takes an event in; `false`, and it is not, where the cap has no room for it.
    pub(super) fn take(&mut self, terms: &UsageTerms, meter: &Meter, quantity: i64) -> Result<bool> {
        let total = self.total();
        let Some(priced) = self.meters.iter_mut().find(|priced| priced.meter.name == meter.name) else {
            return Ok(true);
        };
        let after = match meter.aggregation {
            Aggregation::Sum | Aggregation::Count => priced.quantity.saturating_add(quantity),
            Aggregation::Max => priced.quantity.max(quantity),
            Aggregation::Latest => quantity,
            // Whether the value is a new one is known when it was entered.
            Aggregation::Unique => priced.quantity,
        };
        let amount = amount(terms, &priced.price, meter, after)?;
        let grown = total.saturating_sub(priced.amount).saturating_add(amount);
        if let Some(cap) = self.cap
            && grown > total
            && grown > cap.saturating_mul(MICROS)
        {
            return Ok(false);
        }
        (priced.quantity, priced.amount, priced.is_changed) = (after, amount, true);
        Ok(true)
    }

    /// Whether a meter has a price.
    pub(super) fn has(&self, meter: &Meter) -> bool {
        self.meters.iter().any(|priced| priced.meter.name == meter.name)
    }
}

/// What a quantity of a meter costs, in millionths of a minor unit.
fn amount(terms: &UsageTerms, price: &Price, meter: &Meter, quantity: i64) -> Result<i64> {
    let rated = rate(price, meter.scale, quantity, &Share::whole(terms.period)).map_err(Error::internal)?;
    Ok(rated.exact.to_amount().map_err(Error::internal)?.0)
}

impl TenantTx<'_> {
    /// Opens the spend of the open period.
    pub(super) fn open_spend(self, terms: &UsageTerms, meters: &Meters) -> Result<OpenSpend> {
        let priced = terms.prices.values().filter_map(|price| Some((meters.get(&price.meter)?, price)));
        let priced = priced.filter(|(meter, _)| !meter.is_built_in).map(|(meter, price)| {
            let quantity = self.window_quantity(meter, SPEND, terms.period)?;
            let amount = amount(terms, price, meter, quantity)?;
            Ok(Priced { meter: Arc::clone(meter), price: price.clone(), quantity, amount, is_changed: false })
        });
        let mut spend = OpenSpend { meters: priced.collect::<Result<_>>()?, cap: terms.spend_cap, before: 0 };
        spend.before = spend.total();
        Ok(spend)
    }

    /// Closes it after events were entered.
    pub(super) fn close_spend(self, terms: &UsageTerms, spend: &mut OpenSpend) -> Result<()> {
        for priced in spend.meters.iter_mut().filter(|priced| priced.is_changed) {
            if !priced.meter.aggregation.adds_up() {
                priced.quantity = self.usage_within(&priced.meter, terms.period)?;
                priced.amount = amount(terms, &priced.price, &priced.meter, priced.quantity)?;
            }
            self.keep_window(&priced.meter, SPEND, terms.period.from, priced.quantity)?;
        }
        Ok(())
    }

    /// What the usage of the open period costs so far, in millionths of a minor unit. Without the meters that Tenantry
    /// counts itself.
    ///
    /// # Errors
    /// As the database says.
    pub fn spent(self, terms: &UsageTerms, meters: &Meters) -> Result<i64> {
        Ok(self.open_spend(terms, meters)?.before)
    }
}
