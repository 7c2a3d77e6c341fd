//! `api.requests`: every request that a tenant was let in with counts once.
//!
//! Counted in memory, so that reading leaves the tenant's file alone, and stored by the server from time to time, for all
//! tenants in one transaction of the catalog. A hard limit counts what was stored last and what came to this server since:
//! with several seconds in between it may be overshot by what comes in that time.

use super::admission::Lane;
use super::buckets::Buckets;
use super::tx::usage::UsageRefusal;
use super::{Lease, Tenancy};
use crate::catalog::{CountedSum, Principal, Tenant};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::TenantId;
use crate::model::meter::API_REQUESTS;
use crate::model::notice::crossed;
use crate::model::plan::Window;
use crate::model::usage::quarter;
use crate::policy::Permission;
use foldhash::HashMap;
use std::sync::{Mutex, PoisonError};

/// What was counted since the start, and is not over.
#[derive(Default)]
pub struct RequestCounts(Mutex<HashMap<TenantId, Counted>>);

impl Tenancy {
    /// Counts a request that a tenant is about to be let in with.
    ///
    /// # Errors
    /// 402 `limit_reached` where the plan has no room for it, `spend_cap_reached` where the cap has none. Whatever leads out of that is let in all the same: bills,
    /// members, the way to another plan, the export.
    pub(super) fn count_request(&self, tenant: &Tenant, permission: Option<Permission>) -> Result<()> {
        let Err(refusal) = self.requests.count(tenant.id, self.clock.now()) else { return Ok(()) };
        if !is_product(permission) {
            return Ok(());
        }
        Err(refusal.error())
    }
}

/// What a request is about. The way out is for people: a program that asks in its place is in no hurry.
pub(super) fn lane_of(permission: Option<Permission>, principal: &Principal) -> Lane {
    if is_product(permission) {
        return Lane::Product;
    }
    let leads_out = permission.is_some_and(|permission| WAY_OUT.contains(&permission));
    if leads_out && !principal.is_key() { Lane::WayOut(principal.id()) } else { Lane::Management }
}

/// Whether a request uses the product; else it is let in where a limit keeps from that.
fn is_product(permission: Option<Permission>) -> bool {
    permission.is_some_and(|permission| PRODUCT.contains(&permission))
}

/// What leads out of what a limit keeps from the product. Nothing of it is given to those who may only look.
const WAY_OUT: [Permission; 7] = [
    Permission::MembersManage,
    Permission::KeysManage,
    Permission::BillingRead,
    Permission::BillingManage,
    Permission::TenantExport,
    Permission::TenantClose,
    Permission::OwnershipTransfer,
];

/// What a tenant uses the product with.
const PRODUCT: [Permission; 8] = [
    Permission::RecordsRead,
    Permission::RecordsWrite,
    Permission::RecordsSql,
    Permission::FilesRead,
    Permission::FilesWrite,
    Permission::UsageWrite,
    Permission::JobsRead,
    Permission::JobsWrite,
];

/// Of one tenant.
#[derive(Default)]
struct Counted {
    /// By quarters of an hour.
    quarters: Buckets,
    /// What is known of its limit.
    bound: Option<RequestBound>,
    /// Why none is let in where requests have a price: the spend cap was reached when it was last looked at.
    capped: Option<UsageRefusal>,
    /// How many came since that was known.
    since: i64,
    /// Whether any came since the tenant was last looked at.
    is_touched: bool,
    /// Up to which percentage of which limit, in the window that begins then, notices are in the tenant's file.
    noticed: Option<(i64, i64, i64)>,
}

/// A hard limit of `api.requests`, and how much of it was used when it was last looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestBound {
    /// What is not exceeded.
    pub hard: i64,
    /// What was used in the window, of all servers.
    pub used: i64,
    /// Over what time.
    pub window: Window,
    /// When the window ends; never for one without.
    pub resets_at: Option<i64>,
}

