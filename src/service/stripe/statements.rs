//! Where Stripe bills, its document is the invoice and ours the statement to it: what was used is put onto Stripe's, and
//! what becomes of that becomes of ours.

use super::client::{Client, Fault, form};
use super::push::{Line, push_all};
use super::sync::{sentences_of, store_invoice};
use crate::catalog::{By, OfTenant, StoredInvoice};
use crate::clock::{HOUR, MINUTE, SECOND};
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::invoice::{Invoice as Statement, InvoiceLine, LineKind};
use crate::model::money::Currency;
use crate::model::stripe::{INSTALLATION, Invoice};
use crate::service::Installation;
use crate::service::invoices::{self, InvoiceAct};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

/// Metadata that say which statement of ours an invoice was made for.
const STATEMENT: &str = "tenantry_statement";
/// How often it is looked for statements that no subscription takes.
const EVERY: i64 = MINUTE;
/// The wait after a failure.
const AFTER_FAILURE: i64 = 5 * MINUTE;
/// Tenants that are looked at in one round.
const BATCH: u32 = 50;
/// Invoices of a customer that are looked through.
const MOST: usize = 1_000;

/// A draft of a subscription has come: what is over by now is billed, and what was used goes onto the draft. Once more
/// changes nothing. Returns what changed, in sentences.
pub(super) async fn fill_draft(
    installation: &Installation,
    client: &Client,
    tenant: TenantId,
    draft: &Invoice,
) -> Result<Vec<String>, Fault> {
    invoices::bill_now(installation, tenant).await?;
    let waiting = installation.catalog.read(move |tx| tx.of(tenant).list_statements_to_push()).await?;
    let mut changed = Vec::new();
    for statement in waiting.iter().filter(|one| one.invoice.currency == draft.currency.code()) {
        let lines = lines_of(&statement.invoice)?;
        push_all(installation, client, tenant, Some(&draft.id), &lines).await?;
        changed.extend(note(installation, tenant, statement, Some(draft.id.clone())).await?);
    }
    if !changed.is_empty() {
        changed.extend(look_again(installation, client, tenant, &draft.id).await?);
    }
    Ok(changed)
}

/// What of a statement Stripe is to bill: usage and adjustments that come to something. The fee is Stripe's own price, and
/// so is the tax; what is left over or taken of earlier ones is what a balance at Stripe does.
fn lines_of(statement: &Statement) -> Result<Vec<Line>> {
    let currency = Currency::parse(&statement.currency)
        .ok_or_else(|| Error::internal(format!("an invoice in {}", statement.currency)))?;
    let is_pushed =
        |line: &&InvoiceLine| matches!(line.kind, LineKind::Usage | LineKind::Adjustment) && line.amount != 0;
    let lines = statement.lines.iter().filter(is_pushed).map(|line| {
        let service = statement.basis.services.iter().find(|one| Some(one.number) == line.service_period);
        let span = service.map_or(statement.period, |service| service.part);
        let description = match line.kind {
            LineKind::Usage => format!("{}: {}", line.description, line.quantity),
            _ => line.description.clone(),
        };
        Line { id: line.id.clone(), amount: line.amount, currency, description, period: (span.from, span.to) }
    });
    Ok(lines.collect())
}

/// Notes that all of a statement is at Stripe: on the invoice that its lines are on, or on that one.
async fn note(
    installation: &Installation,
    tenant: TenantId,
    statement: &StoredInvoice,
    there: Option<String>,
) -> Result<Option<String>> {
    let (id, number) = (statement.invoice.id, statement.invoice.number.clone().unwrap_or_default());
    let write = installation.catalog.write("note_statement_pushed", move |tx| {
        let of = tx.of(tenant);
        let there = of.stripe_invoice_of_lines(id)?.or_else(|| there.clone());
        if !of.note_statement_pushed(id, there.as_deref())? {
            return Ok(None);
        }
        let Some(there) = there else { return Ok(None) };
        let details = json!({ "number": number, "stripe_invoice_id": there });
        of.audit(&By::system(), "invoice.sent_to_stripe", &format!("invoice:{id}"), &details)?;
        follow(&of, &there)?;
        Ok(Some(format!("{number} is on {there}")))
    });
    write.await
}

/// Lets the statements that belong to an invoice at Stripe follow what became of that, and tells which did.
pub(super) fn follow(of: &OfTenant<'_>, stripe_invoice: &str) -> Result<Vec<String>> {
    let status = of.find_stripe_invoice(stripe_invoice)?.map(|state| state.status).unwrap_or_default();
    let act = match status.as_str() {
        "paid" => InvoiceAct::MarkPaid,
        "void" => InvoiceAct::Void,
        "uncollectible" => InvoiceAct::GiveUp,
        // Draft or open: it can still be paid, whatever went wrong so far.
        _ => return Ok(Vec::new()),
    };
    let mut changed = Vec::new();
    for id in of.list_statements_of(stripe_invoice)? {
        if invoices::follow_payment(of, id, act)? {
            let number = of.find_invoice(id)?.invoice.number.unwrap_or_default();
            changed.push(format!("{number} is {status} as {stripe_invoice} is"));
        }
    }
    Ok(changed)
}

/// Stores how an invoice stands after something was put onto it.
async fn look_again(
    installation: &Installation,
    client: &Client,
    tenant: TenantId,
    id: &str,
) -> Result<Vec<String>, Fault> {
    let said = client.get(&format!("/v1/invoices/{id}"), Vec::new()).await?;
    let Some(said) = Invoice::read(&said) else { return Ok(Vec::new()) };
    let write = installation
        .catalog
        .write("store_stripe_invoice", move |tx| sentences_of(store_invoice(&tx.of(tenant), &said, None)));
    Ok(write.await?)
}

