//! The tenant's plan and status, as its subscription at Stripe says.

use super::letters;
use super::sync::Done;
use crate::catalog::{By, OfTenant, PlanVersion};
use crate::clock::DAY;
use crate::error::Result;
use crate::model::stripe::{Subscription, SubscriptionState};
use crate::rating::{Course, CourseStatus, Terms};
use crate::service::subscriptions::{audit_change, settle};
use serde_json::json;

/// Ends of periods that are that close are one period: clocks differ, and so do the moments of a checkout.
const SAME_END: i64 = 2 * DAY;

/// What a subscription that is not over says of the tenant.
pub(super) struct Wanted {
    /// The plan that is sold for its price.
    pub(super) plan: PlanVersion,
    /// How it stands.
    pub(super) status: CourseStatus,
    trial_end: Option<i64>,
    /// Why the plan stays as it is, where it does although the price is another.
    pub(super) unknown: Option<String>,
}

/// Lets plan and status follow the subscription that counts, of which `said` is one that was `known` otherwise before.
pub(super) fn follow_subscription(
    of: &OfTenant<'_>,
    known: Option<&SubscriptionState>,
    said: &Subscription,
) -> Result<Done> {
    if let Some((id, live)) = of.live_stripe_subscription()? {
        let prices = if id == said.id { said.prices.clone() } else { live.price.iter().cloned().collect() };
        return follow_live(of, &live, &prices);
    }
    if !matches!(said.status.as_str(), "canceled" | "incomplete_expired") {
        return Ok(Done::default());
    }
    let was_live = known.is_some_and(|known| !known.is_over());
    let course = settle(of)?;
    let price = of.catalog().plan_version(&course.plan)?.plan.stripe_price;
    let is_of_plan = price.is_some_and(|price| said.prices.contains(&price));
    // One that was over before it was heard of says nothing of what was agreed on since, unless it is what was bought.
    if was_live || (known.is_none() && is_of_plan) { end(of, course) } else { Ok(Done::default()) }
}

/// What the subscription that counts says; nothing for a status that nobody knows.
pub(super) fn wanted(
    of: &OfTenant<'_>,
    course: &Course,
    live: &SubscriptionState,
    prices: &[String],
) -> Result<Option<Wanted>> {
    let status = match live.status.as_str() {
        "trialing" => CourseStatus::Trialing,
        "active" => CourseStatus::Active,
        "past_due" | "unpaid" | "paused" => CourseStatus::PastDue,
        _ => return Ok(None),
    };
    let trial_end = live.trial_end.map(|end| end.0);
    let trial_end = trial_end.filter(|end| status == CourseStatus::Trialing && *end > of.now().0);
    let status =
        if status == CourseStatus::Trialing && trial_end.is_none() { CourseStatus::Active } else { status };
    let current = of.catalog().plan_version(&course.plan)?;
    if current.plan.stripe_price.as_ref().is_some_and(|price| prices.contains(price)) {
        return Ok(Some(Wanted { plan: current, status, trial_end, unknown: None }));
    }
    let mut sold = Vec::new();
    for price in prices {
        sold.extend(of.catalog().list_plans_sold_for(price)?);
    }
    let told = prices.join(", ");
    let unknown = match sold.len() {
        1 => None,
        0 => Some(format!("the plan stays: none is sold for the price {told}")),
        _ => Some(format!("the plan stays: several are sold for the price {told}")),
    };
    let plan = sold.pop().filter(|_| unknown.is_none()).unwrap_or(current);
    Ok(Some(Wanted { plan, status, trial_end, unknown }))
}

fn follow_live(of: &OfTenant<'_>, live: &SubscriptionState, prices: &[String]) -> Result<Done> {
    let course = settle(of)?;
    let Some(wanted) = wanted(of, &course, live, prices)? else {
        return Ok(Done::parked(format!("nobody knows what the status {} means", live.status)));
    };
    let done = match &wanted.unknown {
        Some(why) => Done::parked(why.clone()),
        None => Done::default(),
    };
    let (moved, service) = moved(of, &course, live, &wanted)?;
    let after = Course { status: wanted.status, ..moved };
    if after == course && service.is_none() {
        return Ok(done);
    }
    of.store_course(&after, service.as_ref())?;
    if after.plan != course.plan {
        audit_change(of, &By::system(), &course.plan, &after.plan)?;
    }
    // It may have begun longer ago than one period is long.
    let after = settle(of)?;
    Ok(Done { changed: told(of, &course, &after)?, ..done })
}

