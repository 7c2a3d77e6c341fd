//! Copies of tenants' files: kept for a while when they were made before a migration, or made to try one.

use super::{bring_up, since};
use crate::catalog::Tenant;
use crate::clock::monotonic;
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::tenancy::file::reason;
use crate::tenancy::layout::{make_directory, sync};
use crate::tenancy::{Layout, Lease, Tenancy, blocking, copy_file};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is kept free on the disk when files are copied.
const SPARE: u64 = 64 << 20;

/// What a migration of a copy came to.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Rehearsed {
    /// The tenant's slug.
    pub slug: String,
    /// Bytes of the copy.
    pub size_bytes: u64,
    /// Milliseconds that migrating it took.
    pub took_ms: i64,
    /// What went wrong.
    pub error: Option<String>,
}

/// Whether a copy of so many bytes leaves something free on the disk of that directory. Blocks.
pub(in crate::tenancy) fn has_room(directory: &Path, size: u64) -> Result<bool> {
    let room = rustix::fs::statvfs(directory).map_err(std::io::Error::from)?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize) >= size.saturating_add(SPARE))
}

/// Copies the file into the directory of snapshots, in the place of any that is there, and returns its name. Blocks.
pub(super) fn take_snapshot(layout: &Layout, tenant: TenantId, name: &str) -> Result<()> {
    let (source, directory) = (layout.tenant_file(tenant), layout.tenant_snapshots(tenant));
    let size = std::fs::metadata(&source)?.len();
    if !has_room(&layout.tenant(tenant), size)? {
        return Err(Error::new(
            Kind::Unavailable,
            "no_room_for_snapshots",
            format!(
                "There is no room on the disk for a copy of {size} bytes. Make room, or copy smaller files only."
            ),
        ));
    }
    make_directory(&directory)?;
    let working = directory.join("new.db");
    remove_if_there(&working)?;
    copy_file(&source, &working)?;
    sync(&working)?;
    std::fs::rename(&working, directory.join(name))?;
    for old in std::fs::read_dir(&directory)? {
        let old = old?;
        if old.file_name() != name {
            remove_if_there(&old.path())?;
        }
    }
    sync(&directory)
}

fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// The copy that was made before a migration which was cut off.
pub(super) fn snapshot_of_before(layout: &Layout, tenant: TenantId) -> Option<String> {
    let entries = std::fs::read_dir(layout.tenant_snapshots(tenant)).ok()?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name != "new.db").max()
}

impl Tenancy {
    /// Migrates a copy of a tenant's file, which is removed afterwards. None where the tenant has no file.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn rehearse_migration(self: &Arc<Tenancy>, lease: Lease) -> Result<Option<Rehearsed>> {
        let Some(tenant) = self.with_file(&lease).await? else { return Ok(None) };
        let tenancy = Arc::clone(self);
        blocking(move || {
            let copy = tenancy.layout.tmp().join(format!("rehearsal-{}.db", tenant.id));
            let rehearsed = tenancy.fences.unless_down(tenant.id, || tenancy.rehearse_on(&tenant, &copy));
            for suffix in ["", "-wal", "-shm"] {
                remove_if_there(&PathBuf::from(format!("{}{suffix}", copy.display())))?;
            }
            rehearsed.map(Some)
        })
        .await
    }

    fn rehearse_on(&self, tenant: &Tenant, copy: &Path) -> Result<Rehearsed> {
        remove_if_there(copy)?;
        copy_file(&self.layout.tenant_file(tenant.id), copy)?;
        let (begun, size_bytes) = (monotonic(), std::fs::metadata(copy)?.len());
        let done = bring_up(copy, Some(&self.app), self.clock.now());
        let error = done.err().map(|refusal| reason(&refusal));
        Ok(Rehearsed { slug: tenant.slug.clone(), size_bytes, took_ms: since(begun), error })
    }

    /// Bytes of a tenant's file, without a look into it; 0 where there is none.
    pub fn file_bytes(&self, lease: &Lease) -> u64 {
        std::fs::metadata(self.layout.tenant_file(lease.tenant_id())).map_or(0, |file| file.len())
    }

    /// Removes the copies that were made before migrations of a tenant.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn remove_snapshots(self: &Arc<Tenancy>, lease: Lease) -> Result<()> {
        let tenancy = Arc::clone(self);
        blocking(move || {
            let directory = tenancy.layout.tenant_snapshots(lease.tenant_id());
            match std::fs::remove_dir_all(&directory) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            }
        })
        .await
    }
}
