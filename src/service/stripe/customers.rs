//! Deleting the customer of a tenant that is erased.

use super::client::{Client, Fault, form};
use super::work::wait_after;
use crate::error::Result;
use crate::id::TenantId;
use crate::service::Installation;
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// How long an erasure waits for Stripe.
const PATIENCE: Duration = Duration::from_secs(15);

/// What became of a customer that is not at Stripe any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) enum CustomerOutcome {
    /// It was deleted.
    Deleted,
    /// It was not there any more when Stripe was first asked.
    Gone,
}

impl CustomerOutcome {
    pub(in crate::service) fn parse(text: &str) -> CustomerOutcome {
        if text == "gone" { CustomerOutcome::Gone } else { CustomerOutcome::Deleted }
    }

    fn name(self) -> &'static str {
        match self {
            CustomerOutcome::Deleted => "deleted",
            CustomerOutcome::Gone => "gone",
        }
    }
}

/// Deletes the customer of a tenant for which that was asked, with what it is still subscribed to, and looks whether it is gone;
/// nothing where Stripe is away or refuses: then it is noted when it is tried again.
///
/// # Errors
/// As the catalog says.
pub(in crate::service) async fn delete_customer(
    installation: &Installation,
    id: TenantId,
    customer: String,
) -> Result<Option<CustomerOutcome>> {
    let Some(client) = &installation.stripe.client else {
        tracing::error!(tenant_id = %id, "a customer is to be deleted at Stripe, but stripe_secret_key is not set any more");
        return Ok(None);
    };
    let (noted, now) = (customer.clone(), installation.clock.now());
    let attempts = installation.catalog.write("try_customer_erasure", move |tx| {
        let of = tx.of(id);
        let attempts = of.customer_erasure()?.map_or(0, |erasure| erasure.attempts);
        of.try_customer_erasure(&noted, now.plus(wait_after(attempts)))?;
        Ok(attempts)
    });
    let was_tried = attempts.await? > 0;
    let fault = match timeout(PATIENCE, delete(client, &customer, was_tried)).await {
        Ok(Ok(outcome)) => {
            let finish = installation.catalog.write("finish_customer_erasure", move |tx| {
                tx.of(id).finish_customer_erasure(outcome.name())
            });
            finish.await?;
            return Ok(Some(outcome));
        }
        Ok(Err(Fault::Ours(error))) => return Err(error),
        Ok(Err(fault)) => fault.to_string(),
        Err(_) => "it took too long".to_owned(),
    };
    tracing::error!(tenant_id = %id, fault, "the customer of an erased tenant could not be deleted at Stripe yet");
    Ok(None)
}

async fn delete(client: &Client, customer: &str, was_tried: bool) -> Result<CustomerOutcome, Fault> {
    let path = format!("/v1/customers/{customer}");
    if is_gone(client, &path).await? {
        // An answer to an earlier try may have been lost.
        return Ok(if was_tried { CustomerOutcome::Deleted } else { CustomerOutcome::Gone });
    }
    // Deleting a customer ends its subscriptions without a last bill.
    let mut pages = client.pages("/v1/subscriptions", form(&[("customer", customer)]), None);
    while let Some(page) = pages.next().await? {
        for id in page.iter().filter_map(|subscription| subscription["id"].as_str()) {
            let path = format!("/v1/subscriptions/{id}");
            match client.delete(&path, form(&[("invoice_now", "true")])).await {
                Ok(_) | Err(Fault::Unknown) => {}
                Err(fault) => return Err(fault),
            }
        }
    }
    match client.delete(&path, form(&[])).await {
        Ok(_) | Err(Fault::Unknown) => {}
        Err(fault) => return Err(fault),
    }
    if is_gone(client, &path).await? {
        Ok(CustomerOutcome::Deleted)
    } else {
        Err(Fault::Later("it is still there after it was deleted".to_owned()))
    }
}

/// Stripe goes on telling the id of a deleted customer, and nothing else of it.
async fn is_gone(client: &Client, path: &str) -> Result<bool, Fault> {
    match client.get(path, form(&[])).await {
        Ok(customer) => Ok(customer["deleted"] == Value::Bool(true)),
        Err(Fault::Unknown) => Ok(true),
        Err(fault) => Err(fault),
    }
}
