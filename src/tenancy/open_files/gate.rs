//! What keeps others away from a tenant's file while it is being migrated.

use super::slot::Slot;
use super::{Epochs, OpenFiles, migrating};
use crate::clock::monotonic;
use crate::error::Result;
use crate::id::TenantId;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;
use tokio::sync::watch;

/// How long a migration waits for writes that have begun, before it ends them.
const LONGEST_DRAIN: Duration = Duration::from_secs(5);
/// How long those are waited for who have the file and have not read yet, before it is closed for them as well.
const LONGEST_READ: Duration = Duration::from_secs(1);
/// Between two looks at who is there still.
const LOOK: Duration = Duration::from_millis(2);

impl OpenFiles {
    /// Keeps those away who would open the tenant's file or write to it, until the gate is dropped. Waits for another
    /// gate.
    pub(in crate::tenancy) async fn gate(&self, id: TenantId) -> Gate<'_> {
        loop {
            match self.try_gate(id) {
                Ok(gate) => return gate,
                // It only ever ends: nothing is sent.
                Err(mut other) => drop(other.changed().await),
            }
        }
    }

    /// The same, unless there is another gate: then what ends with that one.
    pub(in crate::tenancy) fn try_gate(&self, id: TenantId) -> Result<Gate<'_>, watch::Receiver<()>> {
        let mut slots = self.slots();
        if let Some(other) = slots.gates.get(&id) {
            return Err(other.clone());
        }
        let (end, waiting) = watch::channel(());
        slots.gates.insert(id, waiting);
        Ok(Gate { files: self, id, _end: end })
    }
}

/// Keeps others away from a tenant's file while it is being migrated.
pub(in crate::tenancy) struct Gate<'f> {
    files: &'f OpenFiles,
    id: TenantId,
    _end: watch::Sender<()>,
}

impl Gate<'_> {
    /// Waits for writes that have begun and for whoever opens the file; writes that take too long are ended.
    ///
    /// # Errors
    /// 503 when the file is being opened all the time.
    pub(in crate::tenancy) async fn drain(&self) -> Result<()> {
        let begun = monotonic();
        loop {
            let Some(slot) = self.slot() else { return Ok(()) };
            let is_open = slot.file.initialized();
            // Held by the map and by us alone: whoever was opening it has given up.
            if (is_open && slot.writers.load(SeqCst) == 0) || (!is_open && Arc::strong_count(&slot) <= 2) {
                return Ok(());
            }
            if begun.elapsed() > LONGEST_DRAIN {
                return if is_open { self.end_use(slot).await } else { Err(migrating()) };
            }
            drop(slot);
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends the use of the file for everyone, once writes that have begun are through.
    ///
    /// # Errors
    /// 503 when the file is being opened all the time.
    pub(in crate::tenancy) async fn shut(&self) -> Result<()> {
        self.drain().await?;
        match self.slot() {
            Some(slot) => self.end_use(slot).await,
            None => Ok(()),
        }
    }

    /// Whose file it keeps them from.
    pub(in crate::tenancy) fn tenant(&self) -> TenantId {
        self.id
    }

    /// Refuses the file to all who know an earlier epoch than this.
    pub(in crate::tenancy) fn raise_epoch(&self, epoch: i64) {
        self.files.slots().raised.insert(self.id, Epochs { first: epoch, now: epoch });
    }

    /// Gives the file to all who know the epoch before this one, as it is the same at another place.
    pub(in crate::tenancy) fn moved(&self, epoch: i64) {
        let mut slots = self.files.slots();
        let first = slots.raised.get(&self.id).map_or(epoch - 1, |raised| raised.first);
        slots.raised.insert(self.id, Epochs { first, now: epoch });
    }

    fn slot(&self) -> Option<Arc<Slot>> {
        self.files.slots().by_tenant.get(&self.id).cloned()
    }

    async fn end_use(&self, slot: Arc<Slot>) -> Result<()> {
        self.files.forget(self.id, &slot);
        let begun = monotonic();
        // Whoever has the file by now came before the gate, and is let read.
        while Arc::strong_count(&slot) > 1 && begun.elapsed() < LONGEST_READ {
            tokio::time::sleep(LOOK).await;
        }
        crate::tenancy::blocking(move || {
            if let Some(file) = slot.file.get() {
                file.close();
            }
            Ok(())
        })
        .await
    }

    /// Has the file opened anew by all who come after the gate. Those who read from it now keep it to their end.
    pub(in crate::tenancy) fn replace(&self) {
        let Some(slot) = self.files.slots().by_tenant.remove(&self.id) else { return };
        slot.is_replaced.store(true, Relaxed);
        tokio::spawn(async move {
            // Closing blocks: not on the thread of whoever lets go last.
            while Arc::strong_count(&slot) > 1 {
                tokio::time::sleep(10 * LOOK).await;
            }
            let _ = tokio::task::spawn_blocking(move || drop(slot)).await;
        });
    }
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        self.files.slots().gates.remove(&self.id);
    }
}
