//! Invoices as Stripe said last.

use crate::catalog::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::Result;
use crate::id::{InvoiceId, TenantId};
use crate::model::stripe::InvoiceState;
use crate::params;

const INVOICE: &str = "id, subscription, number, status, currency, total, paid, attempts, period_start, period_end, url, created";

fn invoice(row: &Row<'_>) -> Result<(String, InvoiceState), DbError> {
    let (from, to): (Option<Timestamp>, Option<Timestamp>) = (row.get(8)?, row.get(9)?);
    let state = InvoiceState {
        subscription: row.get(1)?,
        number: row.get(2)?,
        status: row.get(3)?,
        currency: row.get(4)?,
        total: row.get(5)?,
        paid: row.get(6)?,
        attempts: row.get(7)?,
        period: from.zip(to),
        url: row.get(10)?,
        created: row.get(11)?,
    };
    Ok((row.get(0)?, state))
}

impl CatalogTx<'_> {
    /// Whose invoice that is, where it is known here as one that is still a draft.
    ///
    /// # Errors
    /// As the database says.
    pub fn tenant_of_stripe_draft(&self, id: &str) -> Result<Option<TenantId>> {
        Ok(self.tx.query_row(
            "SELECT tenant_id FROM stripe_invoices WHERE id = ?1 AND status = 'draft'",
            params![id],
            |row| row.get(0),
        )?)
    }
}

impl OfTenant<'_> {
    /// Forgets a draft that was deleted at Stripe, with what was put onto it. Tells which statements belonged to it: they
    /// belong to nothing now.
    ///
    /// # Errors
    /// As the database says.
    pub fn forget_stripe_draft(&self, id: &str) -> Result<Vec<InvoiceId>> {
        let statements: Vec<InvoiceId> = self.tx().query(
            "SELECT id FROM invoices WHERE tenant_id = ?1 AND stripe_invoice_id = ?2
             UNION SELECT l.invoice_id FROM invoice_lines l JOIN stripe_items i ON i.line_id = l.id
                   WHERE i.tenant_id = ?1 AND i.invoice = ?2",
            params![self.tenant, id],
            |row| row.get(0),
        )?;
        self.tx().execute(
            "DELETE FROM stripe_invoices WHERE tenant_id = ?1 AND id = ?2 AND status = 'draft'",
            params![self.tenant, id],
        )?;
        self.tx().execute(
            "UPDATE stripe_items SET item = NULL, pushed_at = NULL WHERE tenant_id = ?1 AND invoice = ?2",
            params![self.tenant, id],
        )?;
        for statement in &statements {
            self.tx().execute(
                "UPDATE invoices SET stripe_invoice_id = NULL, pushed_at = NULL WHERE tenant_id = ?1 AND id = ?2",
                params![self.tenant, *statement],
            )?;
            self.tx().execute(
                "UPDATE invoice_lines SET stripe_item_id = NULL WHERE invoice_id = ?1",
                params![*statement],
            )?;
        }
        Ok(statements)
    }

    /// The draft that a subscription of the tenant's has at Stripe, the newest.
    ///
    /// # Errors
    /// As the database says.
    pub fn stripe_draft_of(&self, subscription: &str) -> Result<Option<String>> {
        Ok(self.tx().query_row(
            "SELECT id FROM stripe_invoices WHERE tenant_id = ?1 AND subscription = ?2 AND status = 'draft'
             ORDER BY created DESC, id DESC LIMIT 1",
            params![self.tenant, subscription],
            |row| row.get(0),
        )?)
    }

    /// An invoice of the tenant at Stripe as it was known.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_stripe_invoice(&self, id: &str) -> Result<Option<InvoiceState>> {
        let sql = format!("SELECT {INVOICE} FROM stripe_invoices WHERE tenant_id = ?1 AND id = ?2");
        let found = self.tx().query_row(&sql, params![self.tenant, id], invoice)?;
        Ok(found.map(|(_, state)| state))
    }

    /// Stores what Stripe says of an invoice, and the trouble that it is in by now.
    ///
    /// # Errors
    /// As the database says.
    pub fn store_stripe_invoice(&self, id: &str, state: &InvoiceState, trouble: Option<&str>) -> Result<()> {
        self.tx().execute(
            "INSERT INTO stripe_invoices
               (id, tenant_id, subscription, number, status, currency, total, paid, attempts, period_start, period_end, url,
                created, seen_at, trouble)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
             ON CONFLICT (id) DO UPDATE SET subscription = ?3, number = ?4, status = ?5, currency = ?6, total = ?7, paid = ?8,
               attempts = ?9, period_start = ?10, period_end = ?11, url = ?12, seen_at = ?14, trouble = ?15",
            params![
                id,
                self.tenant,
                state.subscription.as_deref(),
                state.number.as_deref(),
                state.status.as_str(),
                state.currency.as_str(),
                state.total,
                state.paid,
                state.attempts,
                state.period.map(|(from, _)| from),
                state.period.map(|(_, to)| to),
                state.url.as_deref(),
                state.created,
                self.now(),
                trouble
            ],
        )?;
        Ok(())
    }

    /// The trouble that an invoice is in.
    ///
    /// # Errors
    /// As the database says.
    pub fn stripe_invoice_trouble(&self, id: &str) -> Result<Option<String>> {
        let trouble = self.tx().query_row(
            "SELECT trouble FROM stripe_invoices WHERE tenant_id = ?1 AND id = ?2",
            params![self.tenant, id],
            |row| row.get::<Option<String>>(0),
        )?;
        Ok(trouble.flatten())
    }

    /// What of an invoice was given back, and whether its payment is disputed; nothing for one that is not known.
    ///
    /// # Errors
    /// As the database says.
    pub fn stripe_invoice_returns(&self, id: &str) -> Result<Option<(i64, bool)>> {
        Ok(self.tx().query_row(
            "SELECT refunded, disputed FROM stripe_invoices WHERE tenant_id = ?1 AND id = ?2",
            params![self.tenant, id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }

    /// Notes what of an invoice was given back, and whether its payment is disputed.
    ///
    /// # Errors
    /// As the database says.
    pub fn update_stripe_invoice_returns(&self, id: &str, refunded: i64, disputed: bool) -> Result<()> {
        self.tx().execute(
            "UPDATE stripe_invoices SET refunded = ?3, disputed = ?4 WHERE tenant_id = ?1 AND id = ?2",
            params![self.tenant, id, refunded, disputed],
        )?;
        Ok(())
    }
}
