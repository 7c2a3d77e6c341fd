//! Tenants that owe: past due from the day on which an invoice was due, read-only some days later, free again as soon as
//! it is paid. What Stripe bills is none of this: there it is the subscription that says how the tenant stands.

use crate::catalog::{By, OfTenant};
use crate::clock::DAY;
use crate::error::Result;
use crate::id::TenantId;
use crate::rating::{Course, CourseStatus};
use crate::service::Installation;
use serde_json::json;

/// Looks for tenants with invoices that are due.
///
/// # Errors
/// As the catalog says.
pub async fn watch_unpaid(installation: &Installation) -> Result<()> {
    let (grace, with_stripe) = (grace(installation), installation.bills_by_stripe());
    let owing = installation
        .catalog
        .read(move |tx| tx.list_owing_tenants(tx.now().plus(-grace), with_stripe))
        .await?;
    for tenant in owing {
        look_at(installation, tenant).await?;
    }
    Ok(())
}

fn grace(installation: &Installation) -> i64 {
    i64::from(installation.config.unpaid_grace_days) * DAY
}

/// Brings the state of one tenant in line with what it owes.
pub(super) async fn look_at(installation: &Installation, tenant: TenantId) -> Result<()> {
    let (grace, with_stripe) = (grace(installation), installation.bills_by_stripe());
    let write =
        installation.catalog.write("look_at_dues", move |tx| settle(&tx.of(tenant), grace, with_stripe));
    write.await
}

fn settle(of: &OfTenant<'_>, grace: i64, with_stripe: bool) -> Result<()> {
    // A subscription at Stripe says itself whether it is past due; two who say so would contradict each other.
    let stripe_says = with_stripe && of.live_stripe_subscription()?.is_some();
    let (owes, overdue) = (of.has_invoice_due(of.now())?, of.has_invoice_due(of.now().plus(-grace))?);
    if let Some(course) = of.find_course()?.filter(|_| !stripe_says) {
        let status = match (course.status, owes) {
            (CourseStatus::Active, true) => Some(CourseStatus::PastDue),
            (CourseStatus::PastDue, false) => Some(CourseStatus::Active),
            _ => None,
        };
        if let Some(status) = status {
            let details = json!({ "from": course.status.name(), "to": status.name() });
            of.store_course(&Course { status, ..course }, None)?;
            of.audit(&By::system(), "subscription.status_changed", "", &details)?;
        }
    }
    if of.tenant()?.unpaid != overdue {
        of.set_unpaid(overdue)?;
        let action = if overdue { "tenant.unpaid" } else { "tenant.paid_up" };
        of.audit(&By::system(), action, "", &json!({}))?;
    }
    Ok(())
}
