//! Statements that no subscription takes any more, each on an invoice of its own.

use super::client::{Client, Fault, digest_of, form};
use super::hold::{hold, is_away};
use super::push::push_all;
use super::statements::{FIRST, behind, lines_of, look_again, note};
use super::sync::{Seen, invoice};
use crate::catalog::StoredInvoice;
use crate::clock::{HOUR, MINUTE, SECOND};
use crate::error::Result;
use crate::id::TenantId;
use crate::model::stripe::INSTALLATION;
use crate::service::Installation;
use serde_json::Value;
use std::sync::atomic::Ordering;

/// Metadata that say which statement of ours an invoice was made for.
const STATEMENT: &str = "tenantry_statement";
/// How often it is looked for statements that no subscription takes.
const EVERY: i64 = MINUTE;
/// The wait after Stripe was away.
const AFTER_FAILURE: i64 = 5 * MINUTE;
/// Tenants of one read.
const BATCH: u32 = 50;
/// Reads of one round.
const BATCHES: usize = 4;
/// In place of the time of the next round: it is running.
const RUNNING: i64 = -1;
/// Stripe is away once so many in a row could not reach it: one alone may be a trouble of that one.
const AWAY: usize = 3;

/// Sends statements of tenants that have no subscription at Stripe any more, once a minute: each on an invoice of its own.
/// What was put off and is due again goes onto the draft of the subscription where there is one.
///
/// # Errors
/// As the catalog says.
pub async fn send_rest_when_due(installation: &Installation) -> Result<()> {
    let Some(client) = &installation.stripe.client else { return Ok(()) };
    let now = installation.clock.now();
    if now.0 < installation.stripe.rest_at.load(Ordering::Relaxed) {
        return Ok(());
    }
    installation.stripe.rest_at.store(RUNNING, Ordering::Relaxed);
    let wait = match send_some(installation, client).await? {
        Round::Over if fill_again(installation, client).await? => EVERY,
        Round::Over | Round::Away => AFTER_FAILURE,
        Round::LeftOff => 0,
    };
    // Unless somebody has asked for another round in the meantime.
    let (next, order) = (now.plus(wait).0, Ordering::Relaxed);
    let _ = installation.stripe.rest_at.compare_exchange(RUNNING, next, order, order);
    Ok(())
}

/// How a round ended.
enum Round {
    /// Every tenant had its turn.
    Over,
    /// There are more; other work is done in between.
    LeftOff,
    /// Stripe is away.
    Away,
}

/// Every tenant in turn, whatever becomes of the one before; so many in one round.
async fn send_some(installation: &Installation, client: &Client) -> Result<Round> {
    let mut left_off = installation.stripe.rest_after.lock().await;
    let mut misses = 0;
    for _ in 0..BATCHES {
        let after = *left_off;
        let read = installation.catalog.read(move |tx| tx.list_tenants_with_rest_for_stripe(after, BATCH));
        let tenants = read.await?;
        if tenants.is_empty() {
            *left_off = None;
            return Ok(Round::Over);
        }
        for tenant in tenants {
            *left_off = Some(tenant);
            // What is of one statement is told where it is held.
            let Err(fault) = send_rest(installation, client, tenant, false).await else {
                misses = 0;
                continue;
            };
            tracing::warn!(tenant_id = %tenant, %fault, "what was used could not be sent to Stripe; it is tried again");
            misses = if is_away(&fault) { misses + 1 } else { 0 };
            if misses == AWAY {
                return Ok(Round::Away);
            }
        }
    }
    Ok(Round::LeftOff)
}

/// The same of drafts of subscriptions that would take what was put off before.
async fn fill_again(installation: &Installation, client: &Client) -> Result<bool> {
    let mut after = None;
    loop {
        let read = installation.catalog.read(move |tx| tx.list_drafts_for_held_statements(after, BATCH));
        let drafts = read.await?;
        let Some((last, _)) = drafts.last() else { return Ok(true) };
        after = Some(*last);
        for (tenant, draft) in drafts {
            let _turn = installation.stripe.turn.lock().await;
            if let Err(fault) = invoice(installation, client, &draft, None, &mut Seen::default()).await {
                tracing::warn!(tenant_id = %tenant, draft, %fault, "a draft could not be filled again");
                if is_away(&fault) {
                    return Ok(false);
                }
            }
        }
    }
}

