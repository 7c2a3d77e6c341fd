//! The tenant's final invoices, as its file keeps them.

use super::TenantTx;
use crate::catalog::KeptInvoice;
use crate::error::Result;
use crate::params;

impl TenantTx<'_> {
    /// Keeps invoices as they stand.
    pub(in crate::tenancy) fn keep_invoices(self, invoices: &[KeptInvoice]) -> Result<()> {
        for invoice in invoices {
            self.tx.execute(
                "INSERT INTO _invoices (id, number, document, digest, status, closes, ended_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET status = ?5, ended_at = ?7",
                params![
                    invoice.id,
                    invoice.number.as_str(),
                    invoice.document.as_str(),
                    invoice.digest.as_str(),
                    invoice.status.as_str(),
                    invoice.closes,
                    invoice.ended_at
                ],
            )?;
        }
        Ok(())
    }

    /// All of them, in the order in which they were drawn up.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_kept_invoices(&self) -> Result<Vec<KeptInvoice>> {
        Ok(self.tx.query(
            "SELECT id, number, document, digest, status, closes, ended_at FROM _invoices ORDER BY closes, id",
            &[],
            KeptInvoice::read,
        )?)
    }
}
