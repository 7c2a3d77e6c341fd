//! Charges: what of an invoice was given back, and whether it is disputed.

use super::super::client::{Client, Fault, form};
use super::{Done, Seen, fetch, invoice, other_mode, owner, sentences, unreadable};
use crate::model::stripe::{Difference, Payment};
use crate::service::Installation;
use serde_json::Value;

/// A charge: what of an invoice was given back, and whether that is disputed.
pub(super) async fn charge(
    installation: &Installation,
    client: &Client,
    id: &str,
    seen: &mut Seen,
) -> Result<Done, Fault> {
    let said = fetch(client, format!("/v1/charges/{id}"), seen).await?;
    let Some(said) = Payment::read(&said).filter(|said| said.id == id) else {
        return Ok(unreadable("charge"));
    };
    if said.livemode != installation.stripe.live {
        return Ok(other_mode());
    }
    let Some(customer) = &said.customer else {
        return Ok(Done::parked("the charge names no customer"));
    };
    let tenant = match owner(installation, customer).await? {
        Ok(tenant) => tenant,
        Err(parked) => return Ok(parked),
    };
    let Some(invoice_id) = invoice_of(client, &said).await? else {
        return Ok(Done { tenant: Some(tenant), ..Done::ignored("the charge is of no invoice") });
    };
    let done = invoice(installation, client, &invoice_id, None, seen).await?;
    if done.parked {
        return Ok(done);
    }
    let write = installation.catalog.write("store_stripe_returns", move |tx| {
        let of = tx.of(tenant);
        let (refunded, disputed) = of.stripe_invoice_returns(&invoice_id)?.unwrap_or_default();
        let differs =
            |field, here: String, there: String| Difference { field, here: Some(here), there: Some(there) };
        let mut differences = Vec::new();
        if refunded != said.refunded {
            differences.push(differs("refunded", refunded.to_string(), said.refunded.to_string()));
        }
        if disputed != said.disputed {
            differences.push(differs("disputed", disputed.to_string(), said.disputed.to_string()));
        }
        if !differences.is_empty() {
            of.update_stripe_invoice_returns(&invoice_id, said.refunded, said.disputed)?;
        }
        Ok(Done { changed: sentences(&invoice_id, &differences), ..Done::default() })
    });
    Ok(done.and(write.await?))
}

/// The invoice that a charge paid: it says so itself in old versions, in current ones the payments of invoices do.
async fn invoice_of(client: &Client, charge: &Payment) -> Result<Option<String>, Fault> {
    if let Some(invoice) = &charge.invoice {
        return Ok(Some(invoice.clone()));
    }
    let Some(intent) = &charge.intent else { return Ok(None) };
    let query = form(&[("payment[type]", "payment_intent"), ("payment[payment_intent]", intent)]);
    match client.get("/v1/invoice_payments", query).await {
        Ok(list) => Ok(list.pointer("/data/0/invoice").and_then(Value::as_str).map(str::to_owned)),
        // Versions that do not know of them.
        Err(Fault::Unknown | Fault::Refused(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}
