//! Lines of ours on Stripe's invoices: each once, however often it is tried.

use super::client::{Client, Fault, form};
use crate::clock::{HOUR, SECOND, Timestamp};
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::money::Currency;
use crate::model::stripe::{INSTALLATION, in_stripe_units};
use crate::service::Installation;
use serde_json::Value;

/// Stripe forgets the keys of changes after a day; a line that was begun before that is looked for first.
const KEY_LASTS: i64 = 23 * HOUR;
/// Metadata that say which line of ours an item is.
const LINE: &str = "tenantry_line";

/// A line that Stripe is to bill: usage or an adjustment. The fee is Stripe's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its id, the same for ever.
    pub id: String,
    /// Minor units; an adjustment may be negative.
    pub amount: i64,
    /// Their currency.
    pub currency: Currency,
    /// What the customer reads.
    pub description: String,
    /// The time that it is for.
    pub period: (Timestamp, Timestamp),
}

/// Sends lines to Stripe: onto a draft invoice, or for the next one. Returns for each its id and that of the item there.
/// Lines that were sent before are not sent again; lines over nothing are not sent at all.
///
/// # Errors
/// 409 `billing_local` without Stripe, `no_customer`; 503 `stripe_unavailable`: some may have been sent, the same call
/// again sends the rest.
pub async fn push_lines(
    installation: &Installation,
    tenant: TenantId,
    invoice: Option<&str>,
    lines: &[Line],
) -> Result<Vec<(String, String)>> {
    let client = installation.stripe.client()?;
    Ok(push_all(installation, client, tenant, invoice, lines).await?)
}

pub(super) async fn push_all(
    installation: &Installation,
    client: &Client,
    tenant: TenantId,
    invoice: Option<&str>,
    lines: &[Line],
) -> Result<Vec<(String, String)>, Fault> {
    let customer = installation.catalog.read(move |tx| tx.of(tenant).stripe_customer()).await?;
    let customer =
        customer.ok_or_else(|| Error::conflict("no_customer", "This tenant has no customer at Stripe."))?;
    let mut pushed = Vec::with_capacity(lines.len());
    for line in lines.iter().filter(|line| line.amount != 0) {
        let item = push_line(installation, client, tenant, &customer, invoice, line).await?;
        pushed.push((line.id.clone(), item));
    }
    Ok(pushed)
}

async fn push_line(
    installation: &Installation,
    client: &Client,
    tenant: TenantId,
    customer: &str,
    invoice: Option<&str>,
    line: &Line,
) -> Result<String, Fault> {
    let amount = in_stripe_units(line.currency, line.amount)
        .ok_or_else(|| Error::internal(format!("the amount of line {} is beyond Stripe's", line.id)))?;
    let (id, currency, meant_for) = (line.id.clone(), line.currency.code(), invoice.map(str::to_owned));
    let write = installation.catalog.write("begin_stripe_item", move |tx| {
        tx.of(tenant).begin_stripe_item(&id, meant_for.as_deref(), currency, amount)
    });
    let begun = write.await?;
    if begun.amount != amount {
        return Err(Error::internal(format!("line {} was begun over another amount", line.id)).into());
    }
    if let Some(item) = begun.item {
        return Ok(item);
    }
    // It is looked for where its key would not be known any more, and where it was begun for an invoice that took no more:
    // for another one it has another key.
    let is_old = installation.clock.now().since(begun.begun_at) >= KEY_LASTS;
    let is_redirected = begun.invoice.as_deref() != invoice;
    let mut found =
        if is_old || is_redirected { find_item(client, customer, line, begun.begun_at).await? } else { None };
    // Left over of a draft that was deleted: nobody would put it onto the invoice that it is meant for now.
    if let Some((item, None)) = &found
        && is_redirected
        && begun.invoice.is_some()
    {
        client.delete(&format!("/v1/invoiceitems/{item}"), Vec::new()).await?;
        found = None;
    }
    let (item, on) = match found {
        Some(found) => found,
        None => {
            if is_redirected {
                let (id, meant_for) = (line.id.clone(), invoice.map(str::to_owned));
                let write = installation.catalog.write("redirect_stripe_item", move |tx| {
                    tx.of(tenant).redirect_stripe_item(&id, meant_for.as_deref())
                });
                write.await?;
            }
            send_item(installation, client, customer, invoice, line, amount).await?
        }
    };
    let (id, there) = (line.id.clone(), item.clone());
    let write = installation
        .catalog
        .write("finish_stripe_item", move |tx| tx.of(tenant).finish_stripe_item(&id, &there, on.as_deref()));
    write.await?;
    Ok(item)
}

/// An item and the invoice that it is on.
type Item = (String, Option<String>);

/// The item of a line, if it is there.
async fn find_item(
    client: &Client,
    customer: &str,
    line: &Line,
    begun_at: Timestamp,
) -> Result<Option<Item>, Fault> {
    let since = (begun_at.plus(-HOUR).0 / SECOND).to_string();
    let query = form(&[("customer", customer), ("created[gte]", &since)]);
    let pages = client.pages("/v1/invoiceitems", query, None);
    let found = pages.find(|item| item["metadata"][LINE] == line.id.as_str()).await?;
    Ok(found.as_ref().and_then(item_of))
}

async fn send_item(
    installation: &Installation,
    client: &Client,
    customer: &str,
    invoice: Option<&str>,
    line: &Line,
    amount: i64,
) -> Result<Item, Fault> {
    let seconds = |at: Timestamp| (at.0 / SECOND).to_string();
    let (ours, which) = (format!("metadata[{INSTALLATION}]"), format!("metadata[{LINE}]"));
    let mut fields = form(&[
        ("customer", customer),
        ("amount", &amount.to_string()),
        ("currency", &line.currency.code().to_ascii_lowercase()),
        ("description", &line.description),
        ("period[start]", &seconds(line.period.0)),
        ("period[end]", &seconds(line.period.1)),
        (&ours, &installation.id),
        (&which, &line.id),
    ]);
    fields.extend(invoice.map(|invoice| ("invoice".to_owned(), invoice.to_owned())));
    let key = format!("tenantry-line-{}-{}", line.id, invoice.unwrap_or("next"));
    let said = client.post("/v1/invoiceitems", fields, &key).await?;
    item_of(&said).ok_or_else(|| Fault::Refused(format!("an item without an id: {}", kind(&said))))
}

fn item_of(said: &Value) -> Option<Item> {
    let id = |value: &Value| value.as_str().or_else(|| value["id"].as_str()).map(str::to_owned);
    Some((id(&said["id"])?, id(&said["invoice"])))
}

fn kind(said: &Value) -> &str {
    said["object"].as_str().unwrap_or("nothing")
}
