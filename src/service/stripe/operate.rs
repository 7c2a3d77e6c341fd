//! The inbox, as operators see it.

use crate::catalog::{By, StripeEvent, StripeEventFilter, StripeEventStatus};
use crate::error::{Error, Result};
use crate::service::Installation;
use serde_json::json;

/// Events, newest first.
///
/// # Errors
/// As the catalog says.
pub async fn list_events(installation: &Installation, filter: StripeEventFilter) -> Result<Vec<StripeEvent>> {
    installation.catalog.read(move |tx| tx.list_stripe_events(&filter)).await
}

/// The status of that name.
///
/// # Errors
/// 400 for another word.
pub fn parse_event_status(name: &str) -> Result<StripeEventStatus> {
    StripeEventStatus::parse(name).ok_or_else(|| {
        Error::malformed("bad_status", "status must be pending, applied, ignored, parked or failed.")
    })
}

/// Has an event worked off again, whatever came of it before.
///
/// # Errors
/// 409 `billing_local` without Stripe; 404 for an event that is not there.
pub async fn replay_event(installation: &Installation, id: String, by: By) -> Result<StripeEvent> {
    installation.stripe.client()?;
    let write = installation.catalog.write("replay_stripe_event", move |tx| {
        let event = tx.replay_stripe_event(&id)?;
        tx.audit(&by, "stripe_event.replayed", &format!("stripe:{id}"), &json!({ "type": event.kind }))?;
        Ok(event)
    });
    let event = write.await?;
    installation.stripe.arrived.notify_one();
    Ok(event)
}
