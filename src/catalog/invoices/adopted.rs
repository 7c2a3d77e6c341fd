//! Final invoices that a restored catalog does not know.

use super::KeptInvoice;
use crate::catalog::{Booked, OfTenant};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::InvoiceId;
use crate::model::invoice::{Invoice, InvoiceStatus};
use crate::params;

impl OfTenant<'_> {
    /// Whether the tenant has an invoice of that id.
    ///
    /// # Errors
    /// As the database says.
    pub fn has_invoice(&self, id: InvoiceId) -> Result<bool> {
        Ok(self
            .tx()
            .exists("SELECT 1 FROM invoices WHERE tenant_id = ?1 AND id = ?2", params![self.tenant, id])?)
    }

    /// Whether a service period was closed with a final invoice, though it is not noted as billed: the invoice was adopted.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_invoices_of_closing(&self, number: i64) -> Result<Vec<InvoiceId>> {
        Ok(self.tx().query(
            "SELECT id FROM invoices WHERE tenant_id = ?1 AND closes = ?2 AND status <> 'draft' ORDER BY id",
            params![self.tenant, number],
            |row| row.get(0),
        )?)
    }

    /// Takes a final invoice in that the tenant's file has and the catalog does not, as the file has it. With it its service
    /// period is billed, if there is one, and what it came to is `booked`. False for one that is here already.
    ///
    /// # Errors
    /// As the database says.
    pub fn adopt_invoice(&self, kept: &KeptInvoice, invoice: &Invoice, booked: &[Booked]) -> Result<bool> {
        let exists = self.has_invoice(invoice.id)?;
        if exists && self.find_invoice(invoice.id)?.status != InvoiceStatus::Draft {
            return Ok(false);
        }
        let by_stripe = invoice.basis.by_stripe;
        let credit = self.find_credit(&invoice.currency)?;
        let credit = if exists {
            credit
        } else {
            self.insert_draft(invoice, by_stripe)?;
            credit.after(invoice, by_stripe)
        };
        self.tx().execute(
            "UPDATE invoices SET status = 'final', number = ?3, issued_at = ?4, due_at = ?5, document = ?6, digest = ?7,
               drafted_at = ?8
             WHERE tenant_id = ?1 AND id = ?2",
            params![
                self.tenant,
                invoice.id,
                kept.number.as_str(),
                invoice.issued_at,
                invoice.due_at,
                kept.document.as_str(),
                kept.digest.as_str(),
                invoice.drawn_at
            ],
        )?;
        let status = InvoiceStatus::parse(&kept.status).filter(|status| *status != InvoiceStatus::Final);
        if let Some(status) = status {
            self.end_invoice_at(invoice.id, status, kept.ended_at.unwrap_or(self.now()))?;
        }
        let is_void = status == Some(InvoiceStatus::Void);
        self.put_credit(
            &invoice.currency,
            if is_void { credit.without(invoice, by_stripe) } else { credit },
        )?;
        self.tx().execute(
            "UPDATE invoices SET kept = 1 WHERE tenant_id = ?1 AND id = ?2",
            params![self.tenant, invoice.id],
        )?;
        self.put_booked(booked)?;
        self.store_closing(invoice.basis.closes, invoice.basis.watermark, &[])?;
        Ok(true)
    }

    /// As [`OfTenant::end_invoice`], at another moment.
    fn end_invoice_at(&self, id: InvoiceId, status: InvoiceStatus, at: Timestamp) -> Result<()> {
        self.end_invoice(id, status)?;
        self.tx().execute(
            "UPDATE invoices SET paid_at = CASE WHEN paid_at IS NULL THEN NULL ELSE ?3 END,
               voided_at = CASE WHEN voided_at IS NULL THEN NULL ELSE ?3 END,
               given_up_at = CASE WHEN given_up_at IS NULL THEN NULL ELSE ?3 END WHERE tenant_id = ?1 AND id = ?2",
            params![self.tenant, id, at],
        )?;
        Ok(())
    }
}
