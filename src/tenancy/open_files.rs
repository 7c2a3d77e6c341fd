//! The tenant files that are open now: a bounded number, those unused for longest make way.
//!
//! A file in use is never closed under its users; one whose tenant is erased, moved or restored turns invalid for all
//! of them at once.

mod gate;
mod slot;
#[cfg(test)]
mod tests;

pub(super) use gate::Gate;
pub(super) use slot::{InUse, Intent};

use super::fence::Fences;
use super::file::{FileOptions, READERS, Schemas, TenantFile};
use super::layout::Layout;
use crate::catalog::Tenant;
use crate::error::{Error, Result};
use crate::id::TenantId;
use foldhash::HashMap;
use slot::Slot;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Descriptors that one open tenant may take: database and log per connection, and the shared memory.
const DESCRIPTORS: u64 = 2 * (READERS as u64 + 1) + 1;
/// Open tenants at most where nobody says otherwise: some 500 KB each under load.
const DEFAULT_MOST: usize = 200;
/// How long a write waits while its tenant is being migrated.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// Open tenants at least, however few descriptors there are: with fewer, tenants wait for one another.
const LEAST: usize = 8;

pub(super) struct OpenFiles {
    slots: Mutex<Slots>,
    most: usize,
    uses: AtomicU64,
    opened: AtomicU64,
    evicted: AtomicU64,
    layout: Layout,
    options: Arc<FileOptions>,
    schemas: Arc<Schemas>,
    fences: Arc<Fences>,
}

/// What became of files of tenants since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileCounts {
    /// How often one was asked for.
    pub uses: u64,
    /// How often it had to be opened for that.
    pub opened: u64,
    /// How often one was closed to make room.
    pub evicted: u64,
}

#[derive(Default)]
struct Slots {
    by_tenant: HashMap<TenantId, Arc<Slot>>,
    /// Tenants that are being migrated: each end is let go of when that is over.
    gates: HashMap<TenantId, watch::Receiver<()>>,
    /// Tenants whose files were put in the place of others since the start, or were moved.
    raised: HashMap<TenantId, Epochs>,
}

/// Which epochs a file answers to that is there since this start.
#[derive(Clone, Copy)]
struct Epochs {
    /// Whoever knows an earlier one asks for a file that is not there any more.
    first: i64,
    /// The one that it has: those between are of the same file at places where it was before.
    now: i64,
}

/// What somebody gets who asks for a file.
enum Asked {
    Given(InUse),
    /// The tenant is being migrated: to be asked again when this ends.
    Gated(watch::Receiver<()>),
}

impl OpenFiles {
    pub(super) fn new(most: usize, layout: Layout, options: FileOptions, fences: Arc<Fences>) -> OpenFiles {
        OpenFiles {
            slots: Mutex::default(),
            most,
            uses: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            layout,
            options: Arc::new(options),
            schemas: Arc::default(),
            fences,
        }
    }

    pub(super) fn counts(&self) -> FileCounts {
        FileCounts {
            uses: self.uses.load(Relaxed),
            opened: self.opened.load(Relaxed),
            evicted: self.evicted.load(Relaxed),
        }
    }

    pub(super) fn usage(&self) -> (usize, usize) {
        (self.slots().by_tenant.len(), self.most)
    }

