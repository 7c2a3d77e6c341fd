//! Ending at Stripe what tenants that leave would go on paying for.

use super::client::{Client, Fault, form};
use super::rest::send_rest;
use super::work::wait_after;
use crate::error::Result;
use crate::service::{Installation, invoices};

/// Subscriptions that are ended at once.
const BATCH: u32 = 20;
/// Tries after which a subscription ends although its last usage could not be billed: more than half a day.
const MOST_TRIES: i64 = 24;

/// Ends the subscriptions of tenants that are closing or gone. What was used until then is billed before.
///
/// # Errors
/// As the catalog says.
pub async fn cancel_leaving(installation: &Installation) -> Result<()> {
    let Some(client) = &installation.stripe.client else { return Ok(()) };
    if installation.catalog.read(|tx| tx.has_stripe_subscription_of_closing()).await? {
        let write = installation
            .catalog
            .write("cancel_subscriptions_of_closing", |tx| tx.cancel_stripe_subscriptions_of_closing());
        write.await?;
    }
    let due = installation.catalog.read(|tx| tx.list_due_stripe_cancellations(BATCH)).await?;
    for (id, attempts) in due {
        match end(installation, client, &id, attempts).await {
            // Its tenant has come back in the meantime.
            Ok(false) => {}
            // What is over already is not known there any more.
            Ok(true) | Err(Fault::Unknown) => {
                installation
                    .catalog
                    .write("finish_stripe_cancellation", move |tx| tx.finish_stripe_cancellation(&id))
                    .await?;
            }
            Err(fault) => {
                tracing::warn!(subscription = id, %fault, "a subscription of a tenant that left could not be ended yet");
                let until = installation.clock.now().plus(wait_after(attempts));
                installation
                    .catalog
                    .write("postpone_stripe_cancellation", move |tx| {
                        tx.postpone_stripe_cancellation(&id, until)
                    })
                    .await?;
            }
        }
    }
    Ok(())
}

/// Ends one. False where its tenant stays after all: asked again when all is billed and there is nothing left to do but to
/// tell Stripe, since billing takes its time.
async fn end(
    installation: &Installation,
    client: &Client,
    subscription: &str,
    attempts: i64,
) -> Result<bool, Fault> {
    match bill_first(installation, client, subscription).await {
        Ok(()) => {}
        Err(fault) if attempts >= MOST_TRIES => {
            tracing::error!(subscription, %fault, "a subscription ends although its last usage was not billed");
        }
        // Also what Stripe does not know: that is of the bill, not of the subscription.
        Err(Fault::Unknown) => {
            return Err(Fault::Refused("something of the last bill is not known there".to_owned()));
        }
        Err(fault) => return Err(fault),
    }
    let id = subscription.to_owned();
    let claim =
        installation.catalog.write("claim_stripe_cancellation", move |tx| tx.claim_stripe_cancellation(&id));
    if !claim.await? {
        return Ok(false);
    }
    client.delete(&format!("/v1/subscriptions/{subscription}"), form(&[("invoice_now", "true")])).await?;
    Ok(true)
}

/// Bills what the tenant of a subscription has used until it asked to leave; nothing where it is gone.
async fn bill_first(installation: &Installation, client: &Client, subscription: &str) -> Result<(), Fault> {
    let id = subscription.to_owned();
    let tenant = installation.catalog.read(move |tx| tx.tenant_of_stripe_subscription(&id)).await?;
    let Some(tenant) = tenant else { return Ok(()) };
    invoices::bill_closing(installation, tenant).await?;
    send_rest(installation, client, tenant, true).await
}
