//! Who waits for changes of which tenant.
//!
//! A listener holds no file and no scope. It is woken with the number of the last change once that is on disk, and then
//! asks for access as any request does.

use crate::error::{Error, Result};
use crate::id::{IdentityId, TenantId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// How many may listen at once.
#[derive(Clone, Copy, Debug)]
pub struct ListenLimits {
    /// To one tenant.
    pub tenant: usize,
    /// As one identity, over all tenants.
    pub identity: usize,
}

/// All listeners of this process.
pub(super) struct Feeds {
    listeners: Mutex<Listeners>,
    /// How many there are: a write to a tenant looks here first.
    count: AtomicUsize,
    limits: ListenLimits,
}

#[derive(Default)]
struct Listeners {
    by_tenant: HashMap<TenantId, watch::Sender<i64>>,
    by_identity: HashMap<IdentityId, usize>,
}

impl Feeds {
    pub(super) fn new(limits: ListenLimits) -> Feeds {
        Feeds { listeners: Mutex::default(), count: AtomicUsize::new(0), limits }
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes who listens to this tenant: the change `seq` is on disk.
    pub(super) fn announce(&self, tenant: TenantId, seq: i64) {
        // Who is not counted yet reads the file after it is, and finds the change there.
        if self.count.load(SeqCst) == 0 {
            return;
        }
        if let Some(sender) = self.listeners().by_tenant.get(&tenant) {
            sender.send_modify(|last| *last = seq.max(*last));
        }
    }

    /// Listens to a tenant.
    ///
    /// # Errors
    /// 429 `too_many_streams`.
    pub(super) fn listen(self: &Arc<Self>, tenant: TenantId, identity: IdentityId) -> Result<Listener> {
        let mut listeners = self.listeners();
        let of_identity = listeners.by_identity.get(&identity).copied().unwrap_or(0);
        let of_tenant = listeners.by_tenant.get(&tenant).map_or(0, watch::Sender::receiver_count);
        if of_identity >= self.limits.identity {
            return Err(too_many("You have"));
        }
        if of_tenant >= self.limits.tenant {
            return Err(too_many("This tenant has"));
        }
        *listeners.by_identity.entry(identity).or_default() += 1;
        let sender = listeners.by_tenant.entry(tenant).or_insert_with(|| watch::Sender::new(0));
        let wakes = sender.subscribe();
        self.count.fetch_add(1, SeqCst);
        Ok(Listener { feeds: Arc::clone(self), tenant, identity, wakes })
    }
}

/// The place of one who listens to a tenant; given back when it is dropped.
pub struct Listener {
    feeds: Arc<Feeds>,
    tenant: TenantId,
    identity: IdentityId,
    wakes: watch::Receiver<i64>,
}

impl Listener {
    /// Whether a change after `seq` is known to be on disk.
    pub fn is_ahead_of(&self, seq: i64) -> bool {
        *self.wakes.borrow() > seq
    }

    /// Waits until it is.
    pub async fn wait_for_after(&mut self, seq: i64) {
        // Fails only without a sender, which stays as long as someone listens.
        let _ = self.wakes.wait_for(|last| *last > seq).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut listeners = self.feeds.listeners();
        // This one is still counted.
        if listeners.by_tenant.get(&self.tenant).is_some_and(|sender| sender.receiver_count() <= 1) {
            listeners.by_tenant.remove(&self.tenant);
        }
        if let Some(count) = listeners.by_identity.get_mut(&self.identity) {
            *count -= 1;
            if *count == 0 {
                listeners.by_identity.remove(&self.identity);
            }
        }
        self.feeds.count.fetch_sub(1, SeqCst);
    }
}

fn too_many(who: &str) -> Error {
    Error::too_many(
        "too_many_streams",
        format!("{who} too many streams of changes open. Close some, or read pages: GET /changes?since=..."),
        30,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[tokio::test]
    async fn listeners_are_woken_counted_and_forgotten() {
        let feeds = Arc::new(Feeds::new(ListenLimits { tenant: 2, identity: 2 }));
        let (a, b) = (TenantId::new(Timestamp(1)), TenantId::new(Timestamp(2)));
        let people: Vec<IdentityId> = (0..3).map(|at| IdentityId::new(Timestamp(at))).collect();
        let mut first = feeds.listen(a, people[0]).unwrap();
        let second = feeds.listen(b, people[0]).unwrap();
        let refused =
            |tenant, identity| feeds.listen(tenant, identity).err().map(|error| error.code().to_owned());
        assert_eq!(refused(b, people[0]).as_deref(), Some("too_many_streams"));
        let third = feeds.listen(a, people[1]).unwrap();
        assert_eq!(refused(a, people[2]).as_deref(), Some("too_many_streams"));
        feeds.announce(b, 5);
        feeds.announce(a, 7);
        first.wait_for_after(6).await;
        assert!(first.is_ahead_of(6) && !first.is_ahead_of(7) && !second.is_ahead_of(5));
        drop((first, second, third));
        let listeners = feeds.listeners();
        assert!(listeners.by_tenant.is_empty() && listeners.by_identity.is_empty());
        assert_eq!(feeds.count.load(SeqCst), 0);
    }
}
