//! Statements that Stripe did not take at the first try: put off, parked for an operator, let go again.

use super::statements::WAITS;
use crate::catalog::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::{Error, Result};
use crate::id::{InvoiceId, TenantId};
use crate::params;

/// A statement that is not at Stripe although it was tried.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct HeldStatement {
    /// Our invoice.
    pub invoice_id: InvoiceId,
    /// Its number.
    pub number: Option<String>,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// How often it was tried in vain.
    pub attempts: i64,
    /// What went wrong the last time.
    pub reason: String,
    /// When it is tried next; nothing while it is parked.
    pub next_attempt_at: Option<Timestamp>,
    /// Since when it waits for an operator.
    pub parked_at: Option<Timestamp>,
}

const COLUMNS: &str = "h.invoice_id, i.number, h.tenant_id, h.attempts, h.reason, h.next_at, h.parked_at FROM stripe_statements h \
     JOIN invoices i ON i.id = h.invoice_id";

fn held(row: &Row<'_>) -> Result<HeldStatement, DbError> {
    let parked_at: Option<Timestamp> = row.get(6)?;
    Ok(HeldStatement {
        invoice_id: row.get(0)?,
        number: row.get(1)?,
        tenant_id: row.get(2)?,
        attempts: row.get(3)?,
        reason: row.get(4)?,
        next_attempt_at: Some(row.get(5)?).filter(|_| parked_at.is_none()),
        parked_at,
    })
}

impl CatalogTx<'_> {
    /// Statements behind `after` that are not at Stripe although it was tried, by id.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_held_statements(&self, after: Option<InvoiceId>, limit: u32) -> Result<Vec<HeldStatement>> {
        let sql = format!(
            "SELECT {COLUMNS} WHERE {WAITS} AND h.invoice_id > coalesce(?1, '') ORDER BY h.invoice_id LIMIT ?2"
        );
        Ok(self.tx.query(&sql, params![after, limit], held)?)
    }

    /// Lets a statement be tried again now.
    ///
    /// # Errors
    /// 404 for one that is not held.
    pub fn release_held_statement(&self, id: InvoiceId) -> Result<HeldStatement> {
        let find = format!("SELECT {COLUMNS} WHERE {WAITS} AND h.invoice_id = ?1");
        let found = |tx: &Self| tx.tx.query_row(&find, params![id], held);
        found(self)?.ok_or_else(Error::not_found)?;
        self.tx.execute(
            "UPDATE stripe_statements SET parked_at = NULL, next_at = ?2, attempts = 0 WHERE invoice_id = ?1",
            params![id, self.now()],
        )?;
        found(self)?.ok_or_else(Error::not_found)
    }
}

impl OfTenant<'_> {
    /// Puts a statement off until then, or parks it for an operator where nothing is said. Returns how often it was tried.
    ///
    /// # Errors
    /// As the database says.
    pub fn hold_statement(&self, id: InvoiceId, reason: &str, until: Option<Timestamp>) -> Result<i64> {
        self.tx().execute(
            "INSERT INTO stripe_statements (invoice_id, tenant_id, attempts, next_at, reason, parked_at)
             VALUES (?1, ?2, 1, ?3, ?4, ?5)
             ON CONFLICT (invoice_id) DO UPDATE SET attempts = stripe_statements.attempts + 1, next_at = ?3, reason = ?4,
               parked_at = ?5",
            params![
                id,
                self.tenant,
                until.unwrap_or(self.now()),
                reason,
                if until.is_none() { Some(self.now()) } else { None }
            ],
        )?;
        self.held_attempts(id)
    }

    /// How often a statement was tried in vain.
    ///
    /// # Errors
    /// As the database says.
    pub fn held_attempts(&self, id: InvoiceId) -> Result<i64> {
        let found = self.tx().query_row(
            "SELECT attempts FROM stripe_statements WHERE invoice_id = ?1",
            params![id],
            |row| row.get(0),
        )?;
        Ok(found.unwrap_or(0))
    }

    /// Parks a statement whose draft was deleted at Stripe.
    ///
    /// # Errors
    /// As the database says.
    pub fn hold_statement_of_deleted_draft(&self, id: InvoiceId, reason: &str) -> Result<()> {
        self.hold_statement(id, reason, None)?;
        self.tx().execute(
            "UPDATE stripe_statements SET drafts_deleted = drafts_deleted + 1 WHERE invoice_id = ?1",
            params![id],
        )?;
        Ok(())
    }

    /// How many drafts of a statement were deleted at Stripe.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_deleted_drafts(&self, id: InvoiceId) -> Result<i64> {
        let found = self.tx().query_row(
            "SELECT drafts_deleted FROM stripe_statements WHERE invoice_id = ?1",
            params![id],
            |row| row.get(0),
        )?;
        Ok(found.unwrap_or(0))
    }
}
