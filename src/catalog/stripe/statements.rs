//! Invoices of ours that are statements to Stripe's: what of them is still to be sent there, and to which one they belong.

use crate::catalog::{CatalogTx, OfTenant, StoredInvoice};
use crate::clock::{MINUTE, Timestamp};
use crate::error::Result;
use crate::id::{InvoiceId, TenantId};
use crate::params;
use crate::rating::Period;

/// A subscription at Stripe may have begun so much later than the service that it is for: clocks differ.
const SAME_MOMENT: i64 = 5 * MINUTE;
/// Statements of one read.
const PAGE: u32 = 100;

/// How far a statement has come on its way to Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtStripe {
    /// It is no statement to Stripe, or nothing of it is there.
    No,
    /// Something of it is there, or may be by now.
    OnItsWay,
    /// It belongs to that invoice there.
    On(String),
}

/// Of an invoice `i`: it is a statement of which something is still to be sent, and no operator ended it by other means.
pub(super) const WAITS: &str = "i.by_stripe = 1 AND i.pushed_at IS NULL AND i.status NOT IN ('draft', 'void') AND (i.status <> 'paid' OR i.total = 0)";

/// Of the same: nothing keeps it from being sent at the time `?2`.
const IS_DUE: &str = "NOT EXISTS (SELECT 1 FROM stripe_statements h WHERE h.invoice_id = i.id
                                  AND (h.parked_at IS NOT NULL OR h.next_at > ?2))";

impl CatalogTx<'_> {
    /// Tenants behind `after` with a statement that is due and that no invoice of a subscription at Stripe will take, since
    /// there is none any more.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_tenants_with_rest_for_stripe(
        &self,
        after: Option<TenantId>,
        limit: u32,
    ) -> Result<Vec<TenantId>> {
        let sql = format!(
            "SELECT DISTINCT i.tenant_id FROM invoices i JOIN stripe_customers c ON c.tenant_id = i.tenant_id
             WHERE {WAITS} AND {IS_DUE} AND i.tenant_id > coalesce(?1, '')
               AND NOT EXISTS (SELECT 1 FROM stripe_subscriptions s WHERE s.tenant_id = i.tenant_id AND s.parked IS NULL
                                 AND s.status NOT IN ('canceled', 'incomplete', 'incomplete_expired'))
             ORDER BY i.tenant_id LIMIT ?3"
        );
        Ok(self.tx.query(&sql, params![after, self.now(), limit], |row| row.get(0))?)
    }

    /// Tenants behind `after` with a statement that was put off and is due again, and the draft at Stripe that would take it.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_drafts_for_held_statements(
        &self,
        after: Option<TenantId>,
        limit: u32,
    ) -> Result<Vec<(TenantId, String)>> {
        let sql = format!(
            "SELECT i.tenant_id, max(d.id) FROM invoices i JOIN stripe_statements w ON w.invoice_id = i.id
               JOIN stripe_subscriptions s ON s.tenant_id = i.tenant_id AND s.parked IS NULL
                 AND s.status NOT IN ('canceled', 'incomplete', 'incomplete_expired')
               JOIN stripe_invoices d ON d.subscription = s.id AND d.status = 'draft'
             WHERE {WAITS} AND {IS_DUE} AND i.tenant_id > coalesce(?1, '')
             GROUP BY i.tenant_id ORDER BY i.tenant_id LIMIT ?3"
        );
        Ok(self.tx.query(&sql, params![after, self.now(), limit], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }
}

impl OfTenant<'_> {
    /// Whether Stripe bills that service: a subscription there had begun with it, and was not over before it.
    ///
    /// # Errors
    /// As the database says.
    pub fn is_billed_by_stripe(&self, part: Period) -> Result<bool> {
        Ok(self.tx().exists(
            "SELECT 1 FROM stripe_subscriptions WHERE tenant_id = ?1 AND parked IS NULL
               AND status NOT IN ('incomplete', 'incomplete_expired') AND created <= ?2 AND (status <> 'canceled' OR seen_at > ?3) LIMIT 1",
            params![self.tenant, part.from.saturating_add(SAME_MOMENT), part.from],
        )?)
    }

    /// Final statements behind `after` (number of the period, id) of which something is still to be sent to Stripe, in their
    /// order; none that an operator took for paid by other means, and none that is parked. Those that were put off are
    /// among them where `now_or_never`.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_statements_to_push(
        &self,
        after: (i64, Option<InvoiceId>),
        now_or_never: bool,
    ) -> Result<Vec<StoredInvoice>> {
        let sql = format!(
            "SELECT i.id FROM invoices i WHERE i.tenant_id = ?1 AND {WAITS} AND {IS_DUE}
               AND (i.closes, i.id) > (?3, coalesce(?4, '')) ORDER BY i.closes, i.id LIMIT ?5"
        );
        let due = if now_or_never { Timestamp(i64::MAX) } else { self.now() };
        let found: Vec<InvoiceId> =
            self.tx().query(&sql, params![self.tenant, due, after.0, after.1, PAGE], |row| row.get(0))?;
        found.into_iter().map(|id| self.find_invoice(id)).collect()
    }

    /// Whether something of the tenant's statements is still to be sent, parked or not.
    ///
    /// # Errors
    /// As the database says.
    pub fn has_statements_to_push(&self) -> Result<bool> {
        let sql = format!("SELECT 1 FROM invoices i WHERE i.tenant_id = ?1 AND {WAITS} LIMIT 1");
        Ok(self.tx().exists(&sql, params![self.tenant])?)
    }

    /// How a statement stands at Stripe, for whoever would end it here.
    ///
    /// # Errors
    /// As the database says.
    pub fn statement_at_stripe(&self, statement: InvoiceId) -> Result<AtStripe> {
        let found = self.tx().query_row(
            "SELECT i.by_stripe, i.pushed_at IS NOT NULL, coalesce(i.stripe_invoice_id, ''),
                    EXISTS (SELECT 1 FROM invoice_lines l JOIN stripe_items t ON t.line_id = l.id
                            WHERE l.invoice_id = i.id AND (t.item IS NOT NULL OR NOT EXISTS (
                              SELECT 1 FROM stripe_statements h WHERE h.invoice_id = i.id AND h.parked_at IS NOT NULL)))
             FROM invoices i WHERE i.tenant_id = ?1 AND i.id = ?2",
            params![self.tenant, statement],
            |row| {
                let (by_stripe, is_sent, on): (bool, bool, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let is_on_its_way: bool = row.get(3)?;
                Ok(match (by_stripe, is_sent, is_on_its_way) {
                    (false, ..) | (true, false, false) => AtStripe::No,
                    (true, true, _) if on.is_empty() => AtStripe::No,
                    (true, true, _) => AtStripe::On(on),
                    (true, false, true) => AtStripe::OnItsWay,
                })
            },
        )?;
        Ok(found.unwrap_or(AtStripe::No))
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
