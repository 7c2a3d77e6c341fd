//! Notices of limits that are nearly or wholly used, each once.

use super::super::TenantTx;
use super::spend::OpenSpend;
use super::terms::UsageTerms;
use super::windows::{OpenWindow, SPEND_CAP, THRESHOLDS, WARN_FROM, Warning, percent};
use crate::clock::Timestamp;
use crate::db::DbError;
use crate::error::Result;
use crate::model::meter::{JOBS_RUN, Meters};
use crate::model::money::{Amount, MICROS};
use crate::model::plan::Decimal;
use crate::params;

/// A notice that a limit or the spend cap is used to a threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its number.
    pub id: i64,
    /// The meter; empty of the spend cap.
    pub meter: String,
    /// The window: `hour`, `day`, `month`, `none`, `period`.
    pub window: String,
    /// When the window began.
    pub starts_at: i64,
    /// Percent.
    pub threshold: i64,
    /// What was used.
    pub used: String,
    /// The limit, or the cap with its currency.
    pub allowed: String,
    /// When it came to that.
    pub at: Timestamp,
}

/// The window of the spend cap.
const PERIOD: &str = "period";

impl TenantTx<'_> {
    /// Enters the notices that are due as a window closes, and tells whether the limit is to be warned of.
    pub(super) fn note_window(self, window: &OpenWindow) -> Result<(bool, Option<Warning>)> {
        let Some(warning) = window.warning() else { return Ok((false, None)) };
        let mut is_new = false;
        for threshold in crossed(percent(window.before, window.limit.base()), warning.percent) {
            let notice = [window.tally.meter.name.as_str(), window.limit.window.name()];
            is_new |= self.insert_notice(
                notice,
                window.tally.period.from,
                threshold,
                &warning.used,
                &warning.limit,
            )?;
        }
        Ok((is_new, Some(warning)))
    }

    /// The same of the spend cap.
    pub(super) fn note_spend(self, terms: &UsageTerms, spend: &OpenSpend) -> Result<(bool, Option<Warning>)> {
        let Some(cap) = spend.cap else { return Ok((false, None)) };
        let Some(warning) = spend_warning(cap, spend.total()) else { return Ok((false, None)) };
        let spent = terms.currency.write(spend.total() / MICROS);
        let mut is_new = false;
        for threshold in crossed(percent(spend.before, cap.saturating_mul(MICROS)), warning.percent) {
            let allowed = terms.currency.write(cap);
            is_new |= self.insert_notice(["", PERIOD], terms.period.from, threshold, &spent, &allowed)?;
        }
        Ok((is_new, Some(warning)))
    }

    /// Limits and the spend cap that are nearly or wholly used now, each with the end of its window. Limits of meters that
    /// Tenantry counts itself are not among them, but for jobs.
    ///
    /// # Errors
    /// As the database says.
    pub fn standing_warnings(self, terms: &UsageTerms, meters: &Meters) -> Result<Vec<(Warning, i64)>> {
        let now = self.now().0;
        let mut warnings = Vec::new();
        for (name, limit) in &terms.limits {
            let Some(meter) = meters.get(name) else { continue };
            let window = if !meter.is_built_in {
                self.open_window(terms, meter, *limit, now, &[])?
            } else if name == JOBS_RUN {
                let period = terms.window(limit.window, now)?;
                let before = self.jobs_enqueued(period)?;
                OpenWindow { limit: *limit, tally: self.tally(meter, period, (before, None))?, before }
            } else {
                continue;
            };
            warnings.extend(window.warning().map(|warning| (warning, window.tally.period.to)));
        }
        if let Some(cap) = terms.spend_cap
            && let Some(warning) = spend_warning(cap, self.spent(terms, meters)?)
        {
            warnings.push((warning, terms.period.to));
        }
        Ok(warnings)
    }

    fn insert_notice(
        self,
        [meter, window]: [&str; 2],
        starts_at: i64,
        threshold: i64,
        used: &str,
        allowed: &str,
    ) -> Result<bool> {
        let inserted = self.tx.execute(
            "INSERT INTO _usage_notices (meter, window, starts_at, threshold, used, allowed, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            params![meter, window, starts_at, threshold, used, allowed, self.now()],
        )?;
        Ok(inserted > 0)
    }

    /// Notices that nobody was told of yet, in their order.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_untold_notices(self, limit: u32) -> Result<Vec<Notice>> {
        Ok(self.tx.query(
            "SELECT id, meter, window, starts_at, threshold, used, allowed, at FROM _usage_notices
             WHERE told_at IS NULL ORDER BY id LIMIT ?1",
            params![limit],
            |row| {
                Ok(Notice {
                    id: row.get(0)?,
                    meter: row.get(1)?,
                    window: row.get(2)?,
                    starts_at: row.get(3)?,
                    threshold: row.get(4)?,
                    used: row.get(5)?,
                    allowed: row.get(6)?,
                    at: row.get(7)?,
                })
            },
        )?)
    }

    /// Whether there are notices that nobody was told of yet.
    ///
    /// # Errors
    /// As the database says.
    pub fn has_untold_notices(self) -> Result<bool, DbError> {
        self.tx.exists("SELECT 1 FROM _usage_notices WHERE told_at IS NULL LIMIT 1", &[])
    }

    /// Remembers that notices up to a number were told.
    ///
    /// # Errors
    /// As the database says.
    pub fn told_notices(self, up_to: i64) -> Result<()> {
        self.tx.execute(
            "UPDATE _usage_notices SET told_at = ?2 WHERE told_at IS NULL AND id <= ?1",
            params![up_to, self.now()],
        )?;
        Ok(())
    }
}

impl OpenWindow {
    /// What is told of it, if so much is used.
    fn warning(&self) -> Option<Warning> {
        let base = self.limit.base();
        let percent = percent(self.tally.quantity, base);
        let text = |quantity: i64| Decimal::of_scaled(quantity, self.tally.meter.scale).to_string();
        (percent >= WARN_FROM).then(|| Warning {
            meter: self.tally.meter.name.clone(),
            used: text(self.tally.quantity),
            limit: text(base),
            percent,
        })
    }
}

/// The same of a cap in minor units of which `spent` millionths of one are spent.
fn spend_warning(cap: i64, spent: i64) -> Option<Warning> {
    let percent = percent(spent, cap.saturating_mul(MICROS));
    (percent >= WARN_FROM).then(|| Warning {
        meter: SPEND_CAP.to_owned(),
        used: Amount(spent).to_string(),
        limit: cap.to_string(),
        percent,
    })
}

/// The thresholds that lie beyond `before` and not beyond `now`.
fn crossed(before: i64, now: i64) -> impl Iterator<Item = i64> {
    THRESHOLDS.into_iter().filter(move |threshold| before < *threshold && *threshold <= now)
}
