//! Final invoices on their way into the tenants' files.

use crate::catalog::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::Result;
use crate::id::{InvoiceId, TenantId};
use crate::params;

/// A final invoice as the tenant's file keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptInvoice {
    /// Its id.
    pub id: InvoiceId,
    /// Its number.
    pub number: String,
    /// Its document, as text.
    pub document: String,
    /// SHA-256 of that.
    pub digest: String,
    /// How it stands.
    pub status: String,
    /// The number of the service period that was closed.
    pub closes: i64,
    /// When it was paid, void or given up.
    pub ended_at: Option<Timestamp>,
}

impl KeptInvoice {
    /// Reads a row of id, number, document, digest, status, number of the service period, end.
    ///
    /// # Errors
    /// As the database says.
    pub fn read(row: &Row<'_>) -> Result<KeptInvoice, DbError> {
        Ok(KeptInvoice {
            id: row.get(0)?,
            number: row.get(1)?,
            document: row.get(2)?,
            digest: row.get(3)?,
            status: row.get(4)?,
            closes: row.get(5)?,
            ended_at: row.get(6)?,
        })
    }
}

impl CatalogTx<'_> {
    /// Tenants with final invoices that their files do not have as they stand.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_tenants_with_invoices_to_keep(&self, limit: u32) -> Result<Vec<TenantId>> {
        Ok(self.tx.query(
            "SELECT DISTINCT i.tenant_id FROM invoices i JOIN tenants t ON t.id = i.tenant_id
             WHERE i.kept = 0 AND i.status <> 'draft' AND t.status IN ('active', 'suspended', 'closing') LIMIT ?1",
            params![limit],
            |row| row.get(0),
        )?)
    }
}

impl OfTenant<'_> {
    /// Final invoices that the tenant's file does not have as they stand.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_invoices_to_keep(&self) -> Result<Vec<KeptInvoice>> {
        Ok(self.tx().query(
            "SELECT id, number, document, digest, status, closes, coalesce(paid_at, voided_at, given_up_at) FROM invoices
             WHERE tenant_id = ?1 AND kept = 0 AND status <> 'draft' ORDER BY closes LIMIT 100",
            params![self.tenant],
            KeptInvoice::read,
        )?)
    }

    /// Notes that the tenant's file has none of them: it is one of before.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_invoices_not_kept(&self) -> Result<()> {
        self.tx().execute("UPDATE invoices SET kept = 0 WHERE tenant_id = ?1", params![self.tenant])?;
        Ok(())
    }

    /// Notes that the file has them: unless one has changed since.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_kept(&self, kept: &[KeptInvoice]) -> Result<()> {
        for invoice in kept {
            self.tx().execute(
                "UPDATE invoices SET kept = 1 WHERE tenant_id = ?1 AND id = ?2 AND status = ?3",
                params![self.tenant, invoice.id, invoice.status.as_str()],
            )?;
        }
        Ok(())
    }
}
