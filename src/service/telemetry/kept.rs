//! What lists of the fleet tell of tenants beside what they did lately: how large they are, when they were used, what they
//! bring in and cost, how they grow. It is kept in memory, and read from the catalog, of all tenants after a start and every
//! hour, and in between of those that were used. No tenant's file is opened for it.

use super::months::{Months, growth};
use crate::catalog::{Before, TenantFigures};
use crate::clock::{HOUR, Timestamp};
use crate::config::Config;
use crate::error::Result;
use crate::id::TenantId;
use crate::model::money::Currency;
use crate::service::{Installation, margins};
use foldhash::HashMap;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Tenants of one read: whoever else reads the catalog waits no longer than for them.
const AT_ONCE: usize = 20;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(2);
/// How old that may be which is held against the month before: that is more to read.
const BEFORE_FOR: i64 = HOUR;
/// From how many percent more than a month before a tenant grows.
pub(super) const GROWS_FROM: i64 = 20;
/// Fewer more requests than these are no growth.
const FEW_REQUESTS: i64 = 100;
/// Fewer more bytes than these are none either.
const FEW_BYTES: i64 = 1_000_000;

/// What is kept of one tenant. Amounts are millionths of a minor unit of its currency.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// When it was looked at.
    pub looked_at: Timestamp,
    /// Bytes that it took on the disk when that was last measured.
    pub size_bytes: Option<i64>,
    /// What it pays in.
    pub currency: Currency,
    /// What was invoiced this month, in minor units.
    pub revenue: i64,
    /// What its events and serving it cost this month; nothing where that is in several currencies.
    pub cost: Option<i64>,
    /// What is left of its revenue.
    pub margin: Option<i64>,
    /// By how many percent more than a month before it made requests, paid or took room, whichever is most; nothing where
    /// none of them grew.
    pub growth_percent: Option<i64>,
}

/// What there is of all tenants.
#[derive(Default)]
pub(in crate::service) struct KeptFigures(Mutex<State>);

#[derive(Default)]
struct State {
    /// When the month began that all of it is about.
    month: i64,
    /// When all were begun to be read for the last time.
    begun_at: Timestamp,
    /// Up to which tenant all are read for the first time; nothing once they are.
    reading: Option<Reading>,
    /// Of which month all were read once; nothing before.
    whole: Option<i64>,
    touched: BTreeSet<TenantId>,
    known: HashMap<TenantId, Known>,
    used_at: HashMap<TenantId, Timestamp>,
}

#[derive(Clone, Copy)]
struct Reading {
    after: Option<TenantId>,
}

#[derive(Clone, Copy)]
struct Known {
    kept: Kept,
    before: Before,
    before_at: Timestamp,
}

/// All that is kept of one tenant, as lists tell it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing {
    /// What was read of it; nothing in the first moments of a server.
    pub kept: Option<Kept>,
    /// When it was last used.
    pub last_active_at: Option<Timestamp>,
}

impl KeptFigures {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These were used just now, and are read again.
    pub(super) fn used(&self, tenants: impl Iterator<Item = TenantId>, now: Timestamp) {
        let mut state = self.state();
        for tenant in tenants {
            state.used_at.insert(tenant, now);
            state.touched.insert(tenant);
        }
    }

    /// This one was made just now, and is read.
    pub(super) fn made(&self, tenant: TenantId) {
        self.state().touched.insert(tenant);
    }

    pub(super) fn forget(&self, tenant: TenantId) {
        let mut state = self.state();
        state.touched.remove(&tenant);
        state.known.remove(&tenant);
        state.used_at.remove(&tenant);
    }

    /// What is kept of a tenant.
    pub(super) fn standing(&self, tenant: TenantId) -> Standing {
        let state = self.state();
        Standing {
            kept: state.known.get(&tenant).map(|known| known.kept),
            last_active_at: state.used_at.get(&tenant).copied(),
        }
    }

    /// Whether all tenants were read since the month began, those that were made meanwhile as well.
    pub(super) fn is_whole(&self, month: i64) -> bool {
        let state = self.state();
        state.whole == Some(month) && state.touched.iter().all(|tenant| state.known.contains_key(tenant))
    }

    /// All tenants of which something was read.
    pub(super) fn all(&self) -> Vec<(TenantId, Kept)> {
        self.state().known.iter().map(|(tenant, known)| (*tenant, known.kept)).collect()
    }
}

impl State {
    /// Which tenants are to be read next: all of them for the first time, or those that were touched.
    fn next(&mut self, month: i64, now: Timestamp) -> Next {
        if self.month != month || !(0..HOUR).contains(&now.since(self.begun_at)) {
            // What is known is told until there is something newer.
            (self.month, self.begun_at, self.reading) = (month, now, Some(Reading { after: None }));
        }
        if let Some(reading) = self.reading {
            return Next::Page(reading.after);
        }
        let some: Vec<TenantId> = self.touched.iter().take(AT_ONCE).copied().collect();
        self.touched.retain(|tenant| !some.contains(tenant));
        if some.is_empty() { Next::Nothing } else { Next::These(some) }
    }
}

