//! The backup of the catalog, and of the ledgers that are signed beside the databases.

use super::Installation;
use super::store::BackupKeys;
use super::tenant::{digest, store_database};
use crate::error::Result;
use crate::id::BackupId;
use crate::model::backup::{BackupSummary, FORMAT, Manifest};
use crate::paced::Working;
use crate::tenancy::blocking;
use std::sync::Arc;

/// Backs the catalog up, and how many bytes were stored.
///
/// # Errors
/// As the store says; the disk refuses.
pub(super) async fn back_up_catalog(installation: &Arc<Installation>) -> Result<u64> {
    let (backups, taken_at) = (&installation.backups, installation.clock.now());
    let id = BackupId::new(taken_at);
    installation.catalog.write("begin_backup", move |tx| tx.begin_backup(id, None)).await?;
    let directory = installation.tenancy.layout().tmp().join(format!("backup-catalog-{id}"));
    let (working, catalog) = (Working::new(directory.clone()), Arc::clone(&installation.catalog));
    let path = directory.join("catalog.db");
    let target = path.clone();
    let copied = backups.threads.run(move || {
        std::fs::create_dir(&directory)?;
        let (system, tables) = catalog.copy_into(&target)?;
        Ok((system, tables, digest(&target)?))
    });
    let (system, tables, (sha256, size_bytes)) = copied.await?;
    let keys = BackupKeys::of(None, id);
    let stored = store_database(&backups.store, &backups.threads, &keys, path).await?;
    drop(working);
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        installation: installation.id.clone(),
        summary: BackupSummary {
            id,
            tenant_id: None,
            slug: None,
            taken_at,
            epoch: 0,
            system: i64::try_from(system).unwrap_or(i64::MAX),
            app: 0,
            change_seq: 0,
            event_seq: 0,
            size_bytes,
            stored_bytes: stored.1,
            sha256,
            files: 0,
            file_bytes: 0,
        },
        stored_sha256: stored.0,
        tables,
        missing: Vec::new(),
    };
    backups.store.put(&keys.manifest(), serde_json::to_vec_pretty(&manifest)?).await?;
    let retention = installation.retention();
    installation.catalog.write("finish_backup", move |tx| tx.finish_backup(&manifest, retention)).await?;
    Ok(stored.1)
}

/// Stores the ledgers, unless the store is the directory where they are kept. What is appended meanwhile comes with the next
/// round.
///
/// # Errors
/// As the store says; the disk refuses.
pub(super) async fn store_ledgers(installation: &Installation) -> Result<()> {
    let (store, layout) = (&installation.backups.store, installation.tenancy.layout());
    let kept = layout.backups();
    if store.directory().is_some_and(|directory| kept.canonicalize().is_ok_and(|kept| kept == directory)) {
        return Ok(());
    }
    for path in layout.ledgers() {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let read = move || match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        };
        if let Some(bytes) = blocking(read).await? {
            store.put(&format!("ledgers/{name}"), bytes).await?;
        }
    }
    Ok(())
}
