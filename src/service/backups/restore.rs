//! Restoring one tenant from a backup: in place of its file, or beside it as a new tenant.
//!
//! In place nothing of ours goes back in time (DESIGN 13): usage, keys of requests, jobs and invoices stay as they are, jobs
//! and schedules are held until somebody releases them, and who follows changes begins anew. What is there is backed up
//! before, so that a restore can be taken back by another one, and the file of before is kept among the copies for a week: it has
//! what was written in between. Where the file is gone or damaged, and the operator says so, see [`gone`](super::gone).

use super::beside::beside;
use super::contents::bring_uploads;
use super::fetch::{Fetched, broken, fetch};
use super::gone::{self, LostNumbers};
use super::round::one;
use super::{Backup, Installation};
use crate::catalog::{By, Tenant, VersionState};
use crate::clock::Timestamp;
use crate::db::Maintenance;
use crate::error::{Error, Kind, Result};
use crate::id::{BackupId, TenantId};
use crate::service::detached;
use crate::tenancy::tx::changes::LaterWrites;
use crate::tenancy::{BackupFacts, Snapshot, Swap, Swapped, Tenancy, blocking, name_of_damaged};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// What is to be restored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RestoreIn {
    /// The newest backup that was taken then or before.
    pub at: Option<Timestamp>,
    /// This backup.
    pub backup: Option<BackupId>,
    /// Beside the tenant, as a new one of this slug; else in its place.
    pub beside: Option<String>,
    /// In the place of a file that is gone or damaged: what was in it since the backup is given up.
    #[serde(default)]
    pub discard_live: bool,
}

/// What was restored.
#[derive(Debug, Serialize)]
pub struct Restored {
    /// The tenant that has it now.
    pub tenant_id: TenantId,
    /// Its slug.
    pub slug: String,
    /// The backup.
    pub backup: BackupId,
    /// When that was taken.
    pub taken_at: Timestamp,
    /// The epoch of the tenant.
    pub epoch: i64,
    /// What was written since and is not there any more; nothing of a tenant beside, or of a file that was gone or damaged.
    pub discarded: Option<LaterWrites>,
    /// What nobody can tell of a file that was gone or damaged.
    pub lost: Option<LostNumbers>,
    /// The backup that was made of the file of before, if it had not been backed up already.
    pub before: Option<BackupId>,
    /// Uploads that the store does not have.
    pub missing_uploads: Vec<String>,
    /// Whether jobs and schedules wait for somebody to release them.
    pub jobs_held: bool,
}

/// Restores a tenant. Goes on to its end even if nobody waits for it.
///
/// # Errors
/// 404, 410 `tenant_erased`; 404 `no_backup`; 422 unless one of `at` and `backup` is given; 409 `unknown_version` for one of a
/// newer program, `backup_broken`, `file_missing` or `file_damaged` where the file in place is not there or cannot be read, unless it is
/// to be discarded, `file_sound` where it is and can; 422 where that is said of a restore beside; 410 `backup_missing`; as store and disk say.
pub async fn restore(
    installation: &Arc<Installation>,
    selector: &str,
    input: RestoreIn,
    by: By,
) -> Result<Restored> {
    let tenant = installation.catalog.tenant(selector).await?;
    if !tenant.status.is_visible() {
        return Err(erased());
    }
    refuse_erased(installation, tenant.id)?;
    if input.discard_live && input.beside.is_some() {
        let message = "is about the file that is in place, which a restore beside it leaves alone";
        return Err(Error::invalid_field("discard_live", "not_beside", message));
    }
    let backup = chosen(installation, tenant.id, &input).await?;
    let installation = Arc::clone(installation);
    detached(async move {
        match input.beside {
            Some(slug) => beside(&installation, &tenant, &backup, slug, by).await,
            None => in_place(&installation, &tenant, &backup, input.discard_live, by).await,
        }
    })
    .await
}

/// 410 for who was erased, also since it was last asked.
pub(super) fn refuse_erased(installation: &Installation, id: TenantId) -> Result<()> {
    if installation.tenancy.is_erased(id) { Err(erased()) } else { Ok(()) }
}

fn erased() -> Error {
    Error::new(
        Kind::Gone,
        "tenant_erased",
        "This tenant was erased. What was erased is not restored, whatever backup there may be of it.",
    )
}

async fn chosen(installation: &Installation, tenant: TenantId, input: &RestoreIn) -> Result<Backup> {
    let found = match (input.at, input.backup) {
        (Some(at), None) => installation.catalog.read(move |tx| tx.of(tenant).backup_at(at)).await?,
        (None, Some(id)) => installation.catalog.read(move |tx| tx.find_backup(id)).await?,
        _ => {
            let message = "must be given, or the id of a backup, and not both";
            return Err(Error::invalid_field("at", "one_of", message));
        }
    };
    found.filter(|backup| backup.summary.tenant_id == Some(tenant)).ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            "no_backup",
            "There is no such backup of this tenant. `tenantry backup list` shows them.",
        )
    })
}

async fn in_place(
    installation: &Arc<Installation>,
    tenant: &Arc<Tenant>,
    backup: &Backup,
    discard_live: bool,
    by: By,
) -> Result<Restored> {
    let id = tenant.id;
    let (tenancy, of) = (Arc::clone(&installation.tenancy), Arc::clone(tenant));
    let version = blocking(move || tenancy.version_to_replace(&of)).await?;
    gone::admit(installation, id, version.is_some(), discard_live).await?;
    let before = if discard_live { None } else { keep_before(installation, id).await? };
    let now = installation.clock.now();
    let keep_as = match &version {
        Some(version) if !discard_live => {
            let kept = Snapshot::of(version, now);
            (kept.name.clone(), kept.until())
        }
        _ => name_of_damaged(now),
    };
    let how = Replacing { keep_as: Some(keep_as), given_up: discard_live, hold_jobs: true };
    let replaced = replace(installation, tenant, backup, how, by).await?;
    Ok(Restored { before, ..replaced })
}

