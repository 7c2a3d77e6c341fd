//! The list of all tenants, searched, and sorted also by what they did lately and by what is kept of them.

mod line;
mod order;
mod position;

pub use line::{FleetFigures, FleetTenant};
pub use position::Position;

use super::roll_up::RollUp;
use crate::catalog::TenantNames;
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::model::tenant::TenantStatus;
use crate::service::Installation;
use order::{By, Order};
use position::Key;
use std::cmp::Ordering;
use std::sync::Arc;

/// Longest text that is searched for, in characters.
const LONGEST_SEARCH: usize = 200;

/// Which tenants are asked for.
#[derive(Clone, Debug)]
pub struct FleetIn {
    /// What their slugs or names contain, or their id.
    pub q: Option<String>,
    /// Their state.
    pub status: Option<TenantStatus>,
    /// Their plan.
    pub plan: Option<String>,
    /// By what they are sorted, `-` before it for the other way round; else by their ids.
    pub order: Option<String>,
    /// Where the page before ended.
    pub after: Option<Position>,
    /// How many.
    pub limit: usize,
}

/// One page.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// When it was summed up what tenants did lately.
    pub as_of: Timestamp,
    /// Tenants with their figures.
    pub tenants: Vec<FleetTenant>,
    /// Where the next page begins, if there is one.
    pub next: Option<Position>,
}

/// A page of all tenants. What is kept of them may change while pages are read: who moves past the end of a page is listed twice, or
/// not at all.
///
/// # Errors
/// 400 `bad_order` or `bad_search`; 410 `list_expired` where a list by what tenants did was begun too long ago.
pub async fn list_fleet(installation: &Installation, input: FleetIn) -> Result<Fleet> {
    let order = Order::parse(input.order.as_deref().unwrap_or("id"))?;
    let roll_up = roll_up_of(installation, order, input.after.as_ref())?;
    let q = searched(input.q)?;
    let (status, plan) = (input.status, input.plan);
    let after = input.after;
    let (begins, most) = (after.as_ref().map(|at| at.id), u32::try_from(input.limit + 1).unwrap_or(u32::MAX));
    // What is read by key needs nothing but its page.
    let is_by_key = q.is_none() && matches!(order.by, By::Id);
    let all = installation.catalog.read(move |tx| {
        let which = (status, plan.as_deref());
        if is_by_key {
            return tx.list_tenant_names_by_id(which, begins, order.descends, most);
        }
        tx.list_tenant_names(status, plan.as_deref())
    });
    let all = all.await?;
    let mut found: Vec<(Key, TenantId)> = all
        .iter()
        .filter(|names| q.as_ref().is_none_or(|q| is_called(names, q)))
        .map(|names| (order.key(names, |id| figures_of(installation, &roll_up, id)), names.id))
        .filter(|(key, id)| {
            let after = after.as_ref();
            after.is_none_or(|at| order.compare((key, *id), (&at.key, at.id)) == Ordering::Greater)
        })
        .collect();
    let more = found.len() > input.limit;
    let compare =
        |one: &(Key, TenantId), other: &(Key, TenantId)| order.compare((&one.0, one.1), (&other.0, other.1));
    if more && input.limit > 0 {
        // What is not on the page needs no order.
        found.select_nth_unstable_by(input.limit - 1, compare);
    }
    found.truncate(input.limit);
    found.sort_unstable_by(compare);
    let next = found.last().filter(|_| more);
    let next = next.map(|(key, id)| Position { as_of: roll_up.as_of, id: *id, key: key.clone() });
    let ids: Vec<TenantId> = found.into_iter().map(|(_, id)| id).collect();
    let tenants = installation
        .catalog
        .read(move |tx| ids.iter().map(|id| tx.of(*id).tenant()).collect::<Result<Vec<_>>>());
    let tenants = tenants.await?.into_iter().map(|tenant| {
        let figures = figures_of(installation, &roll_up, tenant.id);
        FleetTenant { tenant, figures }
    });
    Ok(Fleet { as_of: roll_up.as_of, tenants: tenants.collect(), next })
}

/// What is searched for.
pub(in crate::service) fn searched(q: Option<String>) -> Result<Option<String>> {
    let q = q.map(|q| q.trim().to_lowercase()).filter(|q| !q.is_empty());
    if q.as_ref().is_some_and(|q| q.chars().count() > LONGEST_SEARCH) {
        return Err(Error::malformed("bad_search", "q must have at most 200 characters."));
    }
    Ok(q)
}

/// Whether what is searched for is in what a tenant is called.
pub(in crate::service) fn is_called(names: &TenantNames, q: &str) -> bool {
    names.slug.contains(q) || names.name.to_lowercase().contains(q) || names.id.to_string() == q
}

fn figures_of(installation: &Installation, roll_up: &RollUp, tenant: TenantId) -> FleetFigures {
    FleetFigures {
        live: roll_up.tenants.get(&tenant).copied().unwrap_or_default(),
        standing: installation.telemetry.kept.standing(tenant),
        limits_percent: nearest_limit(installation, tenant),
    }
}

/// How much of a tenant's nearest limit is used, in percent, from where that is warned of.
pub(super) fn nearest_limit(installation: &Installation, tenant: TenantId) -> Option<i64> {
    installation.tenancy.usage_warnings(tenant).iter().map(|warning| warning.percent).max()
}

/// The sums that the list was begun with; the newest for a new one, and where those are gone and it is not sorted by them.
fn roll_up_of(installation: &Installation, order: Order, after: Option<&Position>) -> Result<Arc<RollUp>> {
    let roll_ups = &installation.telemetry.roll_ups;
    let begun_with = after.and_then(|position| roll_ups.of(position.as_of));
    let is_by_them = matches!(order.by, By::Live(_));
    let Some(position) = after.filter(|_| is_by_them) else {
        // Before the first are made, in the first moments of a server, nobody did anything.
        return Ok(begun_with.or_else(|| roll_ups.newest()).unwrap_or_default());
    };
    let is_of_before = position.as_of == Timestamp::default();
    begun_with.or_else(|| is_of_before.then(Arc::default)).ok_or_else(|| {
        let detail = "What this list is sorted by is no longer kept. Begin it anew, without a cursor.";
        Error::new(Kind::Gone, "list_expired", detail)
    })
}
