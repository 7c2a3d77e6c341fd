//! Jobs: enqueued, listed, cancelled, tried again. How they are done is in [`attempts`].

pub mod attempts;
pub(super) mod built_in;
mod complete;
mod dispatch;
pub mod fleet;
mod functions;
mod posts;

pub use complete::{Completion, complete_job};
pub(super) use dispatch::Handlers;
pub use functions::{FunctionJob, FunctionOptions, Functions, JobFailure};
pub(super) use posts::retry_after;

pub use crate::model::job::{Job, JobStatus, LeasedJob};

use super::Installation;
use crate::clock::{DAY, Timestamp};
use crate::error::{Error, FieldError, Result};
use crate::id::JobId;
use crate::model::IdempotencyKey;
use crate::model::job::{MOST_PAYLOAD, MOST_PRIORITY, NewJob};
use crate::model::usage::canonical_json;
use crate::policy::Permission;
use crate::tenancy::TenantScope;
use built_in::BuiltIn;
use dispatch::Handler;
use serde_json::Value;

/// How far ahead a job may be due.
const LATEST: i64 = 3_660 * DAY;

/// A job as it is asked for.
#[derive(Clone, Debug, Default)]
pub struct NewJobIn {
    /// What is to be done.
    pub kind: String,
    /// With what; null where nothing is said.
    pub payload: Value,
    /// When, in RFC 3339; as soon as it can where nothing is said.
    pub run_at: Option<String>,
    /// Higher ones go first; 0 where nothing is said.
    pub priority: Option<i64>,
    /// What makes it the same job when it is enqueued again.
    pub idempotency_key: Option<String>,
}

impl NewJobIn {
    fn read(self, installation: &Installation, scope: &TenantScope) -> Result<NewJob> {
        let now = installation.clock.now();
        let mut faults = Vec::new();
        let mut fault = |field: &str, code: &'static str, message: String| {
            faults.push(FieldError::new(field, code, message));
        };
        let max_attempts = match max_attempts(installation, scope, &self.kind)? {
            Ok(attempts) => attempts,
            Err((code, message)) => {
                fault("kind", code, message);
                1
            }
        };
        let payload = canonical_json(&self.payload);
        if payload.len() > MOST_PAYLOAD {
            fault("payload", "too_long", format!("must have at most {MOST_PAYLOAD} bytes as JSON"));
        }
        let run_at = self.run_at.and_then(|text| match text.parse::<Timestamp>() {
            Ok(at) if at.since(now) <= LATEST => Some(at),
            _ => {
                fault(
                    "run_at",
                    "bad_time",
                    "must be a time like 2026-01-31T12:00:00Z, at most ten years ahead".to_owned(),
                );
                None
            }
        });
        let priority = self.priority.unwrap_or_default();
        if !(-MOST_PRIORITY..=MOST_PRIORITY).contains(&priority) {
            fault("priority", "range", format!("must lie between -{MOST_PRIORITY} and {MOST_PRIORITY}"));
        }
        if let Some(key) = &self.idempotency_key
            && (key.starts_with('_') || IdempotencyKey::parse(key).is_err())
        {
            let message =
                "must be 1 to 255 visible ASCII characters that do not begin with _, such as a UUID";
            fault("idempotency_key", "bad_key", message.to_owned());
        }
        if !faults.is_empty() {
            return Err(Error::invalid(faults));
        }
        Ok(NewJob {
            id: JobId::new(now),
            kind: self.kind,
            payload,
            run_at,
            priority,
            idempotency_key: self.idempotency_key,
            max_attempts,
            created_by: scope.by().actor.to_string(),
        })
    }
}

