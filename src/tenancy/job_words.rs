//! What those who enqueue jobs and the scheduler say to each other, in memory.

use super::tx::usage::TermsCache;
use super::warnings::Warnings;
use super::{App, TenantTx};
use crate::clock::{MINUTE, Timestamp};
use crate::error::Result;
use crate::id::{JobId, TenantId};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// How long a tenant counts as busy after the catalog was told: until then jobs are enqueued without another word to it.
pub const BUSY: i64 = 10 * MINUTE;
/// How much of that must be left for whoever is about to enqueue: longer than any write waits.
const LEFT: i64 = 5 * MINUTE;

/// Shared by all who enqueue jobs and the one who runs them.
#[derive(Default)]
pub struct JobWords {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    /// Tenants of which the catalog knows, and until when it was told.
    busy: HashMap<TenantId, Timestamp>,
    words: Words,
}

/// What the scheduler was told since it last asked.
#[derive(Debug, Default)]
pub struct Words {
    /// Tenants that may have work now.
    pub due: HashSet<TenantId>,
    /// Tenants that have work then, and no sooner as far as was said.
    pub later: HashMap<TenantId, Timestamp>,
    /// Jobs that ended without it.
    pub over: Vec<(TenantId, JobId)>,
}

/// Shows that the catalog knows that this tenant may have jobs: what is needed to enqueue one.
pub struct JobTicket {
    words: Arc<JobWords>,
    tenant: TenantId,
    bound: Option<JobBound>,
}

/// What bounds how many jobs a tenant enqueues.
#[derive(Clone)]
pub(super) struct JobBound {
    pub(super) app: Arc<App>,
    pub(super) terms: Arc<TermsCache>,
    pub(super) warnings: Arc<Warnings>,
    pub(super) tenant: TenantId,
}

impl JobBound {
    /// Counts a job that is being enqueued.
    ///
    /// # Errors
    /// 402 `limit_reached`.
    pub(super) fn take(&self, tx: TenantTx<'_>) -> Result<()> {
        let meters = &self.app.meters;
        let terms = self.terms.terms(tx, meters)?;
        if let Some(taken) = tx.take_job(terms.as_deref(), meters)? {
            let (warnings, tenant) = (Arc::clone(&self.warnings), self.tenant);
            tx.after_commit(move || warnings.tell(tenant, taken));
        }
        Ok(())
    }
}

impl JobTicket {
    pub(super) fn new(words: &Arc<JobWords>, tenant: TenantId, bound: Option<JobBound>) -> JobTicket {
        JobTicket { words: Arc::clone(words), tenant, bound }
    }

    pub(super) fn bound(&self) -> Option<&JobBound> {
        self.bound.as_ref()
    }

    /// Says that the tenant has work, now or `later`, once that is on disk.
    pub(super) fn teller(&self, later: Option<Timestamp>) -> impl FnOnce() + Send + 'static {
        let (words, tenant) = (Arc::clone(&self.words), self.tenant);
        move || match later {
            Some(at) => words.tell_later(tenant, at),
            None => words.tell_due(tenant),
        }
    }
}

impl JobWords {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the catalog was told of the tenant lately enough.
    pub(super) fn is_busy(&self, tenant: TenantId, now: Timestamp) -> bool {
        self.with(|state| state.busy.get(&tenant).is_some_and(|until| until.since(now) >= LEFT))
    }

    /// Until when the catalog counts the tenant as busy.
    pub fn busy_until(&self, tenant: TenantId) -> Option<Timestamp> {
        self.with(|state| state.busy.get(&tenant).copied())
    }

    pub(super) fn note_busy(&self, tenant: TenantId, until: Timestamp) {
        self.with(|state| {
            let noted = state.busy.entry(tenant).or_insert(until);
            *noted = (*noted).max(until);
        });
    }

    /// Forgets that a tenant was busy, if it is no longer: whoever comes now tells the catalog first.
    pub(super) fn forget_busy(&self, tenant: TenantId, now: Timestamp) -> bool {
        self.with(|state| {
            let is_over = state.busy.get(&tenant).is_none_or(|until| *until <= now);
            if is_over {
                state.busy.remove(&tenant);
            }
            is_over
        })
    }

    /// Says that a tenant may have work now.
    pub fn tell_due(&self, tenant: TenantId) {
        // Who was told once looks at all that is there then.
        if self.with(|state| state.words.due.insert(tenant)) {
            self.arrived.notify_one();
        }
    }

    /// Says that a tenant has work then. Nobody has to look at its file before.
    fn tell_later(&self, tenant: TenantId, at: Timestamp) {
        let is_news = self.with(|state| match state.words.later.entry(tenant) {
            Entry::Vacant(vacant) => {
                vacant.insert(at);
                true
            }
            Entry::Occupied(mut occupied) => {
                let first = at.min(*occupied.get());
                occupied.insert(first);
                false
            }
        });
        if is_news {
            self.arrived.notify_one();
        }
    }

    /// Says that a job has ended that the scheduler takes to be running.
    pub(super) fn tell_over(&self, tenant: TenantId, job: JobId) {
        self.with(|state| state.words.over.push((tenant, job)));
        self.arrived.notify_one();
    }

    /// Takes what was said.
    pub fn take(&self) -> Words {
        self.with(|state| std::mem::take(&mut state.words))
    }

    /// Waits until something was said.
    pub async fn arrive(&self) {
        self.arrived.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_counts_as_busy_while_there_is_time_left_to_enqueue() {
        let (words, tenant) = (JobWords::default(), TenantId::new(Timestamp(0)));
        assert!(!words.is_busy(tenant, Timestamp(0)));
        words.note_busy(tenant, Timestamp(BUSY));
        assert!(words.is_busy(tenant, Timestamp(BUSY - LEFT)));
        assert!(!words.is_busy(tenant, Timestamp(BUSY - LEFT + 1)));
        words.note_busy(tenant, Timestamp(1));
        assert_eq!(words.busy_until(tenant), Some(Timestamp(BUSY)));
        assert!(!words.forget_busy(tenant, Timestamp(BUSY - 1)));
        assert!(words.forget_busy(tenant, Timestamp(BUSY)) && words.busy_until(tenant).is_none());
    }
}
