//! Transactions on a tenant's file, and all SQL that runs in them.

mod answers;
pub mod backups;
pub mod changes;
mod entitlements;
pub mod files;
pub mod idempotency;
mod invoices;
pub mod jobs;
pub mod records;
mod schedules;
pub mod usage;
pub mod webhooks;

use crate::clock::Timestamp;
use crate::db::{AppTx, DbError, Tx};

/// An open transaction on one tenant's file. Nothing of the catalog can be reached through it.
#[derive(Clone, Copy)]
pub struct TenantTx<'t> {
    tx: &'t Tx<'t>,
}

impl<'t> TenantTx<'t> {
    pub(super) fn new(tx: &'t Tx<'t>) -> TenantTx<'t> {
        TenantTx { tx }
    }

    /// The time at which this transaction began.
    pub fn now(&self) -> Timestamp {
        self.tx.now()
    }

    /// Runs `act` once this transaction is on disk, not if it is rolled back.
    pub(super) fn after_commit(self, act: impl FnOnce() + Send + 'static) {
        self.tx.after_commit(act);
    }

    /// Bytes that the tenant takes: its records and our own rows about them, and its uploads. Room that deleted rows left
    /// does not count.
    ///
    /// # Errors
    /// As the database says.
    pub fn stored_bytes(&self) -> Result<i64, DbError> {
        self.tx.count(
            "SELECT (page_count - freelist_count) * page_size + (SELECT bytes FROM _files_total)
             FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()",
            &[],
        )
    }

    /// For statements on the app's tables; our own are out of its reach.
    pub fn app(&self) -> AppTx<'t> {
        self.tx.app()
    }
}
