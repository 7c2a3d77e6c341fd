//! Letters about what happened at Stripe, posted with what is stored of it.

use crate::catalog::OfTenant;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::letter::{Content, Recipient};
use crate::model::stripe::{Invoice, from_stripe_units};
use crate::model::tenant::TenantStatus;
use crate::service::mail::tell_that_trial_ends;

/// A payment did not come about: each try is told once, however often Stripe says so.
pub(super) fn tell_of_trouble(of: &OfTenant<'_>, said: &Invoice, trouble: Option<&str>) -> Result<()> {
    let number = said.number.clone().unwrap_or_else(|| said.id.clone());
    let total = said.currency.write(from_stripe_units(said.currency, said.total));
    let tenant = of.tenant()?.name;
    let (what, content) = match trouble {
        Some("payment_failed") => ("payment_failed", Content::PaymentFailed { tenant, number, total }),
        Some("payment_action_required") => {
            ("payment_action_required", Content::PaymentActionRequired { tenant, number, total })
        }
        _ => return Ok(()),
    };
    of.post(&format!("{what} {} {}", said.id, said.attempts), &Recipient::Money, &content)
}

/// A trial ends, as Stripe says; the same letter as by the calendar here, whichever comes first.
pub(super) fn tell_of_trial(of: &OfTenant<'_>, ends: Timestamp) -> Result<()> {
    match of.find_course()? {
        Some(course) => tell_that_trial_ends(of, &course.plan.key, ends),
        None => Ok(()),
    }
}

/// The subscription of a tenant is over. Who closed the tenant is told that instead.
pub(super) fn tell_of_end(of: &OfTenant<'_>, plan: &str) -> Result<()> {
    let tenant = of.tenant()?;
    if !matches!(tenant.status, TenantStatus::Active | TenantStatus::Suspended) {
        return Ok(());
    }
    let content = Content::SubscriptionCancelled { tenant: tenant.name, plan: plan.to_owned() };
    of.post(&format!("subscription_cancelled {} {}", tenant.id, of.now().0), &Recipient::Money, &content)
}
