//! Checkouts: whose customer pays there, and what they began once that is paid.

use super::super::client::{Client, Fault};
use super::{Done, Seen, fetch, is_there, other_mode, sentences, subscription, unreadable};
use crate::error::Kind;
use crate::id::TenantId;
use crate::model::stripe::{CheckoutSession, Difference};
use crate::service::Installation;

/// A checkout: links its customer, and looks at what it began once that is paid.
pub(in crate::service::stripe) async fn checkout(
    installation: &Installation,
    client: &Client,
    id: &str,
    seen: &mut Seen,
) -> Result<Done, Fault> {
    let said = fetch(client, format!("/v1/checkout/sessions/{id}"), seen).await?;
    let Some(said) = CheckoutSession::read(&said).filter(|said| said.id == id) else {
        return Ok(unreadable("checkout session"));
    };
    if said.livemode != installation.stripe.live {
        return Ok(other_mode());
    }
    if said.mode != "subscription" {
        return Ok(Done::ignored(format!("a checkout for a {} begins no subscription", said.mode)));
    }
    let (session, ours) = (said.clone(), installation.id.clone());
    let (live, now_complete) = (installation.stripe.live, said.status == "complete");
    let write = installation.catalog.write("store_stripe_checkout", move |tx| {
        let begun = tx.find_stripe_checkout(&session.id)?;
        // Metadata are written by whoever has a secret key; what a payment link carries in its address is not looked at.
        let named = session.tenant.as_deref().filter(|_| session.installation.as_deref() == Some(&ours));
        let named = named.and_then(TenantId::parse);
        let Some(tenant) = begun.as_ref().map(|begun| begun.tenant).or(named) else {
            return Ok(Done::parked("this checkout was not begun here"));
        };
        let of = tx.of(tenant);
        if !is_there(&of)? {
            return Ok(Done::parked("the tenant is gone"));
        }
        let mut done = Done { tenant: Some(tenant), ..Done::default() };
        if let Some(begun) = begun
            && (begun.status != session.status || begun.payment != session.payment)
        {
            tx.update_stripe_checkout(&session.id, &session.status, &session.payment)?;
            for (field, here, there) in
                [("status", begun.status, &session.status), ("payment", begun.payment, &session.payment)]
            {
                let difference = Difference { field, here: Some(here), there: Some(there.clone()) };
                if difference.here != difference.there {
                    done.changed.extend(sentences(&session.id, &[difference]));
                }
            }
        }
        if let Some(customer) = session.customer.as_deref().filter(|_| now_complete) {
            match of.link_stripe_customer(customer) {
                Ok(false) => {}
                Ok(true) => {
                    done.changed.push(format!("{customer} is linked to the tenant"));
                    tx.unpark_stripe_events(customer, live)?;
                }
                Err(error) if error.kind() == Kind::Conflict => return Ok(Done::parked(error.detail())),
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    });
    let done = write.await?;
    if done.parked || !now_complete {
        return Ok(done);
    }
    if !said.is_paid() {
        return Ok(done.and(Done::ignored("the checkout is complete, but not paid yet")));
    }
    match &said.subscription {
        Some(id) => Ok(done.and(subscription(installation, client, id, seen).await?)),
        None => Ok(done.and(Done::parked("a paid checkout of a subscription names none"))),
    }
}
