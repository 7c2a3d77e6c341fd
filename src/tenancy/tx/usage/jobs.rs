//! The limit of `jobs.run`: it counts jobs as they are enqueued, in that transaction, so that none goes beyond it. A job that
//! is tried again by itself counts once here, while the meter counts each attempt; one that is put back by hand counts anew.

use super::super::TenantTx;
use super::outcome::{Taken, UsageRefusal};
use super::quarter;
use super::terms::UsageTerms;
use crate::db::DbError;
use crate::error::Result;
use crate::model::meter::{JOBS_RUN, Meters};
use crate::model::plan::Window;
use crate::params;
use crate::rating::Period;

impl TenantTx<'_> {
    /// Counts a job that is being enqueued, or put back into the queue. Tells what comes of that where there is a limit.
    ///
    /// # Errors
    /// 402 `limit_reached`; `spend_cap_reached` where jobs have a price.
    pub(in crate::tenancy) fn take_job(
        self,
        terms: Option<&UsageTerms>,
        meters: &Meters,
    ) -> Result<Option<Taken>> {
        let now = self.now().0;
        if let Some(terms) = terms.filter(|terms| terms.caps(JOBS_RUN))
            && let Some(refusal) = self.cap_is_reached(terms, meters)?
        {
            return Err(refusal.error());
        }
        let limit = terms.and_then(|terms| Some((terms, *terms.limits.get(JOBS_RUN)?)));
        let mut taken = None;
        if let Some((terms, limit)) = limit {
            let period = terms.window(limit.window, now)?;
            let before = self.jobs_enqueued(period)?;
            let quantity = before.saturating_add(1);
            if let Some(hard) = limit.hard.filter(|hard| quantity > *hard) {
                let refusal = UsageRefusal::LimitReached {
                    meter: JOBS_RUN.to_owned(),
                    used: before.to_string(),
                    hard: hard.to_string(),
                    window: limit.window,
                    resets_at: (limit.window != Window::None).then_some(period.to),
                };
                return Err(refusal.error());
            }
            taken = self.note_use(terms, meters, JOBS_RUN, [before, quantity])?;
        }
        self.tx.execute(
            "INSERT INTO _jobs_enqueued (starts_at, jobs) VALUES (?1, 1)
             ON CONFLICT (starts_at) DO UPDATE SET jobs = _jobs_enqueued.jobs + 1",
            params![quarter(now)],
        )?;
        Ok(taken)
    }

    /// How many jobs were enqueued in a window.
    ///
    /// # Errors
    /// As the database says.
    pub fn jobs_enqueued(self, period: Period) -> Result<i64, DbError> {
        self.tx.count(
            "SELECT coalesce(sum(jobs), 0) FROM _jobs_enqueued WHERE starts_at >= ?1 AND starts_at < ?2",
            params![period.from, period.to],
        )
    }
}
