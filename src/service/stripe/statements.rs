//! Where Stripe bills, its document is the invoice and ours the statement to it: what was used is put onto Stripe's, and
//! what becomes of that becomes of ours.

use super::client::{Client, Fault};
use super::hold::{hold, is_away};
use super::push::{Line, push_all};
use super::sync::{Done, sentences_of, store_invoice};
use crate::catalog::{By, OfTenant, StoredInvoice};
use crate::error::{Error, Result};
use crate::id::{InvoiceId, TenantId};
use crate::model::invoice::{Invoice as Statement, InvoiceLine, LineKind};
use crate::model::money::Currency;
use crate::model::stripe::Invoice;
use crate::service::Installation;
use crate::service::invoices::{self, InvoiceAct};
use serde_json::json;

/// A draft of a subscription has come: what is over by now is billed, and what was used goes onto the draft. Once more
/// changes nothing. A statement that Stripe does not take keeps no other from it.
pub(super) async fn fill_draft(
    installation: &Installation,
    client: &Client,
    tenant: TenantId,
    draft: &Invoice,
) -> Result<Done, Fault> {
    invoices::bill_now(installation, tenant).await?;
    let mut done = Done::default();
    let mut after = FIRST;
    loop {
        let read = installation.catalog.read(move |tx| tx.of(tenant).list_statements_to_push(after, false));
        let waiting = read.await?;
        let Some(last) = waiting.last() else { break };
        after = behind(last);
        for statement in waiting.iter().filter(|one| one.invoice.currency == draft.currency.code()) {
            let fault = match put_onto(installation, client, tenant, statement, &draft.id).await {
                Ok(changed) => {
                    done.changed.extend(changed);
                    continue;
                }
                Err(fault) if is_away(&fault) => return Err(fault),
                Err(fault) => fault,
            };
            if !is_draft(client, &draft.id).await? {
                let why = format!("{} is no draft any more: what is left goes onto the next one", draft.id);
                return Ok(done.and(Done::ignored(why)));
            }
            done = done.and(Done::parked(hold(installation, tenant, statement, &fault).await?));
        }
    }
    if !done.changed.is_empty() {
        done.changed.extend(look_again(installation, client, tenant, &draft.id).await?);
    }
    Ok(done)
}

/// In front of all statements of a tenant.
pub(super) const FIRST: (i64, Option<InvoiceId>) = (i64::MIN, None);

/// Where a list of statements goes on behind this one.
pub(super) fn behind(statement: &StoredInvoice) -> (i64, Option<InvoiceId>) {
    (statement.invoice.basis.closes, Some(statement.invoice.id))
}

async fn put_onto(
    installation: &Installation,
    client: &Client,
    tenant: TenantId,
    statement: &StoredInvoice,
    draft: &str,
) -> Result<Option<String>, Fault> {
    let lines = lines_of(&statement.invoice)?;
    push_all(installation, client, tenant, Some(draft), &lines).await?;
    Ok(note(installation, tenant, statement, Some(draft.to_owned())).await?)
}

async fn is_draft(client: &Client, id: &str) -> Result<bool, Fault> {
    match client.get(&format!("/v1/invoices/{id}"), Vec::new()).await {
        Ok(said) => Ok(said["status"] == "draft"),
        Err(Fault::Unknown) => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// What of a statement Stripe is to bill: usage and adjustments that come to something. The fee is Stripe's own price, and
/// so is the tax; what is left over or taken of earlier ones is what a balance at Stripe does.
pub(super) fn lines_of(statement: &Statement) -> Result<Vec<Line>> {
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
pub(super) async fn note(
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
pub(super) async fn look_again(
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
