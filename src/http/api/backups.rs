//! Backups, for operators.

use super::paging::Paging;
use crate::error::{Error, Result};
use crate::http::body::{Fields, Object};
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::repeats::repeatable;
use crate::http::routes::{Access, NONE, Params, Routes, Verb};
use crate::id::{BackupId, BackupRunId};
use crate::service::Installation;
use crate::service::backups::{self, BackupRun, BackupState, NewBackupsIn, RestoreIn, Restored};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use serde::Deserialize;
use std::sync::Arc;

const PAGED: Params = Params::Only(&["limit", "cursor"]);
const BACKUPS: Params = Params::Only(&["limit", "cursor", "tenant"]);

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(Access::Operator, Verb::Get, "/operator/backups", BACKUPS, list)
        .add(Access::Operator, Verb::Post, "/operator/backups", NONE, repeatable(start))
        .add(Access::Operator, Verb::Post, "/operator/tenants/{selector}/restore", NONE, repeatable(restore))
        .add(Access::Operator, Verb::Get, "/operator/backups/state", NONE, state)
        .add(Access::Operator, Verb::Get, "/operator/backups/runs", PAGED, list_runs)
        .add(Access::Operator, Verb::Get, "/operator/backups/runs/{run}", NONE, get_run)
}

#[derive(Deserialize)]
struct RunPath {
    run: String,
}

impl RunPath {
    fn id(&self) -> Result<BackupRunId> {
        BackupRunId::parse(&self.run).ok_or_else(Error::not_found)
    }
}

#[derive(Deserialize)]
struct TenantPath {
    selector: String,
}

async fn restore(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
    body: Object,
) -> Answer<Json<Restored>> {
    let mut fields = Fields::of(body);
    let backup = match fields.optional_text("backup") {
        Some(text) => Some(
            BackupId::parse(&text)
                .ok_or_else(|| Error::invalid_field("backup", "format", "must be the id of a backup"))?,
        ),
        None => None,
    };
    let at =
        match fields.optional_text("at") {
            Some(text) => Some(text.parse().map_err(|_| {
                Error::invalid_field("at", "format", "must be a time like 2026-06-01T12:00:00Z")
            })?),
            None => None,
        };
    let input = RestoreIn {
        at,
        backup,
        beside: fields.optional_text("as"),
        discard_live: fields.optional_flag("discard_live").unwrap_or_default(),
    };
    fields.finish()?;
    let by = operator.acts(&installation)?;
    Ok(Json(backups::restore(&installation, &path.selector, input, by).await?))
}

async fn list(State(installation): State<Arc<Installation>>, _: SignedInOperator, uri: Uri) -> Answer {
    let pairs = query::pairs(&uri)?;
    let tenant = query::once(&pairs, "tenant")?;
    let paging =
        Paging::of(&installation, &pairs, format!("operator:backups {}", tenant.unwrap_or_default()))?;
    let before = paging.after(BackupId::parse)?;
    let mut all = backups::list_backups(&installation, tenant, before, paging.fetch()).await?;
    let next = paging.cut(&mut all, |last| last.summary.id.to_string());
    Ok(super::list(&all, next))
}

async fn start(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    body: Object,
) -> Answer<(StatusCode, Json<BackupRun>)> {
    let mut fields = Fields::of(body);
    let input = NewBackupsIn {
        tenant: fields.optional_text("tenant"),
        full: fields.optional_flag("full").unwrap_or_default(),
    };
    fields.finish()?;
    let run = backups::start(&installation, input, operator.acts(&installation)?).await?;
    Ok((StatusCode::ACCEPTED, Json(run)))
}

async fn state(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
) -> Answer<Json<BackupState>> {
    Ok(Json(backups::state(&installation).await?))
}

async fn list_runs(State(installation): State<Arc<Installation>>, _: SignedInOperator, uri: Uri) -> Answer {
    let paging = Paging::of(&installation, &query::pairs(&uri)?, "operator:backup_runs")?;
    let before = paging.after(BackupRunId::parse)?;
    let mut runs = backups::list_runs(&installation, before, paging.fetch()).await?;
    let next = paging.cut(&mut runs, |last| last.id.to_string());
    Ok(super::list(&runs, next))
}

async fn get_run(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
    Path(path): Path<RunPath>,
) -> Answer<Json<BackupRun>> {
    Ok(Json(backups::find_run(&installation, path.id()?).await?))
}
