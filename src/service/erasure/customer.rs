//! The tenant's customer at Stripe, which is deleted with the tenant where that is asked for.

use super::amend::amend;
use crate::catalog::{OfTenant, Tenant};
use crate::error::Result;
use crate::id::TenantId;
use crate::model::receipt::{StoreErased, StoreKept};
use crate::model::tenant::TenantStatus;
use crate::service::Installation;
use crate::service::stripe::{self, CustomerOutcome};

/// How the receipt calls it.
const STORE: &str = "Stripe: the customer";
/// Receipts that are amended in one go.
const BATCH: u32 = 20;

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Customer {
    /// There is none.
    None,
    /// There is one, and nobody asked for its end.
    NotAsked,
    /// It is not there any more.
    Over(CustomerOutcome),
    /// It is still to be deleted.
    Pending,
}

impl Customer {
    pub(super) fn removed(self) -> Option<StoreErased> {
        let (removed, verified) = match self {
            Customer::NotAsked | Customer::Pending => return None,
            Customer::None => (0, "no customer was linked to the tenant"),
            Customer::Over(CustomerOutcome::Gone) => {
                (0, "Stripe said that it was not there any more when it was to be deleted")
            }
            Customer::Over(CustomerOutcome::Deleted) => {
                (1, "Stripe was asked for it again and said that it is deleted")
            }
        };
        Some(StoreErased { store: STORE.to_owned(), removed, verified: verified.to_owned() })
    }

    pub(super) fn kept(self) -> Option<StoreKept> {
        let (store, reason) = match self {
            Customer::None => return None,
            Customer::NotAsked => (
                STORE,
                "nobody asked to delete it with the tenant: Stripe keeps it until it is deleted there by hand",
            ),
            Customer::Pending => (
                STORE,
                "pending: it was asked to be deleted, and Stripe could not do that yet. It is tried again until it is done; \
                 its id is kept until then, and then this receipt is issued anew",
            ),
            Customer::Over(_) => (
                "Stripe: invoices and payments",
                "Stripe keeps what was billed and paid under the id of the customer, as the law asks",
            ),
        };
        Some(StoreKept { store: store.to_owned(), reason: reason.to_owned(), until: None })
    }
}

/// Refuses to promise what cannot be done: the tenant has a customer, and this installation is not connected to Stripe.
///
/// # Errors
/// 409 `billing_local`.
pub(in crate::service) async fn require_stripe(installation: &Installation, id: TenantId) -> Result<()> {
    let customer = installation.catalog.read(move |tx| tx.of(id).stripe_customer()).await?;
    if customer.is_some() { stripe::require_connected(installation) } else { Ok(()) }
}

/// Asks that the customer is deleted with a tenant that leaves; of one that stays nothing is asked.
///
/// # Errors
/// As the database says.
pub(in crate::service) fn ask(of: &OfTenant<'_>, tenant: &Tenant) -> Result<()> {
    match tenant.status {
        TenantStatus::Closing | TenantStatus::Erasing => of.ask_customer_erasure(),
        _ => Ok(()),
    }
}

/// Deletes it, if that was asked for. Stripe being away keeps nothing from the erasure.
///
/// # Errors
/// As the catalog says.
pub(super) async fn erase(installation: &Installation, id: TenantId) -> Result<Customer> {
    let read = installation.catalog.read(move |tx| {
        let of = tx.of(id);
        Ok((of.stripe_customer()?, of.customer_erasure()?))
    });
    let (customer, asked) = read.await?;
    let Some(customer) = customer else { return Ok(Customer::None) };
    let Some(asked) = asked else { return Ok(Customer::NotAsked) };
    if let Some(outcome) = asked.outcome {
        return Ok(Customer::Over(CustomerOutcome::parse(&outcome)));
    }
    let outcome = stripe::delete_customer(installation, id, customer).await?;
    Ok(outcome.map_or(Customer::Pending, Customer::Over))
}

/// In the transaction that removes the rows: what is left to be done is noted, and nothing else. What became of it in the end:
/// somebody may have asked while the erasure was under way.
///
/// # Errors
/// As the database says.
pub(super) fn settle(of: &OfTenant<'_>, customer: Customer) -> Result<Customer> {
    let noted = of.customer_erasure()?;
    let (Customer::NotAsked | Customer::Pending, Some(noted)) = (customer, noted) else {
        of.forget_customer_erasure()?;
        return Ok(customer);
    };
    if let (None, Some(id)) = (noted.customer, of.stripe_customer()?) {
        of.try_customer_erasure(&id, of.now())?;
    }
    Ok(Customer::Pending)
}

/// Deletes customers that could not be deleted with their tenants, and issues the receipts anew.
///
/// # Errors
/// As the catalog says.
pub async fn delete_customers_left(installation: &Installation) -> Result<()> {
    let due = installation.catalog.read(|tx| tx.list_due_customer_erasures(BATCH)).await?;
    for id in due {
        let asked = installation.catalog.read(move |tx| tx.of(id).customer_erasure()).await?;
        let Some(asked) = asked else { continue };
        let outcome = match (asked.outcome, asked.customer) {
            (Some(outcome), _) => Some(CustomerOutcome::parse(&outcome)),
            (None, Some(customer)) if installation.bills_by_stripe() => {
                stripe::delete_customer(installation, id, customer).await?
            }
            (None, _) => None,
        };
        let Some(outcome) = outcome else { continue };
        let customer = Customer::Over(outcome);
        let amended = amend(installation, id, move |of, statement| {
            statement.kept.retain(|kept| kept.store != STORE);
            statement.removed.extend(customer.removed());
            statement.kept.extend(customer.kept());
            of.forget_customer_erasure()
        });
        amended.await?;
        tracing::info!(tenant_id = %id, "the customer of an erased tenant was deleted at Stripe, and its receipt issued anew");
    }
    Ok(())
}

/// Whether a receipt says that the customer is still to be deleted.
pub(super) fn is_pending(kept: &[StoreKept]) -> bool {
    kept.iter().any(|kept| kept.store == STORE && kept.reason.starts_with("pending"))
}
