//! Credit notes: what was taken back of final invoices.

use super::{OfTenant, Series};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
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

impl CreditNote {
    /// Its number as it is written.
    pub fn numbered(number: i64) -> String {
        format!("CN-{number:06}")
    }

    /// Reads a row of id, number, invoice, amount, reason, time.
    pub(super) fn read(row: &Row<'_>) -> Result<CreditNote, DbError> {
        Ok(CreditNote {
            id: row.get(0)?,
            number: row.get(1)?,
            invoice_id: row.get(2)?,
            amount: row.get(3)?,
            reason: row.get(4)?,
            issued_at: row.get(5)?,
        })
    }
}

impl OfTenant<'_> {
    /// Issues a credit note.
    ///
    /// # Errors
    /// As the database says.
    pub fn insert_credit_note(&self, invoice: InvoiceId, amount: i64, reason: &str) -> Result<CreditNote> {
        let note = CreditNote {
            id: CreditNoteId::new(self.now()),
            number: CreditNote::numbered(self.catalog.next_document_number(Series::CreditNote)?),
            invoice_id: invoice,
            amount,
            reason: reason.to_owned(),
            issued_at: self.now(),
        };
        self.insert(&note)?;
        Ok(note)
    }

    /// Takes a credit note in that was issued before, as it was. False for one that is here already, or whose invoice is not.
    ///
    /// # Errors
    /// As the database says.
    pub fn adopt_credit_note(&self, note: &CreditNote) -> Result<bool> {
        let is_here = self.tx().exists("SELECT 1 FROM credit_notes WHERE id = ?1", params![note.id])?;
        if is_here || !self.has_invoice(note.invoice_id)? {
            return Ok(false);
        }
        self.insert(note)?;
        Ok(true)
    }

    fn insert(&self, note: &CreditNote) -> Result<()> {
        self.tx().execute(
            "INSERT INTO credit_notes (id, tenant_id, invoice_id, number, amount, reason, issued_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                note.id,
                self.tenant,
                note.invoice_id,
                note.number.as_str(),
                note.amount,
                note.reason.as_str(),
                note.issued_at
            ],
        )?;
        self.tx().execute(
            "UPDATE invoices SET credited = credited + ?3 WHERE tenant_id = ?1 AND id = ?2",
            params![self.tenant, note.invoice_id, note.amount],
        )?;
        Ok(())
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
            CreditNote::read,
        )?)
    }
}
