//! Removing a tenant's files for good (DESIGN 9, "Erasure order").

use super::Tenancy;
use super::layout::sync;
use crate::catalog::DATA;
use crate::error::{Error, Result};
use crate::id::{ImportId, TenantId};
use crate::model::receipt::{Receipt, StoreErased};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One kind of files that a tenant has: how the receipt calls it, where they are, how their absence is made sure of.
struct Store {
    name: &'static str,
    paths: Vec<PathBuf>,
    verified: &'static str,
}

const GONE: &str = "the directory was synced and no longer holds them";

impl Tenancy {
    /// Closes the tenant's file for everyone and counts what [`Tenancy::erase_files`] is going to remove. To be written
    /// down before it does: after a crash in the middle there is less left to count.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn count_files(self: &Arc<Tenancy>, id: TenantId) -> Result<Vec<StoreErased>> {
        let (tenancy, imports) = (Arc::clone(self), self.imports_of(id).await?);
        super::blocking(move || {
            tenancy.shut(id);
            tenancy.stores(id, &imports)?.iter().map(|store| store.each(count)).collect()
        })
        .await
    }

    /// Closes the tenant's file for everyone and removes all its files: the database, uploads, exports, imports, mail about it.
    /// Safe to be done again after a crash. The catalog must say `erasing` already.
    ///
    /// # Errors
    /// The disk refuses, or something is left afterwards.
    pub async fn erase_files(self: &Arc<Tenancy>, id: TenantId) -> Result<Vec<StoreErased>> {
        let (tenancy, imports) = (Arc::clone(self), self.imports_of(id).await?);
        super::blocking(move || tenancy.erase_files_blocking(id, &imports)).await
    }

    /// The imports that the tenant was made of, as long as the catalog knows them.
    async fn imports_of(&self, id: TenantId) -> Result<Vec<ImportId>> {
        self.catalog.read(move |tx| tx.of(id).list_ids_of_imports()).await
    }

    /// From here on nobody opens the tenant's file, and nothing about it is written.
    fn shut(&self, id: TenantId) {
        self.fences.lower(id);
        self.files.close(id);
    }

    fn erase_files_blocking(&self, id: TenantId, imports: &[ImportId]) -> Result<Vec<StoreErased>> {
        self.shut(id);
        let removed: Result<Vec<StoreErased>> =
            self.stores(id, imports)?.iter().map(|store| store.each(remove_while_written)).collect();
        let removed = removed?;
        let directory = self.layout.tenant(id);
        remove_tree(&directory)?;
        if let Some(shard) = directory.parent().filter(|shard| shard.is_dir()) {
            sync(shard)?;
        }
        sync(&self.layout.exports())?;
        sync(&self.layout.imports())?;
        sync(&self.layout.tmp())?;
        sync(&self.layout.mail())?;
        let left = self.stores(id, imports)?.into_iter().flat_map(|store| store.paths);
        for left in left.chain([directory]) {
            if left.exists() {
                return Err(Error::internal(format!("{} is still there after its removal", left.display())));
            }
        }
        Ok(removed)
    }

    fn stores(&self, id: TenantId, imports: &[ImportId]) -> Result<Vec<Store>> {
        let directory = self.layout.tenant(id);
        let text = id.to_string();
        let unfinished = [format!("export-{text}"), format!("backup-{text}"), format!("restore-{text}")];
        let mut exports = entries(&self.layout.tmp(), |name| {
            unfinished.iter().any(|beginning| name.starts_with(beginning.as_str()))
        })?;
        exports.push(self.layout.tenant_exports(id));
        let mut copies = entries(&self.layout.tmp(), |name| name.starts_with(&format!("rehearsal-{text}")))?;
        copies.push(self.layout.tenant_snapshots(id));
        let mut sent = entries(&self.layout.tmp(), |name| {
            imports.iter().any(|id| name.starts_with(&format!("import-{id}")))
        })?;
        sent.extend(imports.iter().map(|id| self.layout.import(*id)));
        let own = self.layout.volume_of(id);
        let others = self.volumes_that_are_there().into_iter().flat_map(|volume| {
            let elsewhere = (volume != own).then(|| self.layout.tenant_on(&volume, id));
            elsewhere.into_iter().chain([self.layout.unfinished_move(&volume, id)])
        });
        Ok(vec![
            Store {
                name: "tenant database (records, changes, jobs, schedules, webhooks, usage; with its write-ahead log)",
                // The log first: left alone beside no database it is harmless, the other way round it would be replayed.
                paths: ["data.db-wal", "data.db-shm", "data.db"].map(|name| directory.join(name)).into(),
                verified: GONE,
            },
            Store {
                name: "file being put in the place of the database",
                paths: ["swap.db-wal", "swap.db-shm", "swap.db-journal", "swap.db"]
                    .map(|name| directory.join(name))
                    .into(),
                verified: GONE,
            },
            Store { name: "copies made before migrations, or to try one", paths: copies, verified: GONE },
            Store { name: "copies on other volumes, from moves", paths: others.collect(), verified: GONE },
            Store { name: "uploaded files", paths: vec![self.layout.tenant_contents(id)], verified: GONE },
            Store { name: "exports", paths: exports, verified: GONE },
            Store { name: "files that it was imported from", paths: sent, verified: GONE },
            Store {
                name: "mail kept in this installation",
                paths: entries(&self.layout.mail(), |name| name.contains(&text))?,
                verified: "no file of the mail directory carries the tenant's id",
            },
        ])
    }

    /// The data directory, and those of the volumes that can be had.
    fn volumes_that_are_there(&self) -> Vec<String> {
        let there = self.layout.volumes().into_iter().filter(|(_, volume)| volume.fault.is_none());
        std::iter::once(DATA.to_owned()).chain(there.map(|(name, _)| name)).collect()
    }

    /// Volumes that cannot be had now, so that nobody can say what is on them.
    pub fn volumes_away(&self) -> Vec<String> {
        let all = self.layout.volumes().into_iter();
        all.filter(|(_, volume)| volume.fault.is_some()).map(|(name, _)| name).collect()
    }

    /// Tenants that the ledger of erasures names.
    pub fn erased_by_ledger(&self) -> Vec<TenantId> {
        self.ledger.tenants()
    }

    /// The last receipt of each tenant in the ledger of erasures, each as the text of its line.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn read_ledger(self: &Arc<Tenancy>) -> Result<HashMap<TenantId, String>> {
        let tenancy = Arc::clone(self);
        super::blocking(move || tenancy.ledger.read()).await
    }

    /// Writes the receipt into the ledger beside the backups; one that stands there already is not written twice.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn append_to_ledger(self: &Arc<Tenancy>, id: TenantId, receipt: Receipt) -> Result<()> {
        let tenancy = Arc::clone(self);
        super::blocking(move || tenancy.ledger.append(id, &receipt)).await
    }
}

