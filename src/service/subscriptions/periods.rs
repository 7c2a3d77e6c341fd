//! From one period to the next.

use super::audit_change;
use crate::catalog::{By, OfTenant, PlanVersion};
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::rating::{Course, CourseStatus, Terms};
use crate::service::{Installation, plans};
use futures_util::future::join_all;

/// Periods that one transaction brings a tenant over: a century of months.
const MOST_PERIODS: usize = 1_200;
/// Tenants that are looked up at once.
const BATCH: u32 = 200;

/// Begins the subscription of a tenant to be.
pub(in crate::service) fn begin(of: &OfTenant<'_>, plan: &PlanVersion) -> Result<()> {
    let terms = terms(of, plan)?;
    let (course, service) = Course::begin(&terms, &of.tenant()?.timezone, of.now().0)?;
    of.store_course(&course, Some(&service))
}

pub(super) fn terms(of: &OfTenant<'_>, version: &PlanVersion) -> Result<Terms> {
    let has_trial = version.plan.trial_days > 0 && !of.has_had_trial(&version.key)?;
    Ok(Terms {
        plan: version.reference(),
        interval: version.plan.interval,
        trial_days: if has_trial { version.plan.trial_days } else { 0 },
    })
}

/// The subscription as of now: periods that are over are brought to their ends first, in their order.
pub(in crate::service) fn settle(of: &OfTenant<'_>) -> Result<Course> {
    let tenant = of.tenant()?;
    let Some(mut course) = of.find_course()? else {
        let plan = of.catalog().find_plan(&tenant.plan)?.ok_or_else(plans::unknown_plan)?;
        begin(of, &plan)?;
        return of.find_course()?.ok_or_else(Error::not_found);
    };
    for _ in 0..MOST_PERIODS {
        if of.now().0 < course.period.to || course.status == CourseStatus::Canceled {
            break;
        }
        let next = match &course.next {
            Some(next) => Some(terms(of, &of.catalog().plan_version(next)?)?),
            None => None,
        };
        let (after, service) = course.advance(next.as_ref(), &tenant.timezone)?;
        of.store_course(&after, Some(&service))?;
        if after.plan != course.plan {
            audit_change(of, &By::system(), &course.plan, &after.plan)?;
        }
        course = after;
    }
    Ok(course)
}

/// Brings tenants whose period is over to the next one.
///
/// # Errors
/// As the catalog says.
pub async fn advance_due(installation: &Installation) -> Result<()> {
    loop {
        // A read first: this is asked every second, and the writer has better things to do.
        let due = installation.catalog.read(|tx| tx.list_periods_over(BATCH)).await?;
        // All at once: they share their commits.
        let settled = join_all(due.into_iter().map(|id| settle_one(installation, id))).await;
        if settled.into_iter().filter(|settled| *settled).count() < BATCH as usize {
            return Ok(());
        }
    }
}

/// One that cannot be brought over does not keep the others.
async fn settle_one(installation: &Installation, id: TenantId) -> bool {
    let settled =
        installation.catalog.write("advance_subscription", move |tx| settle(&tx.of(id)).map(drop)).await;
    if let Err(error) = &settled {
        tracing::error!(tenant_id = %id, error = ?error, "a subscription could not be brought to its next period");
    }
    settled.is_ok()
}

/// Gives a subscription to tenants that were made before there were any.
pub(in crate::service) async fn begin_missing(installation: &Installation) -> Result<()> {
    loop {
        let found = installation.catalog.read(|tx| tx.list_unsubscribed_tenants(BATCH)).await?;
        if found.is_empty() {
            return Ok(());
        }
        let write = installation.catalog.write("begin_subscriptions", move |tx| {
            found.iter().try_for_each(|id| settle(&tx.of(*id)).map(drop))
        });
        write.await?;
    }
}
