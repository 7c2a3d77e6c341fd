//! Removing a tenant's files for good (DESIGN 9, "Erasure order").

use super::Tenancy;
use super::layout::sync;
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::receipt::{Receipt, StoreErased};
use std::path::Path;
use std::sync::Arc;

impl Tenancy {
    /// Closes the tenant's file for everyone and removes all its files: the database, uploads, exports, mail about it.
    /// Safe to be done again after a crash. The catalog must say `erasing` already.
    ///
    /// # Errors
    /// The disk refuses, or something is left afterwards.
    pub async fn erase_files(self: &Arc<Tenancy>, id: TenantId) -> Result<Vec<StoreErased>> {
        let tenancy = Arc::clone(self);
        super::blocking(move || tenancy.erase_files_blocking(id)).await
    }

    fn erase_files_blocking(&self, id: TenantId) -> Result<Vec<StoreErased>> {
        self.files.fence(id);
        self.files.close(id);
        let directory = self.layout.tenant(id);
        let mut database = 0;
        // The log first: left alone beside no database it is harmless, the other way round it would be replayed.
        for suffix in ["data.db-wal", "data.db-shm", "data.db"] {
            database += u64::from(remove_file(&directory.join(suffix))?);
        }
        let uploads = remove_tree(&directory.join("files"))?;
        remove_tree(&directory)?;
        if let Some(shard) = directory.parent().filter(|shard| shard.is_dir()) {
            sync(shard)?;
        }
        let exports = remove_tree(&self.layout.tenant_exports(id))? + self.remove_unfinished_exports(id)?;
        sync(&self.layout.exports())?;
        let mail = self.remove_mail_about(id)?;
        for left in [directory, self.layout.tenant_exports(id)] {
            if left.exists() {
                return Err(Error::internal(format!("{} is still there after its removal", left.display())));
            }
        }
        let gone = "the directory was synced and no longer holds them";
        let store = |store: &str, removed, verified: &str| StoreErased {
            store: store.to_owned(),
            removed,
            verified: verified.to_owned(),
        };
        Ok(vec![
            store("tenant database (with its write-ahead log)", database, gone),
            store("uploaded files", uploads, gone),
            store("exports", exports, gone),
            store(
                "mail kept in this installation",
                mail,
                "no file of the mail directory carries the tenant's id",
            ),
        ])
    }

    /// An export that is being written fails when its directory goes.
    fn remove_unfinished_exports(&self, id: TenantId) -> Result<u64> {
        let mut removed = 0;
        for entry in std::fs::read_dir(self.layout.tmp())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&format!("export-{id}")) {
                removed += remove_tree_while_written(&entry.path())?;
            }
        }
        Ok(removed)
    }

    fn remove_mail_about(&self, id: TenantId) -> Result<u64> {
        let mut removed = 0;
        for entry in std::fs::read_dir(self.layout.mail())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().contains(&id.to_string()) {
                removed += u64::from(remove_file(&entry.path())?);
            }
        }
        sync(&self.layout.mail())?;
        Ok(removed)
    }

    /// Writes the receipt into the ledger beside the backups.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn append_to_ledger(self: &Arc<Tenancy>, id: TenantId, receipt: Receipt) -> Result<()> {
        let tenancy = Arc::clone(self);
        super::blocking(move || tenancy.ledger.append(id, &receipt)).await
    }
}

fn remove_file(path: &Path) -> Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Removes a directory into which someone may still write a file or two.
fn remove_tree_while_written(path: &Path) -> Result<u64> {
    for _ in 0..100 {
        if let Ok(removed) = remove_tree(path) {
            return Ok(removed);
        }
    }
    remove_tree(path)
}

/// Removes a directory with all that is in it and counts the files.
fn remove_tree(path: &Path) -> Result<u64> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        // A link is removed, never followed.
        if entry.file_type()?.is_dir() {
            removed += remove_tree(&entry.path())?;
        } else {
            removed += u64::from(remove_file(&entry.path())?);
        }
    }
    std::fs::remove_dir(path)?;
    Ok(removed)
}
