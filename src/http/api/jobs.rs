//! Jobs: work that is done behind the answer.

use super::paging::Paging;
use crate::error::{Error, Result};
use crate::http::address::Public;
use crate::http::body::{Fields, NoBody, Object};
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::repeats::repeatable;
use crate::http::routes::{NONE, Params, Routes, Verb};
use crate::http::scope::{Allowed, Need, ReadJobs, WriteJobs};
use crate::id::JobId;
use crate::service::Installation;
use crate::service::jobs::{self, Completion, Job, JobStatus, NewJobIn};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .tenant(WriteJobs::BOTH, Verb::Post, "/jobs", NONE, repeatable(enqueue))
        .tenant(
            ReadJobs::BOTH,
            Verb::Get,
            "/jobs",
            Params::Only(&["status", "kind", "cursor", "limit"]),
            list,
        )
        .tenant(ReadJobs::BOTH, Verb::Get, "/jobs/{job}", NONE, get)
        .tenant(WriteJobs::BOTH, Verb::Post, "/jobs/{job}/cancel", NONE, repeatable(cancel))
        .tenant(WriteJobs::BOTH, Verb::Post, "/jobs/{job}/retry", NONE, repeatable(retry))
        .by_token(Verb::Post, "/jobs/{job}/complete", NONE, complete)
}

#[derive(Deserialize)]
struct JobPath {
    job: String,
}

impl JobPath {
    fn id(&self) -> Result<JobId> {
        JobId::parse(&self.job).ok_or_else(Error::not_found)
    }
}

pub(super) fn job_out(job: &Job) -> Value {
    json!({
        "id": job.id,
        "kind": job.kind,
        "status": job.status,
        "priority": job.priority,
        "run_at": job.run_at,
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "progress": job.progress,
        "message": job.message,
        "last_error": job.last_error,
        "idempotency_key": job.idempotency_key,
        "created_by": job.created_by,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
    })
}

fn whole_job_out(job: &Job) -> Value {
    let json =
        |text: &Option<String>| text.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let mut out = job_out(job);
    out["payload"] = json(&job.payload).into();
    out["result"] = json(&job.result).into();
    out
}

/// 202 with the job and where it is.
fn accepted(slug: &str, job: &Job) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(whole_job_out(job))).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/tenants/{slug}/jobs/{}", job.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

async fn enqueue(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<WriteJobs>,
    body: Object,
) -> Answer {
    let mut fields = Fields::of(body);
    let input = NewJobIn {
        kind: fields.text("kind"),
        payload: fields.optional_value("payload").unwrap_or_default(),
        run_at: fields.optional_text("run_at"),
        priority: fields.optional_integer("priority"),
        idempotency_key: fields.optional_text("idempotency_key"),
    };
    fields.finish()?;
    let job = jobs::enqueue_job(&installation, &allowed.scope, input).await?;
    Ok(accepted(&allowed.scope.tenant().slug, &job))
}

async fn list(State(installation): State<Arc<Installation>>, allowed: Allowed<ReadJobs>, uri: Uri) -> Answer {
    let pairs = query::pairs(&uri)?;
    let status = query::once(&pairs, "status")?.map(read_status).transpose()?;
    let kind = query::once(&pairs, "kind")?.map(str::to_owned);
    let context = format!(
        "jobs {} {} {}",
        allowed.scope.tenant().id,
        status.map(JobStatus::name).unwrap_or_default(),
        kind.as_deref().unwrap_or_default()
    );
    let paging = Paging::of(&installation, &pairs, context)?;
    let after = paging.after(JobId::parse)?;
    let mut found = jobs::list_jobs(&allowed.scope, status, kind, after, paging.fetch()).await?;
    let next = paging.cut(&mut found, |job| job.id.to_string());
    let items: Vec<Value> = found.iter().map(job_out).collect();
    Ok(super::list(&items, next))
}

pub(super) fn read_status(name: &str) -> Result<JobStatus> {
    JobStatus::parse(name).ok_or_else(|| {
        Error::malformed("bad_status", "status is queued, running, succeeded, dead or cancelled.")
    })
}

async fn get(allowed: Allowed<ReadJobs>, Path(path): Path<JobPath>) -> Answer<Json<Value>> {
    Ok(Json(whole_job_out(&jobs::find_job(&allowed.scope, path.id()?).await?)))
}

async fn cancel(allowed: Allowed<WriteJobs>, Path(path): Path<JobPath>, _: NoBody) -> Answer<Json<Value>> {
    Ok(Json(whole_job_out(&jobs::cancel_job(&allowed.scope, path.id()?).await?)))
}

async fn retry(allowed: Allowed<WriteJobs>, Path(path): Path<JobPath>, _: NoBody) -> Answer {
    let job = jobs::retry_job(&allowed.scope, path.id()?).await?;
    Ok(accepted(&allowed.scope.tenant().slug, &job))
}

async fn complete(
    State(installation): State<Arc<Installation>>,
    _: Public,
    Path(path): Path<JobPath>,
    body: Object,
) -> Answer<Json<Value>> {
    let mut fields = Fields::of(body);
    let said = Completion {
        token: fields.text("token"),
        status: fields.optional_text("status"),
        result: fields.optional_value("result"),
        error: fields.optional_text("error"),
        progress: fields.optional_integer("progress"),
        message: fields.optional_text("message"),
    };
    fields.finish()?;
    let id = path.id()?;
    let status = jobs::complete_job(&installation, id, said).await?;
    Ok(Json(json!({ "id": id, "status": status })))
}
