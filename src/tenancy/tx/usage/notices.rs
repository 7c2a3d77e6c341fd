//! Notices of limits that are nearly or wholly used, each once.

use super::super::TenantTx;
use super::spend::OpenSpend;
use super::terms::UsageTerms;
use super::windows::{OpenWindow, SPEND_CAP, THRESHOLDS, WARN_FROM, Warning, percent};
use crate::clock::Timestamp;
use crate::db::DbError;
use crate::error::Result;
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
        let base = window.limit.base();
        let now = percent(window.tally.quantity, base);
        if now < WARN_FROM {
            return Ok((false, None));
        }
        let scale = window.tally.meter.scale;
        let text = |quantity: i64| Decimal::of_scaled(quantity, scale).to_string();
        let warning = Warning {
            meter: window.tally.meter.name.clone(),
            used: text(window.tally.quantity),
            limit: text(base),
            percent: now,
        };
        let mut is_new = false;
        for threshold in crossed(percent(window.before, base), now) {
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
        let micros = cap.saturating_mul(MICROS);
        let (before, now) = (percent(spend.before, micros), percent(spend.total(), micros));
        if now < WARN_FROM {
            return Ok((false, None));
        }
        let used = Amount(spend.total()).to_string();
        let warning = Warning { meter: SPEND_CAP.to_owned(), used, limit: cap.to_string(), percent: now };
        let spent = terms.currency.write(spend.total() / MICROS);
        let mut is_new = false;
        for threshold in crossed(before, now) {
            let allowed = terms.currency.write(cap);
            is_new |= self.insert_notice(["", PERIOD], terms.period.from, threshold, &spent, &allowed)?;
        }
        Ok((is_new, Some(warning)))
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

/// The thresholds that lie beyond `before` and not beyond `now`.
fn crossed(before: i64, now: i64) -> impl Iterator<Item = i64> {
    THRESHOLDS.into_iter().filter(move |threshold| before < *threshold && *threshold <= now)
}
