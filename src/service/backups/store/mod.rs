//! Where backups are kept: a directory, or a bucket of a service that speaks as S3 does.
//!
//! ```text
//! tenants/<tenant>/<backup>/data.db.gz     the database
//! tenants/<tenant>/<backup>/uploads        ids of the uploads that it names, a line each; only where it names any
//! tenants/<tenant>/<backup>/manifest.json  written last: what has none is no backup
//! tenants/<tenant>/files/<content>         uploads, once each for all backups of a tenant
//! catalog/<backup>/catalog.db.gz, manifest.json
//! ledgers/*.ndjson                         what is signed beside the databases; in a directory of its own it lies there already
//! ```

mod keys;
mod long;

pub(super) use keys::{BackupKeys, content_of, contents_of, of_tenant};

use super::s3;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::tenancy::{Layout, blocking};
use futures_util::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of one part of what is stored in parts, and of one read.
const PART: usize = 8 << 20;

/// The store of backups.
#[derive(Clone)]
pub(super) struct BackupStore {
    objects: Arc<dyn ObjectStore>,
    prefix: Key,
    /// The directory, if it is one.
    directory: Option<PathBuf>,
    place: String,
}

impl BackupStore {
    /// Opens the store that the settings name, and makes its directory where it is one. Blocks.
    ///
    /// # Errors
    /// The disk refuses, or this machine trusts nobody.
    pub(super) fn open(config: &Config, layout: &Layout) -> Result<BackupStore> {
        if let Some(bucket) = config.backup_bucket() {
            let prefix = Key::parse(bucket.prefix).map_err(Error::internal)?;
            let place = format!("bucket {}", bucket.name);
            return Ok(BackupStore { objects: s3::open(&bucket)?, prefix, directory: None, place });
        }
        let directory = config.backup_directory.clone().unwrap_or_else(|| layout.backups());
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        let directory = directory.canonicalize()?;
        let objects = LocalFileSystem::new_with_prefix(&directory).map_err(Error::internal)?.with_fsync(true);
        let place = directory.display().to_string();
        Ok(BackupStore {
            objects: Arc::new(objects),
            prefix: Key::default(),
            directory: Some(directory),
            place,
        })
    }

    /// Where it is, for people.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// The directory, if it is one.
    pub(super) fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    fn key(&self, name: &str) -> Key {
        name.split('/').fold(self.prefix.clone(), |key, part| key.join(part))
    }

    /// Stores what is small. It appears whole or not at all, and is there to stay when this returns.
    ///
    /// # Errors
    /// 503 `backup_store_unavailable`.
    pub(super) async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        self.objects.put(&self.key(name), bytes.into()).await.map(drop).map_err(unavailable)
    }

    /// Reads what is small; nothing where it is not there.
    ///
    /// # Errors
    /// As [`BackupStore::put`]; it is longer than `most` bytes.
    pub(super) async fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        let found = match self.objects.get(&self.key(name)).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        if found.meta.size > most {
            return Err(Error::internal(format!(
                "{name} in the store of backups has {} bytes",
                found.meta.size
            )));
        }
        Ok(Some(found.bytes().await.map_err(unavailable)?.to_vec()))
    }

    /// Reads an object piece by piece and hands the pieces to `take`, on a thread that may block. False where it is not there.
    ///
    /// # Errors
    /// As [`BackupStore::put`]; what `take` returns.
    pub(super) async fn get_into<T: Send + 'static>(
        &self,
        name: &str,
        into: T,
        take: impl Fn(&mut T, &[u8]) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Option<T>> {
        let key = self.key(name);
        let size = match self.objects.head(&key).await {
            Ok(found) => found.size,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        let (take, mut into, mut at) = (Arc::new(take), into, 0);
        while at < size {
            let end = size.min(at + PART as u64);
            let piece = self.objects.get_range(&key, at..end).await.map_err(unavailable)?;
            let taking = Arc::clone(&take);
            into = blocking(move || taking(&mut into, &piece).map(|()| into)).await?;
            at = end;
        }
        Ok(Some(into))
    }

    /// Names below `under` with their sizes, without `under` itself.
    ///
    /// # Errors
    /// As [`BackupStore::put`].
    pub(super) async fn list(&self, under: &str) -> Result<Vec<(String, u64)>> {
        let prefix = self.key(under);
        let skipped = prefix.as_ref().len() + 1;
        let listed = self.objects.list(Some(&prefix));
        let named = listed.map_ok(move |found| {
            (found.location.as_ref().get(skipped..).unwrap_or_default().to_owned(), found.size)
        });
        match named.try_collect().await {
            Err(object_store::Error::NotFound { .. }) => Ok(Vec::new()),
            other => other.map_err(unavailable),
        }
    }

    /// Names directly below `under` that have others below them.
    ///
    /// # Errors
    /// As [`BackupStore::put`].
    pub(super) async fn list_directories(&self, under: &str) -> Result<Vec<String>> {
        match self.objects.list_with_delimiter(Some(&self.key(under))).await {
            Err(object_store::Error::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(unavailable(error)),
            Ok(found) => {
                let names = found.common_prefixes.iter().filter_map(|prefix| prefix.filename());
                Ok(names.map(str::to_owned).collect())
            }
        }
    }

    /// Removes an object. False where it was not there.
    ///
    /// # Errors
    /// As [`BackupStore::put`].
    pub(super) async fn delete(&self, name: &str) -> Result<bool> {
        match self.objects.delete(&self.key(name)).await {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Removes all below `under`, and how many objects there were. Of a directory also what was being written as a crash came.
    ///
    /// # Errors
    /// As [`BackupStore::put`].
    pub(super) async fn delete_all(&self, under: &str) -> Result<u64> {
        let mut removed = 0;
        for (name, _) in self.list(under).await? {
            removed += u64::from(self.delete(&format!("{under}/{name}")).await?);
        }
        if let Some(directory) = &self.directory {
            let path = directory.join(under);
            blocking(move || match std::fs::remove_dir_all(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            })
            .await?;
        }
        Ok(removed)
    }
}

/// What the store says is for the log: it names places, and no keys.
fn unavailable(error: object_store::Error) -> Error {
    Error::new(
        Kind::Unavailable,
        "backup_store_unavailable",
        "The store of backups does not take or give what it should. See the log.",
    )
    .because(error)
}
