//! Handlers that work on after their answer say here how far they are, and what came of it.

use super::posts::SILENCE;
use super::{JobStatus, LeasedJob};
use crate::error::{Error, FieldError, Kind, Result};
use crate::id::{JobId, TenantId};
use crate::model::hex::{bytes_of, hex};
use crate::model::job::{MOST_PAYLOAD, Outcome};
use crate::model::mac::{LENGTH, is_mark, mark};
use crate::service::Installation;
use crate::tenancy::tx::jobs::Ended;
use crate::tenancy::{Tenancy, TenantScope};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// What the mark in a token is over, before its content: no cursor is for such a list.
const CONTEXT: &[u8] = b"job completion\0";
/// Bytes of tenant, job and lease in a token.
const CONTENT: usize = 48;

/// What a handler says.
#[derive(Clone, Debug, Default)]
pub struct Completion {
    /// The token that came with the job.
    pub token: String,
    /// `succeeded`, `failed` or `running`; the first where nothing is said.
    pub status: Option<String>,
    /// What came of it.
    pub result: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// How far it is, in percent.
    pub progress: Option<i64>,
    /// The same in words.
    pub message: Option<String>,
}

/// The token by which the handler of this attempt may say what came of it. Good until it has said so.
pub(super) fn token_of(installation: &Installation, tenant: TenantId, job: &LeasedJob) -> String {
    let lease: [u8; 16] = bytes_of(&job.lease).unwrap_or_default();
    let mut bytes = [tenant.as_bytes().as_slice(), job.id.as_bytes(), &lease].concat();
    let made = mark(&installation.keys.cursors, &[CONTEXT, &bytes]);
    bytes.extend_from_slice(&made);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Tenant, job and lease of a token of ours: nobody makes us open a file with another.
fn read_token(installation: &Installation, token: &str) -> Option<(TenantId, JobId, String)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok().filter(|bytes| bytes.len() == CONTENT + LENGTH)?;
    let (content, given) = bytes.split_at(CONTENT);
    if !is_mark(&installation.keys.cursors, &[CONTEXT, content], given) {
        return None;
    }
    let text = |part: &[u8]| uuid::Uuid::from_slice(part).ok().map(|id| id.to_string());
    let tenant = TenantId::parse(&text(content.get(..16)?)?)?;
    let job = JobId::parse(&text(content.get(16..32)?)?)?;
    Some((tenant, job, hex(content.get(32..)?)))
}

/// Takes what a handler says of a job that it works at. Tells what the job is now.
///
/// # Errors
/// 401 `bad_completion_token`; 422; 410 `completion_over` where the job is not this attempt's any more.
pub async fn complete_job(installation: &Installation, id: JobId, said: Completion) -> Result<JobStatus> {
    let refused = || {
        Error::unauthenticated(
            "bad_completion_token",
            "This token is not the one that came with the job; send `completion.token` as it was.",
        )
    };
    let (tenant, job, lease) = read_token(installation, &said.token).ok_or_else(refused)?;
    if job != id {
        return Err(refused());
    }
    let outcome = read_outcome(&said)?;
    let over = || {
        Error::new(
            Kind::Gone,
            "completion_over",
            "This job is over, was cancelled, or another attempt was begun: what is said of this one does not count.",
        )
    };
    // Whether there is such a tenant is told to nobody.
    let scope = TenantScope::for_job(&installation.tenancy, &Tenancy::lease_for_jobs(tenant)).await;
    let scope = scope.map_err(|error| match error.kind() {
        Kind::NotFound => over(),
        _ => error,
    })?;
    let until = installation.clock.now().plus(SILENCE);
    let Some(outcome) = outcome else {
        let (progress, message) = (said.progress, said.message);
        let report = scope.write_jobs("report_job", move |tx| {
            tx.report_job(job, &lease, until, progress, message.as_deref())
        });
        return if report.await? { Ok(JobStatus::Running) } else { Err(over()) };
    };
    let random = u32::from_le_bytes(crate::random::id_bytes());
    let ended = scope.write_jobs("complete_job", move |tx| tx.end_job(job, &lease, &outcome, random)).await?;
    if ended != Ended::NotOurs {
        scope.job_is_over(job);
    }
    match ended {
        Ended::NotOurs => Err(over()),
        Ended::Again(_) => Ok(JobStatus::Queued),
        Ended::Is(status) => Ok(status),
    }
}

/// What came of it; nothing while it goes on.
fn read_outcome(said: &Completion) -> Result<Option<Outcome>> {
    let mut faults = Vec::new();
    if said.progress.is_some_and(|percent| !(0..=100).contains(&percent)) {
        faults.push(FieldError::new("progress", "range", "must lie between 0 and 100"));
    }
    let result = said.result.as_ref().map(Value::to_string);
    if result.as_ref().is_some_and(|text| text.len() > MOST_PAYLOAD) {
        let message = format!("must have at most {MOST_PAYLOAD} bytes as JSON");
        faults.push(FieldError::new("result", "too_long", message));
    }
    let outcome = match said.status.as_deref() {
        None | Some("succeeded") => Some(Outcome::Succeeded(result)),
        Some("failed") => {
            let error = said.error.clone().unwrap_or_else(|| "the handler said that it failed".to_owned());
            Some(Outcome::Failed { error, wait: None })
        }
        Some("running") => None,
        Some(_) => {
            faults.push(FieldError::new("status", "unknown", "must be succeeded, failed or running"));
            None
        }
    };
    if faults.is_empty() { Ok(outcome) } else { Err(Error::invalid(faults)) }
}
