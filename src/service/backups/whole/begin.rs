//! The beginning: an empty directory gets a mark, the ledgers, and the catalog.

use super::super::fetch::{Fetched, broken, fetch_from, read_manifest};
use super::super::store::BackupStore;
use super::WholeIn;
use crate::catalog::look_into_copy;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::db::Maintenance;
use crate::error::{Error, Kind, Result};
use crate::id::BackupId;
use crate::service::lock::DirectoryLock;
use crate::tenancy::{Layout, blocking};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

const MARK: &str = "restore.json";
const FORMAT: &str = "tenantry.restore.v1";
/// Bytes of a ledger.
const MOST: u64 = 1 << 30;

/// Says that a directory is half restored, and from what.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    format: String,
    from: String,
    at: Option<Timestamp>,
    /// The backup of the catalog, once that is in place.
    catalog: Option<(BackupId, Timestamp)>,
}

/// Whether a directory is half restored.
pub fn is_half_restored(data: &Path) -> bool {
    data.join(MARK).exists()
}

/// Takes the mark away. Blocks.
pub(super) fn end(data: &Path) -> Result<()> {
    std::fs::remove_file(data.join(MARK))?;
    Ok(File::open(data)?.sync_all()?)
}

/// A directory that is ours to fill.
pub(super) struct Begun {
    pub(super) layout: Layout,
    _lock: DirectoryLock,
}

impl Begun {
    /// Takes a directory that holds nothing, or what an earlier run left of the same. Blocks.
    ///
    /// # Errors
    /// 409 `data_not_empty`, `keys_missing`; 503 `data_locked`; the disk refuses.
    pub(super) fn take(config: &Config, input: &WholeIn) -> Result<Begun> {
        let data = &config.data;
        if !is_half_restored(data) {
            refuse_filled(config)?;
            let has_keys = std::fs::read_dir(data.join("keys")).is_ok_and(|mut keys| keys.next().is_some());
            if !has_keys && !input.new_keys {
                return Err(Error::conflict(
                    "keys_missing",
                    format!(
                        "There are no keys in {}. Put those of the lost machine there, which you kept apart: without them second \
                         factors cannot be read, nor can what was signed be told from what was not. Where they are lost too, say \
                         --new-keys.",
                        data.join("keys").display()
                    ),
                ));
            }
        }
        let layout = Layout::create(data)?;
        let lock = DirectoryLock::take(layout.root())?;
        layout.clear_tmp()?;
        Ok(Begun { layout, _lock: lock })
    }

