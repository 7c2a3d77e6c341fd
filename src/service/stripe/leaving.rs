//! Ending at Stripe what tenants that leave would go on paying for.

use super::client::{Fault, form};
use super::work::wait_after;
use crate::error::Result;
use crate::service::Installation;

/// Subscriptions that are ended at once.
const BATCH: u32 = 20;

/// Ends the subscriptions of tenants that are closing or gone. What waits to be billed is billed with that.
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
        let path = format!("/v1/subscriptions/{id}");
        match client.delete(&path, form(&[("invoice_now", "true")])).await {
            // What is over already is not known there any more.
            Ok(_) | Err(Fault::Unknown) => {
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
