//! Putting one tenant back to the copy that was made before a migration.

use super::super::Installation;
use crate::catalog::{By, TenantVersion, VersionState};
use crate::clock::Timestamp;
use crate::error::{Error, FieldError, Result};
use crate::id::TenantId;
use crate::tenancy::{LaterWrites, Snapshot, Swap, Swapped, Tenancy};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// Which tenant is to be put back, and how far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RollbackIn {
    /// Its slug or id.
    pub tenant: String,
    /// The version of the app that it is to have; the one before its own where nothing is said.
    pub to: Option<i64>,
    /// Whether records that were written since are to be lost.
    #[serde(default)]
    pub discard_writes: bool,
}

/// What a tenant was put back to.
#[derive(Clone, Debug, Serialize)]
pub struct RollbackOut {
    /// Whose file it is.
    pub tenant_id: TenantId,
    /// Its slug.
    pub slug: String,
    /// Migrations of the app that its file has now.
    pub app: i64,
    /// Migrations of ours that its file has.
    pub system: i64,
    /// Where it stays until it is released.
    pub state: VersionState,
    /// When the copy was made to which it was put back.
    pub copied_at: Timestamp,
    /// Changes of records that were made since and are gone.
    pub discarded_writes: i64,
    /// Until when the file of before is kept: rolled back to its version, the tenant has it again.
    pub kept_until: Timestamp,
}

/// Puts a tenant back to the copy from before a migration: its records and tables. Usage, keys of requests, jobs, invoices and
/// all else that is ours stays as it is. It stays at that version until a run releases it.
///
/// # Errors
/// 404; 409 `no_snapshot`, `later_writes`, `swap_open`; 503 while the tenant cannot be had alone.
pub async fn roll_back(installation: &Arc<Installation>, input: RollbackIn, by: By) -> Result<RollbackOut> {
    if input.to.is_some_and(|to| to < 0) {
        return Err(Error::invalid(vec![FieldError::new("to", "out_of_range", "must not be less than 0")]));
    }
    let tenant = installation.catalog.tenant(&input.tenant).await?;
    if !tenant.status.is_visible() {
        return Err(Error::not_found());
    }
    let id = tenant.id;
    let lease = Tenancy::lease_for_migration(id);
    super::survey::look_at(installation, &[id]).await?;
    let version =
        installation.catalog.read(move |tx| tx.of(id).version()).await?.ok_or_else(Error::not_found)?;
    let snapshots = installation.tenancy.list_snapshots(&lease).await?;
    let chosen =
        choose(&version, &snapshots, input.to).ok_or_else(|| no_snapshot(&version, &snapshots, input.to))?;
    let before = Snapshot::of(&version.version, installation.clock.now());
    let (kept_until, copied_at, was) = (before.until(), chosen.made_at, version.version.app);
    let swap = Swap {
        older: installation.tenancy.snapshot_path(&lease, chosen),
        keep_as: Some(before.name.clone()),
        hold_jobs: None,
        hold_version: true,
        uploads: false,
        lost: None,
    };
    let may_discard = input.discard_writes;
    let admit = move |later: &LaterWrites| {
        if later.count == 0 || may_discard { Ok(()) } else { Err(later_writes(*later, copied_at)) }
    };
    let discarded = |swapped: &Swapped| swapped.discarded.map_or(0, |later| later.count);
    let swapped = installation
        .tenancy
        .swap_in(lease, swap, admit, move |of, swapped| {
            of.note_snapshot(&before.name, before.until())?;
            let details = json!({
                "app": swapped.version.app, "app_before": was, "copied_at": copied_at,
                "discarded_writes": discarded(swapped), "epoch": swapped.epoch,
            });
            of.audit(&by, "migration.rolled_back", "", &details)
        })
        .await?;
    Ok(RollbackOut {
        tenant_id: id,
        slug: tenant.slug.clone(),
        app: swapped.version.app,
        system: swapped.version.system,
        state: VersionState::Held,
        copied_at,
        discarded_writes: discarded(&swapped),
        kept_until,
    })
}

/// The newest copy of the version that was asked for, or else of the one before. Where a migration failed, the file may be of
/// that version still.
fn choose<'s>(now: &TenantVersion, snapshots: &'s [Snapshot], to: Option<i64>) -> Option<&'s Snapshot> {
    let most = now.version.app - i64::from(now.state != VersionState::Failed);
    let version = to.or_else(|| snapshots.iter().map(|one| one.app).filter(|app| *app <= most).max())?;
    snapshots.iter().rfind(|one| one.app == version)
}

fn no_snapshot(now: &TenantVersion, snapshots: &[Snapshot], to: Option<i64>) -> Error {
    let wanted = match to {
        Some(version) => format!("of version {version}"),
        None => format!("from before version {}", now.version.app),
    };
    let each = snapshots.iter().map(|one| format!("version {} of {}", one.app, one.made_at));
    let there = match snapshots {
        [] => "There is none at all: they are kept for a week, and made by runs, not as files are opened"
            .to_owned(),
        _ => format!("There are: {}", each.collect::<Vec<_>>().join(", ")),
    };
    Error::conflict("no_snapshot", format!("There is no copy of {} {wanted}. {there}.", now.slug))
        .with_member("snapshots", json!(snapshots))
}

fn later_writes(later: LaterWrites, copied_at: Timestamp) -> Error {
    let since = later.since.map_or_else(|| copied_at.to_string(), |since| since.to_string());
    let detail = format!(
        "{} changes of records were made since that copy, the first on {since}; they would be lost. Discard them with \
         discard_writes (--discard-writes): the file of before is kept for a week.",
        later.count
    );
    Error::conflict("later_writes", detail)
        .with_member("later_writes", later.count)
        .with_member("since", json!(later.since))
}
