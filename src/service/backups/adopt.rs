//! Backups that are in the store and not in the catalog, which is one of before.

use super::Installation;
use super::fetch::read_manifest;
use super::store::of_tenant;
use crate::error::Result;
use crate::id::{BackupId, TenantId};
use std::collections::HashSet;

/// Enters backups into the catalog that were made after it was backed up itself, as one of before does not know them: of one
/// tenant, or of the catalog.
///
/// # Errors
/// As catalog and store say.
pub(super) async fn adopt(installation: &Installation, tenant: Option<TenantId>) -> Result<()> {
    let under = tenant.map_or_else(|| "catalog".to_owned(), of_tenant);
    let known = installation.catalog.read(move |tx| tx.list_ids_of_backups(tenant)).await?;
    let known: HashSet<BackupId> = known.into_iter().collect();
    let store = &installation.backups.store;
    let mut found: Vec<BackupId> = store
        .list(&under)
        .await?
        .into_iter()
        .filter_map(|(name, _)| BackupId::parse(name.strip_suffix("/manifest.json")?))
        .filter(|id| !known.contains(id))
        .collect();
    found.sort_unstable();
    for id in found {
        let manifest = match read_manifest(store, tenant, id).await {
            Ok(Some(manifest)) => manifest,
            Ok(None) => continue,
            Err(error) if error.code() == "backup_broken" => {
                tracing::error!(backup = %id, error = ?error, "a backup in the store cannot be used");
                continue;
            }
            Err(error) => return Err(error),
        };
        let retention = installation.retention();
        installation.catalog.write("adopt_backup", move |tx| tx.adopt_backup(&manifest, retention)).await?;
    }
    Ok(())
}
