//! Restoring one tenant from a backup: in place of its file, or beside it as a new tenant.
//!
//! In place nothing of ours goes back in time (DESIGN 13): usage, keys of requests, jobs and invoices stay as they are, jobs
//! and schedules are held until somebody releases them, and who follows changes begins anew. What is there is backed up
//! before, so that a restore can be taken back by another one, and the file of before is kept among the copies for a week: it has
//! what was written in between.

use super::contents::bring_uploads;
use super::fetch::{Fetched, broken, fetch};
use super::round::one;
use super::{Backup, Installation};
use crate::catalog::{By, CopyOf, Tenant, VersionState};
use crate::clock::Timestamp;
use crate::db::Maintenance;
use crate::error::{Error, Kind, Result};
use crate::id::{BackupId, TenantId};
use crate::policy::OWNER;
use crate::service::provisioning::{self, NewTenantIn};
use crate::service::{detached, mail::MOST_PEOPLE};
use crate::tenancy::tx::changes::LaterWrites;
use crate::tenancy::{BackupFacts, Beside, Snapshot, Swap, Swapped, Tenancy, blocking};
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
    /// What was written since and is not there any more; nothing of a tenant beside.
    pub discarded: Option<LaterWrites>,
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
/// newer program, `backup_broken`, `file_missing` where the file in place is not there or cannot be read; 410 `backup_missing`; as store and disk say.
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
    let backup = chosen(installation, tenant.id, &input).await?;
    let installation = Arc::clone(installation);
    detached(async move {
        match input.beside {
            Some(slug) => beside(&installation, &tenant, &backup, slug, by).await,
            None => in_place(&installation, &tenant, &backup, by).await,
        }
    })
    .await
}

/// 410 for who was erased, also since it was last asked.
fn refuse_erased(installation: &Installation, id: TenantId) -> Result<()> {
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
    found.filter(|backup| backup.tenant_id == Some(tenant)).ok_or_else(|| {
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
    by: By,
) -> Result<Restored> {
    let id = tenant.id;
    let (tenancy, of) = (Arc::clone(&installation.tenancy), Arc::clone(tenant));
    let version = blocking(move || tenancy.version_to_replace(&of)).await?.ok_or_else(|| {
        Error::conflict(
            "file_missing",
            "The tenant's file is not there or cannot be read, and with it the usage that was counted since the backup would \
             be lost. Restore beside it, as a new tenant.",
        )
    })?;
    let before = keep_before(installation, id).await?;
    let _begun = installation.backups.wait_and_begin(id).await;
    let (fetched, facts) = fetched(installation, id, backup).await?;
    let missing = bring_uploads(installation, (id, id), &facts.contents).await?;
    let kept = Snapshot::of(&version, installation.clock.now());
    let why = format!("restored from a backup of {}", fetched.manifest.taken_at);
    let noted = installation.catalog.read(move |tx| tx.of(id).version()).await?;
    let swap = Swap {
        older: fetched.path(),
        keep_as: Some(kept.name.clone()),
        hold_jobs: Some(why),
        hold_version: noted.is_some_and(|noted| noted.state == VersionState::Held),
        uploads: true,
    };
    let (backup_id, taken_at) = (backup.id, fetched.manifest.taken_at);
    let note = move |of: &crate::catalog::OfTenant<'_>, swapped: &Swapped| {
        of.note_snapshot(&kept.name, kept.until())?;
        let details =
            json!({ "taken_at": taken_at, "discarded": swapped.discarded.count, "epoch": swapped.epoch });
        of.audit(&by, "tenant.restored", &format!("backup:{backup_id}"), &details)
    };
    let lease = Tenancy::lease_for_backup(id);
    let swapped = installation.tenancy.swap_in(lease, swap, |_| Ok(()), note).await?;
    // Those that were swept as left over before the tables that name them were in place. It is restored whatever comes of that.
    let missing_uploads = bring_uploads(installation, (id, id), &facts.contents).await.unwrap_or_else(|error| {
        tracing::error!(tenant_id = %id, error = ?error, "uploads of a tenant that was restored could not be looked through again");
        missing
    });
    Ok(Restored {
        tenant_id: id,
        slug: tenant.slug.clone(),
        backup: backup.id,
        taken_at,
        epoch: swapped.epoch,
        discarded: Some(swapped.discarded),
        before,
        missing_uploads,
        jobs_held: true,
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
        Ok::<_, Error>(stored.flatten().and(newest.map(|newest| newest.id)))
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
async fn fetched(
    installation: &Arc<Installation>,
    id: TenantId,
    backup: &Backup,
) -> Result<(Fetched, BackupFacts)> {
    let fetched = fetch(installation, Some(id), backup.id).await?;
    let (path, epoch, tenancy) = (fetched.path(), fetched.manifest.epoch, Arc::clone(&installation.tenancy));
    let looked = blocking(move || {
        if let Some(fault) = Maintenance::open(&path).map_err(Error::internal)?.fault()? {
            return Err(broken(&fault));
        }
        tenancy.facts_of(&path, id, Some(epoch))
    });
    let facts = looked.await?;
    Ok((fetched, facts))
}

async fn beside(
    installation: &Arc<Installation>,
    tenant: &Tenant,
    backup: &Backup,
    slug: String,
    by: By,
) -> Result<Restored> {
    let id = tenant.id;
    let input = NewTenantIn { name: tenant.name.clone(), slug: Some(slug) };
    let new = provisioning::prepare_tenant(installation, &input)?;
    provisioning::refuse_taken_slug(installation, &new).await?;
    let owners =
        installation.catalog.read(move |tx| tx.of(id).list_people_in_roles(&[OWNER], MOST_PEOPLE)).await?;
    let owners = owners.into_iter().map(|(owner, _)| owner).collect();
    let _begun = installation.backups.wait_and_begin(id).await;
    refuse_erased(installation, id)?;
    let (fetched, facts) = fetched(installation, id, backup).await?;
    let taken_at = fetched.manifest.taken_at;
    let why = format!("restored beside {} from a backup of {taken_at}", tenant.slug);
    let (mut missing_uploads, path) = (Vec::new(), fetched.path());
    let missing = &mut missing_uploads;
    let place = |new: TenantId| async move {
        refuse_erased(installation, id)?;
        let entitlements = installation.catalog.read(move |tx| tx.of(new).entitlements()).await?;
        let tenancy = Arc::clone(&installation.tenancy);
        let version = blocking(move || {
            tenancy.provision_from(&path, new, entitlements.as_ref(), &why, Beside::Restored)
        })
        .await?;
        *missing = bring_uploads(installation, (id, new), &facts.contents).await?;
        // It ends with nothing of it, as an erasure in the middle wants.
        refuse_erased(installation, id)?;
        Ok(version)
    };
    let of = CopyOf { tenant: id, is_clone: false, expires_at: None };
    let plan = tenant.plan.clone();
    let made = provisioning::provision_beside(installation, new, owners, plan, of, by.clone(), place).await?;
    let (new, backup_id) = (made.id, backup.id);
    let audit = installation.catalog.write("note_restored", move |tx| {
        let details = json!({ "taken_at": taken_at, "of": id, "beside": new });
        tx.of(new).audit(&by, "tenant.restored", &format!("backup:{backup_id}"), &details)?;
        tx.audit(&by, "tenant.restored", &format!("tenant:{new}"), &details)
    });
    audit.await?;
    Ok(Restored {
        tenant_id: new,
        slug: made.slug,
        backup: backup.id,
        taken_at,
        epoch: made.epoch,
        discarded: None,
        before: None,
        missing_uploads,
        jobs_held: true,
    })
}
