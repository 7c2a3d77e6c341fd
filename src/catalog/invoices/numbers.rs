//! The numbers of documents: each series without gaps in the installation.

use crate::catalog::{CatalogTx, CreditNote};
use crate::error::Result;
use crate::id::{InvoiceId, TenantId};
use crate::params;

/// Documents that are numbered together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Series {
    /// Invoices: `INV-000001`.
    Invoice,
    /// Credit notes: `CN-000001`.
    CreditNote,
}

impl Series {
    const fn name(self) -> &'static str {
        match self {
            Series::Invoice => "invoice",
            Series::CreditNote => "credit_note",
        }
    }
}

impl CatalogTx<'_> {
    /// The next number of a series. It is taken with the transaction, so that none is left out.
    pub(in crate::catalog) fn next_document_number(&self, series: Series) -> Result<i64> {
        self.tx.execute(
            "INSERT INTO document_numbers (series, last) VALUES (?1, 1)
             ON CONFLICT (series) DO UPDATE SET last = document_numbers.last + 1",
            params![series.name()],
        )?;
        self.last_document_number(series)
    }

    /// The last number of a series; 0 where nothing was issued.
    ///
    /// # Errors
    /// As the database says.
    pub fn last_document_number(&self, series: Series) -> Result<i64> {
        let last = "SELECT coalesce(max(last), 0) FROM document_numbers WHERE series = ?1";
        Ok(self.tx.count(last, params![series.name()])?)
    }

    /// Never issues numbers up to that one again.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_issued(&self, series: Series, number: i64) -> Result<()> {
        self.tx.execute(
            "INSERT INTO document_numbers (series, last) VALUES (?1, ?2)
             ON CONFLICT (series) DO UPDATE SET last = ?2 WHERE document_numbers.last < ?2",
            params![series.name(), number],
        )?;
        Ok(())
    }

    /// What is wrong with the numbers of all documents together: one that is missing below the last.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_number_gap(&self) -> Result<Option<String>> {
        let issued = self.tx.count("SELECT count(*) FROM invoices WHERE number IS NOT NULL", &[])?;
        let last = self.last_document_number(Series::Invoice)?;
        if issued != last {
            return Ok(Some(format!(
                "numbers: the last one is {last}, and there are {issued} final invoices"
            )));
        }
        let issued = self.tx.count("SELECT count(*) FROM credit_notes", &[])?;
        let last = self.last_document_number(Series::CreditNote)?;
        Ok((issued != last)
            .then(|| format!("credit notes: the last number is {last}, and there are {issued} credit notes")))
    }

    /// Final invoices with a number beyond `after`, by their numbers: number, id, tenant, digest.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_issued(&self, after: i64, limit: u32) -> Result<Vec<(i64, InvoiceId, TenantId, String)>> {
        Ok(self.tx.query(
            "SELECT CAST(substr(number, 5) AS INTEGER), id, tenant_id, digest FROM invoices
             WHERE number IS NOT NULL AND CAST(substr(number, 5) AS INTEGER) > ?1 ORDER BY 1 LIMIT ?2",
            params![after, limit],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?)
    }

    /// Credit notes with a number beyond `after`, by their numbers, each with its number and its tenant.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_issued_credit_notes(
        &self,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, TenantId, CreditNote)>> {
        Ok(self.tx.query(
            "SELECT id, number, invoice_id, amount, reason, issued_at, CAST(substr(number, 4) AS INTEGER), tenant_id
             FROM credit_notes WHERE CAST(substr(number, 4) AS INTEGER) > ?1 ORDER BY 7 LIMIT ?2",
            params![after, limit],
            |row| Ok((row.get(6)?, row.get(7)?, CreditNote::read(row)?)),
        )?)
    }
}
