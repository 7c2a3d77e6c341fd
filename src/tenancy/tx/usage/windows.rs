//! How much of a limit is used, in the window that an event falls into.

use super::super::TenantTx;
use super::kept_windows::{BEHIND, FAR_BEHIND, KeptWindow};
use super::tally::Tally;
use super::terms::{ScaledLimit, UsageTerms};
use crate::db::DbError;
use crate::error::Result;
use crate::model::meter::{API_REQUESTS, JOBS_RUN, Meter, SEATS, STORAGE_BYTES};
use crate::model::plan::Window;
use crate::params;
use crate::rating::Period;
use std::sync::Arc;

/// What the spend cap is called beside the meters, none of which is called so.
pub(super) const SPEND_CAP: &str = "spend_cap";

/// How much of a limit is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitUse {
    /// The meter.
    pub meter: Arc<Meter>,
    /// What is used in the window that is open now.
    pub used: i64,
    /// The limit.
    pub limit: ScaledLimit,
    /// When another window begins; never for one without.
    pub resets_at: Option<i64>,
}

/// The window of a limit while events are taken.
pub(super) struct OpenWindow {
    pub(super) limit: ScaledLimit,
    pub(super) tally: Tally,
    pub(super) before: i64,
}

pub(super) const LIMIT: &str = "limit";

impl TenantTx<'_> {
    /// Opens the window of a limit in which `moment` lies; `kept` are those that are in memory.
    pub(super) fn open_window(
        self,
        terms: &UsageTerms,
        meter: &Arc<Meter>,
        limit: ScaledLimit,
        moment: i64,
        kept: &[KeptWindow],
    ) -> Result<OpenWindow> {
        let period = terms.window(limit.window, moment)?;
        let known = self.known_window(meter, LIMIT, period, kept)?;
        let tally = self.tally(meter, period, known)?;
        Ok(OpenWindow { limit, before: tally.quantity, tally })
    }

    /// What was used in a window, and up to which event a row says so: as it is in memory, as it was kept, or as the sums
    /// say.
    pub(super) fn known_window(
        self,
        meter: &Meter,
        kind: &str,
        period: Period,
        kept: &[KeptWindow],
    ) -> Result<(i64, Option<i64>)> {
        if let Some(kept) = kept.iter().find(|kept| kept.is(&meter.name, kind, period.from)) {
            return Ok((kept.quantity, Some(kept.row_seq)));
        }
        let row = self.tx.query_row(
            "SELECT quantity, seq FROM _usage_windows WHERE meter = ?1 AND kind = ?2 AND starts_at = ?3",
            params![meter.name.as_str(), kind, period.from],
            |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)),
        )?;
        match row {
            Some((quantity, seq)) if meter.aggregation.adds_up() && !meter.is_built_in => {
                // A window in which nothing happens for long, while others are busy.
                let last = self.tx.count("SELECT coalesce(max(seq), 0) FROM _usage_events", &[])?;
                if last.saturating_sub(seq) > FAR_BEHIND {
                    return Ok((self.usage_within(meter, period)?, Some(seq)));
                }
                if last == seq {
                    return Ok((quantity, Some(seq)));
                }
                let since = self.tx.count(
                    "SELECT coalesce(sum(quantity), 0) FROM _usage_events
                     WHERE seq > ?1 AND meter = ?2 AND occurred_at >= ?3 AND occurred_at < ?4",
                    params![seq, meter.name.as_str(), period.from, period.to],
                )?;
                Ok((quantity.saturating_add(since), Some(seq)))
            }
            Some((quantity, seq)) => Ok((quantity, Some(seq))),
            None if meter.is_built_in => Ok((0, None)),
            None => Ok((self.usage_within(meter, period)?, None)),
        }
    }

    /// Keeps the row of a window, unless it adds up and is not far behind: what is missing is added where it is read.
    pub(super) fn keep_window(self, tally: &mut Tally, kind: &str, seq: i64) -> Result<()> {
        let is_near = tally.row_seq.is_some_and(|row| seq - row < BEHIND);
        if !tally.is_changed || (is_near && tally.meter.aggregation.adds_up() && !tally.meter.is_built_in) {
            return Ok(());
        }
        self.tx.execute(
            "INSERT INTO _usage_windows (meter, kind, starts_at, quantity, seq) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (meter, kind, starts_at) DO UPDATE SET quantity = excluded.quantity, seq = excluded.seq",
            params![tally.meter.name.as_str(), kind, tally.period.from, tally.quantity, seq],
        )?;
        tally.row_seq = Some(seq);
        Ok(())
    }

    /// Forgets what was kept of windows: of one meter, or of all.
    pub(in crate::tenancy) fn forget_windows(self, meter: Option<&str>) -> Result<(), DbError> {
        match meter {
            Some(meter) => {
                self.tx.execute("DELETE FROM _usage_windows WHERE meter = ?1", params![meter])?;
            }
            None => {
                // What Tenantry counted itself is not made of events, and stays.
                let counted = [API_REQUESTS, JOBS_RUN, SEATS, STORAGE_BYTES];
                self.tx.execute(
                    "DELETE FROM _usage_windows WHERE meter NOT IN (?1, ?2, ?3, ?4)",
                    params![counted[0], counted[1], counted[2], counted[3]],
                )?;
            }
        }
        Ok(())
    }

    /// How much of each limit is used now, by meter. Limits of meters that Tenantry counts itself are not among them.
    ///
    /// # Errors
    /// As the database says.
    pub fn limit_uses(
        self,
        terms: &UsageTerms,
        meters: &crate::model::meter::Meters,
    ) -> Result<Vec<LimitUse>> {
        let now = self.now().0;
        let known = terms.limits.iter().filter_map(|(name, limit)| Some((meters.get(name)?, *limit)));
        known
            .filter(|(meter, _)| !meter.is_built_in)
            .map(|(meter, limit)| {
                let tally = self.open_window(terms, meter, limit, now, &[])?.tally;
                let resets_at = (limit.window != Window::None).then_some(tally.period.to);
                Ok(LimitUse { meter: Arc::clone(meter), used: tally.quantity, limit, resets_at })
            })
            .collect()
    }
}
