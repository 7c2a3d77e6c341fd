//! Migrations of the fleet, for operators.

use super::paging::Paging;
use crate::error::{Error, Result};
use crate::http::body::{Fields, NoBody, Object};
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::repeats::repeatable;
use crate::http::routes::{Access, NONE, Params, Routes, Verb};
use crate::id::{MigrationRunId, TenantId};
use crate::service::Installation;
use crate::service::migrations::{self, MigrationRun, NewRunIn, Plan, RollbackIn, RollbackOut, VersionState};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use serde::Deserialize;
use std::sync::Arc;

const PAGED: Params = Params::Only(&["limit", "cursor"]);
const TENANTS: Params = Params::Only(&["limit", "cursor", "state", "tenant"]);

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(Access::Operator, Verb::Get, "/operator/migrations", PAGED, list)
        .add(Access::Operator, Verb::Post, "/operator/migrations", NONE, repeatable(start))
        .add(Access::Operator, Verb::Get, "/operator/migrations/plan", NONE, plan)
        .add(Access::Operator, Verb::Get, "/operator/migrations/tenants", TENANTS, list_tenants)
        .add(Access::Operator, Verb::Post, "/operator/migrations/rollback", NONE, repeatable(roll_back))
        .add(Access::Operator, Verb::Get, "/operator/migrations/{run}", NONE, get)
        .add(Access::Operator, Verb::Post, "/operator/migrations/{run}/cancel", NONE, repeatable(cancel))
        .add(Access::Operator, Verb::Post, "/operator/migrations/{run}/resume", NONE, repeatable(resume))
}

#[derive(Deserialize)]
struct RunPath {
    run: String,
}

impl RunPath {
    fn id(&self) -> Result<MigrationRunId> {
        MigrationRunId::parse(&self.run).ok_or_else(Error::not_found)
    }
}

async fn list(State(installation): State<Arc<Installation>>, _: SignedInOperator, uri: Uri) -> Answer {
    let paging = Paging::of(&installation, &query::pairs(&uri)?, "operator:migrations")?;
    let before = paging.after(MigrationRunId::parse)?;
    let mut runs = migrations::list_runs(&installation, before, paging.fetch()).await?;
    let next = paging.cut(&mut runs, |last| last.id.to_string());
    Ok(super::list(&runs, next))
}

async fn start(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    body: Object,
) -> Answer<(StatusCode, Json<MigrationRun>)> {
    let mut fields = Fields::of(body);
    let input = NewRunIn {
        canary_plan: fields.optional_text("canary_plan"),
        canary: fields.optional_integer("canary"),
        canary_tenants: fields.optional_texts("canary_tenants").unwrap_or_default(),
        parallel: fields.optional_integer("parallel"),
        halt_at_errors: fields.optional_text("halt_at_errors"),
        no_snapshot_above: fields.optional_integer("no_snapshot_above"),
        retry: fields.optional_flag("retry").unwrap_or_default(),
        release: fields.optional_flag("release").unwrap_or_default(),
    };
    fields.finish()?;
    let run = migrations::start_run(&installation, input, operator.acts(&installation)?).await?;
    Ok((StatusCode::ACCEPTED, Json(run)))
}

async fn plan(State(installation): State<Arc<Installation>>, _: SignedInOperator) -> Answer<Json<Plan>> {
    Ok(Json(migrations::plan(&installation).await?))
}

async fn list_tenants(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
    uri: Uri,
) -> Answer {
    let pairs = query::pairs(&uri)?;
    let state = match query::once(&pairs, "state")? {
        None => None,
        Some("failed") => Some(VersionState::Failed),
        Some("held") => Some(VersionState::Held),
        Some("migrating") => Some(VersionState::Migrating),
        Some("known") => Some(VersionState::Known),
        Some(_) => {
            let message = "must be failed, held, migrating or known";
            return Err(Error::invalid_field("state", "unknown", message).into());
        }
    };
    if let Some(selector) = query::once(&pairs, "tenant")? {
        // Of one alone it is of interest whatever it is, unless a state is asked for.
        let found = migrations::find_version(&installation, selector).await?;
        let found = found.into_iter().filter(|found| state.is_none_or(|state| found.state == state));
        return Ok(super::list(&found.collect::<Vec<_>>(), None));
    }
    let state = state.unwrap_or(VersionState::Failed);
    let paging = Paging::of(&installation, &pairs, format!("operator:versions {state:?}"))?;
    let after = paging.after(TenantId::parse)?;
    let mut all = migrations::list_tenants(&installation, state, after, paging.fetch()).await?;
    let next = paging.cut(&mut all, |last| last.tenant_id.to_string());
    Ok(super::list(&all, next))
}

async fn get(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
    Path(path): Path<RunPath>,
) -> Answer<Json<MigrationRun>> {
    Ok(Json(migrations::find_run(&installation, path.id()?).await?))
}

async fn roll_back(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    body: Object,
) -> Answer<Json<RollbackOut>> {
    let mut fields = Fields::of(body);
    let input = RollbackIn {
        tenant: fields.text("tenant"),
        to: fields.optional_integer("to"),
        discard_writes: fields.optional_flag("discard_writes").unwrap_or_default(),
    };
    fields.finish()?;
    Ok(Json(migrations::roll_back(&installation, input, operator.acts(&installation)?).await?))
}

async fn cancel(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<RunPath>,
    _: NoBody,
) -> Answer<Json<MigrationRun>> {
    let by = operator.acts(&installation)?;
    Ok(Json(migrations::cancel_run(&installation, path.id()?, by).await?))
}

async fn resume(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<RunPath>,
    _: NoBody,
) -> Answer<(StatusCode, Json<MigrationRun>)> {
    let by = operator.acts(&installation)?;
    Ok((StatusCode::ACCEPTED, Json(migrations::resume_run(&installation, path.id()?, by).await?)))
}
