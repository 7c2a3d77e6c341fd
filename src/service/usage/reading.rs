//! Reading events, and what they come to.

use crate::clock::{DAY, Timestamp};
use crate::error::{Error, Result};
use crate::model::meter::{Meter, Meters};
use crate::model::plan::Window;
use crate::model::usage::{QUARTER, UsageEvent, quarter};
use crate::policy::Permission;
use crate::rating::Period;
use crate::tenancy::TenantScope;
use crate::tenancy::tx::usage::{UsageQuery, UsageSum, fold_quarters};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The longest stretch of time that one answer tells of.
const LONGEST: i64 = 1_100 * DAY;

/// Which usage is asked for.
#[derive(Clone, Debug, Default)]
pub struct UsageAsked {
    /// One meter, or all of them.
    pub meter: Option<String>,
    /// From when on; where nothing is said since the subscription's period began.
    pub from: Option<Timestamp>,
    /// Up to when; where nothing is said until now.
    pub to: Option<Timestamp>,
    /// By which windows; days where nothing is said.
    pub window: Option<String>,
}

impl UsageAsked {
    fn window(&self) -> Result<Window> {
        match self.window.as_deref() {
            None | Some("day") => Ok(Window::Day),
            Some("hour") => Ok(Window::Hour),
            Some("month") => Ok(Window::Month),
            Some(_) => Err(Error::malformed("bad_window", "window is hour, day or month.")),
        }
    }

    fn period(&self, begun: i64, now: i64) -> Result<Period> {
        let to = self.to.map_or(now, |to| to.0).clamp(0, now.saturating_add(DAY));
        let from = self.from.map_or(begun.min(to), |from| from.0).max(0);
        if from > to || to - from > LONGEST {
            return Err(Error::malformed(
                "bad_period",
                "from must be before to, and at most three years before it.",
            ));
        }
        // Sums are kept by quarters of an hour: both ends are moved out to one.
        Ok(Period { from: quarter(from), to: quarter(to.saturating_add(QUARTER - 1)) })
    }
}

/// Usage by meter and window; windows without any are left out. Meters that Tenantry counts itself are among them.
///
/// # Errors
/// 403 without `usage:read`; 400 for an unknown meter or window, or a period too long.
pub async fn find_usage(scope: &TenantScope, asked: &UsageAsked) -> Result<Vec<(Arc<Meter>, UsageSum)>> {
    scope.require(Permission::UsageRead)?;
    let meters = chosen(scope.meters(), asked.meter.as_deref())?;
    let window = asked.window()?;
    let timezone = scope.tenant().timezone.clone();
    let catalog = scope.catalog();
    let asked_of_catalog = asked.clone();
    let built_in: Vec<Arc<Meter>> = meters.iter().filter(|meter| meter.is_built_in).cloned().collect();
    let (period, counted) = catalog
        .read(move |of| {
            let begun = of.find_course()?.map_or(of.now().0, |course| course.period.from);
            let period = asked_of_catalog.period(begun, of.now().0)?;
            let mut counted = Vec::with_capacity(built_in.len());
            for meter in &built_in {
                counted.push((Arc::clone(meter), of.list_counted(&meter.name, period)?));
            }
            Ok((period, counted))
        })
        .await?;
    let query = move |meter: &Arc<Meter>| UsageQuery {
        meter: Arc::clone(meter),
        period,
        window,
        timezone: timezone.clone(),
    };
    let sent: Vec<UsageQuery> = meters.iter().filter(|meter| !meter.is_built_in).map(&query).collect();
    let mut found = scope
        .read(move |tx| {
            let mut found = Vec::new();
            for query in &sent {
                let sums = tx.find_usage(query)?.into_iter();
                found.extend(sums.map(|sum| (Arc::clone(&query.meter), sum)));
            }
            Ok(found)
        })
        .await?;
    for (meter, quarters) in counted {
        let sums = fold_quarters(&query(&meter), &quarters)?.into_iter();
        found.extend(sums.map(|sum| (Arc::clone(&meter), sum)));
    }
    found.sort_by(|(one, a), (other, b)| (&one.name, a.period.from).cmp(&(&other.name, b.period.from)));
    Ok(found)
}

fn chosen(meters: &Meters, name: Option<&str>) -> Result<Vec<Arc<Meter>>> {
    let Some(name) = name else { return Ok(meters.iter().cloned().collect()) };
    let found = meters.get(name).cloned().ok_or_else(|| {
        let known: Vec<&str> = meters.iter().map(|meter| meter.name.as_str()).collect();
        Error::malformed("unknown_meter", format!("There is no such meter; known are {}.", known.join(", ")))
    });
    Ok(vec![found?])
}

/// Events of these numbers, both ends among them, in their order.
///
/// # Errors
/// 403 without `usage:read`; 400 for an unknown meter.
pub async fn list_usage_events(
    scope: &TenantScope,
    meter: Option<String>,
    numbers: RangeInclusive<i64>,
    limit: u32,
) -> Result<Vec<UsageEvent>> {
    scope.require(Permission::UsageRead)?;
    chosen(scope.meters(), meter.as_deref())?;
    scope.read(move |tx| tx.list_usage_events(meter.as_deref(), &numbers, limit)).await
}

/// The event of that number, and the one that took it back, if any.
///
/// # Errors
/// 403 without `usage:read`; 404 for an event that there is not.
pub async fn find_usage_event(scope: &TenantScope, seq: i64) -> Result<(UsageEvent, Option<i64>)> {
    scope.require(Permission::UsageRead)?;
    let found = scope.read(move |tx| {
        let event = tx.find_usage_event(seq)?.ok_or_else(Error::not_found)?;
        Ok((event, tx.voided_by(seq)?))
    });
    found.await
}
