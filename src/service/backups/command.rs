//! What the command line asks: one round, which is waited for, and what there is.

use super::asked::{NewBackupsIn, list_backups, state, wanted};
use super::restore::{RestoreIn, restore};
use super::verify::verify;
use super::{Installation, round};
use crate::catalog::By;
use crate::error::Result;
use crate::id::BackupId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Backups that are listed.
const MOST: u32 = 1_000;

/// One act on backups.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum BackupCommand {
    /// Makes a round and waits for its end.
    Run {
        /// Of what.
        input: NewBackupsIn,
    },
    /// Lists what is in the store, and why tenants could not be backed up.
    List {
        /// Of one tenant alone.
        tenant: Option<String>,
        /// Those before this one.
        before: Option<BackupId>,
    },
    /// Restores a tenant from a backup.
    Restore {
        /// Which: slug or id.
        tenant: String,
        /// From what, and where.
        input: RestoreIn,
    },
    /// Restores backups beside everything and compares them with what they should be.
    Verify {
        /// Of one tenant alone.
        tenant: Option<String>,
        /// How many.
        sample: u32,
    },
}

/// Carries it out. `progress` gets lines for whoever waits.
///
/// # Errors
/// As the act says.
pub async fn run_command(
    installation: &Arc<Installation>,
    command: BackupCommand,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Value> {
    match command {
        BackupCommand::Run { input } => {
            let wanted = wanted(installation, &input).await?;
            let begun = round::begin(installation, wanted, By::console()).await?;
            let run = round::carry_out(installation, begun, progress).await?;
            let mut told = serde_json::to_value(run)?;
            told["store"] = installation.backups.store.place().into();
            told["failures"] = serde_json::to_value(state(installation).await?.failures)?;
            Ok(told)
        }
        BackupCommand::List { tenant, before } => {
            let items = list_backups(installation, tenant.as_deref(), before, MOST).await?;
            let state = state(installation).await?;
            Ok(json!({
                "items": items, "store": state.store, "failures": state.failures,
                "last_verified_at": state.last_verified_at,
            }))
        }
        BackupCommand::Restore { tenant, input } => {
            let restored = restore(installation, &tenant, input, By::console()).await?;
            Ok(serde_json::to_value(restored)?)
        }
        BackupCommand::Verify { tenant, sample } => {
            let verified = verify(installation, tenant.as_deref(), sample, progress).await?;
            let sound = verified.iter().all(|one| one.fault.is_none());
            Ok(json!({ "ok": sound, "backups": verified }))
        }
    }
}
