//! Credit notes: what was taken back of final invoices.

use super::OfTenant;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{CreditNoteId, InvoiceId};
use crate::params;

/// One credit note.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CreditNote {
    /// Its id.
    pub id: CreditNoteId,
    /// Its number, without gaps in the installation.
    pub number: String,
    /// The invoice that it takes something back of.
    pub invoice_id: InvoiceId,
    /// How much, tax included, in minor units of the invoice's currency.
    #[serde(rename = "amount_cents")]
    pub amount: i64,
    /// Why.
    pub reason: String,
    /// When.
    pub issued_at: Timestamp,
}

impl OfTenant<'_> {
    /// Issues a credit note.
    ///
    /// # Errors
    /// As the database says.
    pub fn insert_credit_note(&self, invoice: InvoiceId, amount: i64, reason: &str) -> Result<CreditNote> {
        let note = CreditNote {
            id: CreditNoteId::new(self.now()),
            number: format!("CN-{:06}", self.catalog.next_document_number("credit_note")?),
            invoice_id: invoice,
            amount,
            reason: reason.to_owned(),
            issued_at: self.now(),
        };
        self.tx().execute(
            "INSERT INTO credit_notes (id, tenant_id, invoice_id, number, amount, reason, issued_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![note.id, self.tenant, invoice, note.number.as_str(), amount, reason, note.issued_at],
        )?;
        self.tx().execute(
            "UPDATE invoices SET credited = credited + ?3 WHERE tenant_id = ?1 AND id = ?2",
            params![self.tenant, invoice, amount],
        )?;
        Ok(note)
    }

    /// Credit notes of an invoice, in their order.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_credit_notes(&self, invoice: InvoiceId) -> Result<Vec<CreditNote>> {
        Ok(self.tx().query(
            "SELECT id, number, invoice_id, amount, reason, issued_at FROM credit_notes
             WHERE tenant_id = ?1 AND invoice_id = ?2 ORDER BY number",
            params![self.tenant, invoice],
            |row| {
                Ok(CreditNote {
                    id: row.get(0)?,
                    number: row.get(1)?,
                    invoice_id: row.get(2)?,
                    amount: row.get(3)?,
                    reason: row.get(4)?,
                    issued_at: row.get(5)?,
                })
            },
        )?)
    }
}