/// Sends statements of tenants that have no subscription at Stripe any more, once a minute: each on an invoice of its own.
///
/// # Errors
/// As the catalog says.
pub async fn send_rest_when_due(installation: &Installation) -> Result<()> {
    let Some(client) = &installation.stripe.client else { return Ok(()) };
    let now = installation.clock.now();
    if now.0 < installation.stripe.rest_at.load(Ordering::Relaxed) {
        return Ok(());
    }
    let mut wait = EVERY;
    let tenants = installation.catalog.read(|tx| tx.list_tenants_with_rest_for_stripe(BATCH)).await?;
    for tenant in tenants {
        if let Err(fault) = send_rest(installation, client, tenant).await {
            tracing::warn!(tenant_id = %tenant, %fault, "what was used could not be sent to Stripe; it is tried again");
            wait = AFTER_FAILURE;
        }
    }
    installation.stripe.rest_at.store(now.plus(wait).0, Ordering::Relaxed);
    Ok(())
}

/// Sends what is left of a tenant that is about to be erased. What cannot be sent does not keep it from that.
pub(in crate::service) async fn send_rest_of_erased(installation: &Installation, tenant: TenantId) {
    let Some(client) = &installation.stripe.client else { return };
    if let Err(fault) = send_rest(installation, client, tenant).await {
        tracing::error!(tenant_id = %tenant, %fault, "the last usage of a tenant that is erased was not sent to Stripe");
    }
}

/// Sends all statements of a tenant that wait, each on an invoice of its own.
pub(super) async fn send_rest(
    installation: &Installation,
    client: &Client,
    tenant: TenantId,
) -> Result<(), Fault> {
    // First, so that what is read here is still so as it is sent.
    let _turn = installation.stripe.turn.lock().await;
    let found = installation.catalog.read(move |tx| {
        let of = tx.of(tenant);
        Ok((of.list_statements_to_push()?, of.stripe_customer()?, of.newest_stripe_subscription()?))
    });
    let (waiting, customer, subscription) = found.await?;
    let Some(customer) = customer.filter(|_| !waiting.is_empty()) else { return Ok(()) };
    for statement in &waiting {
        let lines = lines_of(&statement.invoice)?;
        if lines.is_empty() {
            // Its fee was on the last invoice of the subscription.
            let last = installation.catalog.read(move |tx| tx.of(tenant).newest_stripe_invoice()).await?;
            note(installation, tenant, statement, last).await?;
            continue;
        }
        let id = own_invoice(installation, client, &customer, subscription.as_deref(), statement).await?;
        push_all(installation, client, tenant, Some(&id), &lines).await?;
        // Not before all is on it: from here on Stripe collects it by itself.
        let key = format!("tenantry-advance-{}", statement.invoice.id);
        client.post(&format!("/v1/invoices/{id}"), form(&[("auto_advance", "true")]), &key).await?;
        look_again(installation, client, tenant, &id).await?;
        note(installation, tenant, statement, Some(id)).await?;
    }
    Ok(())
}

/// An invoice at Stripe for one statement: the one that was made before, or a new one.
async fn own_invoice(
    installation: &Installation,
    client: &Client,
    customer: &str,
    subscription: Option<&str>,
    statement: &StoredInvoice,
) -> Result<String, Fault> {
    let id = statement.invoice.id.to_string();
    let read = |invoice: &Value| invoice["id"].as_str().map(str::to_owned);
    let since = (statement.drafted_at.plus(-HOUR).0 / SECOND).to_string();
    let query = form(&[("customer", customer), ("created[gte]", &since)]);
    let made = client.list("/v1/invoices", query, MOST).await?;
    let before = made.iter().find(|one| one["metadata"][STATEMENT] == id.as_str()).and_then(read);
    if let Some(before) = before {
        return Ok(before);
    }
    let (ours, which) = (format!("metadata[{INSTALLATION}]"), format!("metadata[{STATEMENT}]"));
    let mut fields = form(&[
        ("customer", customer),
        ("currency", &statement.invoice.currency.to_ascii_lowercase()),
        // Only what is put onto it.
        ("pending_invoice_items_behavior", "exclude"),
        ("auto_advance", "false"),
        (&ours, &installation.id),
        (&which, &id),
    ]);
    fields.extend(way_to_pay(client, subscription).await?);
    let made = client.post("/v1/invoices", fields, &format!("tenantry-invoice-{id}")).await?;
    read(&made).ok_or_else(|| Fault::Refused("an invoice without an id".to_owned()))
}

/// How the subscription was paid: with the card that it had, or by transfer.
async fn way_to_pay(client: &Client, subscription: Option<&str>) -> Result<Vec<(String, String)>, Fault> {
    let Some(subscription) = subscription else { return Ok(Vec::new()) };
    let said = match client.get(&format!("/v1/subscriptions/{subscription}"), Vec::new()).await {
        Ok(said) => said,
        Err(Fault::Unknown) => return Ok(Vec::new()),
        Err(fault) => return Err(fault),
    };
    if said["collection_method"] == "send_invoice" {
        let days = said["days_until_due"].as_i64().unwrap_or(30).to_string();
        return Ok(form(&[("collection_method", "send_invoice"), ("days_until_due", &days)]));
    }
    let card = said["default_payment_method"].as_str();
    Ok(card.map(|card| form(&[("default_payment_method", card)])).unwrap_or_default())
}
