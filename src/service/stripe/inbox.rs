//! Taking events in. What has a good signature is kept, whatever it is; what it means is found out behind the answer.

use crate::catalog::NewStripeEvent;
use crate::config::Secret;
use crate::error::{Error, Kind, Result};
use crate::model::hex::hex;
use crate::model::stripe::{Event, verify};
use crate::service::Installation;
use sha2::{Digest as _, Sha256};

/// The type of what was signed and is no event.
pub(super) const UNREADABLE: &str = "unreadable";

/// Takes the body of a webhook in, once it shows that it is of Stripe. It is on disk when this returns.
///
/// # Errors
/// 404 `stripe_not_configured` without a secret; 400 `signature_missing`; 401 `bad_signature`.
pub async fn receive(installation: &Installation, signature: Option<&str>, body: &[u8]) -> Result<()> {
    require_webhooks(installation)?;
    let secrets: Vec<&str> = installation.stripe.secrets.iter().map(Secret::expose).collect();
    let signature = signature.ok_or_else(|| {
        Error::malformed("signature_missing", "There is no Stripe-Signature header: only Stripe posts here.")
    })?;
    verify(signature, body, &secrets, installation.clock.now()).map_err(|why| {
        Error::new(
            Kind::Unauthenticated,
            "bad_signature",
            "The signature is not one by a secret of this endpoint over this body, of the last five minutes.",
        )
        .because(format!("{why:?}"))
    })?;
    let event = taken(body, installation.stripe.live);
    take_in(installation, vec![event]).await?;
    Ok(())
}

/// # Errors
/// 404 `stripe_not_configured` without a secret.
pub fn require_webhooks(installation: &Installation) -> Result<()> {
    if installation.stripe.secrets.is_empty() {
        let detail = "Webhooks of Stripe are not taken here.";
        return Err(Error::new(Kind::NotFound, "stripe_not_configured", detail));
    }
    Ok(())
}

/// Keeps events that are new, and tells how many those were.
pub(super) async fn take_in(installation: &Installation, events: Vec<NewStripeEvent>) -> Result<usize> {
    let write = installation.catalog.write("receive_stripe_events", move |tx| {
        let mut new = 0;
        for event in &events {
            new += usize::from(tx.insert_stripe_event(event)?);
        }
        Ok(new)
    });
    let new = write.await?;
    if new > 0 {
        installation.stripe.arrived.notify_one();
    }
    Ok(new)
}

fn taken(body: &[u8], live: bool) -> NewStripeEvent {
    let payload = String::from_utf8_lossy(body).into_owned();
    match Event::read(body) {
        Ok(event) => kept(event, payload, live, false),
        Err(why) => NewStripeEvent {
            id: format!("unreadable_{}", hex(&Sha256::digest(body))),
            kind: UNREADABLE.to_owned(),
            object: String::new(),
            customer: None,
            livemode: live,
            created: crate::clock::Timestamp(0),
            recovered: false,
            payload,
            parked: Some(why.0),
        },
    }
}

/// An event as it is kept; of the other mode it is parked at once.
pub(super) fn kept(event: Event, payload: String, live: bool, recovered: bool) -> NewStripeEvent {
    let parked = match (event.livemode, live) {
        (true, false) => Some("it is of live mode, this installation is in test mode"),
        (false, true) => Some("it is of test mode, this installation is in live mode"),
        _ => None,
    };
    NewStripeEvent {
        id: event.id,
        kind: event.kind,
        object: event.object,
        customer: event.customer,
        livemode: event.livemode,
        created: event.created,
        recovered,
        payload,
        parked,
    }
}
