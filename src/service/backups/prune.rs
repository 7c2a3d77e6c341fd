//! Removing backups that have had their time, and what a crash left half stored.

use super::Installation;
use super::adopt::adopt;
use super::contents::sweep_contents;
use super::fetch::read_manifest;
use super::store::BackupKeys;
use crate::catalog::Backup;
use crate::error::Result;
use crate::id::{BackupId, TenantId};

/// Backups that are removed in one go.
const PAGE: u32 = 256;

/// Removes what has had its time; how many backups that were.
///
/// # Errors
/// As catalog and store say.
pub(super) async fn prune(installation: &Installation) -> Result<i64> {
    let mut pruned = 0;
    loop {
        let page = installation.catalog.read(|tx| tx.list_backups_to_prune(PAGE)).await?;
        if page.is_empty() || installation.is_draining() {
            return Ok(pruned);
        }
        for backup in page {
            remove(installation, &backup).await?;
            pruned += 1;
        }
    }
}

/// Removes one backup, and uploads that no other one of its tenant names.
async fn remove(installation: &Installation, backup: &Backup) -> Result<()> {
    let _begun = match backup.summary.tenant_id {
        Some(tenant) => Some(installation.backups.wait_and_begin(tenant).await),
        None => None,
    };
    let id = backup.summary.id;
    remove_objects(installation, backup.summary.tenant_id, id).await?;
    installation.catalog.write("delete_backup", move |tx| tx.delete_backup(id)).await?;
    if let Some(tenant) = backup.summary.tenant_id.filter(|_| backup.summary.files > 0) {
        // A catalog of before does not know all that name uploads.
        adopt(installation, Some(tenant)).await?;
        let kept = installation.catalog.read(move |tx| tx.list_backups(Some(tenant), None, u32::MAX)).await?;
        sweep_contents(installation, tenant, &kept).await?;
    }
    Ok(())
}

/// The manifest first: without one the rest is no backup any more.
async fn remove_objects(installation: &Installation, tenant: Option<TenantId>, id: BackupId) -> Result<()> {
    let (store, keys) = (&installation.backups.store, BackupKeys::of(tenant, id));
    store.delete(&keys.manifest()).await?;
    store.delete_all(&keys.directory()).await.map(drop)
}

/// Removes what was begun and did not become whole. What did, is entered: a crash came before it was noted, or the catalog is one
/// of before, which knows its own backup as begun. To be done while no round is under way.
///
/// # Errors
/// As catalog and store say.
pub(super) async fn sweep_begun(installation: &Installation) -> Result<()> {
    for (id, tenant) in installation.catalog.read(|tx| tx.list_begun_backups()).await? {
        let _begun = match tenant {
            Some(tenant) => Some(installation.backups.wait_and_begin(tenant).await),
            None => None,
        };
        // Who was at it may have finished it meanwhile.
        if installation.catalog.read(move |tx| tx.is_begun_backup(id)).await? {
            if is_whole(installation, tenant, id).await? {
                tracing::warn!(backup = %id, "a backup that was noted as begun is whole in the store: it is entered, and so are others there");
                adopt(installation, tenant).await?;
                continue;
            }
            remove_objects(installation, tenant, id).await?;
            installation.catalog.write("delete_backup", move |tx| tx.delete_backup(id)).await?;
        }
    }
    Ok(())
}

/// Whether a backup is in the store with its manifest, which is stored last. Of an erased tenant none is.
async fn is_whole(installation: &Installation, tenant: Option<TenantId>, id: BackupId) -> Result<bool> {
    if tenant.is_some_and(|tenant| installation.tenancy.is_erased(tenant)) {
        return Ok(false);
    }
    match read_manifest(&installation.backups.store, tenant, id).await {
        Ok(manifest) => Ok(manifest.is_some()),
        Err(error) if error.code() == "backup_broken" => Ok(false),
        Err(error) => Err(error),
    }
}
