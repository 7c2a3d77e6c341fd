//! Issuing: drafts get their numbers and turn final, and final invoices are kept in the tenants' files.

use super::drawing::told;
use super::letters;
use super::numbers;
use crate::catalog::{By, OfTenant, StoredInvoice};
use crate::clock::{DAY, Timestamp};
use crate::error::Result;
use crate::id::{InvoiceId, TenantId};
use crate::model::invoice::InvoiceStatus;
use crate::service::Installation;
use crate::tenancy::{Lease, TenantScope};

/// Drafts of one read.
const PAGE: u32 = 500;

/// Makes drafts final that were drawn up at `drafted` or before. Their numbers follow one another.
pub(super) async fn finalize(
    installation: &Installation,
    drafted: Timestamp,
    only: Option<TenantId>,
    by: &By,
) -> Result<usize> {
    let mut finalized = 0;
    let mut is_settled = false;
    loop {
        let drafts = installation.catalog.read(move |tx| tx.list_drafts(drafted, only, PAGE)).await?;
        if drafts.is_empty() {
            return Ok(finalized);
        }
        if !is_settled {
            numbers::settle(installation).await?;
            is_settled = true;
            // What was a draft may be one of them.
            continue;
        }
        for (tenant, id) in drafts {
            let (by, due_after) = (by.clone(), i64::from(installation.config.invoice_due_days) * DAY);
            let write = installation
                .catalog
                .write("finalize_invoice", move |tx| finalize_one(&tx.of(tenant), id, due_after, &by));
            finalized += usize::from(write.await?);
        }
        numbers::note(installation).await?;
    }
}

fn finalize_one(of: &OfTenant<'_>, id: InvoiceId, due_after: i64, by: &By) -> Result<bool> {
    let Some(StoredInvoice { invoice, by_stripe, .. }) = of.finalize_invoice(id, due_after)? else {
        return Ok(false);
    };
    of.audit(by, "invoice.finalized", &format!("invoice:{id}"), &told(&invoice))?;
    if invoice.total == 0 {
        // There is nothing to wait for.
        of.end_invoice(id, InvoiceStatus::Paid)?;
        of.audit(by, "invoice.paid", &format!("invoice:{id}"), &told(&invoice))?;
    } else if !by_stripe {
        // Where Stripe bills, its document is the invoice, and it mails that.
        letters::tell_of_final(of, id, &invoice)?;
    }
    Ok(true)
}

/// Writes final invoices into the tenants' files. One that cannot be written does not keep the others.
pub(super) async fn keep(installation: &Installation) -> Result<()> {
    for lease in installation.tenancy.claim_invoices_to_keep().await? {
        if let Err(error) = keep_of_one(installation, &lease).await {
            tracing::error!(
                tenant_id = %lease.tenant_id(), error = ?error,
                "final invoices could not be written into a tenant's file; it will be tried again"
            );
        }
    }
    Ok(())
}

async fn keep_of_one(installation: &Installation, lease: &Lease) -> Result<()> {
    let scope = TenantScope::for_job(&installation.tenancy, lease).await?;
    loop {
        let invoices = scope.catalog().read(|of| of.list_invoices_to_keep()).await?;
        if invoices.is_empty() {
            return Ok(());
        }
        scope.keep_invoices(invoices.clone()).await?;
        scope.catalog().write("note_kept", move |of| of.note_kept(&invoices)).await?;
    }
}