impl Store {
    /// Does `act`, which says how many files it was about, at each place.
    fn each(&self, act: impl Fn(&Path) -> Result<u64>) -> Result<StoreErased> {
        let mut removed = 0;
        for path in &self.paths {
            removed += act(path)?;
        }
        Ok(StoreErased { store: self.name.to_owned(), removed, verified: self.verified.to_owned() })
    }
}

/// Paths of what has such a name in a directory.
fn entries(directory: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if is_wanted(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// How many files are at a place or below it; none where there is nothing, or where others remove what they left meanwhile.
fn count(path: &Path) -> Result<u64> {
    let is_gone = |error: &std::io::Error| error.kind() == ErrorKind::NotFound;
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Ok(1),
        Err(error) if is_gone(&error) => return Ok(0),
        Err(error) => return Err(error.into()),
    }
    let inner = match std::fs::read_dir(path) {
        Ok(inner) => inner,
        Err(error) if is_gone(&error) => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    let mut files = 0;
    for entry in inner {
        files += count(&entry?.path())?;
    }
    Ok(files)
}

/// Removes a file, or a directory into which someone may still write a file or two: an export that is being made fails
/// when its directory goes.
fn remove_while_written(path: &Path) -> Result<u64> {
    let is_directory = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
    if !is_directory {
        return Ok(u64::from(remove_file(path)?));
    }
    for _ in 0..100 {
        if let Ok(removed) = remove_tree(path) {
            return Ok(removed);
        }
    }
    remove_tree(path)
}

fn remove_file(path: &Path) -> Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Removes a directory with all that is in it and counts the files.
pub(super) fn remove_tree(path: &Path) -> Result<u64> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
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
