//! The span of an attempt at a job.

use super::Done;
use crate::error::Result;
use crate::id::TenantId;
use crate::model::job::{LeasedJob, Outcome};
use crate::telemetry::{SpanKind, Trace, number, text};

/// What became of it, without what it or its handler says.
pub(super) fn end(trace: &Trace, tenant: TenantId, job: &LeasedJob, done: &Result<Done>) {
    let outcome = match done.as_ref().map(|done| &done.end.outcome) {
        Ok(Outcome::Succeeded(_)) => "succeeded",
        Ok(Outcome::Failed { .. }) => "failed",
        Ok(Outcome::Hopeless(_)) => "hopeless",
        Ok(Outcome::WorksOn(_)) => "works_on",
        Ok(Outcome::Held) => "held",
        Err(_) => "tenant_gone",
    };
    let error = matches!(outcome, "failed" | "hopeless").then(|| outcome.to_owned());
    let attributes = vec![
        text("tenantry.tenant_id", tenant.to_string()),
        text("tenantry.job_id", job.id.to_string()),
        text("tenantry.job_kind", job.kind.as_str()),
        number("tenantry.attempt", job.attempt.unsigned_abs()),
        text("tenantry.outcome", outcome),
    ];
    trace.end(format!("job {}", job.kind), SpanKind::Consumer, attributes, error);
}
