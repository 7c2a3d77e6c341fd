//! Migrations of the whole fleet: planned, run over all tenants with calm, halted, taken up again.
//!
//! What a run has done stands in the catalog and in the files: each file's version is written in the transaction of its
//! migration, so that a run which was cut off goes on where it was, and no file is migrated twice. While a run is open,
//! files that it has not come to are served as they are.

mod asked;
mod at_work;
mod command;
mod fleet;
mod plan;
mod rollback;
mod survey;

pub use asked::{NewRunIn, cancel_run, resume_run, start_run};
pub use command::{MigrateCommand, run_command};
pub use fleet::work_off;
pub use plan::{Plan, StatusOfVersions, plan, status};
pub use rollback::{RollbackIn, RollbackOut, roll_back};
pub use survey::sweep_snapshots;

pub use crate::catalog::{MigrationRun, MigrationStatus, TenantVersion, VersionState};

use super::Installation;
use crate::config::Migrations;
use crate::error::{Error, Result};
use crate::id::{MigrationRunId, TenantId};
use std::sync::atomic::AtomicU64;
use tokio::sync::Notify;

/// What those share who ask for runs and whoever works them off.
#[derive(Default)]
pub(super) struct Fleet {
    /// One works a run off.
    turn: tokio::sync::Mutex<()>,
    arrives: Notify,
    /// Grows with each word of an operator: whoever works looks again whether to go on.
    words: AtomicU64,
}

impl Installation {
    /// Waits until a run may be to be worked off.
    pub async fn migration_arrives(&self) {
        self.fleet.arrives.notified().await;
    }
}

/// Has files served as they are while a run is open or only runs migrate them, else migrated as they are opened.
pub(super) async fn govern(installation: &Installation) -> Result<()> {
    let is_open = installation.catalog.read(|tx| tx.find_open_migration_run()).await?.is_some();
    installation.tenancy.let_files_lag(is_open || installation.config.migrations == Migrations::Manual);
    Ok(())
}

/// Runs, newest first, those before `before`.
///
/// # Errors
/// As the catalog says.
pub async fn list_runs(
    installation: &Installation,
    before: Option<MigrationRunId>,
    limit: u32,
) -> Result<Vec<MigrationRun>> {
    installation.catalog.read(move |tx| tx.list_migration_runs(before, limit)).await
}

/// A run.
///
/// # Errors
/// 404 if there is none.
pub async fn find_run(installation: &Installation, id: MigrationRunId) -> Result<MigrationRun> {
    installation.catalog.read(move |tx| tx.find_migration_run(id)).await?.ok_or_else(Error::not_found)
}

/// Tenants in a state, with what went wrong, in the order of their ids.
///
/// # Errors
/// As the catalog says.
pub async fn list_tenants(
    installation: &Installation,
    state: VersionState,
    after: Option<TenantId>,
    limit: u32,
) -> Result<Vec<TenantVersion>> {
    installation.catalog.read(move |tx| tx.list_versions(state, after, limit)).await
}

/// The version of one tenant's file, as far as anybody has looked.
///
/// # Errors
/// 404 where the tenant is unknown.
pub async fn find_version(installation: &Installation, selector: &str) -> Result<Option<TenantVersion>> {
    let tenant = installation.catalog.tenant(selector).await?.id;
    installation.catalog.read(move |tx| tx.of(tenant).version()).await
}
