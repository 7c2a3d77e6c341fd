//! A backup on its way out of the store: read, digested and laid down as a file of its own.

use super::Installation;
use super::store::BackupKeys;
use crate::error::{Error, Kind, Result};
use crate::id::{BackupId, TenantId};
use crate::model::backup::{FORMAT, Manifest};
use crate::model::hex::hex;
use crate::tenancy::blocking;
use flate2::write::GzDecoder;
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of a manifest.
const MOST: u64 = 16 << 20;

/// A backup that was read. Removed when it is dropped.
pub(super) struct Fetched {
    directory: PathBuf,
    pub(super) manifest: Manifest,
}

impl Fetched {
    /// The database, one plain file, with the digest that its manifest names.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.join("data.db")
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Reads a backup.
///
/// # Errors
/// 410 `backup_missing` when it is not in the store; 409 `backup_broken` when it is not what it was; 503 `no_room_for_backups`; as
/// the store says.
pub(super) async fn fetch(
    installation: &Installation,
    tenant: Option<TenantId>,
    id: BackupId,
) -> Result<Fetched> {
    let (store, keys) = (&installation.backups.store, BackupKeys::of(tenant, id));
    let bytes = store.get(&keys.manifest(), MOST).await?.ok_or_else(missing)?;
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|error| broken("its manifest cannot be read").because(error))?;
    if (manifest.format.as_str(), manifest.id, manifest.tenant_id) != (FORMAT, id, tenant) {
        return Err(broken("its manifest is that of another backup"));
    }
    let whose = tenant.map_or_else(|| "catalog".to_owned(), |tenant| tenant.to_string());
    let now = installation.clock.now();
    let directory =
        installation.tenancy.layout().tmp().join(format!("restore-{whose}-{id}-{}", crate::id::uuid_v7(now)));
    let made = directory.clone();
    // From here on the directory goes with it, whatever happens.
    let fetched = Fetched { directory, manifest };
    let (path, size) = (fetched.path(), fetched.manifest.size_bytes);
    let tenancy = Arc::clone(&installation.tenancy);
    let file = blocking(move || {
        tenancy.require_room_for_backup(size)?;
        std::fs::create_dir(&made)?;
        Ok(OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?)
    });
    let out = GzDecoder::new(Bounded { file: file.await?, digest: Sha256::new(), left: size });
    let read = store.get_into(&keys.database(), out, |out, piece| Ok(out.write_all(piece)?)).await;
    let out = match read {
        Ok(out) => out.ok_or_else(missing)?,
        Err(error) if error.kind() == Kind::Internal => {
            return Err(broken("it cannot be unpacked").because(error));
        }
        Err(error) => return Err(error),
    };
    let (sha256, left) = blocking(move || {
        let done = out.finish()?;
        done.file.sync_all()?;
        Ok((hex(&done.digest.finalize()), done.left))
    })
    .await
    .map_err(|error| broken("it cannot be unpacked").because(error))?;
    if left != 0 || sha256 != fetched.manifest.sha256 {
        return Err(broken("its database is not the one that its manifest names"));
    }
    Ok(fetched)
}

fn missing() -> Error {
    Error::new(
        Kind::Gone,
        "backup_missing",
        "This backup is not in the store. It may have been removed by hand.",
    )
}

pub(super) fn broken(why: &str) -> Error {
    Error::conflict("backup_broken", format!("This backup cannot be used: {why}."))
}

/// Writes no more than the manifest says, however much is packed into it.
struct Bounded {
    file: File,
    digest: Sha256,
    left: u64,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.len() as u64 > self.left {
            return Err(std::io::Error::other("more is packed in it than its manifest says"));
        }
        let written = self.file.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or_default());
        self.left -= written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