    /// Puts the ledgers and the catalog in place, unless they are; which backup the catalog is of.
    ///
    /// # Errors
    /// As [`restore_whole`](super::restore_whole).
    pub(super) async fn catalog(
        &self,
        store: &BackupStore,
        input: &WholeIn,
        now: Timestamp,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<(BackupId, Timestamp)> {
        let from = store.place().to_owned();
        let is_begun = self.layout.root().join("catalog.db").exists();
        match read_mark(self.layout.root())? {
            // Before the catalog is in place nothing is decided.
            Some(mark) if is_begun && (&mark.from, mark.at) != (&from, input.at) => {
                let at =
                    mark.at.map_or_else(|| "as it was last".to_owned(), |at| format!("as it was at {at}"));
                return Err(Error::conflict(
                    "restore_differs",
                    format!(
                        "This directory is half restored from {}, {at}. Go on with the same, or take an empty directory.",
                        mark.from
                    ),
                ));
            }
            Some(Mark { catalog: Some(catalog), .. }) => return Ok(catalog),
            _ => {
                self.mark(Mark {
                    format: FORMAT.to_owned(),
                    from: from.clone(),
                    at: input.at,
                    catalog: None,
                })
                .await?;
            }
        }
        let fetched = self.newest_catalog(store, input.at, now, progress).await?;
        self.place_ledgers(store).await?;
        let catalog = (fetched.manifest.summary.id, fetched.manifest.summary.taken_at);
        let root = self.layout.root().to_path_buf();
        blocking(move || {
            // What an earlier run left, whose mark does not know of it.
            for ending in ["-wal", "-shm"] {
                remove_if_there(&root.join(format!("catalog.db{ending}")))?;
            }
            std::fs::rename(fetched.path(), root.join("catalog.db"))?;
            Ok(File::open(&root)?.sync_all()?)
        })
        .await?;
        self.mark(Mark { format: FORMAT.to_owned(), from, at: input.at, catalog: Some(catalog) }).await?;
        progress(format!("the catalog is of {}", catalog.1));
        Ok(catalog)
    }

    async fn mark(&self, mark: Mark) -> Result<()> {
        let (root, text) = (self.layout.root().to_path_buf(), serde_json::to_vec_pretty(&mark)?);
        blocking(move || write_whole(&root.join(MARK), &text)).await
    }

    /// The ledgers lie beside the backups where those are in a directory of their own, and below them elsewhere.
    async fn place_ledgers(&self, store: &BackupStore) -> Result<()> {
        let kept = self.layout.backups();
        if store.directory().is_some_and(|directory| kept.canonicalize().is_ok_and(|kept| kept == directory))
        {
            return Ok(());
        }
        for path in self.layout.ledgers() {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let bytes = match store.get(&format!("ledgers/{name}"), MOST).await? {
                None => store.get(&name, MOST).await?,
                found => found,
            };
            // What is there else is of a run that was to restore something else.
            blocking(move || {
                bytes.map_or_else(|| remove_if_there(&path), |bytes| write_whole(&path, &bytes))
            })
            .await?;
        }
        Ok(())
    }

    /// The newest catalog that is good: unpacked and looked through.
    async fn newest_catalog(
        &self,
        store: &BackupStore,
        at: Option<Timestamp>,
        now: Timestamp,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Fetched> {
        let mut all: Vec<BackupId> = store
            .list("catalog")
            .await?
            .into_iter()
            .filter_map(|(name, _)| BackupId::parse(name.strip_suffix("/manifest.json")?))
            .collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        let mut fault = None;
        for id in all {
            match self.one_catalog(store, at, id, now).await {
                Ok(None) => {}
                Ok(Some(fetched)) => return Ok(fetched),
                Err(error) if matches!(error.code(), "backup_broken" | "backup_missing") => {
                    progress(format!("the backup {id} of the catalog cannot be used: {}", error.detail()));
                    fault.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(fault.unwrap_or_else(|| {
            Error::new(
                Kind::NotFound,
                "no_backup",
                format!("There is no backup of a catalog in {} from then or before.", store.place()),
            )
        }))
    }

    /// One backup of the catalog; nothing where it is of a later time.
    async fn one_catalog(
        &self,
        store: &BackupStore,
        at: Option<Timestamp>,
        id: BackupId,
        now: Timestamp,
    ) -> Result<Option<Fetched>> {
        let Some(manifest) = read_manifest(store, None, id).await? else { return Ok(None) };
        if at.is_some_and(|at| manifest.summary.taken_at > at) {
            return Ok(None);
        }
        let fetched = fetch_from(store, &self.layout, manifest, now).await?;
        let (path, expected) = (fetched.path(), fetched.manifest.tables.clone());
        blocking(move || {
            if let Some(fault) = Maintenance::open(&path).map_err(Error::internal)?.fault()? {
                return Err(broken(&fault));
            }
            if look_into_copy(&path)?.1 != expected {
                return Err(broken("its tables have other rows than its manifest says"));
            }
            Ok(())
        })
        .await?;
        Ok(Some(fetched))
    }
}

/// Refuses a directory that holds more than what somebody puts there before: keys, settings, and the store itself.
fn refuse_filled(config: &Config) -> Result<()> {
    let entries = match std::fs::read_dir(&config.data) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let store = config.backup_directory.clone().unwrap_or_else(|| config.data.join("backups"));
    let store = store.canonicalize().ok().filter(|_| config.backup_bucket.is_none());
    for entry in entries {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        let is_store = store.is_some() && path.canonicalize().ok() == store;
        let is_empty = || std::fs::read_dir(&path).is_ok_and(|mut inner| inner.next().is_none());
        if !(is_store || name == "keys" || name == "tenantry.toml" || name == "lock" || is_empty()) {
            return Err(Error::conflict(
                "data_not_empty",
                format!(
                    "{} holds {} already. A whole installation is restored into an empty directory: only keys/ and tenantry.toml may be \
                     there.",
                    config.data.display(),
                    name.to_string_lossy()
                ),
            ));
        }
    }
    Ok(())
}

fn read_mark(root: &Path) -> Result<Option<Mark>> {
    match std::fs::read(root.join(MARK)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes a file that appears whole and is on the disk to stay. Blocks.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let unfinished = PathBuf::from(format!("{}.new", path.display()));
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
