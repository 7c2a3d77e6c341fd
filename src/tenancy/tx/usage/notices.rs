//! Notices of limits that are nearly or wholly used, each once.

use super::super::TenantTx;
use super::outcome::Taken;
use super::spend::OpenSpend;
use super::terms::ScaledLimit;
use super::terms::UsageTerms;
use super::windows::{OpenWindow, SPEND_CAP};
use crate::db::DbError;
use crate::error::Result;
use crate::model::meter::{JOBS_RUN, Meter, Meters, STORAGE_BYTES};
use crate::model::money::{Amount, MICROS};
use crate::model::notice::{Notice, WARN_FROM, Warning, crossed, percent};
use crate::model::plan::Decimal;
use crate::params;
use std::sync::Arc;

/// A notice that nobody was told of yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// Its number.
    pub id: i64,
    /// What it says.
    pub notice: Notice,
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

    /// Limits and the spend cap that are nearly or wholly used now, each with the end of its window. Requests and seats are
    /// not among them: the catalog counts those.
    ///
    /// # Errors
    /// As the database says.
    pub fn standing_warnings(self, terms: &UsageTerms, meters: &Meters) -> Result<Vec<(Warning, i64)>> {
        let now = self.now().0;
        let mut warnings = Vec::new();
        for (name, limit) in &terms.limits {
            let Some(meter) = meters.get(name) else { continue };
            let window = if meter.is_built_in {
                let used = match name.as_str() {
                    JOBS_RUN => self.jobs_enqueued(terms.window(limit.window, now)?)?,
                    STORAGE_BYTES => self.stored_bytes()?,
                    _ => continue,
                };
                self.counted_window(terms, meter, *limit, [0, used])?
            } else {
                self.open_window(terms, meter, *limit, now, &[])?
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

    /// The window that is open now of a limit of a meter that Tenantry counts itself.
    fn counted_window(
        self,
        terms: &UsageTerms,
        meter: &Arc<Meter>,
        limit: ScaledLimit,
        [before, used]: [i64; 2],
    ) -> Result<OpenWindow> {
        let period = terms.window(limit.window, self.now().0)?;
        Ok(OpenWindow { limit, tally: self.tally(meter, period, (used, None))?, before })
    }

    /// Enters the notices that are due of a meter that Tenantry counts itself as what is used of it in the window that is
    /// open comes to `used`, those that are there already aside; `before`: what notices are there of, as far as that is
    /// known. Nothing where the plan has no limit of it.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_use(
        self,
        terms: &UsageTerms,
        meters: &Meters,
        name: &str,
        [before, used]: [i64; 2],
    ) -> Result<Option<Taken>> {
        let (Some(meter), Some(limit)) = (meters.get(name), terms.limits.get(name)) else { return Ok(None) };
        let window = self.counted_window(terms, meter, *limit, [before, used])?;
        let (has_notices, warning) = self.note_window(&window)?;
        let warnings = warning.map(|warning| (warning, window.tally.period.to)).into_iter().collect();
        Ok(Some(Taken { warnings, looked_at: vec![name.to_owned()], touches_limits: true, has_notices }))
    }

    /// Whether [`TenantTx::note_use`] would enter something.
    ///
    /// # Errors
    /// As the database says.
    pub fn lacks_notices(self, terms: &UsageTerms, meters: &Meters, name: &str, used: i64) -> Result<bool> {
        let (Some(meter), Some(limit)) = (meters.get(name), terms.limits.get(name)) else { return Ok(false) };
        let window = self.counted_window(terms, meter, *limit, [0, used])?;
        let Some(warning) = window.warning() else { return Ok(false) };
        let noted = self.tx.count(
            "SELECT count(*) FROM _usage_notices
             WHERE meter = ?1 AND window = ?2 AND starts_at = ?3 AND allowed = ?4 AND threshold <= ?5",
            params![
                name,
                limit.window.name(),
                window.tally.period.from,
                warning.limit.as_str(),
                warning.percent
            ],
        )?;
        Ok(usize::try_from(noted).unwrap_or_default() < crossed(0, warning.percent).count())
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
    pub fn list_untold_notices(self, limit: u32) -> Result<Vec<Untold>> {
        Ok(self.tx.query(
            "SELECT id, meter, window, starts_at, threshold, used, allowed, at FROM _usage_notices
             WHERE told_at IS NULL ORDER BY id LIMIT ?1",
            params![limit],
            |row| {
                let notice = Notice {
                    meter: row.get(1)?,
                    window: row.get(2)?,
                    starts_at: row.get(3)?,
                    threshold: row.get(4)?,
                    used: row.get(5)?,
                    allowed: row.get(6)?,
                    at: row.get(7)?,
                };
                Ok(Untold { id: row.get(0)?, notice })
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
