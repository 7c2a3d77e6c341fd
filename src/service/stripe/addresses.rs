//! Customers at Stripe are told whom their invoices are addressed to: its invoices and receipts say so too.

use super::client::{Client, Fault, Form, form};
use crate::clock::{DAY, MINUTE};
use crate::error::Result;
use crate::id::{TenantId, uuid_v7};
use crate::model::invoice::BillingDetails;
use crate::service::Installation;

/// Customers that are told at once.
const BATCH: u32 = 20;
/// How long a customer waits that could not be told, in milliseconds.
const AGAIN: i64 = 10 * MINUTE;
/// The same where Stripe does not take what was said: it may be set right by then.
const REFUSED: i64 = DAY;

/// Tells customers at Stripe what was said since they were told last. What was told before a crash and not noted is told
/// again, which changes nothing there. One that cannot be told keeps no other.
///
/// # Errors
/// As the catalog says.
pub async fn tell_addresses(installation: &Installation) -> Result<()> {
    let Some(client) = &installation.stripe.client else { return Ok(()) };
    let due = installation.catalog.read(|tx| tx.list_stripe_customers_to_tell(BATCH)).await?;
    for (customer, tenant) in due {
        let Err(fault) = tell(installation, client, &customer, tenant).await else { continue };
        tracing::warn!(tenant_id = %tenant, customer, %fault, "Stripe was not told yet whom invoices are addressed to");
        let wait = if matches!(fault, Fault::Refused(_) | Fault::Unknown) { REFUSED } else { AGAIN };
        let at = installation.clock().now().plus(wait);
        let write = installation
            .catalog
            .write("postpone_customer", move |tx| tx.of(tenant).postpone_stripe_customer(at));
        write.await?;
    }
    Ok(())
}

async fn tell(
    installation: &Installation,
    client: &Client,
    customer: &str,
    tenant: TenantId,
) -> Result<(), Fault> {
    let read = installation.catalog.read(move |tx| {
        let of = tx.of(tenant);
        Ok((of.tenant()?.name, of.find_billing_details()?.unwrap_or_default()))
    });
    let (name, said) = read.await?;
    // Not the same key for the same words: said, unsaid and said again they are to be told a third time.
    let key = format!("tenantry-address-{}", uuid_v7(installation.clock().now()));
    client.post(&format!("/v1/customers/{customer}"), fields_of(&said, &name), &key).await?;
    let write = installation.catalog.write("customer_told", move |tx| {
        let of = tx.of(tenant);
        // What was said meanwhile is told the next time.
        if of.find_billing_details()?.unwrap_or_default() == said {
            of.stripe_customer_told()
        } else {
            Ok(())
        }
    });
    Ok(write.await?)
}

/// What a customer is told. An address of ours has no parts of Stripe's: its first line is one there, and the others are the
/// second. Nor has a tax id a kind, which Stripe would want to know: it is a field of its own on the customer's invoices.
fn fields_of(said: &BillingDetails, tenant_name: &str) -> Form {
    let mut fields = form(&[("name", said.name.as_deref().unwrap_or(tenant_name))]);
    match said.address.split_first() {
        Some((first, others)) => {
            fields.extend(form(&[("address[line1]", first), ("address[line2]", &others.join(", "))]));
        }
        None => fields.extend(form(&[("address", "")])),
    }
    match &said.tax_id {
        Some(id) => fields.extend(form(&[
            ("invoice_settings[custom_fields][0][name]", "Tax ID"),
            ("invoice_settings[custom_fields][0][value]", id),
        ])),
        None => fields.extend(form(&[("invoice_settings[custom_fields]", "")])),
    }
    fields
}
