//! Migrating a copy of a tenant's file, to try it.

use super::copies::remove_if_there;
use super::{bring_up, since};
use crate::catalog::Tenant;
use crate::clock::monotonic;
use crate::db::Maintenance;
use crate::error::{Error, Result};
use crate::tenancy::file::reason;
use crate::tenancy::{Lease, Tenancy, blocking};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
        let file = Maintenance::open(&self.layout.tenant_file(tenant.id)).map_err(Error::internal)?;
        file.copy_pages_into(copy)?;
        drop(file);
        let (begun, size_bytes) = (monotonic(), std::fs::metadata(copy)?.len());
        let done = bring_up(copy, Some(&self.app), self.clock.now());
        let error = done.err().map(|refusal| reason(&refusal));
        Ok(Rehearsed { slug: tenant.slug.clone(), size_bytes, took_ms: since(begun), error })
    }
}
