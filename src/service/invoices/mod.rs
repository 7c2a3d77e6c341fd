//! Invoices: service periods that are over are billed, drafts turn final, and what becomes of final ones.

mod acts;
mod closing;
mod credit_notes;
mod details;
mod drawing;
mod gather;
mod issuing;
mod ledger;
mod letters;
mod numbers;
#[cfg(test)]
mod tests;
mod unpaid;
mod verify;

pub(super) use acts::follow_payment;
pub use acts::{InvoiceAct, change_invoice};
pub use closing::{ClosePeriodsIn, Closed, close_periods, run_due};
pub(super) use closing::{bill_closing, bill_leaving, bill_now};
pub use credit_notes::credit_invoice;
pub use details::{
    find_billing_details, find_billing_details_of, put_billing_details, put_billing_details_of,
};
pub use numbers::declare_lost;
pub use unpaid::watch_unpaid;
pub(in crate::service) use verify::exported;
pub use verify::{BillingCheck, BillingChecked, ExportedInvoice, verify_billing};

use super::Installation;
use crate::catalog::{By, CreditNote, StoredInvoice};
use crate::error::{Error, Result};
use crate::id::{InvoiceId, TenantId};
use crate::model::invoice::TaxRate;
use crate::policy::Permission;
use crate::tenancy::TenantScope;
use serde_json::json;

/// Invoices, the newest first: those behind `after`.
///
/// # Errors
/// 403 without `billing:read`.
pub async fn list_invoices(
    scope: &TenantScope,
    after: Option<InvoiceId>,
    limit: u32,
) -> Result<Vec<StoredInvoice>> {
    scope.require(Permission::BillingRead)?;
    scope.catalog().read(move |of| of.list_invoices(after, limit)).await
}

/// One invoice, and the credit notes that take something back of it.
///
/// # Errors
/// 403 without `billing:read`, 404.
pub async fn find_invoice(scope: &TenantScope, id: InvoiceId) -> Result<(StoredInvoice, Vec<CreditNote>)> {
    scope.require(Permission::BillingRead)?;
    scope.catalog().read(move |of| Ok((of.find_invoice(id)?, of.list_credit_notes(id)?))).await
}

/// As [`list_invoices`], for operators; also of a tenant that is erased.
///
/// # Errors
/// As the catalog says.
pub async fn list_invoices_for_operator(
    installation: &Installation,
    tenant: TenantId,
    after: Option<InvoiceId>,
    limit: u32,
) -> Result<Vec<StoredInvoice>> {
    installation.catalog.read(move |tx| tx.of(tenant).list_invoices(after, limit)).await
}

/// As [`find_invoice`], for operators; also of a tenant that is erased.
///
/// # Errors
/// 404 if the tenant has none of that id.
pub async fn find_invoice_for_operator(
    installation: &Installation,
    tenant: TenantId,
    id: InvoiceId,
) -> Result<(StoredInvoice, Vec<CreditNote>)> {
    let read = installation.catalog.read(move |tx| {
        let of = tx.of(tenant);
        Ok((of.find_invoice(id)?, of.list_credit_notes(id)?))
    });
    read.await
}

/// The tenant's tax rate, for operators.
///
/// # Errors
/// 404 for a tenant that is not there.
pub async fn find_tax_rate(installation: &Installation, selector: &str) -> Result<Option<TaxRate>> {
    let id = installation.catalog.tenant(selector).await?.id;
    installation.catalog.read(move |tx| tx.of(id).find_tax_rate()).await
}

/// Sets the tenant's tax rate for the invoices that are drawn up from now on, or takes it away; for operators.
///
/// # Errors
/// 404 for a tenant that is not there.
pub async fn put_tax_rate(
    installation: &Installation,
    selector: &str,
    rate: Option<TaxRate>,
    by: By,
) -> Result<Option<TaxRate>> {
    let id = installation.catalog.tenant(selector).await?.id;
    let write = installation.catalog.write("put_tax_rate", move |tx| {
        let of = tx.of(id);
        if !of.tenant()?.status.is_visible() {
            return Err(Error::not_found());
        }
        let before = of.find_tax_rate()?;
        if before != rate {
            of.put_tax_rate(rate.as_ref())?;
            of.audit(&by, "billing.tax_changed", "", &json!({ "from": before, "to": rate }))?;
        }
        Ok(rate.clone())
    });
    write.await
}
