//! The tenant files that are open now: a bounded number, those unused for longest make way.
//!
//! A file in use is never closed under its users; one whose tenant is erased, moved or restored turns invalid for all
//! of them at once.

mod gate;

pub(super) use gate::Gate;

use super::fence::Fences;
use super::file::{FileOptions, READERS, Schemas, TenantFile};
use super::layout::Layout;
use crate::catalog::Tenant;
use crate::error::{Error, Result};
use crate::id::TenantId;
use foldhash::HashMap;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OnceCell, watch};

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

/// What somebody wants a file for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
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
    file: OnceCell<TenantFile>,
    epoch: i64,
    last_use: AtomicU64,
    /// Those who may write records through it.
    writers: AtomicUsize,
    /// Whether the file was migrated since it was opened.
    is_replaced: AtomicBool,
}

impl Slot {
    fn new(epoch: i64, last_use: u64) -> Arc<Slot> {
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
pub(super) struct InUse {
    slot: Arc<Slot>,
    writes: bool,
}

impl InUse {
    /// Counts a writer; to be called under the lock of the slots.
    fn new(slot: Arc<Slot>, intent: Intent) -> InUse {
        let writes = intent == Intent::Write;
        slot.writers.fetch_add(usize::from(writes), SeqCst);
        InUse { slot, writes }
    }

    pub(super) fn file(&self) -> Result<&TenantFile> {
        self.slot.file.get().ok_or_else(|| Error::internal("a tenant's file is used before it is open"))
    }

    /// Whether the file was migrated since it was opened: its tables may be others now.
    pub(super) fn is_replaced(&self) -> bool {
        self.slot.is_replaced.load(Relaxed)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.slot.writers.fetch_sub(usize::from(self.writes), SeqCst);
    }
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
        let uses = self.uses.fetch_add(1, Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{SharedClock, SystemClock, Timestamp};
    use crate::db::ReaderThreads;
    use crate::error::Kind;
    use crate::model::tenant::TenantStatus;
    use crate::tenancy::App;
    use crate::tenancy::provision::{NewFile, Template};

    /// Three tenants, of which `most` may be open.
    fn house(most: usize) -> (tempfile::TempDir, OpenFiles, Vec<Tenant>) {
        let directory = tempfile::TempDir::new().unwrap();
        let layout = Layout::create(directory.path()).unwrap();
        let app = Arc::new(App::load(None).unwrap());
        let template = Template::build(&layout, &app, Timestamp(0)).unwrap();
        let tenants: Vec<Tenant> = (1..=3).map(|number| tenant(Timestamp(number))).collect();
        for tenant in &tenants {
            let new = NewFile { id: tenant.id, epoch: tenant.epoch, entitlements: None };
            template.copy_to(&layout, &new, Timestamp(0)).unwrap();
        }
        let clock: SharedClock = Arc::new(SystemClock);
        let options = FileOptions {
            threads: ReaderThreads::new(1),
            clock,
            app,
            standings: Arc::default(),
            written: Arc::default(),
        };
        (directory, OpenFiles::new(most, layout, options, Arc::default()), tenants)
    }

    fn tenant(at: Timestamp) -> Tenant {
        Tenant {
            id: TenantId::new(at),
            slug: String::new(),
            name: String::new(),
            status: TenantStatus::Active,
            plan: String::new(),
            plan_version: 1,
            timezone: String::new(),
            settings: String::new(),
            second_factor_required: false,
            unpaid: false,
            epoch: 1,
            entitlements: 0,
            created_at: at,
            closed_at: None,
            erase_after: None,
            volume: crate::catalog::DATA.to_owned(),
            copy_of: None,
            is_clone: false,
            expires_at: None,
        }
    }

    #[test]
    fn what_descriptors_allow_bounds_the_open_tenants() {
        let open: Vec<usize> = [(0, 9_744), (0, 256), (0, 64), (1_000, 9_744), (10, 9_744)]
            .map(|(a, b)| most_open_tenants(a, b))
            .into();
        assert_eq!(open, [200, 23, 8, 885, 10]);
    }

    #[tokio::test]
    async fn those_unused_for_longest_make_way_and_none_in_use_does() {
        let (_directory, files, tenants) = house(2);
        let [a, b, c] = tenants.as_slice() else { unreachable!("three were made") };
        let held = files.lease(a, Intent::Write).await.unwrap();
        drop(files.lease(b, Intent::Write).await.unwrap());
        drop(files.lease(c, Intent::Write).await.unwrap());
        let open = |tenant: &Tenant| files.slots().by_tenant.contains_key(&tenant.id);
        assert_eq!((open(a), open(b), open(c)), (true, false, true));
        let also_held = files.lease(c, Intent::Write).await.unwrap();
        assert_eq!(
            files.lease(b, Intent::Write).await.err().map(|error| error.kind()),
            Some(Kind::Unavailable)
        );
        drop(also_held);
        files.lease(b, Intent::Write).await.unwrap();
        assert!(held.file().unwrap().database.read(|_| Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn who_looks_at_many_in_a_row_pushes_none_out_that_is_in_use() {
        let (_directory, files, tenants) = house(2);
        let [a, b, c] = tenants.as_slice() else { unreachable!("three were made") };
        let open = |tenant: &Tenant| files.slots().by_tenant.contains_key(&tenant.id);
        drop(files.lease(a, Intent::Write).await.unwrap());
        for _ in 0..3 {
            drop(files.lease(b, Intent::Glance).await.unwrap());
            drop(files.lease(c, Intent::Glance).await.unwrap());
            assert_eq!((open(a), open(b), open(c)), (true, false, true));
        }
        // One that is in use stays so, however it is looked at.
        drop(files.lease(a, Intent::Glance).await.unwrap());
        drop(files.lease(b, Intent::Glance).await.unwrap());
        assert!(open(a));
        let gate = files.gate(b.id).await;
        let refused = files.lease(b, Intent::Glance).await.err();
        assert_eq!(refused.map(|error| error.code().to_owned()).as_deref(), Some("tenant_migrating"));
        drop(gate);
    }

    #[tokio::test]
    async fn a_fenced_tenant_is_closed_for_those_who_hold_it_and_opened_for_nobody() {
        let (_directory, files, tenants) = house(2);
        let [a, ..] = tenants.as_slice() else { unreachable!("three were made") };
        let held = files.lease(a, Intent::Write).await.unwrap();
        files.fences.lower(a.id);
        files.close(a.id);
        let read = held.file().unwrap().database.read(|_| Ok(())).await;
        assert_eq!(read.err().map(|error| error.kind()), Some(Kind::Unavailable));
        assert_eq!(files.lease(a, Intent::Write).await.err().map(|error| error.kind()), Some(Kind::NotFound));
    }

    #[tokio::test]
    async fn who_works_in_the_background_waits_for_no_migration_and_readers_keep_the_file_as_it_was() {
        let (_directory, files, tenants) = house(2);
        let [a, b, ..] = tenants.as_slice() else { unreachable!("three were made") };
        drop(files.lease(a, Intent::Pass).await.unwrap());
        let gates = (files.gate(a.id).await, files.gate(b.id).await);
        for tenant in [a, b] {
            let refused = files.lease(tenant, Intent::Pass).await.err();
            assert_eq!(refused.map(|error| error.code().to_owned()).as_deref(), Some("tenant_migrating"));
            assert!(files.is_gated(tenant.id));
        }
        drop(files.lease(a, Intent::Read).await.unwrap());
        drop(gates);
        for tenant in [a, b] {
            drop(files.lease(tenant, Intent::Pass).await.unwrap());
        }
    }

    #[tokio::test]
    async fn who_knows_a_moved_file_by_an_earlier_epoch_is_given_it_and_who_knows_one_of_before_a_swap_is_not()
     {
        let (_directory, files, tenants) = house(2);
        let [a, ..] = tenants.as_slice() else { unreachable!("three were made") };
        let of = |epoch| Tenant { epoch, ..a.clone() };
        let code = |leased: Result<InUse>| leased.err().map(|error| error.code().to_owned());
        // Seen from the file that is stamped with 1: once it was of epoch -1, was swapped, and moved.
        let gate = files.gate(a.id).await;
        gate.raise_epoch(0);
        gate.moved(1);
        drop(gate);
        assert_eq!(code(files.lease(&of(-1), Intent::Write).await).as_deref(), Some("tenant_restored"));
        assert_eq!(code(files.lease(&of(0), Intent::Write).await), None);
        assert_eq!(code(files.lease(&of(1), Intent::Write).await), None);
    }

    #[tokio::test]
    async fn another_epoch_in_the_catalog_is_another_file() {
        let (_directory, files, tenants) = house(2);
        let [a, ..] = tenants.as_slice() else { unreachable!("three were made") };
        files.lease(a, Intent::Write).await.unwrap();
        let other = Tenant { epoch: 2, ..a.clone() };
        let refused = files.lease(&other, Intent::Write).await.err().map(|error| error.code().to_owned());
        assert_eq!(refused.as_deref(), Some("tenant_unavailable"));
    }
}
