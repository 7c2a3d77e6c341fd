//! The place of one open file, and those who hold it.

use crate::error::{Error, Result};
use crate::tenancy::file::TenantFile;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use tokio::sync::OnceCell;

/// What somebody wants a file for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tenancy) enum Intent {
    /// To read: while the tenant is being migrated, from the file as it was.
    Read,
    /// To write records: waits while the tenant is being migrated.
    Write,
    /// To go on with its work in the background: comes again when the tenant is no longer being migrated.
    Pass,
    /// To look at it once, as at many others: passes too, and leaves the place to those who come more often.
    Glance,
}

/// The place of one tenant. Whoever holds it holds the file open.
pub(super) struct Slot {
    pub(super) file: OnceCell<TenantFile>,
    pub(super) epoch: i64,
    pub(super) last_use: AtomicU64,
    /// Those who may write records through it.
    pub(super) writers: AtomicUsize,
    /// Whether the file was migrated since it was opened.
    pub(super) is_replaced: AtomicBool,
}

impl Slot {
    pub(super) fn new(epoch: i64, last_use: u64) -> Arc<Slot> {
        Arc::new(Slot {
            file: OnceCell::new(),
            epoch,
            last_use: AtomicU64::new(last_use),
            writers: AtomicUsize::new(0),
            is_replaced: AtomicBool::new(false),
        })
    }
}

/// A file in use.
pub(in crate::tenancy) struct InUse {
    pub(super) slot: Arc<Slot>,
    writes: bool,
}

impl InUse {
    /// Counts a writer; to be called under the lock of the slots.
    pub(super) fn new(slot: Arc<Slot>, intent: Intent) -> InUse {
        let writes = intent == Intent::Write;
        slot.writers.fetch_add(usize::from(writes), SeqCst);
        InUse { slot, writes }
    }

    pub(in crate::tenancy) fn file(&self) -> Result<&TenantFile> {
        self.slot.file.get().ok_or_else(|| Error::internal("a tenant's file is used before it is open"))
    }

    /// Whether the file was migrated since it was opened: its tables may be others now.
    pub(in crate::tenancy) fn is_replaced(&self) -> bool {
        self.slot.is_replaced.load(Relaxed)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.slot.writers.fetch_sub(usize::from(self.writes), SeqCst);
    }
}