    /// Writes that wait for each of these tenants' files; none for one that is not open.
    pub(super) fn writes_waiting(&self, of: &[TenantId]) -> Vec<usize> {
        let slots: Vec<Option<Arc<Slot>>> = {
            let slots = self.slots();
            of.iter().map(|id| slots.by_tenant.get(id).map(Arc::clone)).collect()
        };
        let waiting = |slot: &Arc<Slot>| slot.file.get().map_or(0, |file| file.database.writes_waiting());
        slots.iter().map(|slot| slot.as_ref().map_or(0, waiting)).collect()
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tenant's file, opened if it was not. What becomes of that while the tenant is being migrated is up to the
    /// `intent`.
    pub(super) async fn lease(&self, tenant: &Tenant, intent: Intent) -> Result<InUse> {
        let in_use = loop {
            match self.ask(tenant, intent)? {
                Asked::Given(in_use) => break in_use,
                Asked::Gated(_) if matches!(intent, Intent::Pass | Intent::Glance) => return Err(migrating()),
                // It only ever ends: nothing is sent.
                Asked::Gated(mut gate) => {
                    tokio::time::timeout(LONGEST_WAIT, gate.changed()).await.map_err(|_| migrating())?.ok();
                }
            }
        };
        let slot = &in_use.slot;
        if slot.file.initialized() {
            return Ok(in_use);
        }
        let path = self.layout.tenant_file(tenant.id);
        let (id, epoch) = (tenant.id, slot.epoch);
        let opened = slot
            .file
            .get_or_try_init(|| {
                let (options, schemas) = (Arc::clone(&self.options), Arc::clone(&self.schemas));
                super::blocking(move || TenantFile::open(&path, id, epoch, &options, &schemas))
            })
            .await;
        if let Err(error) = opened {
            self.forget(id, slot);
            return Err(error);
        }
        // The fence may have come down while the file was being opened.
        if self.fences.is_down(id) {
            self.forget(id, slot);
            return Err(Error::not_found());
        }
        Ok(in_use)
    }

    /// Whether the tenant is being migrated.
    pub(super) fn is_gated(&self, id: TenantId) -> bool {
        self.slots().gates.contains_key(&id)
    }

    fn ask(&self, tenant: &Tenant, intent: Intent) -> Result<Asked> {
        if self.fences.is_down(tenant.id) {
            return Err(Error::not_found());
        }
        let mut slots = self.slots();
        let uses = self.uses.fetch_add(1, Relaxed) + 1;
        let last_use = if intent == Intent::Glance { 0 } else { uses };
        let gate = slots.gates.get(&tenant.id).cloned();
        let mut epoch = tenant.epoch;
        if let Some(raised) = slots.raised.get(&tenant.id).filter(|raised| epoch < raised.now) {
            if gate.is_none() && epoch < raised.first {
                return Err(swapped());
            }
            if epoch >= raised.first {
                epoch = raised.now;
            }
        }
        if let Some(slot) = slots.by_tenant.get(&tenant.id).filter(|slot| slot.epoch == epoch) {
            let is_free = gate.is_none() || (intent == Intent::Read && slot.file.initialized());
            if is_free {
                slot.last_use.fetch_max(last_use, Relaxed);
                return Ok(Asked::Given(InUse::new(Arc::clone(slot), intent)));
            }
        }
        if let Some(gate) = gate {
            return Ok(Asked::Gated(gate));
        }
        if slots.by_tenant.len() >= self.most {
            self.evicted.fetch_add(slots.evict(self.most)?, Relaxed);
        }
        self.opened.fetch_add(1, Relaxed);
        let slot = Slot::new(epoch, last_use);
        slots.by_tenant.insert(tenant.id, Arc::clone(&slot));
        Ok(Asked::Given(InUse::new(slot, intent)))
    }

    fn forget(&self, id: TenantId, slot: &Arc<Slot>) {
        let mut slots = self.slots();
        if slots.by_tenant.get(&id).is_some_and(|present| Arc::ptr_eq(present, slot)) {
            slots.by_tenant.remove(&id);
        }
    }

    /// Ends the use of a tenant's file for everyone: waits for accepted writes and running reads. Blocks.
    pub(super) fn close(&self, id: TenantId) {
        let slot = self.slots().by_tenant.remove(&id);
        if let Some(file) = slot.as_ref().and_then(|slot| slot.file.get()) {
            file.close();
        }
    }

    /// The same for all. Blocks.
    pub(super) fn close_all(&self) {
        let all: Vec<TenantId> = self.slots().by_tenant.keys().copied().collect();
        all.into_iter().for_each(|id| self.close(id));
    }
}

/// 503 for who has waited too long, or met a schema that is not there any more.
pub(super) fn migrating() -> Error {
    Error::unavailable("tenant_migrating", "This tenant is being migrated or moved. Try again shortly.", 2)
}

/// 503 for who asks for the file that was there before another was put in its place.
fn swapped() -> Error {
    Error::unavailable(
        "tenant_restored",
        "This tenant was put back to an earlier state just now. Try again.",
        1,
    )
}

impl Slots {
    /// Makes room for one. A batch at once, so that a walk over all tenants does not search on each step.
    fn evict(&mut self, most: usize) -> Result<u64> {
        // Held by this map alone: nobody can take it meanwhile, as that needs the lock that we hold.
        let mut idle: Vec<(u64, TenantId)> = self
            .by_tenant
            .iter()
            .filter(|(_, slot)| Arc::strong_count(slot) == 1)
            .map(|(id, slot)| (slot.last_use.load(Relaxed), *id))
            .collect();
        if idle.is_empty() {
            return Err(Error::unavailable(
                "overloaded",
                "Too many tenants are in use at the same time. Try again shortly.",
                1,
            ));
        }
        idle.sort_unstable();
        let count = (most / 16).max(1);
        let evicted: Vec<Arc<Slot>> =
            idle.into_iter().take(count).filter_map(|(_, id)| self.by_tenant.remove(&id)).collect();
        let count = evicted.len() as u64;
        // Closing checkpoints, which blocks; without a runtime (at the end of the program) it happens here.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(evicted))),
            Err(_) => drop(evicted),
        }
        Ok(count)
    }
}

/// How many tenants may be open with that many descriptors; `wanted` 0 takes the default.
pub fn most_open_tenants(wanted: usize, descriptors: u64) -> usize {
    let allowed = usize::try_from(descriptors / DESCRIPTORS).unwrap_or(usize::MAX).max(LEAST);
    if wanted == 0 { DEFAULT_MOST.min(allowed) } else { wanted.min(allowed) }
}
