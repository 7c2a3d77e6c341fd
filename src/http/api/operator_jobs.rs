//! Jobs of all tenants, for operators.

use super::jobs::{job_out, read_status};
use super::paging::Paging;
use crate::http::body::NoBody;
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::repeats::repeatable;
use crate::http::routes::{Access, NONE, Params, Routes, Verb};
use crate::id::{JobId, TenantId};
use crate::service::Installation;
use crate::service::jobs::JobStatus;
use crate::service::jobs::fleet::{self, TenantJobs};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    let paged = Params::Only(&["status", "kind", "limit", "cursor"]);
    Routes::default()
        .add(
            Access::Operator,
            Verb::Get,
            "/operator/jobs",
            Params::Only(&["tenant", "limit", "cursor"]),
            list,
        )
        .add(Access::Operator, Verb::Get, "/operator/tenants/{selector}/jobs", paged, list_of_tenant)
        .add(
            Access::Operator,
            Verb::Post,
            "/operator/tenants/{selector}/jobs/release",
            NONE,
            repeatable(release),
        )
}

#[derive(Deserialize)]
struct TenantPath {
    selector: String,
}

fn tenant_jobs_out(jobs: &TenantJobs) -> Value {
    let (tenant, held) = (&jobs.tenant, jobs.held.as_ref());
    json!({
        "tenant": { "id": tenant.id, "slug": tenant.slug, "name": tenant.name, "status": tenant.status },
        "queued": jobs.counts.map(|counts| counts.queued),
        "running": jobs.counts.map(|counts| counts.running),
        "dead": jobs.counts.map(|counts| counts.dead),
        "held_since": held.map(|held| held.0),
        "held_because": held.map(|held| held.1.as_str()),
        "next_look_at": jobs.next_look_at,
        "as_of": jobs.as_of,
        "error": jobs.error,
    })
}

async fn list(State(installation): State<Arc<Installation>>, _: SignedInOperator, uri: Uri) -> Answer {
    let pairs = query::pairs(&uri)?;
    let only = query::once(&pairs, "tenant")?;
    let paging = Paging::of(&installation, &pairs, "operator:jobs")?.at_most(fleet::MOST_TENANTS);
    let after = paging.after(TenantId::parse)?;
    let mut all = fleet::list_tenant_jobs(&installation, only, after, paging.fetch()).await?;
    let next = paging.cut(&mut all, |(last, _)| last.to_string());
    let found = all.iter().filter_map(|(_, jobs)| jobs.as_ref()).map(tenant_jobs_out);
    Ok(super::list(&found.collect::<Vec<_>>(), next))
}

async fn list_of_tenant(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
    uri: Uri,
) -> Answer {
    let pairs = query::pairs(&uri)?;
    let status = query::once(&pairs, "status")?.map(read_status).transpose()?;
    let kind = query::once(&pairs, "kind")?.map(str::to_owned);
    let context = format!(
        "operator:jobs {} {} {}",
        path.selector,
        status.map(JobStatus::name).unwrap_or_default(),
        kind.as_deref().unwrap_or_default()
    );
    let paging = Paging::of(&installation, &pairs, context)?;
    let after = paging.after(JobId::parse)?;
    let by = operator.by();
    let found =
        fleet::list_jobs_for_operator(&installation, &path.selector, by, status, kind, after, paging.fetch());
    let mut found = found.await?;
    let next = paging.cut(&mut found, |job| job.id.to_string());
    Ok(super::list(&found.iter().map(job_out).collect::<Vec<_>>(), next))
}

async fn release(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
    _: NoBody,
) -> Answer<Json<Value>> {
    fleet::release_held_jobs(&installation, &path.selector, operator.acts(&installation)?).await?;
    Ok(Json(json!({ "released": true })))
}
