//! Putting the new file where the tenant's is. Can be done again after a crash.

use crate::catalog::TenantSwap;
use crate::db::Maintenance;
use crate::error::{Error, Result};
use crate::fault;
use crate::tenancy::Tenancy;
use crate::tenancy::layout::{make_directory, sync};
use crate::tenancy::migrate::is_damaged;
use std::path::{Path, PathBuf};

impl Tenancy {
    /// Puts the new file where the tenant's is, the one of before among the copies or away. Can be done again after a crash.
    /// Nobody uses either.
    pub(super) fn rename(&self, swap: &TenantSwap) -> Result<()> {
        let (live, new) = (self.layout.tenant_file(swap.tenant), self.layout.tenant_swap(swap.tenant));
        if new.exists() {
            if live.exists() {
                self.put_away(swap, &live)?;
            }
            // What is left of the log of before would be taken for that of the new file.
            for suffix in ["-wal", "-shm"] {
                remove_file(&beside(&live, suffix))?;
            }
            fault::step();
            std::fs::rename(&new, &live)?;
            fault::step();
        }
        sync(&self.layout.tenant(swap.tenant))
    }

    fn put_away(&self, swap: &TenantSwap, live: &Path) -> Result<()> {
        let Some(name) = &swap.keep_as else { return remove_file(live) };
        let copies = self.layout.tenant_snapshots(swap.tenant);
        make_directory(&copies)?;
        fault::step();
        let log = beside(live, "-wal");
        if log.metadata().is_ok_and(|log| log.len() > 0) {
            if is_damaged(name) {
                // What can be had of it still is in both.
                std::fs::rename(&log, beside(&copies.join(name), "-wal"))?;
            } else {
                Maintenance::open(live).map_err(Error::internal)?.checkpoint()?;
            }
        }
        std::fs::rename(live, copies.join(name))?;
        sync(&copies)
    }
}

pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn remove_file(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Removes a database that nobody has open.
pub(super) fn remove(path: &Path) -> Result<()> {
    ["-wal", "-shm", "-journal", ""].into_iter().try_for_each(|suffix| remove_file(&beside(path, suffix)))
}