/// After how many attempts a job of that kind is given up, or why members enqueue none.
///
/// # Errors
/// 403 without the permission that the kind needs beside `jobs:write`.
pub(super) fn max_attempts(
    installation: &Installation,
    scope: &TenantScope,
    kind: &str,
) -> Result<Result<u32, (&'static str, String)>> {
    Ok(match dispatch::handler(installation, kind) {
        Some(Handler::Posted(kind)) => Ok(kind.max_attempts),
        Some(Handler::Function(function)) => Ok(function.options.max_attempts),
        Some(Handler::BuiltIn(kind)) => match kind.for_members {
            Some(permission) => {
                scope.require(permission)?;
                Ok(kind.max_attempts)
            }
            None => Err((
                "built_in_kind",
                "is done by the server when it is needed; nobody asks for it".to_owned(),
            )),
        },
        None => {
            let known = dispatch::names_for_members(installation);
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Err(("unknown_kind", format!("there is no such kind of job; there are: {known}")))
        }
    })
}

/// Enqueues a job.
///
/// # Errors
/// 403 without `jobs:write` and what the kind needs beside that; 422 with every field at fault; 409 `idempotency_key_reused`;
/// 402 `limit_reached`, and `spend_cap_reached` where jobs have a price.
pub async fn enqueue_job(installation: &Installation, scope: &TenantScope, input: NewJobIn) -> Result<Job> {
    scope.require(Permission::JobsWrite)?;
    let new = input.read(installation, scope)?;
    let ticket = scope.open_jobs().await?;
    Ok(scope.write("enqueue_job", move |tx| tx.enqueue_job(&ticket, &new)).await?.job)
}

/// Jobs, newest first, older than `after`; of one status and kind where these are said.
///
/// # Errors
/// 403 without `jobs:read`.
pub async fn list_jobs(
    scope: &TenantScope,
    status: Option<JobStatus>,
    kind: Option<String>,
    after: Option<JobId>,
    limit: u32,
) -> Result<Vec<Job>> {
    scope.require(Permission::JobsRead)?;
    scope.read(move |tx| tx.list_jobs(status, kind.as_deref(), after, limit)).await
}

/// One job, with payload and result.
///
/// # Errors
/// 403 without `jobs:read`; 404.
pub async fn find_job(scope: &TenantScope, id: JobId) -> Result<Job> {
    scope.require(Permission::JobsRead)?;
    Ok(shown(scope.read_one(move |tx| tx.require_job(id)).await?))
}

/// A job as members see it: what the server does by itself may be about what not all of them may know.
fn shown(job: Job) -> Job {
    match BuiltIn::find(&job.kind) {
        Some(kind) if kind.for_members.is_none() => Job { payload: None, result: None, ..job },
        _ => job,
    }
}

/// Ends a job that is not over. A handler that is at it is not stopped; what it says afterwards counts no more.
///
/// # Errors
/// 403 without `jobs:write`; 404; 409 `job_ended`, `built_in_kind`.
pub async fn cancel_job(scope: &TenantScope, id: JobId) -> Result<Job> {
    scope.require(Permission::JobsWrite)?;
    require_kind(scope, &scope.read_one(move |tx| tx.require_job(id)).await?, true)?;
    Ok(shown(scope.cancel_job(id).await?))
}

/// What needs a permission beside `jobs:write` is up to those who have it; what the server does by itself is stopped by nobody.
fn require_kind(scope: &TenantScope, job: &Job, stops: bool) -> Result<()> {
    match BuiltIn::find(&job.kind).map(|kind| kind.for_members) {
        Some(Some(permission)) => scope.require(permission),
        Some(None) if stops => Err(Error::conflict(
            "built_in_kind",
            "This job is the server's own, for something that was done; undo that instead.",
        )),
        _ => Ok(()),
    }
}

/// Puts a job that was given up or cancelled back into the queue.
///
/// # Errors
/// 403 without `jobs:write`; 404; 409 `job_not_ended`; 402 as [`enqueue_job`].
pub async fn retry_job(scope: &TenantScope, id: JobId) -> Result<Job> {
    scope.require(Permission::JobsWrite)?;
    require_kind(scope, &scope.read_one(move |tx| tx.require_job(id)).await?, false)?;
    let ticket = scope.open_jobs().await?;
    Ok(shown(scope.write("retry_job", move |tx| tx.retry_job(&ticket, id)).await?))
}
