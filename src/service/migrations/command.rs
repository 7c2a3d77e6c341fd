//! `tenantry migrate ..`, carried out.

use super::super::Installation;
use super::plan::rehearse;
use super::{
    MigrationRun, MigrationStatus, NewRunIn, RollbackIn, cancel_run, find_run, plan, resume_run, roll_back,
    start_run, status, work_off,
};
use crate::catalog::By;
use crate::error::{Error, Result};
use crate::id::MigrationRunId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Between two looks at a run that somebody else works off.
const LOOK: Duration = Duration::from_millis(200);

/// One act on the migrations of the fleet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum MigrateCommand {
    /// Says what a run would do.
    Plan {
        /// Tries it on copies of so many tenants.
        rehearse: usize,
    },
    /// Migrates all tenants that are behind, and waits for the end.
    Run {
        /// How.
        input: NewRunIn,
    },
    /// Goes on with a run that was halted, and waits for the end.
    Resume,
    /// Gives up the open run.
    Cancel,
    /// Puts one tenant back to the copy from before a migration.
    Rollback {
        /// Which, and how far.
        input: RollbackIn,
    },
    /// Says how the fleet is.
    Status {
        /// Whether all files are looked at anew.
        look: bool,
    },
}

/// Carries it out. `progress` gets lines for whoever waits.
///
/// # Errors
/// As the act says.
pub async fn run_command(
    installation: &Arc<Installation>,
    command: MigrateCommand,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Value> {
    match command {
        MigrateCommand::Plan { rehearse: count } => {
            let mut plan = serde_json::to_value(plan(installation).await?)?;
            if count > 0 {
                plan["rehearsed"] = serde_json::to_value(rehearse(installation, count, progress).await?)?;
            }
            Ok(plan)
        }
        MigrateCommand::Run { input } => match start_run(installation, input, By::console()).await {
            Ok(run) => follow(installation, run.id, progress).await,
            Err(error) if error.code() == "nothing_to_migrate" => Ok(json!({ "nothing_to_do": true })),
            Err(error) => Err(error),
        },
        MigrateCommand::Resume => {
            let id = open_run(installation).await?.id;
            resume_run(installation, id, By::console()).await?;
            follow(installation, id, progress).await
        }
        MigrateCommand::Cancel => {
            let id = open_run(installation).await?.id;
            Ok(serde_json::to_value(cancel_run(installation, id, By::console()).await?)?)
        }
        MigrateCommand::Rollback { input } => {
            Ok(serde_json::to_value(roll_back(installation, input, By::console()).await?)?)
        }
        MigrateCommand::Status { look } => Ok(serde_json::to_value(status(installation, look).await?)?),
    }
}

async fn open_run(installation: &Installation) -> Result<MigrationRun> {
    installation
        .catalog
        .read(|tx| tx.find_open_migration_run())
        .await?
        .ok_or_else(|| Error::conflict("no_migration", "No migration of the fleet is under way or halted."))
}

/// Works the run off, or watches who does, until it runs no more.
async fn follow(
    installation: &Arc<Installation>,
    id: MigrationRunId,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Value> {
    let mut seen = 0;
    loop {
        work_off(installation, progress).await?;
        let run = find_run(installation, id).await?;
        if run.status != MigrationStatus::Running || installation.is_draining() {
            return Ok(serde_json::to_value(run)?);
        }
        if run.migrated + run.failed != seen {
            seen = run.migrated + run.failed;
            progress(format!("{seen} tenants were tried, {} failed", run.failed));
        }
        tokio::time::sleep(LOOK).await;
    }
}
