//! What the usage of the open period costs so far.
//!
//! Usage is rated as it will be on the invoice, but not rounded, without fees and minimums, and as if the plan had counted
//! for all of the period. Of the meters that Tenantry counts itself it is what was counted when that was last looked at;
//! of storage, within the tenant's own writes, it is exact.

use super::super::TenantTx;
use super::kept_windows::KeptWindow;
use super::outcome::{Taken, UsageRefusal};
use super::sums::Counted;
use super::tally::Tally;
use super::terms::UsageTerms;
use super::windows::SPEND_CAP;
use crate::error::{Error, Result};
use crate::model::meter::{Meter, Meters};
use crate::model::money::MICROS;
use crate::model::plan::Price;
use crate::rating::{Share, rate};

pub(super) const SPEND: &str = "spend";

/// The spend of the open period while events are taken.
pub(super) struct OpenSpend {
    meters: Vec<Priced>,
    /// The cap in minor units, where there is one.
    pub(super) cap: Option<i64>,
    /// In millionths of a minor unit.
    pub(super) before: i64,
}

struct Priced {
    tally: Tally,
    price: Price,
    /// In millionths of a minor unit.
    amount: i64,
}

impl OpenSpend {
    /// In millionths of a minor unit.
    pub(super) fn total(&self) -> i64 {
        self.meters.iter().fold(0_i64, |sum, priced| sum.saturating_add(priced.amount))
    }

    /// Takes an event in; `false`, and it is not, where the cap has no room for it.
    pub(super) fn take(
        &mut self,
        tx: TenantTx<'_>,
        terms: &UsageTerms,
        meter: &Meter,
        event: &Counted<'_>,
    ) -> Result<bool> {
        let Some(index) = self.meters.iter().position(|priced| priced.tally.meter.name == meter.name) else {
            return Ok(true);
        };
        let after = tx.with_event(&self.meters[index].tally, event)?;
        if !self.admits(terms, index, after)? {
            return Ok(false);
        }
        self.meters[index].tally.take(event, after);
        Ok(true)
    }

    /// Whether the cap has room for another quantity of a meter; it costs what that does then.
    fn admits(&mut self, terms: &UsageTerms, index: usize, quantity: i64) -> Result<bool> {
        let total = self.total();
        let priced = &mut self.meters[index];
        let amount = amount(terms, &priced.price, &priced.tally.meter, quantity)?;
        let grown = total.saturating_sub(priced.amount).saturating_add(amount);
        if let Some(cap) = self.cap
            && grown > total
            && grown > cap.saturating_mul(MICROS)
        {
            return Ok(false);
        }
        priced.amount = amount;
        Ok(true)
    }

    /// Whether a meter has a price.
    pub(super) fn has(&self, meter: &Meter) -> bool {
        self.meters.iter().any(|priced| priced.tally.meter.name == meter.name)
    }

    /// What each priced meter comes to.
    pub(super) fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.meters.iter().map(|priced| &priced.tally)
    }
}

/// What a quantity of a meter costs, in millionths of a minor unit.
fn amount(terms: &UsageTerms, price: &Price, meter: &Meter, quantity: i64) -> Result<i64> {
    let rated = rate(price, meter.scale, quantity, &Share::whole(terms.period)).map_err(Error::internal)?;
    Ok(rated.exact.to_amount().map_err(Error::internal)?.0)
}

impl UsageTerms {
    /// The cap has no room.
    fn no_room(&self) -> UsageRefusal {
        UsageRefusal::SpendCapReached {
            cap: self.currency.write(self.spend_cap.unwrap_or_default()),
            resets_at: self.period.to,
        }
    }
}

