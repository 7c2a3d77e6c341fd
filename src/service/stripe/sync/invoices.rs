//! Invoices, and what becomes of the statements to them.

use super::super::client::{Client, Fault};
use super::super::letters;
use super::super::statements::{fill_draft, follow};
use super::{Done, Seen, fetch, is_there, other_mode, owner, sentences, subscription, unreadable};
use crate::catalog::{By, OfTenant};
use crate::error::Result;
use crate::model::stripe::{Difference, Invoice, InvoiceState};
use crate::service::Installation;
use serde_json::json;

/// The trouble of a draft that Stripe could not finalize.
const FINALIZATION_FAILED: &str = "finalization_failed";

/// Asks how an invoice stands and stores it, and the same of its subscription.
pub(in crate::service::stripe) async fn invoice(
    installation: &Installation,
    client: &Client,
    id: &str,
    trouble: Option<&'static str>,
    seen: &mut Seen,
) -> Result<Done, Fault> {
    let said = match fetch(client, format!("/v1/invoices/{id}"), seen).await {
        Ok(said) if said["deleted"] != true => said,
        Ok(_) | Err(Fault::Unknown) => return forget(installation, id).await,
        Err(fault) => return Err(fault),
    };
    let Some(said) = Invoice::read(&said).filter(|said| said.id == id) else {
        return Ok(unreadable("invoice"));
    };
    if said.livemode != installation.stripe.live {
        return Ok(other_mode());
    }
    let tenant = match owner(installation, &said.customer).await? {
        Ok(tenant) => tenant,
        Err(parked) => return Ok(parked),
    };
    let (of_subscription, draft) =
        (said.subscription.clone(), (said.status == "draft").then(|| said.clone()));
    let write = installation.catalog.write("store_stripe_invoice", move |tx| {
        let of = tx.of(tenant);
        if !is_there(&of)? {
            return Ok(Done::parked("the tenant is gone"));
        }
        store_invoice(&of, &said, trouble)
    });
    let mut done = Done { tenant: Some(tenant), ..write.await? };
    let Some(of_subscription) = of_subscription else { return Ok(done) };
    // One that is gone by now changes nothing of the invoice.
    let more = match subscription(installation, client, &of_subscription, seen).await {
        Ok(more) => more,
        Err(Fault::Unknown) => {
            return Ok(done.and(Done::ignored(format!("Stripe does not know {of_subscription}"))));
        }
        Err(fault) => return Err(fault),
    };
    let is_ours = more.tenant == Some(tenant) && !done.parked;
    done = done.and(more);
    if let Some(draft) = draft.filter(|_| is_ours) {
        // What was used is billed with the subscription that counts, and with no other.
        let read =
            installation.catalog.read(move |tx| tx.of(tenant).stripe_subscription_parked(&of_subscription));
        if read.await?.is_none() {
            done = done.and(fill_draft(installation, client, tenant, &draft).await?);
        }
    }
    Ok(done)
}

/// What Stripe does not know is none of ours, or a draft that was deleted there: then nothing is on it any more. Whether
/// what was on it is billed by another one is for an operator to say.
async fn forget(installation: &Installation, id: &str) -> Result<Done, Fault> {
    let id = id.to_owned();
    let write = installation.catalog.write("forget_stripe_draft", move |tx| {
        let Some(tenant) = tx.tenant_of_stripe_draft(&id)? else { return Ok(None) };
        let of = tx.of(tenant);
        let mut done =
            Done { tenant: Some(tenant), changed: vec![format!("{id} was deleted at Stripe")], ..Done::default() };
        for statement in of.forget_stripe_draft(&id)? {
            let reason = format!("its draft {id} was deleted at Stripe; retry to put it onto another, or void it");
            of.hold_statement_of_deleted_draft(statement, &reason)?;
            let number = of.find_invoice(statement)?.invoice.number.unwrap_or_default();
            tracing::error!(tenant_id = %tenant, number, draft = id, "a statement is without its draft at Stripe");
            let details = json!({ "number": number, "stripe_invoice_id": &id });
            of.audit(&By::system(), "invoice.deleted_at_stripe", &format!("invoice:{statement}"), &details)?;
            done = done.and(Done::parked(format!("{number} belongs to no invoice at Stripe any more: {reason}")));
        }
        Ok(Some(done))
    });
    write.await?.ok_or(Fault::Unknown)
}

/// Stores what Stripe says of an invoice, and lets the statements to it follow.
pub(in crate::service::stripe) fn store_invoice(
    of: &OfTenant<'_>,
    said: &Invoice,
    trouble: Option<&'static str>,
) -> Result<Done> {
    let (known, state) = (of.find_stripe_invoice(&said.id)?, said.state());
    let is_open = matches!(state.status.as_str(), "draft" | "open" | "uncollectible");
    let trouble = trouble.or(said.finalization_failed.then_some(FINALIZATION_FAILED)).filter(|_| is_open);
    if state.status == "open" {
        letters::tell_of_trouble(of, said, trouble)?;
    }
    let before = of.stripe_invoice_trouble(&said.id)?;
    // What kept a draft from being finalized keeps an invoice no more that is.
    let lasts = |known: &String| is_open && (said.status == "draft" || known != FINALIZATION_FAILED);
    let after = trouble.map(str::to_owned).or_else(|| before.clone().filter(lasts));
    let differences = InvoiceState::differences(known.as_ref(), &state);
    let mut changed = sentences(&said.id, &differences);
    if before != after {
        let there = after.clone();
        changed.extend(sentences(&said.id, &[Difference { field: "trouble", here: before, there }]));
    }
    if !changed.is_empty() {
        of.store_stripe_invoice(&said.id, &state, after.as_deref())?;
    }
    changed.extend(follow(of, &said.id)?);
    Ok(Done { changed, ..Done::default() })
}
