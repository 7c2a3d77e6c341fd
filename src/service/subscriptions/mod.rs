//! Subscriptions: on which plan a tenant is, changed now or at the end of the period, and brought from one period to the
//! next.

mod periods;

pub use periods::advance_due;
pub(super) use periods::{begin, begin_missing, settle};

use super::Installation;
use super::members::require_now;
use crate::catalog::{By, CatalogTx, OfTenant, PlanVersion};
use crate::clock::DAY;
use crate::error::{Error, FieldError, Kind, Result};
use crate::model::tenant::Act;
use crate::policy::Permission;
use crate::rating::{Course, CourseStatus, PlanRef};
use crate::tenancy::TenantScope;
use periods::terms;
use serde_json::json;

/// Changes that count at once, of one tenant in one day: each is a line of its own on an invoice.
const MOST_CHANGES: i64 = 20;

/// When a change of plan counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At once: another service period begins.
    Now,
    /// With the next period.
    PeriodEnd,
}

impl When {
    /// Reads the field `when` of a body; nothing said is now.
    ///
    /// # Errors
    /// 422 for another word.
    pub fn parse(when: Option<&str>) -> Result<When> {
        match when {
            None | Some("now") => Ok(When::Now),
            Some("period_end") => Ok(When::PeriodEnd),
            Some(_) => Err(Error::invalid_field("when", "unknown", "must be now or period_end")),
        }
    }
}

/// A subscription as it is told.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Where it is.
    pub course: Course,
    /// The newest version of its plan: another one than its own can be moved to.
    pub newest_version: i64,
    /// The subscription at Stripe that says which plan it is, where there is one.
    pub stripe_subscription: Option<String>,
}

pub(super) fn audit_change(of: &OfTenant<'_>, by: &By, from: &PlanRef, to: &PlanRef) -> Result<()> {
    let told = |plan: &PlanRef| json!({ "plan": plan.key, "version": plan.version });
    of.audit(
        by,
        "subscription.changed",
        &format!("plan:{}", to.key),
        &json!({ "from": told(from), "to": told(to) }),
    )
}

fn told(of: &OfTenant<'_>, course: Course) -> Result<Subscription> {
    let newest = of.catalog().find_plan(&course.plan.key)?;
    Ok(Subscription {
        newest_version: newest.map_or(course.plan.version, |plan| plan.version),
        stripe_subscription: of.live_stripe_subscription()?.map(|(id, _)| id),
        course,
    })
}

/// The tenant's subscription.
///
/// # Errors
/// 403 without `billing:read`.
pub async fn find_subscription(scope: &TenantScope) -> Result<Subscription> {
    scope.require(Permission::BillingRead)?;
    let catalog = scope.catalog();
    let current = catalog.read(|of| {
        let course = of.find_course()?.filter(|course| of.now().0 < course.period.to);
        course.map(|course| told(of, course)).transpose()
    });
    match current.await? {
        Some(subscription) => Ok(subscription),
        // The period has just ended: whoever asks first brings it over.
        None => catalog.write("settle_subscription", |of| told(of, settle(of)?)).await,
    }
}

/// The same for an operator; that is in the tenant's audit log.
///
/// # Errors
/// 404; 409 as the tenant's state says.
pub async fn find_subscription_for_operator(
    installation: &Installation,
    selector: &str,
    by: By,
) -> Result<Subscription> {
    let scope =
        TenantScope::for_operator(&installation.tenancy, by, selector, Act::Read, "subscription").await?;
    find_subscription(&scope).await
}

/// Moves the tenant to the newest version of a plan that is offered. A change that was asked for before is forgotten.
///
/// # Errors
/// 403 without `billing:manage`; 422 for a plan that is not offered; 409 `currency_differs`; 429
/// `too_many_plan_changes`. Where Stripe collects: 402 `checkout_required` for a plan that is bought there, 409
/// `billed_by_stripe` while a subscription there says which plan it is.
pub async fn change_subscription(
    installation: &Installation,
    scope: &TenantScope,
    plan: String,
    when: When,
) -> Result<Subscription> {
    scope.require(Permission::BillingManage)?;
    let by_stripe = installation.bills_by_stripe();
    let (actor, roles, by) = (scope.by().actor, scope.app_roles().clone(), scope.by().clone());
    let subscription = scope
        .catalog()
        .write("change_subscription", move |of| {
            require_now(of, &roles, actor, Permission::BillingManage)?;
            of.admit(Act::Pay)?;
            if when == When::Now && of.count_service_periods(of.now().plus(-DAY))? >= MOST_CHANGES {
                return Err(too_many_changes());
            }
            let wanted = of.catalog().find_plan(&plan)?.filter(|plan| plan.plan.offered);
            let wanted = wanted.ok_or_else(|| not_offered(of.catalog()))?;
            if by_stripe {
                refuse_around_stripe(of, &wanted)?;
            }
            change(of, &wanted, when, &by)
        })
        .await?;
    tell_file(scope).await;
    Ok(subscription)
}

/// Moves a tenant to the newest version of any plan; for operators.
///
/// # Errors
/// 404 for a tenant that is not there; 422 for a plan that is not; 409 `currency_differs`.
pub async fn assign_subscription(
    installation: &Installation,
    selector: &str,
    plan: String,
    when: When,
    by: By,
) -> Result<Subscription> {
    let id = installation.catalog.tenant(selector).await?.id;
    let write = installation.catalog.write("assign_subscription", move |tx| {
        let of = tx.of(id);
        if !of.tenant()?.status.is_visible() {
            return Err(Error::not_found());
        }
        let unknown = || Error::invalid_field("plan", "unknown", "is no plan of this installation");
        change(&of, &tx.find_plan(&plan)?.ok_or_else(unknown)?, when, &by)
    });
    write.await
}

