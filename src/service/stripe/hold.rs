//! Statements that Stripe did not take: put off with growing pauses, or parked with the reason until an operator says so.
//! None keeps another, of the same tenant or of others, from being sent.

use super::client::Fault;
use super::work::wait_after;
use crate::catalog::{By, HeldStatement, StoredInvoice};
use crate::clock::MINUTE;
use crate::error::{Error, Result};
use crate::id::{InvoiceId, TenantId};
use crate::service::Installation;
use serde_json::json;
use std::sync::atomic::Ordering;

/// The least wait after a failure.
const AT_LEAST: i64 = MINUTE;

/// Puts a statement off, or parks it where Stripe has said that it will not take it. Returns what an operator reads.
pub(super) async fn hold(
    installation: &Installation,
    tenant: TenantId,
    statement: &StoredInvoice,
    fault: &Fault,
) -> Result<String> {
    let (reason, is_refused) = match fault {
        Fault::Later(why) => (why.clone(), false),
        Fault::Unknown => ("Stripe does not know the customer or the invoice of it".to_owned(), true),
        Fault::Refused(why) => (format!("Stripe refuses: {why}"), true),
        Fault::Ours(error) => {
            tracing::error!(tenant_id = %tenant, error = ?error, "a statement could not be sent to Stripe");
            ("a fault of this server; its log says more".to_owned(), false)
        }
    };
    let id = statement.invoice.id;
    let number = statement.invoice.number.clone().unwrap_or_default();
    let told = reason.clone();
    let write = installation.catalog.write("hold_statement", move |tx| {
        let of = tx.of(tenant);
        let wait = wait_after(of.held_attempts(id)?).max(AT_LEAST);
        of.hold_statement(id, &told, (!is_refused).then(|| tx.now().plus(wait)))
    });
    let attempts = write.await?;
    if is_refused {
        tracing::error!(
            tenant_id = %tenant, number, reason,
            "Stripe does not take a statement: it is parked, see /operator/stripe-statements"
        );
        Ok(format!("{number} is parked: {reason}"))
    } else {
        tracing::warn!(tenant_id = %tenant, number, attempts, reason, "a statement is sent to Stripe later");
        Ok(format!("{number} is tried again later: {reason}"))
    }
}

/// Statements that are not at Stripe although it was tried, and why; by id, behind `after`.
///
/// # Errors
/// As the catalog says.
pub async fn list_held_statements(
    installation: &Installation,
    after: Option<InvoiceId>,
    limit: u32,
) -> Result<Vec<HeldStatement>> {
    installation.catalog.read(move |tx| tx.list_held_statements(after, limit)).await
}

/// Has a statement sent again, now or with the next draft of its subscription. Events that were parked because of it are
/// looked at again with it.
///
/// # Errors
/// 409 `billing_local` without Stripe; 404 for one that is not held.
pub async fn retry_statement(installation: &Installation, id: InvoiceId, by: By) -> Result<HeldStatement> {
    installation.stripe.client()?;
    let live = installation.stripe.live;
    let write = installation.catalog.write("retry_statement", move |tx| {
        let held = tx.release_held_statement(id)?;
        if let Some(customer) = tx.of(held.tenant_id).stripe_customer()? {
            tx.unpark_stripe_events(&customer, live)?;
        }
        let details = json!({ "number": &held.number, "reason": &held.reason });
        tx.audit(&by, "stripe_statement.retried", &format!("invoice:{id}"), &details)?;
        Ok(held)
    });
    let held = write.await?;
    installation.stripe.rest_at.store(0, Ordering::Relaxed);
    installation.stripe.arrived.notify_one();
    Ok(held)
}

/// A fault that ends the round, since it says nothing of the one statement: nobody is there.
pub(super) fn is_away(fault: &Fault) -> bool {
    matches!(fault, Fault::Later(_))
        || matches!(fault, Fault::Ours(error) if Error::kind(error) == crate::error::Kind::Unavailable)
}
