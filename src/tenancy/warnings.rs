//! Limits that are nearly or wholly used, told with every answer to their tenant.

use super::tx::usage::Taken;
use crate::clock::Timestamp;
use crate::id::TenantId;
use crate::model::notice::Warning;
use foldhash::HashMap;
use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// What is known of all tenants. How the limits of a tenant stand is looked up at the first use of its file since the start
/// or since they changed; from then on each use of a limit tells.
#[derive(Default)]
pub struct Warnings {
    known: Mutex<HashMap<TenantId, Vec<Known>>>,
    /// Tenants whose limits were looked up.
    looked_up: Mutex<HashSet<TenantId>>,
    /// Whether anything was ever known: most installations never ask the map.
    has_any: AtomicBool,
    /// Tenants whose file has notices that nobody was told of.
    due: Mutex<BTreeSet<TenantId>>,
    arrived: Notify,
}

struct Known {
    warning: Warning,
    until: i64,
}

impl Warnings {
    /// Takes in what events have led to, once they are on disk.
    pub(super) fn tell(&self, tenant: TenantId, taken: Taken) {
        if taken.has_notices {
            self.note_due(tenant);
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let of_tenant = known.entry(tenant).or_default();
        of_tenant.retain(|before| !taken.looked_at.contains(&before.warning.meter));
        of_tenant.extend(taken.warnings.into_iter().map(|(warning, until)| Known { warning, until }));
        if of_tenant.is_empty() {
            known.remove(&tenant);
        } else {
            self.has_any.store(true, Relaxed);
        }
    }

    /// Whether somebody has to look up how the limits of a tenant stand: whoever asks first, and nobody after that.
    pub(super) fn begin_look(&self, tenant: TenantId) -> bool {
        self.looked_up.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant)
    }

    /// Takes in what was looked up. What a use of the limit has told meanwhile is newer.
    pub(super) fn learn(&self, tenant: TenantId, found: Vec<(Warning, i64)>) {
        if found.is_empty() {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let of_tenant = known.entry(tenant).or_default();
        for (warning, until) in found {
            if of_tenant.iter().all(|known| known.warning.meter != warning.meter) {
                of_tenant.push(Known { warning, until });
            }
        }
        self.has_any.store(true, Relaxed);
    }

    /// The warnings of a tenant that count now.
    pub(super) fn of(&self, tenant: TenantId, now: Timestamp) -> Vec<Warning> {
        if !self.has_any.load(Relaxed) {
            return Vec::new();
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let of_tenant = known.get(&tenant).map_or(&[][..], Vec::as_slice);
        of_tenant.iter().filter(|known| now.0 < known.until).map(|known| known.warning.clone()).collect()
    }

    /// Forgets those of a tenant: its limits have changed, and have to be looked up again.
    pub(super) fn forget(&self, tenant: TenantId) {
        self.looked_up.lock().unwrap_or_else(PoisonError::into_inner).remove(&tenant);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&tenant);
    }

    /// A file has notices that nobody was told of.
    pub(super) fn note_due(&self, tenant: TenantId) {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
        self.arrived.notify_one();
    }

    /// Takes the tenants whose notices are to be told.
    pub fn take_due(&self) -> Vec<TenantId> {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *due).into_iter().collect()
    }

    /// Waits until there are some.
    pub async fn arrive(&self) {
        self.arrived.notified().await;
    }
}
