//! What a service period is billed for: its plan, and what was used of the meters that have a price.

use crate::catalog::{NumberedPeriod, OfTenant};
use crate::clock::{DAY, Timestamp};
use crate::error::{Error, Result};
use crate::model::hex::hex;
use crate::model::invoice::{MeterUsage, Service, Span};
use crate::model::meter::{Meter, Meters};
use crate::model::plan::Plan;
use crate::rating::{Period, ServiceKind};
use crate::tenancy::TenantScope;
use crate::tenancy::tx::usage::UsageTaken;

/// For how long after a service period there can be usage of it: 35 days, and a day for clocks that are ahead.
const LATE: i64 = 36 * DAY;

/// What closing a service period takes into account.
#[derive(Clone)]
pub(super) struct Gathered {
    /// The service period that is closed.
    pub(super) next: NumberedPeriod,
    /// The last event that earlier bills counted.
    pub(super) before: i64,
    /// The last event that this one counts.
    pub(super) watermark: i64,
    /// The chain after that event, in hex; nothing where no events count.
    pub(super) chain: Option<String>,
    /// It, and earlier ones of which there is usage that came late. What was booked is filled in as it is stored.
    pub(super) services: Vec<Service>,
}

/// The next service period to be billed that ended at `ended` or before, with its usage.
///
/// # Errors
/// As catalog and file say.
pub(super) async fn gather(scope: &TenantScope, ended: Timestamp) -> Result<Option<Gathered>> {
    let catalog = scope.catalog();
    let found = catalog.read(move |of| {
        let Some(next) = of.next_period_to_bill(ended)? else { return Ok(None) };
        let plan = of.catalog().plan_version(&next.period.plan)?.plan;
        let lately = of.list_billed_periods(next.period.part.from - LATE, next.period.part.from)?;
        let mut earlier = Vec::with_capacity(lately.len());
        for billed in lately {
            let plan = of.catalog().plan_version(&billed.period.plan)?.plan;
            earlier.push((billed, plan));
        }
        Ok(Some((next, plan, earlier, of.last_watermark()?)))
    });
    let Some((next, plan, earlier, before)) = found.await? else { return Ok(None) };
    let is_priced = |period: &NumberedPeriod, plan: &Plan| {
        period.period.kind == ServiceKind::Regular
            && plan.prices.iter().any(|price| has_events(scope.meters(), &price.meter))
    };
    let earlier: Vec<_> = earlier.into_iter().filter(|(period, plan)| is_priced(period, plan)).collect();
    let mut services = Vec::with_capacity(1);
    // The file of a tenant none of whose usage costs anything is not opened.
    let (watermark, chain) = if is_priced(&next, &plan) || !earlier.is_empty() {
        let (last, chain) = scope.read_slow(|tx| tx.usage_head()).await?;
        (last.max(before), Some(hex(&chain)).filter(|_| last > 0 && last >= before))
    } else {
        (before, None)
    };
    let mut usage = Vec::new();
    if next.period.kind == ServiceKind::Regular {
        for price in &plan.prices {
            usage.push(measure(scope, &price.meter, next.period.part, watermark).await?);
        }
    }
    services.push(service(&next, &plan, usage, false));
    if watermark > before && !earlier.is_empty() {
        let begins = next.period.part.from;
        let late = scope.read_slow(move |tx| tx.late_usage(before, watermark, begins)).await?;
        for (period, plan) in &earlier {
            let part = period.period.part;
            let mut usage = Vec::new();
            for price in &plan.prices {
                if late
                    .iter()
                    .any(|late| late.meter == price.meter && late.from < part.to && part.from <= late.to)
                {
                    usage.push(measure(scope, &price.meter, part, watermark).await?);
                }
            }
            if !usage.is_empty() {
                services.push(service(period, plan, usage, true));
            }
        }
    }
    Ok(Some(Gathered { next, before, watermark, chain, services }))
}

fn has_events(meters: &Meters, name: &str) -> bool {
    meters.get(name).is_none_or(|meter| !meter.is_built_in)
}

fn service(period: &NumberedPeriod, plan: &Plan, usage: Vec<MeterUsage>, was_billed: bool) -> Service {
    let span = |period: Period| Span { from: Timestamp(period.from), to: Timestamp(period.to) };
    let mut terms = plan.document();
    // What does not make money of usage is not between the tenant and its invoice.
    terms.retain(|name, _| ["title", "currency", "interval", "fee_cents", "prices"].contains(&name.as_str()));
    Service {
        number: period.number,
        was_billed,
        is_trial: period.period.kind == ServiceKind::Trial,
        part: span(period.period.part),
        whole: span(period.period.whole),
        plan: period.period.plan.key.clone(),
        version: period.period.plan.version,
        terms,
        usage,
    }
}

/// What was used of one meter.
async fn measure(scope: &TenantScope, name: &str, part: Period, watermark: i64) -> Result<MeterUsage> {
    let meter = scope.meters().get(name).cloned();
    let meter =
        meter.ok_or_else(|| Error::internal(format!("the meter {name} has a price and is not known")))?;
    if meter.is_built_in {
        let counted = meter.name.clone();
        let quantity = scope.catalog().read(move |of: &OfTenant<'_>| of.counted(&counted, part)).await?;
        return Ok(usage(&meter, quantity, None));
    }
    let asked = meter.clone();
    let taken = scope.read_slow(move |tx| tx.take_usage(&asked, part, watermark)).await?;
    Ok(usage(&meter, taken.quantity, Some(&taken)))
}

pub(super) fn usage(meter: &Meter, quantity: i64, taken: Option<&UsageTaken>) -> MeterUsage {
    MeterUsage {
        meter: meter.name.clone(),
        unit: meter.unit.clone(),
        scale: meter.scale,
        aggregation: meter.aggregation.name().to_owned(),
        property: meter.property.clone(),
        is_built_in: meter.is_built_in,
        quantity,
        seq_from: taken.and_then(|taken| taken.seq_from),
        seq_to: taken.and_then(|taken| taken.seq_to),
        events: taken.map_or(0, |taken| taken.events),
        digest: taken.map_or_else(String::new, |taken| hex(&taken.digest)),
        booked_quantity: 0,
        booked: 0,
    }
}
