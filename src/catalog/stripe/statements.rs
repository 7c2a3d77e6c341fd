//! Invoices of ours that are statements to Stripe's: what of them is still to be sent there, and to which one they belong.

use crate::catalog::{CatalogTx, OfTenant, StoredInvoice};
use crate::clock::MINUTE;
use crate::error::Result;
use crate::id::{InvoiceId, TenantId};
use crate::params;
use crate::rating::Period;

/// A subscription at Stripe may have begun so much later than the service that it is for: clocks differ.
const SAME_MOMENT: i64 = 5 * MINUTE;
/// Statements of one tenant that are sent at once.
const MOST: u32 = 100;

impl CatalogTx<'_> {
    /// Tenants whose statements no invoice of a subscription at Stripe will take, since there is none any more.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_tenants_with_rest_for_stripe(&self, limit: u32) -> Result<Vec<TenantId>> {
        Ok(self.tx.query(
            "SELECT DISTINCT i.tenant_id FROM invoices i JOIN stripe_customers c ON c.tenant_id = i.tenant_id
             WHERE i.by_stripe = 1 AND i.pushed_at IS NULL AND i.status NOT IN ('draft', 'void')
               AND (i.status <> 'paid' OR i.total = 0)
               AND NOT EXISTS (SELECT 1 FROM stripe_subscriptions s WHERE s.tenant_id = i.tenant_id
                                 AND s.status NOT IN ('canceled', 'incomplete', 'incomplete_expired')) LIMIT ?1",
            params![limit],
            |row| row.get(0),
        )?)
    }
}

impl OfTenant<'_> {
    /// Whether Stripe bills that service: a subscription there had begun with it, and was not over before it.
    ///
    /// # Errors
    /// As the database says.
    pub fn is_billed_by_stripe(&self, part: Period) -> Result<bool> {
        Ok(self.tx().exists(
            "SELECT 1 FROM stripe_subscriptions WHERE tenant_id = ?1 AND status NOT IN ('incomplete', 'incomplete_expired')
               AND created <= ?2 AND (status <> 'canceled' OR seen_at > ?3) LIMIT 1",
            params![self.tenant, part.from.saturating_add(SAME_MOMENT), part.from],
        )?)
    }

    /// Final statements of which something is still to be sent to Stripe, in their order; none that an operator took for
    /// paid by other means.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_statements_to_push(&self) -> Result<Vec<StoredInvoice>> {
        let found: Vec<InvoiceId> = self.tx().query(
            "SELECT id FROM invoices WHERE tenant_id = ?1 AND by_stripe = 1 AND pushed_at IS NULL
               AND status NOT IN ('draft', 'void') AND (status <> 'paid' OR total = 0) ORDER BY closes, id LIMIT ?2",
            params![self.tenant, MOST],
            |row| row.get(0),
        )?;
        found.into_iter().map(|id| self.find_invoice(id)).collect()
    }

    /// The invoice at Stripe that the last of a statement's lines is on.
    ///
    /// # Errors
    /// As the database says.
    pub fn stripe_invoice_of_lines(&self, statement: InvoiceId) -> Result<Option<String>> {
        let found = self.tx().query_row(
            "SELECT i.invoice FROM invoice_lines l JOIN stripe_items i ON i.line_id = l.id
             WHERE l.invoice_id = ?1 AND i.tenant_id = ?2 AND i.item IS NOT NULL
             ORDER BY i.pushed_at DESC, l.position DESC LIMIT 1",
            params![statement, self.tenant],
            |row| row.get::<Option<String>>(0),
        )?;
        Ok(found.flatten())
    }

    /// The tenant's newest invoice at Stripe.
    ///
    /// # Errors
    /// As the database says.
    pub fn newest_stripe_invoice(&self) -> Result<Option<String>> {
        Ok(self.tx().query_row(
            "SELECT id FROM stripe_invoices WHERE tenant_id = ?1 ORDER BY created DESC, id DESC LIMIT 1",
            params![self.tenant],
            |row| row.get(0),
        )?)
    }

    /// Notes that all of a statement is at Stripe, and to which invoice there it belongs. False where that was known.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_statement_pushed(&self, statement: InvoiceId, stripe_invoice: Option<&str>) -> Result<bool> {
        let changed = self.tx().execute(
            "UPDATE invoices SET stripe_invoice_id = ?3, pushed_at = ?4
             WHERE tenant_id = ?1 AND id = ?2 AND pushed_at IS NULL",
            params![self.tenant, statement, stripe_invoice, self.now()],
        )?;
        Ok(changed > 0)
    }

    /// The statements that belong to an invoice at Stripe.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_statements_of(&self, stripe_invoice: &str) -> Result<Vec<InvoiceId>> {
        Ok(self.tx().query(
            "SELECT id FROM invoices WHERE tenant_id = ?1 AND stripe_invoice_id = ?2 ORDER BY closes, id",
            params![self.tenant, stripe_invoice],
            |row| row.get(0),
        )?)
    }
}
