//! Jobs of all tenants, for the operator: who has any, and how many. Only files of tenants with a hint in the catalog are
//! looked into, a page at a time.

use super::{Job, JobStatus};
use crate::catalog::{By, JobHint, Tenant};
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::id::{JobId, TenantId};
use crate::model::tenant::Act;
use crate::service::Installation;
use crate::tenancy::tx::jobs::JobCounts;
use crate::tenancy::{Tenancy, TenantScope};
use serde_json::json;

/// Tenants of one page.
pub const MOST_TENANTS: usize = 100;

/// What there is to do for a tenant.
#[derive(Clone, Debug)]
pub struct TenantJobs {
    /// Whose.
    pub tenant: Tenant,
    /// How many jobs; nothing where its file cannot be read now.
    pub counts: Option<JobCounts>,
    /// Since when and why jobs of its file are held, if somebody has to release them.
    pub held: Option<(Timestamp, String)>,
    /// When its file is to be looked into next.
    pub next_look_at: Timestamp,
    /// When it was looked at.
    pub as_of: Timestamp,
    /// Why its file cannot be read.
    pub error: Option<String>,
}

/// Tenants that may have jobs, by id, those after `after`; or only the one that is named. With nothing of one that is about to
/// be gone: whoever goes page by page counts it all the same.
///
/// # Errors
/// 404 for a tenant that there is not; as the catalog says.
pub async fn list_tenant_jobs(
    installation: &Installation,
    only: Option<&str>,
    after: Option<TenantId>,
    limit: u32,
) -> Result<Vec<(TenantId, Option<TenantJobs>)>> {
    let hints = match only {
        Some(selector) => {
            let tenant = installation.catalog.tenant(selector).await?.id;
            let now = installation.clock.now();
            let none = JobHint { tenant, next_due: now, busy_until: now };
            let hints = installation.catalog.read(|tx| tx.list_job_hints()).await?;
            vec![hints.into_iter().find(|hint| hint.tenant == tenant).unwrap_or(none)]
        }
        None => installation.catalog.read(move |tx| tx.page_job_hints(after, limit)).await?,
    };
    let mut all = Vec::with_capacity(hints.len());
    for hint in hints {
        let scope = TenantScope::for_job(&installation.tenancy, &Tenancy::lease_for_jobs(hint.tenant)).await;
        let scope = match scope {
            Err(error) if error.kind() == Kind::NotFound && only.is_none() => {
                all.push((hint.tenant, None));
                continue;
            }
            other => other?,
        };
        // Counted for the operator, who sees none of what they are about.
        let found = scope.read(|tx| Ok((tx.count_jobs()?, tx.jobs_held()?))).await;
        let (counts, held, error) = match found {
            Ok((counts, held)) => (Some(counts), held, None),
            Err(error) => (None, None, Some(error.detail().to_owned())),
        };
        let found = TenantJobs {
            tenant: scope.tenant().clone(),
            counts,
            held,
            next_look_at: hint.next_due,
            as_of: installation.clock.now(),
            error,
        };
        all.push((hint.tenant, Some(found)));
    }
    Ok(all)
}

/// Jobs of one tenant, newest first, for an operator; that is in the tenant's audit log.
///
/// # Errors
/// 404; as its file says.
pub async fn list_jobs_for_operator(
    installation: &Installation,
    selector: &str,
    by: By,
    status: Option<JobStatus>,
    kind: Option<String>,
    after: Option<JobId>,
    limit: u32,
) -> Result<Vec<Job>> {
    let scope = TenantScope::for_operator(&installation.tenancy, by, selector, Act::Read, "jobs").await?;
    super::list_jobs(&scope, status, kind, after, limit).await
}

/// Lets jobs and schedules of a file that was restored or cloned run.
///
/// # Errors
/// 404; 409 `jobs_not_held`.
pub async fn release_held_jobs(installation: &Installation, selector: &str, by: By) -> Result<()> {
    let entry = by.clone();
    let not_held = || {
        Error::conflict(
            "jobs_not_held",
            "Jobs of this tenant are not held for a restore. Where it is suspended, closing or owes, that holds them.",
        )
    };
    let scope =
        TenantScope::for_operator(&installation.tenancy, by, selector, Act::Leave, "release of jobs").await?;
    if scope.read_one(|tx| tx.jobs_held()).await?.is_none() {
        return Err(not_held());
    }
    // Before it is done: an act that failed and is in the log is better than one that was done and is not.
    let audit = scope.catalog();
    audit.write("audit_release", move |of| of.audit(&entry, "jobs.released", "", &json!({}))).await?;
    if !scope.write_jobs("release_held_jobs", |tx| tx.release_held_jobs()).await? {
        return Err(not_held());
    }
    scope.release_jobs();
    Ok(())
}