/// What is paid at Stripe is changed there: here it would be had without being paid.
fn refuse_around_stripe(of: &OfTenant<'_>, wanted: &PlanVersion) -> Result<()> {
    if of.live_stripe_subscription()?.is_some() {
        return Err(Error::conflict(
            "billed_by_stripe",
            "This tenant's subscription is at Stripe. Change or cancel it there: POST .../billing/portal says where.",
        ));
    }
    let is_it = |course: Course| course.plan.key == wanted.key && course.status != CourseStatus::Canceled;
    let has_it = of.find_course()?.is_some_and(is_it);
    if wanted.plan.stripe_price.is_some() && !has_it {
        return Err(Error::new(
            Kind::PaymentRequired,
            "checkout_required",
            "This plan is paid at Stripe. POST .../billing/checkout says where.",
        ));
    }
    Ok(())
}

fn change(of: &OfTenant<'_>, wanted: &PlanVersion, when: When, by: &By) -> Result<Subscription> {
    let course = settle(of)?;
    let to = wanted.reference();
    if to == course.plan {
        // It is there already; what it would have changed to is not wanted any more.
        return forget_change(of, course, by);
    }
    refuse_other_currency(&of.catalog().plan_version(&course.plan)?, wanted)?;
    if when == When::PeriodEnd {
        let scheduled = Course { next: Some(to.clone()), ..course };
        of.store_course(&scheduled, None)?;
        let details = json!({ "plan": to.key, "version": to.version, "at": crate::clock::Timestamp(scheduled.period.to) });
        of.audit(by, "subscription.change_scheduled", &format!("plan:{}", to.key), &details)?;
        return told(of, scheduled);
    }
    // A clock that was put back does not lead out of the period.
    let now = of.now().0.max(course.period.from);
    let (changed, service) = course.change(&terms(of, wanted)?, &of.tenant()?.timezone, now)?;
    of.store_course(&changed, Some(&service))?;
    audit_change(of, by, &course.plan, &to)?;
    told(of, changed)
}

fn forget_change(of: &OfTenant<'_>, course: Course, by: &By) -> Result<Subscription> {
    let Some(forgotten) = course.next.clone() else { return told(of, course) };
    let course = Course { next: None, ..course };
    of.store_course(&course, None)?;
    let details = json!({ "plan": forgotten.key, "version": forgotten.version });
    of.audit(by, "subscription.change_cancelled", &format!("plan:{}", forgotten.key), &details)?;
    told(of, course)
}

/// Takes back a change that was asked for the end of the period.
///
/// # Errors
/// 403 without `billing:manage`; 404 `nothing_scheduled`.
pub async fn cancel_scheduled_change(scope: &TenantScope) -> Result<()> {
    scope.require(Permission::BillingManage)?;
    let (actor, roles, by) = (scope.by().actor, scope.app_roles().clone(), scope.by().clone());
    scope
        .catalog()
        .write("cancel_scheduled_change", move |of| {
            require_now(of, &roles, actor, Permission::BillingManage)?;
            of.admit(Act::Pay)?;
            let course = settle(of)?;
            if course.next.is_none() {
                return Err(Error::new(
                    Kind::NotFound,
                    "nothing_scheduled",
                    "There is no change of plan to take back: none was asked for, or it has come already.",
                ));
            }
            forget_change(of, course, &by).map(drop)
        })
        .await?;
    tell_file(scope).await;
    Ok(())
}

/// What is in the tenant's file is what is enforced: it is told at once. Otherwise the next use of the file tells it.
async fn tell_file(scope: &TenantScope) {
    if let Err(error) = scope.refresh_entitlements().await {
        tracing::warn!(
            tenant_id = %scope.tenant().id,
            error = ?error,
            "a tenant's file was not told of its plan yet; its next use tells it"
        );
    }
}

/// Invoices of one service period after another are in one currency, and so is what is added to them later.
pub(super) fn refuse_other_currency(from: &PlanVersion, to: &PlanVersion) -> Result<()> {
    if from.plan.currency == to.plan.currency || from.plan.costs_nothing() {
        return Ok(());
    }
    let detail = format!(
        "The plan {} is in {}, this tenant pays in {}. Choose a plan in that currency, or a free one in between.",
        to.key,
        to.plan.currency.code(),
        from.plan.currency.code()
    );
    Err(Error::conflict("currency_differs", detail))
}

fn too_many_changes() -> Error {
    let detail = format!(
        "The plan of this tenant changed {MOST_CHANGES} times within a day. Wait for tomorrow, or choose one for the end of \
         the period."
    );
    Error::too_many("too_many_plan_changes", detail, 3_600)
}

pub(super) fn not_offered(tx: &CatalogTx<'_>) -> Error {
    let offered: Vec<String> = match tx.list_plans() {
        Ok(plans) => plans.into_iter().filter(|plan| plan.plan.offered).map(|plan| plan.key).collect(),
        Err(error) => return error,
    };
    let message = format!("must be one of the plans that are offered: {}", offered.join(", "));
    Error::invalid(vec![FieldError::new("plan", "unknown", message)])
}