/// How a file is replaced.
pub(super) struct Replacing {
    /// The name under which the file of before is kept, and until when; else it is removed.
    pub(super) keep_as: Option<(String, Timestamp)>,
    /// Whether nothing is taken over from it: it is gone or damaged.
    pub(super) given_up: bool,
    /// Whether jobs and schedules wait for somebody to release them.
    pub(super) hold_jobs: bool,
}

/// Puts a backup in the place of a tenant's file.
///
/// # Errors
/// As [`restore`].
pub(super) async fn replace(
    installation: &Arc<Installation>,
    tenant: &Arc<Tenant>,
    backup: &Backup,
    how: Replacing,
    by: By,
) -> Result<Restored> {
    let (id, Replacing { keep_as, given_up, hold_jobs }) = (tenant.id, how);
    let _begun = installation.backups.wait_and_begin(id).await;
    let (fetched, facts) = fetched(installation, id, backup).await?;
    let missing = bring_uploads(installation, (id, id), &facts.contents).await?;
    let lost = if given_up { Some(gone::known(installation, id, backup).await?) } else { None };
    let why = format!("restored from a backup of {}", fetched.manifest.summary.taken_at);
    let noted = installation.catalog.read(move |tx| tx.of(id).version()).await?;
    let swap = Swap {
        older: fetched.path(),
        keep_as: keep_as.as_ref().map(|(name, _)| name.clone()),
        hold_jobs: hold_jobs.then_some(why),
        hold_version: noted.is_some_and(|noted| noted.state == VersionState::Held),
        uploads: true,
        lost,
    };
    let (backup_id, taken_at) = (backup.summary.id, fetched.manifest.summary.taken_at);
    let lost_after = facts.marks;
    let note = move |of: &crate::catalog::OfTenant<'_>, swapped: &Swapped| {
        if let Some((name, until)) = &keep_as {
            of.note_snapshot(name, *until)?;
        }
        let mut details = json!({ "taken_at": taken_at, "epoch": swapped.epoch });
        match swapped.discarded {
            Some(discarded) => details["discarded"] = discarded.count.into(),
            None => {
                // The file has none that were issued since, and is given them again.
                of.note_invoices_not_kept()?;
                details["lost"] = json!(LostNumbers::between(&lost_after, swapped));
            }
        }
        of.audit(&by, "tenant.restored", &format!("backup:{backup_id}"), &details)
    };
    let lease = Tenancy::lease_for_backup(id);
    let swapped = match installation.tenancy.swap_in(lease, swap, |_| Ok(()), note).await {
        Err(error)
            if !given_up && (error.kind() == Kind::Internal || error.code() == "tenant_unavailable") =>
        {
            return Err(gone::told(installation, id, error).await);
        }
        other => other?,
    };
    // Those that were swept as left over before the tables that name them were in place. It is restored whatever comes of that.
    let missing_uploads = bring_uploads(installation, (id, id), &facts.contents).await.unwrap_or_else(|error| {
        tracing::error!(tenant_id = %id, error = ?error, "uploads of a tenant that was restored could not be looked through again");
        missing
    });
    Ok(Restored {
        tenant_id: id,
        slug: tenant.slug.clone(),
        backup: backup.summary.id,
        taken_at,
        epoch: swapped.epoch,
        discarded: swapped.discarded,
        lost: given_up.then(|| LostNumbers::between(&facts.marks, &swapped)),
        before: None,
        missing_uploads,
        jobs_held: hold_jobs,
    })
}

/// Backs up what is there. Of a file that is damaged no backup can be made: it is what a restore is for, and is kept as it is.
///
/// # Errors
/// Why a sound file could not be backed up.
async fn keep_before(installation: &Arc<Installation>, id: TenantId) -> Result<Option<BackupId>> {
    let kept = async {
        let writes = installation.catalog.write("note_wanted", move |tx| {
            tx.note_written(&[id])?;
            tx.of(id).writes()
        });
        let writes = writes.await?;
        let stored = one(installation, id, writes, false).await?;
        let newest = installation.catalog.read(move |tx| tx.of(id).newest_backup()).await?;
        Ok::<_, Error>(stored.flatten().and(newest.map(|newest| newest.summary.id)))
    };
    let error = match kept.await {
        Err(error) => error,
        kept => return kept,
    };
    let tenancy = Arc::clone(&installation.tenancy);
    let Some(fault) = blocking(move || tenancy.fault_of_file(id)).await? else { return Err(error) };
    tracing::warn!(tenant_id = %id, error = ?error, fault, "a damaged file that is going to be replaced is in no backup");
    Ok(None)
}

/// The backup as a plain file, looked through.
pub(super) async fn fetched(
    installation: &Arc<Installation>,
    id: TenantId,
    backup: &Backup,
) -> Result<(Fetched, BackupFacts)> {
    let fetched = fetch(installation, Some(id), backup.summary.id).await?;
    let (path, epoch, tenancy) =
        (fetched.path(), fetched.manifest.summary.epoch, Arc::clone(&installation.tenancy));
    let looked = blocking(move || {
        if let Some(fault) = Maintenance::open(&path).map_err(Error::internal)?.fault()? {
            return Err(broken(&fault));
        }
        tenancy.facts_of(&path, id, Some(epoch))
    });
    let facts = looked.await?;
    Ok((fetched, facts))
}
