//! What each tenant did in the last quarter of an hour, summed up once a minute: lists of the fleet are sorted by it, and a
//! list that is read page by page goes on by the one that it was begun with.

use super::ago;
use crate::clock::{HOUR, MINUTE, Timestamp};
use crate::error::Result;
use crate::id::TenantId;
use crate::telemetry::{Figure, Store, Totals, minute};
use foldhash::HashMap;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// The time that is summed up.
pub(super) const WINDOW: i64 = 15 * MINUTE;
/// How many are kept, and so for how many minutes a list can be read on.
const KEPT: usize = 10;

/// What a tenant did in the time that is summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Live {
    /// Requests.
    pub requests: u64,
    /// Of them those that failed by a fault of ours.
    pub errors: u64,
    /// Of them those that were refused.
    pub refused: u64,
    /// Errors among requests, from 0 to 1.
    pub error_rate: Option<f64>,
    /// In how many microseconds half of them were answered.
    pub p50_us: Option<u64>,
    /// In how many 95 of 100 were.
    pub p95_us: Option<u64>,
    /// In how many 99 of 100 were.
    pub p99_us: Option<u64>,
    /// Microseconds of database time.
    pub database_us: u64,
    /// Attempts at jobs that failed.
    pub jobs_failed: u64,
}

impl Live {
    pub(super) fn of(totals: &Totals) -> Live {
        Live {
            requests: totals.get(Figure::Requests),
            errors: totals.get(Figure::Errors),
            refused: totals.get(Figure::Refused),
            error_rate: totals.error_rate(),
            p50_us: totals.quantile_us(0.5),
            p95_us: totals.quantile_us(0.95),
            p99_us: totals.quantile_us(0.99),
            database_us: totals.get(Figure::DatabaseUs),
            jobs_failed: totals.get(Figure::JobsFailed),
        }
    }
}

/// All tenants that did anything.
#[derive(Default)]
pub(in crate::service) struct RollUp {
    /// When it was summed up.
    pub(in crate::service) as_of: Timestamp,
    /// By tenant.
    pub(in crate::service) tenants: HashMap<TenantId, Live>,
}

/// The last ones.
pub(in crate::service) struct RollUps {
    kept: Mutex<VecDeque<Arc<RollUp>>>,
    swept_at: AtomicI64,
}

impl Default for RollUps {
    fn default() -> RollUps {
        RollUps { kept: Mutex::default(), swept_at: AtomicI64::new(i64::MIN) }
    }
}

impl RollUps {
    /// The newest.
    pub(in crate::service) fn newest(&self) -> Option<Arc<RollUp>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).back().cloned()
    }

    /// The one of that moment, if it is still kept.
    pub(in crate::service) fn of(&self, as_of: Timestamp) -> Option<Arc<RollUp>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|roll_up| roll_up.as_of == as_of).cloned()
    }

    pub(super) async fn make(&self, store: &Store, now: Timestamp) -> Result<()> {
        let from = ago(Timestamp(minute(now.0)), WINDOW);
        let all = store.since(from).await?;
        let tenants = all.iter().map(|(tenant, totals)| (*tenant, Live::of(totals))).collect();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(Arc::new(RollUp { as_of: now, tenants }));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        Ok(())
    }

    pub(super) fn forget(&self, tenant: TenantId) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for roll_up in kept.iter_mut().filter(|roll_up| roll_up.tenants.contains_key(&tenant)) {
            let mut tenants = roll_up.tenants.clone();
            tenants.remove(&tenant);
            *roll_up = Arc::new(RollUp { as_of: roll_up.as_of, tenants });
        }
    }

    /// Whether it is time to remove what is old; asked so, it is not for another hour.
    pub(super) fn is_sweep_due(&self, now: Timestamp) -> bool {
        let due = !(0..HOUR).contains(&now.since(Timestamp(self.swept_at.load(Relaxed))));
        if due {
            self.swept_at.store(now.0, Relaxed);
        }
        due
    }
}
