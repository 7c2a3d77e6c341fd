//! What the scheduler does: looks for work, does it, keeps its leases.

mod done;
mod trace;

pub use done::{After, Done};

use super::dispatch;
use crate::catalog::JobHint;
use crate::clock::{MINUTE, SECOND, Timestamp, monotonic};
use crate::error::{Kind, Result};
use crate::id::{JobId, TenantId};
use crate::model::job::{LeasedJob, Outcome};
use crate::service::Installation;
use crate::telemetry::{Figure, micros, subject};
use crate::tenancy::tx::jobs::{ClaimAsked, JobEnd};
use crate::tenancy::{BUSY, Tenancy, TenantScope};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// How long a lease is good; it is renewed three times in that time.
pub(super) const LEASE: i64 = MINUTE;
/// How often leases are renewed.
pub const BEAT: i64 = 20 * SECOND;
/// When the catalog is told again of jobs that it could not be told of.
const HINT_AGAIN: i64 = 5 * SECOND;
/// Jobs of one tenant at the same time where its plan says nothing, and no more than this part of all places whatever it
/// says: one with slow jobs leaves room for another's first.
const UNSAID: usize = 8;

/// What is wanted of a tenant.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Whose.
    pub tenant: TenantId,
    /// At most so many jobs; 0 only looks.
    pub most: usize,
    /// At most so many of these kinds.
    pub kinds: BTreeMap<String, usize>,
    /// Jobs that run here.
    pub running: Vec<JobId>,
    /// Attempts that are over, which is written first, with what is taken.
    pub done: Arc<[Done]>,
    /// Jobs of which that is being written meanwhile.
    pub ending: Vec<JobId>,
}

/// What there was.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// What became of the attempts that were over.
    pub ended: Vec<After>,
    /// What is to be done, with the right to do it.
    pub jobs: Vec<LeasedJob>,
    /// Whether more is due that only the number kept back.
    pub more: bool,
    /// Kinds of which more is due than might be taken.
    pub blocked: Vec<String>,
    /// What handlers work at after their answers, and its kind.
    pub elsewhere: Vec<(JobId, String)>,
    /// When to look again if nobody says anything before.
    pub next_at: Option<Timestamp>,
    /// How many turns the tenant has for one of a tenant of weight 1.
    pub weight: usize,
    /// How many of its jobs may run at the same time.
    pub concurrency: usize,
    /// Whether its jobs are held, but for those that run in any state.
    pub is_held: bool,
}

/// The tenants that may have jobs, and when to look.
///
/// # Errors
/// As the catalog says.
pub async fn list_hints(installation: &Installation) -> Result<Vec<(TenantId, Timestamp)>> {
    let hints = installation.catalog.read(|tx| tx.list_job_hints()).await?;
    let now = installation.clock.now();
    let looked_at = |hint: JobHint| {
        // Written by a clock that was ahead: what is due may be due sooner.
        let is_of_later = hint.busy_until > now.plus(BUSY);
        (hint.tenant, if is_of_later { hint.next_due.min(now) } else { hint.next_due })
    };
    Ok(hints.into_iter().map(looked_at).collect())
}

/// How many jobs run at the same time.
pub fn places(installation: &Installation) -> usize {
    installation.config.jobs_at_once
}

/// Kinds of which so many may run at the same time and no more, of all tenants.
pub fn bounds(installation: &Installation) -> BTreeMap<String, usize> {
    dispatch::bounds(installation)
}

/// The same for those of one tenant.
pub fn tenant_bounds(installation: &Installation) -> BTreeMap<String, usize> {
    dispatch::tenant_bounds(installation)
}

/// When to look whether a tenant is quiet, so that it can be forgotten.
pub fn quiet_at(installation: &Installation, tenant: TenantId) -> Timestamp {
    installation.tenancy.jobs().busy_until(tenant).unwrap_or_else(|| installation.clock.now())
}

/// Takes what is due of a tenant.
///
/// # Errors
/// 404 where the tenant is gone; 503 `tenant_migrating`, at once; as its file says.
pub async fn claim(installation: &Installation, wanted: Wanted) -> Result<Look> {
    let scope = scope(installation, wanted.tenant).await?;
    let only = dispatch::kinds_let_through(scope.tenant());
    let (backlog, now) = (installation.tenancy.figures().backlog(), installation.clock.now());
    if only.as_ref().is_some_and(|kinds| kinds.is_empty()) {
        // What is held waits for whoever lets go of it.
        backlog.clear(wanted.tenant);
        let ended = write_ends(&scope, wanted.done).await?;
        return Ok(Look { ended, is_held: true, weight: 1, concurrency: 1, ..Look::default() });
    }
    let is_held = only.is_some();
    let leases = (0..wanted.most).map(|_| crate::model::hex::hex(&crate::random::bytes::<16>())).collect();
    let runs_here = !wanted.running.is_empty();
    let done = wanted.done;
    let asked = ClaimAsked {
        most: wanted.most,
        kinds: wanted.kinds,
        only,
        attempts: installation.handlers.attempts(),
        runner: installation.run.clone(),
        running: wanted.running,
        ends: done.iter().map(|one| one.end.clone()).collect(),
        ending: wanted.ending,
        counts: backlog.is_asked(wanted.tenant, now),
        until: installation.clock.now().plus(LEASE),
        leases,
    };
    let claimed = scope.claim_jobs(asked).await?;
    match claimed.waiting {
        Some((count, oldest)) => backlog.note(wanted.tenant, count, oldest, now),
        None if claimed.more || !claimed.blocked.is_empty() => {}
        None => backlog.clear(wanted.tenant),
    }
    let mut next_at = claimed.next_at;
    let hinted = if claimed.is_busy || runs_here {
        scope.keep_job_hint().await.map(|()| None)
    } else {
        // Once more when it has been quiet for long enough to be forgotten.
        scope.settle_jobs(next_at).await
    };
    // What was claimed is claimed, whatever becomes of the hint.
    let look_again = hinted.unwrap_or_else(|error| {
        tracing::warn!(tenant_id = %wanted.tenant, error = ?error, "the catalog could not be told of jobs; it is tried again");
        Some(installation.clock.now().plus(HINT_AGAIN))
    });
    if let Some(at) = look_again {
        next_at = Some(next_at.map_or(at, |next| next.min(at)));
    }
    let most = (places(installation) * 3 / 4).max(1);
    let concurrency = claimed.share.concurrency.map_or(UNSAID, |most| most as usize);
    // What was enqueued for endpoints meanwhile is part of what was looked at.
    let ended = done.iter().zip(claimed.ended).map(|(one, ended)| one.after(ended, None)).collect();
    Ok(Look {
        ended,
        jobs: claimed.jobs,
        more: claimed.more,
        blocked: claimed.blocked,
        elsewhere: claimed.elsewhere.into_iter().map(|job| (job.id, job.kind)).collect(),
        next_at,
        weight: claimed.share.weight.map_or(1, |weight| weight as usize),
        concurrency: concurrency.min(most),
        is_held: is_held || claimed.is_held,
    })
}