enum Next {
    Page(Option<TenantId>),
    These(Vec<TenantId>),
    Nothing,
}

/// Reads what may have changed since the last time. To be done again and again.
///
/// # Errors
/// As the catalog says; what was not read is read the next time.
pub async fn keep(installation: &Installation) -> Result<()> {
    let all = &installation.telemetry.kept;
    loop {
        let now = installation.clock.now();
        let months = Months::at(now)?;
        let next = all.state().next(months.open.from, now);
        let mut is_last = false;
        let tenants = match next {
            Next::Nothing => return Ok(()),
            Next::These(tenants) => tenants,
            Next::Page(after) => {
                let most = u32::try_from(AT_ONCE).unwrap_or(u32::MAX);
                let page = installation
                    .catalog
                    .read(move |tx| tx.list_tenant_names_by_id((None, None), after, false, most))
                    .await?;
                let last = page.last().map(|last| last.id);
                let reading = last.filter(|_| page.len() == AT_ONCE);
                is_last = reading.is_none();
                all.state().reading = reading.map(|last| Reading { after: Some(last) });
                page.into_iter().map(|names| names.id).collect()
            }
        };
        if let Err(error) = read(installation, &tenants, months, now).await {
            all.state().touched.extend(tenants);
            return Err(error);
        }
        if is_last {
            all.state().whole = Some(months.open.from);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn read(
    installation: &Installation,
    tenants: &[TenantId],
    months: Months,
    now: Timestamp,
) -> Result<()> {
    let all = &installation.telemetry.kept;
    let wanted: Vec<(TenantId, Option<Before>)> = {
        let state = all.state();
        let fresh = |known: &&Known| {
            (0..BEFORE_FOR).contains(&now.since(known.before_at)) && known.before_at.0 >= months.open.from
        };
        let before = |tenant| state.known.get(tenant).filter(fresh).map(|known| known.before);
        tenants.iter().map(|tenant| (*tenant, before(tenant))).collect()
    };
    let read = installation.catalog.read(move |tx| {
        let mut found = Vec::with_capacity(wanted.len());
        for (tenant, before) in &wanted {
            let of = tx.of(*tenant);
            let figures = match of.figures(months.open) {
                Ok(figures) => figures,
                // Removed since.
                Err(error) if error.kind() == crate::error::Kind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let (before, is_new) = match before {
                Some(before) => (*before, false),
                None => (of.before(&figures, months.open, months.so_far)?, true),
            };
            found.push((figures, before, is_new));
        }
        Ok(found)
    });
    let found = read.await?;
    let mut state = all.state();
    for (figures, before, is_new) in found {
        let tenant = figures.tenant.id;
        if !figures.tenant.status.is_visible() {
            state.known.remove(&tenant);
            continue;
        }
        let before_at = state.known.get(&tenant).map(|known| known.before_at).filter(|_| !is_new);
        if let Some(used) = figures.last_used_at {
            let last = state.used_at.entry(tenant).or_insert(used);
            *last = (*last).max(used);
        }
        let kept = kept_of(&installation.config, figures, before, months, now);
        state.known.insert(tenant, Known { kept, before, before_at: before_at.unwrap_or(now) });
    }
    Ok(())
}

fn kept_of(config: &Config, figures: TenantFigures, before: Before, months: Months, now: Timestamp) -> Kept {
    let (size_bytes, currency, revenue) = (figures.size_bytes, figures.month.currency, figures.month.revenue);
    let margin = margins::margin(config, figures.month);
    let cost = margin.margin.map(|_| margin.month.event_cost.saturating_add(margin.serving));
    let grown = [
        growth(before.requests, months.by_now(before.requests_before, now), FEW_REQUESTS),
        growth(revenue, before.revenue_before, 1),
        size_bytes.zip(before.size_before).and_then(|(size, before)| growth(size, before, FEW_BYTES)),
    ];
    Kept {
        looked_at: now,
        size_bytes,
        currency,
        revenue,
        cost,
        margin: margin.margin,
        growth_percent: grown.into_iter().flatten().max(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_read_page_by_page_once_an_hour_and_those_that_were_touched_after_that() {
        let tenant = TenantId::new(Timestamp(5));
        let mut state = State { month: 1, begun_at: Timestamp(7), ..State::default() };
        state.touched.insert(tenant);
        assert!(matches!(state.next(1, Timestamp(8)), Next::These(these) if these == [tenant]));
        assert!(matches!(state.next(1, Timestamp(8)), Next::Nothing));
        assert!(matches!(state.next(2, Timestamp(8)), Next::Page(None)));
        state.reading = Some(Reading { after: Some(tenant) });
        assert!(matches!(state.next(2, Timestamp(8)), Next::Page(Some(after)) if after == tenant));
        state.reading = None;
        assert!(matches!(state.next(2, Timestamp(8)), Next::Nothing));
        assert!(matches!(state.next(2, Timestamp(8 + HOUR)), Next::Page(None)));
    }
}
