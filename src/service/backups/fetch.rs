//! A backup on its way out of the store: read, digested and laid down as a file of its own.

use super::Installation;
use super::store::{BackupKeys, BackupStore};
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::id::{BackupId, TenantId};
use crate::model::backup::{FORMAT, Manifest};
use crate::model::hex::hex;
use crate::paced::{Paced, Working};
use crate::tenancy::{Layout, blocking};
use flate2::write::GzDecoder;
use sha2::{Digest as _, Sha256};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

/// Bytes of a manifest.
const MOST: u64 = 16 << 20;

/// A backup that was read. Removed when it is dropped.
pub(super) struct Fetched {
    directory: Working,
    pub(super) manifest: Manifest,
}

impl Fetched {
    /// The database, one plain file, with the digest that its manifest names.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.join("data.db")
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
    let (store, layout) = (&installation.backups.store, installation.tenancy.layout());
    let manifest = read_manifest(store, tenant, id).await?.ok_or_else(missing)?;
    fetch_from(store, layout, manifest, installation.clock.now()).await
}

/// What a backup says of itself; nothing where it is not in the store.
///
/// # Errors
/// 409 `backup_broken`; as the store says.
pub(super) async fn read_manifest(
    store: &BackupStore,
    tenant: Option<TenantId>,
    id: BackupId,
) -> Result<Option<Manifest>> {
    let Some(bytes) = store.get(&BackupKeys::of(tenant, id).manifest(), MOST).await? else {
        return Ok(None);
    };
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|error| broken("its manifest cannot be read").because(error))?;
    if (manifest.format.as_str(), manifest.summary.id, manifest.summary.tenant_id) != (FORMAT, id, tenant) {
        return Err(broken("its manifest is that of another backup"));
    }
    Ok(Some(manifest))
}

/// As [`fetch`], without an installation.
///
/// # Errors
/// As [`fetch`].
pub(super) async fn fetch_from(
    store: &BackupStore,
    layout: &Layout,
    manifest: Manifest,
    now: Timestamp,
) -> Result<Fetched> {
    let (tenant, id) = (manifest.summary.tenant_id, manifest.summary.id);
    let whose = tenant.map_or_else(|| "catalog".to_owned(), |tenant| tenant.to_string());
    let directory = layout.tmp().join(format!("restore-{whose}-{id}-{}", crate::id::uuid_v7(now)));
    let made = directory.clone();
    let fetched = Fetched { directory: Working::new(directory), manifest };
    let (path, size) = (fetched.path(), fetched.manifest.summary.size_bytes);
    let layout = layout.clone();
    let file = blocking(move || {
        layout.require_room_for_backup(size)?;
        std::fs::create_dir(&made)?;
        Ok(OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?)
    });
    let out = GzDecoder::new(Bounded { file: Paced::new(file.await?), digest: Sha256::new(), left: size });
    let keys = BackupKeys::of(tenant, id);
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
        done.file.finish()?;
        Ok((hex(&done.digest.finalize()), done.left))
    })
    .await
    .map_err(|error| broken("it cannot be unpacked").because(error))?;
    if left != 0 || sha256 != fetched.manifest.summary.sha256 {
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
    file: Paced,
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
