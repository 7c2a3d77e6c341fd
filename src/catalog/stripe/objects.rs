//! Subscriptions and invoices as Stripe said last.

use crate::catalog::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::Result;
use crate::id::TenantId;
use crate::model::stripe::{InvoiceState, SubscriptionState};
use crate::params;

const SUBSCRIPTION: &str =
    "id, status, price, period_start, period_end, trial_end, cancel_at, paused, created";

fn subscription(row: &Row<'_>) -> Result<(String, SubscriptionState), DbError> {
    let (from, to): (Option<Timestamp>, Option<Timestamp>) = (row.get(3)?, row.get(4)?);
    let state = SubscriptionState {
        status: row.get(1)?,
        price: row.get(2)?,
        period: from.zip(to),
        trial_end: row.get(5)?,
        cancel_at: row.get(6)?,
        paused: row.get(7)?,
        created: row.get(8)?,
    };
    Ok((row.get(0)?, state))
}

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
    /// Subscriptions that are not over for Stripe, of whichever tenants: id and tenant.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_live_stripe_subscriptions(&self) -> Result<Vec<(String, TenantId)>> {
        Ok(self.tx.query(
            "SELECT id, tenant_id FROM stripe_subscriptions
             WHERE status NOT IN ('canceled', 'incomplete', 'incomplete_expired') ORDER BY id",
            &[],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }

    /// Whose subscription that is; nothing for one that is not known, or not any more.
    ///
    /// # Errors
    /// As the database says.
    pub fn tenant_of_stripe_subscription(&self, id: &str) -> Result<Option<TenantId>> {
        Ok(self.tx.query_row(
            "SELECT tenant_id FROM stripe_subscriptions WHERE id = ?1",
            params![id],
            |row| row.get(0),
        )?)
    }
}

impl OfTenant<'_> {
    /// The newest subscription of the tenant, over or not.
    ///
    /// # Errors
    /// As the database says.
    pub fn newest_stripe_subscription(&self) -> Result<Option<String>> {
        Ok(self.tx().query_row(
            "SELECT id FROM stripe_subscriptions WHERE tenant_id = ?1 ORDER BY created DESC, id DESC LIMIT 1",
            params![self.tenant],
            |row| row.get(0),
        )?)
    }

    /// A subscription of the tenant as it was known.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_stripe_subscription(&self, id: &str) -> Result<Option<SubscriptionState>> {
        let sql = format!("SELECT {SUBSCRIPTION} FROM stripe_subscriptions WHERE tenant_id = ?1 AND id = ?2");
        let found = self.tx().query_row(&sql, params![self.tenant, id], subscription)?;
        Ok(found.map(|(_, state)| state))
    }

    /// The subscription that counts: of those that are not over the newest.
    ///
    /// # Errors
    /// As the database says.
    pub fn live_stripe_subscription(&self) -> Result<Option<(String, SubscriptionState)>> {
        let sql = format!(
            "SELECT {SUBSCRIPTION} FROM stripe_subscriptions
             WHERE tenant_id = ?1 AND status NOT IN ('canceled', 'incomplete', 'incomplete_expired')
             ORDER BY created DESC, id DESC LIMIT 1"
        );
        Ok(self.tx().query_row(&sql, params![self.tenant], subscription)?)
    }

    /// Stores what Stripe says of a subscription.
    ///
    /// # Errors
    /// As the database says.
    pub fn store_stripe_subscription(&self, id: &str, state: &SubscriptionState) -> Result<()> {
        self.tx().execute(
            "INSERT INTO stripe_subscriptions
               (id, tenant_id, status, price, period_start, period_end, trial_end, cancel_at, paused, created, seen_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (id) DO UPDATE SET status = ?3, price = ?4, period_start = ?5, period_end = ?6, trial_end = ?7,
               cancel_at = ?8, paused = ?9, seen_at = ?11",
            params![
                id,
                self.tenant,
                state.status.as_str(),
                state.price.as_deref(),
                state.period.map(|(from, _)| from),
                state.period.map(|(_, to)| to),
                state.trial_end,
                state.cancel_at,
                state.paused,
                state.created,
                self.now()
            ],
        )?;
        Ok(())
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

    /// Stores what Stripe says of an invoice. Trouble goes with an invoice that is no longer to be collected.
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
               attempts = ?9, period_start = ?10, period_end = ?11, url = ?12, seen_at = ?14,
               trouble = CASE WHEN ?5 IN ('draft', 'open', 'uncollectible') THEN coalesce(?15, trouble) END",
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
