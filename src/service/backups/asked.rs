//! What operators ask of backups, and what a tenant's schedule may.

use super::round::{self, Wanted};
use super::{Backup, BackupRun, Installation};
use crate::catalog::By;
use crate::clock::{HOUR, Timestamp};
use crate::error::{Error, Result};
use crate::id::{BackupId, BackupRunId};
use crate::model::job::{LeasedJob, Outcome};
use crate::tenancy::TenantScope;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// A backup that a tenant's schedule asks for is not made where the last one is younger.
const LEAST: i64 = HOUR;
/// Failures that are told at once.
const MOST_FAILURES: u32 = 100;

/// What a round is asked to do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NewBackupsIn {
    /// One tenant alone: slug or id.
    pub tenant: Option<String>,
    /// Also what is as in the backup before.
    pub full: bool,
}

/// Begins a round, which goes on in the background.
///
/// # Errors
/// 404 for a tenant that is not there; 409 `backup_running`.
pub async fn start(installation: &Arc<Installation>, input: NewBackupsIn, by: By) -> Result<BackupRun> {
    let begun = round::begin(installation, wanted(installation, &input).await?, by).await?;
    let (id, going_on) = (begun.id, Arc::clone(installation));
    tokio::spawn(async move {
        if let Err(error) = round::carry_out(&going_on, begun, &|_| {}).await {
            tracing::error!(error = ?error, "a round of backups could not be noted");
        }
    });
    find_run(installation, id).await
}

pub(super) async fn wanted(installation: &Installation, input: &NewBackupsIn) -> Result<Wanted> {
    let tenant = match &input.tenant {
        Some(selector) => {
            let tenant = installation.catalog.tenant(selector).await?;
            if !tenant.status.is_visible() {
                return Err(Error::not_found());
            }
            Some(tenant.id)
        }
        None => None,
    };
    Ok(Wanted { tenant, full: input.full })
}

/// A round.
///
/// # Errors
/// 404 if there is none.
pub async fn find_run(installation: &Installation, id: BackupRunId) -> Result<BackupRun> {
    installation.catalog.read(move |tx| tx.find_backup_run(id)).await?.ok_or_else(Error::not_found)
}

/// Rounds, newest first, those before `before`.
///
/// # Errors
/// As the catalog says.
pub async fn list_runs(
    installation: &Installation,
    before: Option<BackupRunId>,
    limit: u32,
) -> Result<Vec<BackupRun>> {
    installation.catalog.read(move |tx| tx.list_backup_runs(before, limit)).await
}

/// Backups in the store, of all or of one tenant (slug or id), newest first, those before `before`.
///
/// # Errors
/// 404 for a tenant that is not there.
pub async fn list_backups(
    installation: &Installation,
    tenant: Option<&str>,
    before: Option<BackupId>,
    limit: u32,
) -> Result<Vec<Backup>> {
    let of = match tenant {
        Some(selector) => Some(installation.catalog.tenant(selector).await?.id),
        None => None,
    };
    installation.catalog.read(move |tx| tx.list_backups(of, before, limit)).await
}

/// How it stands with backups.
#[derive(Debug, Serialize)]
pub struct BackupState {
    /// Where they are.
    pub store: String,
    /// The newest round.
    pub last_round: Option<BackupRun>,
    /// When a backup was last restored to be looked at, and was good.
    pub last_verified_at: Option<Timestamp>,
    /// Tenants that are known to have been written since their last backup.
    pub due: i64,
    /// Why tenants could not be backed up the last time; a hundred at most.
    pub failures: Vec<BackupFailure>,
}

/// Why a tenant could not be backed up.
#[derive(Debug, Serialize)]
pub struct BackupFailure {
    /// Its slug.
    pub slug: String,
    /// What went wrong.
    pub error: String,
}

/// How it stands with backups.
///
/// # Errors
/// As the catalog says.
pub async fn state(installation: &Installation) -> Result<BackupState> {
    let store = installation.backups.store.place().to_owned();
    let read = installation.catalog.read(move |tx| {
        let failed = tx.list_failed_backups(MOST_FAILURES)?.into_iter();
        Ok(BackupState {
            store: store.clone(),
            last_round: tx.list_backup_runs(None, 1)?.pop(),
            last_verified_at: tx.last_verified_backup()?,
            due: tx.count_due_backups()?,
            failures: failed.map(|(slug, error)| BackupFailure { slug, error }).collect(),
        })
    });
    read.await
}

/// The backup of the scope's tenant, as a job at a set time; none where the last one is young enough.
pub(in crate::service) async fn request_as_job(
    installation: Arc<Installation>,
    scope: TenantScope,
    _: LeasedJob,
) -> Outcome {
    match back_up_now(&installation, scope).await {
        Ok(result) => Outcome::Succeeded(Some(result.to_string())),
        Err(error) => Outcome::Failed { error: error.detail().to_owned(), wait: None },
    }
}

async fn back_up_now(installation: &Arc<Installation>, scope: TenantScope) -> Result<serde_json::Value> {
    let id = scope.tenant().id;
    // What is copied needs no scope, and nobody is to wait for that.
    drop(scope);
    let last = installation.catalog.read(move |tx| tx.of(id).newest_backup()).await?;
    let young = installation.clock.now().plus(-LEAST);
    if let Some(last) = last.filter(|last| last.summary.taken_at > young) {
        return Ok(json!({ "stored": false, "last": last.summary.taken_at }));
    }
    let writes = installation.catalog.write("note_wanted", move |tx| {
        tx.note_written(&[id])?;
        tx.of(id).writes()
    });
    let stored = round::one(installation, id, writes.await?, false).await?;
    Ok(json!({ "stored": stored.flatten().is_some() }))
}