/// Sends what is left of a tenant that is about to be erased. What cannot be sent does not keep it from that.
pub(in crate::service) async fn send_rest_of_erased(installation: &Installation, tenant: TenantId) {
    let Some(client) = &installation.stripe.client else { return };
    let sent = send_rest(installation, client, tenant, true).await;
    let left = installation.catalog.read(move |tx| {
        let of = tx.of(tenant);
        Ok(of.stripe_customer()?.is_some() && of.has_statements_to_push()?)
    });
    let fault = match (sent, left.await) {
        (Ok(()), Ok(false)) => return,
        (Ok(()), Ok(true)) => "what Stripe refused is parked".to_owned(),
        (Err(fault), _) => fault.to_string(),
        (Ok(()), Err(error)) => format!("{error:?}"),
    };
    tracing::error!(tenant_id = %tenant, fault, "the last usage of a tenant that is erased was not sent to Stripe");
}

/// Sends all statements of a tenant that wait, each on an invoice of its own; those too that were put off where
/// `now_or_never`. One that cannot be sent is held and keeps no other.
///
/// # Errors
/// The first fault, once all were tried.
pub(super) async fn send_rest(
    installation: &Installation,
    client: &Client,
    tenant: TenantId,
    now_or_never: bool,
) -> Result<(), Fault> {
    // First, so that what is read here is still so as it is sent.
    let _turn = installation.stripe.turn.lock().await;
    let read = installation.catalog.read(move |tx| {
        let of = tx.of(tenant);
        Ok((of.stripe_customer()?, of.newest_stripe_subscription()?))
    });
    let (Some(customer), subscription) = read.await? else { return Ok(()) };
    let (mut after, mut misses, mut first) = (FIRST, 0, None);
    loop {
        let read =
            installation.catalog.read(move |tx| tx.of(tenant).list_statements_to_push(after, now_or_never));
        let waiting = read.await?;
        let Some(last) = waiting.last() else { break };
        after = behind(last);
        for statement in &waiting {
            let sent =
                send(installation, client, tenant, &customer, subscription.as_deref(), statement).await;
            let Err(fault) = sent else {
                misses = 0;
                continue;
            };
            hold(installation, tenant, statement, &fault).await?;
            misses = if is_away(&fault) { misses + 1 } else { 0 };
            if misses == AWAY {
                return Err(fault);
            }
            first = first.or(Some(fault));
        }
    }
    first.map_or(Ok(()), Err)
}

async fn send(
    installation: &Installation,
    client: &Client,
    tenant: TenantId,
    customer: &str,
    subscription: Option<&str>,
    statement: &StoredInvoice,
) -> Result<(), Fault> {
    let lines = lines_of(&statement.invoice)?;
    if lines.is_empty() {
        // Its fee was on the last invoice of the subscription.
        let last = installation.catalog.read(move |tx| tx.of(tenant).newest_stripe_invoice()).await?;
        note(installation, tenant, statement, last).await?;
        return Ok(());
    }
    let id = own_invoice(installation, client, tenant, customer, subscription, statement).await?;
    push_all(installation, client, tenant, Some(&id), &lines).await?;
    // Not before all is on it: from here on Stripe collects it by itself.
    let key = format!("tenantry-advance-{}-{id}", statement.invoice.id);
    client.post(&format!("/v1/invoices/{id}"), form(&[("auto_advance", "true")]), &key).await?;
    look_again(installation, client, tenant, &id).await?;
    note(installation, tenant, statement, Some(id)).await?;
    Ok(())
}

/// An invoice at Stripe for one statement: the one that was made before, or a new one.
async fn own_invoice(
    installation: &Installation,
    client: &Client,
    tenant: TenantId,
    customer: &str,
    subscription: Option<&str>,
    statement: &StoredInvoice,
) -> Result<String, Fault> {
    let id = statement.invoice.id.to_string();
    let read = |invoice: &Value| invoice["id"].as_str().map(str::to_owned);
    let since = (statement.drafted_at.plus(-HOUR).0 / SECOND).to_string();
    let query = form(&[("customer", customer), ("created[gte]", &since)]);
    let made = client.pages("/v1/invoices", query, None);
    let before = made.find(|one| one["metadata"][STATEMENT] == id.as_str()).await?;
    if let Some(before) = before.as_ref().and_then(read) {
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
    // Another one once the one before was deleted, or is to be paid in another way: to the same key Stripe would answer
    // with the old one, or not at all.
    let which = statement.invoice.id;
    let deleted = installation.catalog.read(move |tx| tx.of(tenant).count_deleted_drafts(which)).await?;
    let key = format!("tenantry-invoice-{id}-{deleted}-{}", digest_of(&fields));
    let made = client.post("/v1/invoices", fields, &key).await?;
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