impl RequestCounts {
    /// Counts a request. Tells why there is no room for it, if there is none: it is not counted then.
    pub(super) fn count(&self, tenant: TenantId, now: Timestamp) -> Result<(), UsageRefusal> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = all.entry(tenant).or_default();
        if let Some(bound) = &counted.bound
            && bound.resets_at.is_none_or(|ends| now.0 < ends)
            && bound.used.saturating_add(counted.since) >= bound.hard
        {
            return Err(UsageRefusal::LimitReached {
                meter: API_REQUESTS.to_owned(),
                used: bound.hard.to_string(),
                hard: bound.hard.to_string(),
                window: bound.window,
                resets_at: bound.resets_at,
            });
        }
        if let Some(refusal @ UsageRefusal::SpendCapReached { resets_at, .. }) = &counted.capped
            && now.0 < *resets_at
        {
            return Err(refusal.clone());
        }
        counted.since += 1;
        counted.is_touched = true;
        counted.quarters.add(quarter(now.0), 1);
        Ok(())
    }

    /// What is to be stored: of every tenant that was counted since the last time all of the quarter.
    pub fn unstored(&self) -> Vec<CountedSum> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().flat_map(|(tenant, counted)| counted.quarters.unstored(*tenant)).collect()
    }

    /// Remembers what was stored, and forgets quarters that are over and tenants from which nothing came since.
    pub fn stored(&self, sums: &[CountedSum], now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for sum in sums {
            if let Some(counted) = all.get_mut(&sum.tenant) {
                counted.quarters.stored(sum);
            }
        }
        let open = quarter(now.0);
        all.retain(|_, counted| {
            !counted.quarters.forget_before(open) || counted.is_touched || counted.capped.is_some()
        });
    }

    /// Remembers how much of its limit a tenant had used when `stored` was stored; nothing for one without a limit.
    pub fn bound(&self, tenant: TenantId, bound: Option<RequestBound>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bound.is_none() && !all.contains_key(&tenant) {
            return;
        }
        let counted = all.entry(tenant).or_default();
        counted.since = counted.quarters.unstored_amount();
        counted.bound = bound;
    }

    /// Remembers whether the spend cap of a tenant whose requests have a price was reached.
    pub fn cap(&self, tenant: TenantId, reached: Option<UsageRefusal>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reached.is_some() || all.contains_key(&tenant) {
            all.entry(tenant).or_default().capped = reached;
        }
    }

    /// The lease to enter notices in the tenant's file, where it may lack those of that percentage of a limit in the window
    /// that begins at `starts_at`.
    pub fn lease_to_notice(
        &self,
        tenant: TenantId,
        limit: i64,
        starts_at: i64,
        percent: i64,
    ) -> Option<Lease> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let noticed = all.get(&tenant).and_then(|counted| counted.noticed);
        let threshold = crossed(0, percent).last()?;
        let lacks = noticed.is_none_or(|(of, at, up_to)| (of, at) != (limit, starts_at) || up_to < threshold);
        lacks.then(|| Lease::new(tenant))
    }

    /// Remembers that it has them.
    pub fn noticed(&self, tenant: TenantId, limit: i64, starts_at: i64, percent: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(counted), Some(threshold)) = (all.get_mut(&tenant), crossed(0, percent).last()) {
            counted.noticed = Some((limit, starts_at, threshold));
        }
    }

    /// Takes the tenants that were counted since the last time.
    pub fn take_touched(&self) -> Vec<TenantId> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let touched = |(tenant, counted): (&TenantId, &mut Counted)| {
            std::mem::take(&mut counted.is_touched).then_some(*tenant)
        };
        all.iter_mut().filter_map(touched).collect()
    }

    /// How many of a tenant's requests are not stored yet.
    pub(super) fn unstored_of(&self, tenant: TenantId) -> i64 {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&tenant).map_or(0, |counted| counted.quarters.unstored_amount())
    }

    /// Forgets what is known of a tenant's limit: it may be another one now.
    pub(super) fn forget_bound(&self, tenant: TenantId) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = all.get_mut(&tenant) {
            counted.bound = None;
            counted.capped = None;
        }
    }

    /// The tenants of which something is known.
    pub fn tenants(&self) -> Vec<TenantId> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MINUTE;

    fn tenant() -> TenantId {
        TenantId::new(Timestamp(0))
    }

    #[test]
    fn what_is_stored_is_all_of_the_quarter_and_only_while_it_grows() {
        let counts = RequestCounts::default();
        let (one, other) = (tenant(), tenant());
        for _ in 0..3 {
            counts.count(one, Timestamp(0)).unwrap();
        }
        counts.count(other, Timestamp(0)).unwrap();
        let mut sums = counts.unstored();
        sums.sort_by_key(|sum| -sum.quantity);
        assert_eq!(sums.iter().map(|sum| sum.quantity).collect::<Vec<_>>(), [3, 1]);
        counts.stored(&sums, Timestamp(0));
        assert!(counts.unstored().is_empty());
        counts.count(one, Timestamp(0)).unwrap();
        assert_eq!(counts.unstored()[0].quantity, 4);
        counts.count(one, Timestamp(16 * MINUTE)).unwrap();
        assert_eq!(counts.unstored().len(), 2);
        let sums = counts.unstored();
        assert_eq!(counts.take_touched().len(), 2);
        counts.stored(&sums, Timestamp(16 * MINUTE));
        assert_eq!(counts.tenants(), [one]);
    }

    #[test]
    fn a_bound_holds_until_its_window_ends() {
        let counts = RequestCounts::default();
        let tenant = tenant();
        let bound = RequestBound { hard: 5, used: 3, window: Window::Day, resets_at: Some(1_000) };
        counts.bound(tenant, Some(bound));
        counts.count(tenant, Timestamp(0)).unwrap();
        counts.count(tenant, Timestamp(0)).unwrap();
        let refused = counts.count(tenant, Timestamp(999)).unwrap_err();
        assert!(matches!(refused, UsageRefusal::LimitReached { resets_at: Some(1_000), .. }), "{refused:?}");
        counts.count(tenant, Timestamp(1_000)).unwrap();
        counts.bound(tenant, None);
        counts.count(tenant, Timestamp(0)).unwrap();
        // So does a spend cap that is reached, and until it is raised.
        let reached = UsageRefusal::SpendCapReached { cap: "1.00 USD".to_owned(), resets_at: 2_000 };
        counts.cap(tenant, Some(reached.clone()));
        assert_eq!(counts.count(tenant, Timestamp(1_999)), Err(reached.clone()));
        counts.count(tenant, Timestamp(2_000)).unwrap();
        counts.forget_bound(tenant);
        counts.count(tenant, Timestamp(0)).unwrap();
    }
}
