//! One look at everything that Stripe and the catalog both know of, page by page. Where it was left off is all that it
//! keeps, so that the next round goes on there, also after a restart.

use super::client::{Client, Fault, form};
use super::follow::wanted;
use crate::catalog::{CatalogTx, StripeDrift, StripeObjects};
use crate::clock::{DAY, SECOND, Timestamp};
use crate::error::Result;
use crate::id::TenantId;
use crate::model::stripe::{Difference, Invoice, InvoiceState, Subscription, SubscriptionState, labels_of};
use crate::service::Installation;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Invoices that are compared are that old at most.
const INVOICES: i64 = 60 * DAY;

/// How far a look has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Look {
    /// Its number, higher than that of any before: when it began, in milliseconds.
    pub(super) number: i64,
    /// What is being compared; nothing once all is.
    kind: Option<StripeObjects>,
    /// The last object of that kind that was compared.
    after: Option<String>,
}

impl Look {
    pub(super) fn begin(number: i64) -> Look {
        Look { number, kind: Some(StripeObjects::Customers), after: None }
    }

    fn since(&self) -> Timestamp {
        Timestamp(self.number).plus(-INVOICES)
    }
}

/// Compares so many pages more. Whether that was all.
pub(super) async fn go_on(
    installation: &Installation,
    client: &Client,
    look: &mut Look,
    most: usize,
) -> Result<bool, Fault> {
    let mut left = most;
    while let Some(kind) = look.kind {
        let (path, query) = match kind {
            StripeObjects::Customers => ("/v1/customers", Vec::new()),
            StripeObjects::Subscriptions => ("/v1/subscriptions", form(&[("status", "all")])),
            StripeObjects::Invoices => {
                let since = (look.since().0 / SECOND).to_string();
                ("/v1/invoices", form(&[("created[gte]", &since)]))
            }
        };
        let mut pages = client.pages(path, query, look.after.clone());
        while !pages.is_over() {
            if left == 0 {
                return Ok(false);
            }
            let Some(page) = pages.next().await? else { break };
            left -= 1;
            compare(installation, look.number, kind, page).await?;
            look.after = pages.left_off();
        }
        let (number, since) = (look.number, look.since());
        let write = installation
            .catalog
            .write("note_stripe_absent", move |tx| tx.note_stripe_absent(number, kind, since));
        write.await?;
        look.after = None;
        look.kind = match kind {
            StripeObjects::Customers => Some(StripeObjects::Subscriptions),
            StripeObjects::Subscriptions => Some(StripeObjects::Invoices),
            StripeObjects::Invoices => None,
        };
    }
    Ok(true)
}

/// Compares one page. Written is only what differs, and which objects were there.
async fn compare(
    installation: &Installation,
    look: i64,
    kind: StripeObjects,
    page: Vec<Value>,
) -> Result<()> {
    let (live, ours) = (installation.stripe.live, installation.id.clone());
    let write = installation.catalog.write("compare_with_stripe", move |tx| {
        for object in page.iter().filter(|object| object["livemode"] == live) {
            let compared = match kind {
                StripeObjects::Customers => compare_customer(tx, object, &ours)?,
                StripeObjects::Subscriptions => compare_subscription(tx, object)?,
                StripeObjects::Invoices => compare_invoice(tx, object)?,
            };
            let Some(Compared { id, tenant, differences }) = compared else { continue };
            tx.note_stripe_compared(look, kind, &id)?;
            for Difference { field, here, there } in differences {
                let kind = match kind {
                    StripeObjects::Customers => "customer",
                    StripeObjects::Subscriptions => "subscription",
                    StripeObjects::Invoices => "invoice",
                };
                let found = StripeDrift {
                    object: id.clone(),
                    kind: kind.to_owned(),
                    field: field.to_owned(),
                    tenant_id: Some(tenant),
                    here,
                    there,
                    found_at: tx.now(),
                    repaired_at: None,
                };
                tx.note_stripe_drift(look, &found)?;
            }
        }
        Ok(())
    });
    write.await
}

/// An object of a tenant's, and how it differs.
struct Compared {
    id: String,
    tenant: TenantId,
    differences: Vec<Difference>,
}

fn compare_customer(tx: &CatalogTx<'_>, object: &Value, ours: &str) -> Result<Option<Compared>> {
    let Some(id) = object["id"].as_str() else { return Ok(None) };
    if let Some(tenant) = tx.tenant_of_stripe_customer(id)? {
        return Ok(Some(Compared { id: id.to_owned(), tenant, differences: Vec::new() }));
    }
    let labels = labels_of(object).filter(|(_, made_by, _)| made_by == ours);
    let Some(tenant) = labels.and_then(|(.., tenant)| TenantId::parse(&tenant)) else { return Ok(None) };
    let of = tx.of(tenant);
    let is_free =
        of.stripe_customer()?.is_none() && of.tenant().is_ok_and(|tenant| tenant.status.is_visible());
    let difference = Difference { field: "customer", here: None, there: Some(tenant.to_string()) };
    Ok(is_free.then(|| Compared { id: id.to_owned(), tenant, differences: vec![difference] }))
}

fn compare_subscription(tx: &CatalogTx<'_>, object: &Value) -> Result<Option<Compared>> {
    let Some(said) = Subscription::read(object) else { return Ok(None) };
    let Some(tenant) = tx.tenant_of_stripe_customer(&said.customer)? else { return Ok(None) };
    let of = tx.of(tenant);
    let known = of.find_stripe_subscription(&said.id)?;
    let mut differences = SubscriptionState::differences(known.as_ref(), &said.state());
    // The tenant itself follows the one that counts.
    let counts = of.live_stripe_subscription()?.is_some_and(|(id, _)| id == said.id);
    if let (true, Some(course)) = (counts && differences.is_empty(), of.find_course()?)
        && let Some(wanted) = wanted(&of, &course, &said.state(), &said.prices)?
    {
        let mut told = |field, here: &str, there: &str| {
            if here != there {
                let (here, there) = (Some(here.to_owned()), Some(there.to_owned()));
                differences.push(Difference { field, here, there });
            }
        };
        told("tenant status", course.status.name(), wanted.status.name());
        told("tenant plan", &course.plan.key, &wanted.plan.key);
    }
    Ok(Some(Compared { id: said.id, tenant, differences }))
}

fn compare_invoice(tx: &CatalogTx<'_>, object: &Value) -> Result<Option<Compared>> {
    let Some(said) = Invoice::read(object) else { return Ok(None) };
    let Some(tenant) = tx.tenant_of_stripe_customer(&said.customer)? else { return Ok(None) };
    let known = tx.of(tenant).find_stripe_invoice(&said.id)?;
    let differences = InvoiceState::differences(known.as_ref(), &said.state());
    Ok(Some(Compared { id: said.id, tenant, differences }))
}