/// Does a job. `cancelled` says when nobody wants it any more. What is returned is to be written.
///
/// # Errors
/// 404 where the tenant is gone.
pub async fn run(
    installation: &Arc<Installation>,
    tenant: TenantId,
    job: &LeasedJob,
    cancelled: watch::Receiver<bool>,
) -> Result<Done> {
    let spans = installation.tenancy.figures().spans();
    // All attempts at a job are one trace.
    let trace = spans.and_then(|spans| spans.begin(job.id.as_bytes(), None));
    let work = attempt(installation, tenant, job, cancelled);
    let done = subject::of_job(tenant, job.id, &job.kind, trace.clone(), work).await;
    if let Some(trace) = trace {
        trace::end(&trace, tenant, job, &done);
    }
    done
}

async fn attempt(
    installation: &Arc<Installation>,
    tenant: TenantId,
    job: &LeasedJob,
    cancelled: watch::Receiver<bool>,
) -> Result<Done> {
    let figures = installation.tenancy.figures();
    let (_running, begun) = (figures.job_runs(), monotonic());
    // Whatever happened to the tenant since the job was claimed counts now.
    let scope = match scope(installation, tenant).await {
        Err(error) if error.kind() == Kind::NotFound => return Err(error),
        Err(error) => {
            tracing::warn!(tenant_id = %tenant, job_id = %job.id, error = ?error, "a job cannot be begun; it is queued again");
            return Ok(Done::not_begun(job, installation.clock.now()));
        }
        Ok(scope) => scope,
    };
    let outcome = dispatch::dispatch(installation, scope, job, cancelled).await;
    if !matches!(outcome, Outcome::Held) {
        figures.of(tenant, |counters| {
            counters.add(Figure::Jobs, 1);
            counters.add(Figure::JobUs, micros(begun.elapsed()));
            if matches!(outcome, Outcome::Failed { .. } | Outcome::Hopeless(_)) {
                counters.add(Figure::JobsFailed, 1);
            }
        });
    }
    if let Outcome::Failed { error, .. } | Outcome::Hopeless(error) = &outcome {
        tracing::warn!(tenant_id = %tenant, job_id = %job.id, kind = job.kind, attempt = job.attempt, error, "a job failed");
    }
    Ok(Done::new(job, outcome, installation.clock.now()))
}

/// Writes which attempts of a tenant are over, in one transaction; tells what each led to.
///
/// # Errors
/// As the tenant's file says. 404 where the tenant is gone.
pub async fn end(installation: &Installation, tenant: TenantId, done: Arc<[Done]>) -> Result<Vec<After>> {
    write_ends(&scope(installation, tenant).await?, done).await
}

async fn write_ends(scope: &TenantScope, done: Arc<[Done]>) -> Result<Vec<After>> {
    if done.is_empty() {
        return Ok(Vec::new());
    }
    let sends_webhooks = done.iter().any(|one| one.sends_webhooks);
    let ends: Vec<JobEnd> = done.iter().map(|one| one.end.clone()).collect();
    let write = scope.write_jobs("end_jobs", move |tx| {
        let ended = tx.end_jobs(&ends)?;
        // Whatever came for an endpoint while the job ran is seen here.
        let again = if sends_webhooks { tx.wake_webhooks()? } else { None };
        Ok((ended, again))
    });
    let (ended, again) = write.await?;
    Ok(done.iter().zip(ended).map(|(one, ended)| one.after(ended, again)).collect())
}

/// Renews leases, as far as the jobs are still ours; tells which are not.
///
/// # Errors
/// As the tenant's file says.
pub async fn beat(
    installation: &Installation,
    tenant: TenantId,
    leases: Vec<(JobId, String)>,
) -> Result<Vec<JobId>> {
    let scope = scope(installation, tenant).await;
    if scope.as_ref().is_err_and(|error| error.kind() == Kind::NotFound) {
        return Ok(Vec::new());
    }
    let until = installation.clock.now().plus(LEASE);
    scope?.write_jobs("beat_jobs", move |tx| tx.beat_jobs(&leases, until)).await
}

/// While the tenant is being migrated it gives its places back rather than wait in them.
async fn scope(installation: &Installation, tenant: TenantId) -> Result<TenantScope> {
    let lease = Tenancy::lease_for_jobs(tenant);
    let mut scope = TenantScope::for_job(&installation.tenancy, &lease).await?;
    scope.wait_for_no_migration();
    Ok(scope)
}
