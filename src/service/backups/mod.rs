//! Backups: the databases and uploads of all tenants, and the catalog, in a store of their own.
//!
//! Which tenants were written is noted in memory with each commit, and in the catalog from time to time; what a crash kept from
//! it shows by sizes and times of the files. A round visits only those. Each file is copied by SQLite while its writers go
//! on, digested, and stored unless the backup before has the same digest; a manifest is stored last. What a crash left half
//! stored was begun in the catalog and is swept by the next round.

mod adopt;
mod asked;
mod beside;
mod catalog;
mod command;
mod contents;
mod due;
mod erase;
mod fetch;
mod gone;
mod prune;
mod restore;
mod round;
mod s3;
mod store;
mod tenant;
mod threads;
mod verify;
mod whole;

pub(super) use asked::request_as_job;
pub use asked::{BackupState, NewBackupsIn, find_run, list_backups, list_runs, start, state};
pub use command::{BackupCommand, run_command};
pub use due::{run_when_due, sweep};
pub(super) use erase::{erase, note_erased};
pub use restore::{RestoreIn, Restored, restore};
pub use round::note_written;
pub(super) use tenant::is_of_another_epoch;
pub use verify::VerifiedBackup;
pub use whole::{RestoredWhole, Told, WholeIn, is_half_restored, restore_whole};

pub use crate::catalog::{Backup, BackupRun, BackupRunStatus};

use super::Installation;
use crate::config::Config;
use crate::error::Result;
use crate::id::TenantId;
use crate::model::backup::Retention;
use crate::tenancy::Layout;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex, PoisonError};
use store::BackupStore;
use threads::Threads;
use tokio::sync::{Notify, OwnedMutexGuard};

/// The store, and what those share who make backups.
pub(super) struct Backups {
    store: BackupStore,
    threads: Threads,
    retention: Retention,
    /// Tenants at once.
    parallel: usize,
    /// One round at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Whether files were looked at for writes that nobody noted.
    is_surveyed: AtomicBool,
    /// When it is looked again whether a round is due.
    look_at: AtomicI64,
    in_progress: Mutex<HashSet<TenantId>>,
    ended: Notify,
}

impl Backups {
    /// Opens the store. Blocks.
    pub(super) fn open(config: &Config, layout: &Layout) -> Result<Backups> {
        Ok(Backups {
            store: BackupStore::open(config, layout)?,
            threads: Threads::new(config.backup_parallel),
            retention: Retention { days: config.backup_daily, weeks: config.backup_weekly },
            parallel: config.backup_parallel,
            turn: Arc::default(),
            is_surveyed: AtomicBool::new(false),
            look_at: AtomicI64::new(i64::MIN),
            in_progress: Mutex::default(),
            ended: Notify::new(),
        })
    }

    /// Takes the place of who works on the tenant's backups; nothing where somebody does.
    fn begin(&self, tenant: TenantId) -> Option<InProgress<'_>> {
        let mut in_progress = self.in_progress.lock().unwrap_or_else(PoisonError::into_inner);
        // Not made where it is not given: its end would end that of another.
        in_progress.insert(tenant).then(|| InProgress { backups: self, tenant })
    }

    /// The same, and waits for it.
    async fn wait_and_begin(&self, tenant: TenantId) -> InProgress<'_> {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // From here on no end is missed.
            ended.as_mut().enable();
            if let Some(begun) = self.begin(tenant) {
                return begun;
            }
            ended.await;
        }
    }
}

/// Somebody works on a tenant's backups, until this is dropped.
struct InProgress<'b> {
    backups: &'b Backups,
    tenant: TenantId,
}

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.backups.in_progress.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.tenant);
        self.backups.ended.notify_waiters();
    }
}

/// Keeps rounds of backups off until it is dropped; nothing while one is under way.
pub(super) fn hold_off(installation: &Installation) -> Option<OwnedMutexGuard<()>> {
    Arc::clone(&installation.backups.turn).try_lock_owned().ok()
}

/// Where backups are, on a disk of this machine.
pub(super) fn directory(installation: &Installation) -> Option<PathBuf> {
    let config = installation.config();
    let is_here = config.backup_bucket.is_none();
    is_here
        .then(|| config.backup_directory.clone().unwrap_or_else(|| installation.tenancy.layout().backups()))
}

impl Installation {
    fn retention(&self) -> Retention {
        self.backups.retention
    }
}
