//! That a tenant buys once: before a checkout can be paid, no other one can, and nothing is collected already.

use super::client::{Client, Fault, form};
use super::sync::{Seen, checkout, subscription};
use crate::clock::HOUR;
use crate::error::{Error, Result};
use crate::model::stripe::{CheckoutSession, Subscription};
use crate::service::Installation;
use crate::tenancy::TenantScope;

/// A checkout is given out again while it can be paid for that long at least.
const LEFT: i64 = HOUR;

/// The tenant is subscribed already.
pub(super) fn already_subscribed() -> Error {
    Error::conflict(
        "already_subscribed",
        "This tenant has a subscription at Stripe. Change it there: POST .../billing/portal says where.",
    )
}

fn payment_pending() -> Error {
    Error::conflict(
        "payment_pending",
        "A checkout of this tenant is complete and its payment is on its way. Wait for it; if it fails, try again after \
         that.",
    )
}

/// Closes the open checkouts of the tenant at Stripe, but for one that sells the same (`what`), which is returned. Stripe is
/// asked: what was paid a moment ago may not have been heard of.
///
/// # Errors
/// 409 `already_subscribed` or `payment_pending` where something was bought; 503 `stripe_unavailable`.
pub(super) async fn close_others(
    installation: &Installation,
    client: &Client,
    scope: &TenantScope,
    customer: &str,
    what: &str,
) -> Result<Option<CheckoutSession>> {
    let mut open = None;
    for id in scope.catalog().read(|of| of.list_open_stripe_checkouts()).await? {
        let Some(session) = find(client, &id).await? else {
            note(installation, &id, "expired", "unpaid").await?;
            continue;
        };
        let ends = installation.clock.now().plus(LEFT);
        let is_same = session.status == "open"
            && session.sale.as_deref() == Some(what)
            && session.expires.is_none_or(|at| at > ends);
        if is_same && open.is_none() {
            open = Some(session);
            continue;
        }
        let session = if session.status == "open" { expire(client, session).await? } else { session };
        match session.status.as_str() {
            "complete" => {
                let _turn = installation.stripe.turn.lock().await;
                checkout(installation, client, &id, &mut Seen::default()).await?;
            }
            status => note(installation, &id, status, &session.payment).await?,
        }
    }
    refuse_bought(installation, client, scope, customer).await?;
    Ok(open)
}

async fn find(client: &Client, id: &str) -> Result<Option<CheckoutSession>> {
    match client.get(&format!("/v1/checkout/sessions/{id}"), Vec::new()).await {
        Ok(said) => Ok(CheckoutSession::read(&said)),
        Err(Fault::Unknown) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

/// Makes an open one unpayable. Where it was paid in this very moment, it is complete instead.
async fn expire(client: &Client, session: CheckoutSession) -> Result<CheckoutSession> {
    let path = format!("/v1/checkout/sessions/{}/expire", session.id);
    match client.post(&path, Vec::new(), &format!("tenantry-expire-{}", session.id)).await {
        Ok(_) => {}
        Err(fault @ (Fault::Unknown | Fault::Refused(_))) => {
            let now = find(client, &session.id).await?;
            return match now.filter(|now| now.status != "open") {
                Some(now) => Ok(now),
                None => Err(fault.into()),
            };
        }
        Err(fault) => return Err(fault.into()),
    }
    Ok(CheckoutSession { status: "expired".to_owned(), ..session })
}

async fn note(installation: &Installation, id: &str, status: &str, payment: &str) -> Result<()> {
    let (id, status, payment) = (id.to_owned(), status.to_owned(), payment.to_owned());
    let write = installation
        .catalog
        .write("store_stripe_checkout", move |tx| tx.update_stripe_checkout(&id, &status, &payment));
    write.await
}

/// Refuses to sell to a customer for whom Stripe collects something, or is about to.
async fn refuse_bought(
    installation: &Installation,
    client: &Client,
    scope: &TenantScope,
    customer: &str,
) -> Result<()> {
    if scope.catalog().read(|of| of.live_stripe_subscription()).await?.is_some() {
        return Err(already_subscribed());
    }
    let mut pages = client.pages("/v1/subscriptions", form(&[("customer", customer)]), None);
    let mut is_pending = false;
    while let Some(page) = pages.next().await? {
        for said in page.iter().filter_map(Subscription::read).filter(|said| said.customer == customer) {
            if !said.state().is_over() {
                let _turn = installation.stripe.turn.lock().await;
                subscription(installation, client, &said.id, &mut Seen::default()).await?;
                return Err(already_subscribed());
            }
            is_pending |= said.status == "incomplete";
        }
    }
    if is_pending { Err(payment_pending()) } else { Ok(()) }
}
