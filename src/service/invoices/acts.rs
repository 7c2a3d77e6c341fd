//! What operators do to final invoices.

use super::issuing::keep;
use super::letters;
use crate::catalog::{By, OfTenant, StoredInvoice};
use crate::error::{Error, Result};
use crate::id::{InvoiceId, TenantId};
use crate::model::invoice::InvoiceStatus;
use crate::service::Installation;
use crate::service::stripe::refuse_where_stripe_bills;
use serde_json::json;

/// What becomes of a final invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvoiceAct {
    /// It was paid.
    MarkPaid,
    /// It was issued by mistake.
    Void,
    /// Nobody expects it to be paid any more.
    GiveUp,
}

impl InvoiceAct {
    const fn leads_to(self) -> (InvoiceStatus, &'static str) {
        match self {
            InvoiceAct::MarkPaid => (InvoiceStatus::Paid, "invoice.paid"),
            InvoiceAct::Void => (InvoiceStatus::Void, "invoice.voided"),
            InvoiceAct::GiveUp => (InvoiceStatus::Uncollectible, "invoice.given_up"),
        }
    }
}

pub(super) async fn tenant_of(installation: &Installation, id: InvoiceId) -> Result<TenantId> {
    let tenant = installation.catalog.read(move |tx| tx.find_invoice_tenant(id)).await?;
    tenant.ok_or_else(Error::not_found)
}

/// Says what became of a final invoice. Said twice it changes nothing.
///
/// # Errors
/// 404 for an invoice that there is not; 409 `wrong_status` for one that cannot become that, `billed_by_stripe` for one
/// that is the statement to Stripe's.
pub async fn change_invoice(
    installation: &Installation,
    id: InvoiceId,
    act: InvoiceAct,
    by: By,
) -> Result<StoredInvoice> {
    let tenant = tenant_of(installation, id).await?;
    let with_stripe = installation.bills_by_stripe();
    let write = installation.catalog.write("change_invoice", move |tx| {
        let of = tx.of(tenant);
        if of.find_invoice(id)?.status != act.leads_to().0 {
            refuse_where_stripe_bills(&of, id, with_stripe)?;
        }
        change(&of, id, act, &by)
    });
    let changed = write.await?;
    installation.invoices_changed(tenant).await?;
    Ok(changed)
}

pub(super) fn change(of: &OfTenant<'_>, id: InvoiceId, act: InvoiceAct, by: &By) -> Result<StoredInvoice> {
    let before = of.find_invoice(id)?;
    let (status, action) = act.leads_to();
    if before.status == status {
        return Ok(before);
    }
    if !before.status.may_become(status) {
        return Err(wrong_status(&before, status.name()));
    }
    of.end_invoice(id, status)?;
    if status == InvoiceStatus::Void {
        // What it took of earlier credit is there again.
        let credit = of.find_credit(&before.invoice.currency)?.without(&before.invoice, before.by_stripe);
        of.put_credit(&before.invoice.currency, credit)?;
    }
    let details = json!({ "number": before.invoice.number, "due_cents": before.due(), "currency": before.invoice.currency });
    of.audit(by, action, &format!("invoice:{id}"), &details)?;
    // Where Stripe collects, it mails a receipt itself.
    if status == InvoiceStatus::Paid && !before.by_stripe {
        letters::tell_of_paid(of, id, &before.invoice)?;
    }
    of.find_invoice(id)
}

/// Lets an invoice follow what became of the one at Stripe that it is the statement of. False where it stands so already,
/// or somebody here said otherwise for good.
pub(in crate::service) fn follow_payment(of: &OfTenant<'_>, id: InvoiceId, act: InvoiceAct) -> Result<bool> {
    if !of.find_invoice(id)?.status.may_become(act.leads_to().0) {
        return Ok(false);
    }
    change(of, id, act, &By::system()).map(|_| true)
}

pub(super) fn wrong_status(invoice: &StoredInvoice, wanted: &str) -> Error {
    let detail = match invoice.status {
        InvoiceStatus::Draft => format!(
            "This invoice is a draft and cannot become {wanted}. It turns final an hour after it was drawn up, or with \
             `plan close-period --final`."
        ),
        status => format!("This invoice is {} and cannot become {wanted}.", status.name()),
    };
    Error::conflict("wrong_status", detail)
}

impl Installation {
    /// The tenant may have paid what it owes; and its file is told how its invoices stand.
    pub(super) async fn invoices_changed(&self, tenant: TenantId) -> Result<()> {
        super::unpaid::look_at(self, tenant).await?;
        if let Err(error) = keep(self).await {
            tracing::warn!(tenant_id = %tenant, error = ?error, "a tenant's file is told of its invoices later");
        }
        Ok(())
    }
}