/// The course with plan and trial as they are wanted, and the service period that begins with that, if one does.
fn moved(
    of: &OfTenant<'_>,
    course: &Course,
    live: &SubscriptionState,
    wanted: &Wanted,
) -> Result<(Course, Option<crate::rating::ServicePeriod>)> {
    let now = of.now().0.max(course.period.from);
    let other_plan = wanted.plan.reference() != course.plan;
    let (in_trial, to_trial) = (course.status == CourseStatus::Trialing, wanted.trial_end.is_some());
    let other_trial = in_trial != to_trial || (to_trial && course.trial_end != wanted.trial_end);
    if !other_plan && !other_trial && course.status != CourseStatus::Canceled {
        return begun_early(of, course, live);
    }
    let terms = Terms { plan: wanted.plan.reference(), interval: wanted.plan.plan.interval, trial_days: 0 };
    let timezone = of.tenant()?.timezone;
    let ends_with_stripe = live.period.is_some_and(|(_, end)| (end.0 - course.period.to).abs() <= SAME_END);
    let goes_on = other_plan && !in_trial && !to_trial && course.status != CourseStatus::Canceled;
    if goes_on && ends_with_stripe && course.interval == terms.interval {
        let (course, service) = course.change(&terms, &timezone, now)?;
        return Ok((course, Some(service)));
    }
    let newest = of.newest_service_start()?.unwrap_or(course.period.from);
    // From the moment on that Stripe bills; never into what was agreed on before that.
    let begins = live.period.map(|(from, _)| from.0).filter(|from| (newest..=now).contains(from));
    let from = if in_trial && to_trial && !other_plan { newest } else { begins.unwrap_or(now) };
    let (course, service) = Course::begin_until(&terms, &timezone, from, wanted.trial_end)?;
    Ok((course, Some(service)))
}

/// Where Stripe has begun its next period and ours goes on for some hours or days yet, by another calendar or clock, ours
/// begins with it: what was used until then is on the invoice that Stripe makes then, and not on the one after.
fn begun_early(
    of: &OfTenant<'_>,
    course: &Course,
    live: &SubscriptionState,
) -> Result<(Course, Option<crate::rating::ServicePeriod>)> {
    let ends = course.period.to - SAME_END..course.period.to;
    let begun = live.period.map(|(from, _)| from.0).filter(|from| ends.contains(from) && *from <= of.now().0);
    // What Stripe knows nothing of goes by our calendar.
    let goes_with_it = course.status != CourseStatus::Trialing && course.next.is_none();
    let newest = of.newest_service_start()?.unwrap_or(course.period.from);
    let Some(from) = begun.filter(|from| goes_with_it && *from > newest) else {
        return Ok((course.clone(), None));
    };
    of.shorten_service(from)?;
    let terms = Terms { plan: course.plan.clone(), interval: course.interval, trial_days: 0 };
    let (course, service) = Course::begin_until(&terms, &of.tenant()?.timezone, from, None)?;
    Ok((course, Some(service)))
}

/// The tenant's subscription is over.
fn end(of: &OfTenant<'_>, course: Course) -> Result<Done> {
    if course.status == CourseStatus::Canceled {
        return Ok(Done::default());
    }
    let ended = Course { status: CourseStatus::Canceled, next: None, ..course.clone() };
    of.store_course(&ended, None)?;
    of.end_service_period(of.now().0)?;
    letters::tell_of_end(of, &course.plan.key)?;
    Ok(Done { changed: told(of, &course, &ended)?, ..Done::default() })
}

/// What became of the tenant's subscription, in sentences; its status goes into the log.
fn told(of: &OfTenant<'_>, before: &Course, after: &Course) -> Result<Vec<String>> {
    let mut changed = Vec::new();
    if before.plan != after.plan {
        let name = |course: &Course| format!("{} v{}", course.plan.key, course.plan.version);
        changed.push(format!("tenant plan: {} -> {}", name(before), name(after)));
    }
    if before.status != after.status {
        let (from, to) = (before.status.name(), after.status.name());
        changed.push(format!("tenant status: {from} -> {to}"));
        let target = format!("plan:{}", after.plan.key);
        of.audit(&By::system(), "subscription.status_changed", &target, &json!({ "from": from, "to": to }))?;
    }
    if changed.is_empty() && before.period != after.period {
        changed.push("tenant period: begins anew".to_owned());
    }
    Ok(changed)
}
