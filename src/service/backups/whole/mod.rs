//! Restoring a whole installation on a machine that has nothing of it but its keys: the catalog, the ledgers, every tenant.
//!
//! A mark in the data directory says that it is half done: such a directory is not served, and the same command again goes on
//! with it. A tenant that has a file is done, since files appear whole. The ledger of erasures comes first, and nobody whom it
//! names comes back. What was written since a tenant's backup is lost, so each is restored as one whose file is gone (see
//! [`gone`](super::gone)): no number is given twice, and who follows changes reads anew.

mod begin;
mod tenants;

use super::store::BackupStore;
use crate::clock::{SharedClock, Timestamp};
use crate::config::Config;
use crate::error::Result;
use crate::id::{BackupId, TenantId};
use crate::service::Installation;
use crate::tenancy::blocking;
use serde::Serialize;

pub use begin::is_half_restored;

/// What is to be restored, and how. The store is the one of the settings.
#[derive(Clone, Copy, Debug, Default)]
pub struct WholeIn {
    /// All as it was then or before; else as it was last.
    pub at: Option<Timestamp>,
    /// Tenants at once; as many as are backed up at once where nothing is said.
    pub parallel: Option<usize>,
    /// Whether jobs run as soon as there is a server, though some may have run since the backup.
    pub run_jobs: bool,
    /// Whether keys are made anew where there are none.
    pub new_keys: bool,
    /// Whether backups go on into the same store from now on.
    pub same_store: bool,
}

/// What was restored.
#[derive(Debug, Serialize)]
pub struct RestoredWhole {
    /// Whether every tenant that had a backup has its file.
    pub ok: bool,
    /// The backup of the catalog.
    pub catalog: BackupId,
    /// When that was taken: accounts, members, plans and invoices are of then.
    pub catalog_taken_at: Timestamp,
    /// Tenants that were restored now.
    pub restored: u64,
    /// Those that an earlier run restored.
    pub already: u64,
    /// When the oldest backup was taken that was used now: the most that a tenant lost.
    pub oldest_taken_at: Option<Timestamp>,
    /// Tenants that the ledger of erasures names, and the catalog still had.
    pub erased: u64,
    /// Uploads that the store does not have.
    pub missing_uploads: u64,
    /// Tenants of which an older backup had to do: slug, and what was wrong with newer ones.
    pub older: Vec<Told>,
    /// Tenants of which there is no backup.
    pub without_backup: Vec<String>,
    /// Tenants that could not be restored: slug, and why.
    pub failed: Vec<Told>,
    /// Tenants that the store has and the catalog does not know: they are newer than it.
    pub unknown: Vec<TenantId>,
    /// Whether the next round backs everything up anew, as it goes to another store.
    pub backed_up_anew: bool,
}

/// Something about one tenant.
#[derive(Debug, Serialize)]
pub struct Told {
    /// Its slug.
    pub slug: String,
    /// What.
    pub detail: String,
}

/// Restores everything from the store that `config` names into its data directory. Run again, it goes on.
///
/// # Errors
/// 409 `data_not_empty`, `keys_missing`, `restore_differs`; 404 `no_backup` where there is none of the catalog; 409
/// `backup_broken`, `unknown_version`; 503 `data_locked`, `backup_store_unavailable`, `no_room_for_backups`; the disk refuses.
pub async fn restore_whole(
    config: Config,
    clock: SharedClock,
    input: WholeIn,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<RestoredWhole> {
    let opening = config.clone();
    let (begun, store) = blocking(move || {
        let begun = begin::Begun::take(&opening, &input)?;
        let store = BackupStore::open(&opening, &begun.layout)?;
        Ok((begun, store))
    })
    .await?;
    let catalog = begun.catalog(&store, &input, clock.now(), progress).await?;
    let data = config.data.clone();
    // Lets go of the lock, which an installation takes itself.
    drop(begun);
    let installation = Installation::open_half_restored(config, clock).await?;
    let restored = tenants::restore(&installation, &input, catalog, progress).await;
    installation.close().await;
    let restored = restored?;
    if restored.failed.is_empty() {
        blocking(move || begin::end(&data)).await?;
    }
    Ok(restored)
}
