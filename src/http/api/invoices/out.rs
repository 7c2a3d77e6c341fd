//! Invoices as JSON.

use crate::service::{CreditNote, StoredInvoice};
use serde_json::{Value, json};

/// An invoice as members see it: what the lines were drawn from is in the export.
pub(super) fn invoice_out(stored: &StoredInvoice) -> Value {
    let invoice = &stored.invoice;
    let mut out = json!({
        "id": invoice.id,
        "number": invoice.number,
        "status": stored.status,
        "currency": invoice.currency,
        "period": invoice.period,
        "timezone": invoice.timezone,
        "issuer": invoice.issuer,
        "tenant": invoice.tenant,
        "subtotal_cents": invoice.subtotal,
        "tax_cents": invoice.tax,
        "total_cents": invoice.total,
        "credited_cents": stored.credited,
        "due_cents": stored.due(),
        "tax_rate": invoice.basis.tax_rate,
        "drawn_at": invoice.drawn_at,
        "issued_at": invoice.issued_at,
        "due_at": invoice.due_at,
        "paid_at": stored.paid_at,
        "voided_at": stored.voided_at,
        "given_up_at": stored.given_up_at,
        "digest": stored.digest,
        "lines": invoice.lines,
    });
    if let Some(id) = &stored.stripe_invoice_id {
        out["stripe_invoice_id"] = json!(id);
    }
    out
}

pub(super) fn with_notes(stored: &StoredInvoice, notes: &[CreditNote]) -> Value {
    let mut out = invoice_out(stored);
    out["credit_notes"] = json!(notes);
    out
}