impl TenantTx<'_> {
    /// Opens the spend of the open period; `kept` are windows that are in memory.
    pub(super) fn open_spend(
        self,
        terms: &UsageTerms,
        meters: &Meters,
        kept: &[KeptWindow],
    ) -> Result<OpenSpend> {
        let priced = terms.prices.values().filter_map(|price| Some((meters.get(&price.meter)?, price)));
        let priced = priced.map(|(meter, price)| {
            let known = self.known_window(meter, SPEND, terms.period, kept)?;
            let tally = self.tally(meter, terms.period, known)?;
            let amount = amount(terms, price, meter, tally.quantity)?;
            Ok(Priced { tally, price: price.clone(), amount })
        });
        let mut spend = OpenSpend { meters: priced.collect::<Result<_>>()?, cap: terms.spend_cap, before: 0 };
        spend.before = spend.total();
        Ok(spend)
    }

    /// Closes it after events were entered.
    pub(super) fn close_spend(self, spend: &mut OpenSpend, seq: i64) -> Result<()> {
        spend.meters.iter_mut().try_for_each(|priced| self.keep_window(&mut priced.tally, SPEND, seq))
    }

    /// What the usage of the open period costs so far, in millionths of a minor unit.
    ///
    /// # Errors
    /// As the database says.
    pub fn spent(self, terms: &UsageTerms, meters: &Meters) -> Result<i64> {
        Ok(self.open_spend(terms, meters, &[])?.before)
    }

    /// Notes what Tenantry counted of a meter in the open period, if that has a price: more of it costs more, and the cap is
    /// held with it from then on.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_counted(self, terms: &UsageTerms, meters: &Meters, counted: &[(String, i64)]) -> Result<()> {
        let known = counted.iter().filter_map(|(name, quantity)| Some((meters.get(name)?, *quantity)));
        for (meter, quantity) in known {
            let before = self.known_window(meter, SPEND, terms.period, &[])?;
            if before.1.is_some() && before.0 >= quantity {
                continue;
            }
            let mut tally = self.tally(meter, terms.period, before)?;
            (tally.quantity, tally.is_changed) = (quantity, true);
            self.keep_window(&mut tally, SPEND, 0)?;
        }
        Ok(())
    }

    /// Enters the notices of the spend cap that are due as the spend stands, whatever it came from.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_standing_spend(self, terms: &UsageTerms, meters: &Meters) -> Result<Taken> {
        let mut spend = self.open_spend(terms, meters, &[])?;
        spend.before = 0;
        let (has_notices, warning) = self.note_spend(terms, &spend)?;
        let warnings = warning.map(|warning| (warning, terms.period.to)).into_iter().collect();
        Ok(Taken { warnings, looked_at: vec![SPEND_CAP.to_owned()], touches_limits: true, has_notices })
    }

    /// Why the cap has no room for a level of a meter that Tenantry counts itself, if it has none. Where it has, the level is
    /// the most there was so far.
    ///
    /// # Errors
    /// As the database says.
    pub fn spend_on_level(
        self,
        terms: &UsageTerms,
        meters: &Meters,
        name: &str,
        level: i64,
    ) -> Result<Option<UsageRefusal>> {
        let mut spend = self.open_spend(terms, meters, &[])?;
        let found = spend.meters.iter().position(|priced| priced.tally.meter.name == name);
        let Some(index) = found.filter(|index| level > spend.meters[*index].tally.quantity) else {
            return Ok(None);
        };
        if !spend.admits(terms, index, level)? {
            return Ok(Some(terms.no_room()));
        }
        let tally = &mut spend.meters[index].tally;
        (tally.quantity, tally.is_changed) = (level, true);
        self.keep_window(tally, SPEND, 0)?;
        Ok(None)
    }

    /// Why nothing more that costs is begun, where the cap is reached.
    ///
    /// # Errors
    /// As the database says.
    pub fn cap_is_reached(self, terms: &UsageTerms, meters: &Meters) -> Result<Option<UsageRefusal>> {
        let Some(cap) = terms.spend_cap else { return Ok(None) };
        Ok((self.spent(terms, meters)? >= cap.saturating_mul(MICROS)).then(|| terms.no_room()))
    }
}
