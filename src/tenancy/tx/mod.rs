//! Transactions on a tenant's file, and all SQL that runs in them.

mod answers;
pub mod changes;
pub mod files;
pub mod idempotency;
pub mod records;

use crate::clock::Timestamp;
use crate::db::{AppTx, Tx};

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

    /// For statements on the app's tables; our own are out of its reach.
    pub fn app(&self) -> AppTx<'t> {
        self.tx.app()
    }
}
