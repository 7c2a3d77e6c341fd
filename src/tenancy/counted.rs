//! What is counted of tenants as they are served, and what of their limits is nearly used.

use super::tx::usage::Taken;
use super::{Effort, Efforts, RequestCounts, Tenancy};
use crate::id::TenantId;
use crate::model::notice::Warning;
use crate::telemetry::{Figures, SlowStatements, Totals};
use std::sync::Arc;

impl Tenancy {
    /// The limits of a tenant that are nearly or wholly used, as far as that is known since the start.
    pub fn usage_warnings(&self, tenant: TenantId) -> Vec<Warning> {
        let now = self.clock.now();
        let mut warnings = self.warnings.of(tenant, now);
        warnings.extend(self.catalog.seat_warning(tenant, now));
        warnings
    }

    /// Requests that were counted.
    pub fn requests(&self) -> &RequestCounts {
        &self.requests
    }

    /// What serving tenants took.
    pub fn efforts(&self) -> &Efforts {
        &self.efforts
    }

    /// How often tenants were refused by their limits since the last time: tenant, code and number.
    pub fn take_refused(&self) -> Vec<(TenantId, String, u64)> {
        self.admission.take_refused()
    }

    /// What is counted of each tenant.
    pub fn figures(&self) -> &Arc<Figures> {
        &self.figures
    }

    /// Statements on files of tenants that were slow.
    pub fn slow_statements(&self) -> &SlowStatements {
        &self.slow
    }

    /// Takes what was counted since the last time, and adds of it what serving tenants took. Returned is what was counted of
    /// tenants, and what was for none.
    pub fn take_figures(&self) -> (Vec<(TenantId, Totals)>, Totals) {
        let (mut taken, now) = (Vec::new(), self.clock.now());
        let nobody = self.figures.take(|tenant, totals| taken.push((tenant, totals)));
        for (tenant, totals) in &taken {
            for effort in Effort::ALL {
                let amount = i64::try_from(totals.get(effort.figure())).unwrap_or(i64::MAX);
                if amount > 0 {
                    self.efforts.add(*tenant, effort, amount, now);
                }
            }
        }
        (taken, nobody)
    }

    /// Attempts at jobs that were counted.
    pub fn job_runs(&self) -> &RequestCounts {
        &self.job_runs
    }

    /// Counts an attempt at a job.
    pub fn count_job_run(&self, tenant: TenantId) {
        // Without a bound there is always room.
        let _ = self.job_runs.count(tenant, self.clock.now());
    }

    /// Takes in how much of a limit a tenant uses of what the catalog counts: it is told so with every answer where that is
    /// much. `until`: when the window ends.
    pub(crate) fn warn(&self, tenant: TenantId, meter: &'static str, warning: Option<Warning>, until: i64) {
        let warnings = warning.map(|warning| (warning, until)).into_iter().collect();
        let taken =
            Taken { warnings, looked_at: vec![meter.to_owned()], touches_limits: true, has_notices: false };
        self.warnings.tell(tenant, taken);
    }

    /// Waits until the people of a tenant are to be told of a limit.
    pub async fn notices_arrive(&self) {
        self.warnings.arrive().await;
    }
}
