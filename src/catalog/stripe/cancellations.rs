//! Subscriptions at Stripe that are to end.

use crate::catalog::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::params;

impl OfTenant<'_> {
    /// Asks for the end of whatever Stripe still collects for the tenant. Once more changes nothing.
    ///
    /// # Errors
    /// As the database says.
    pub fn cancel_stripe_subscriptions(&self) -> Result<usize> {
        Ok(self.tx().execute(
            "INSERT INTO stripe_cancellations (subscription, asked_at, next_at)
             SELECT id, ?2, ?2 FROM stripe_subscriptions
             WHERE tenant_id = ?1 AND status NOT IN ('canceled', 'incomplete_expired')
             ON CONFLICT (subscription) DO NOTHING",
            params![self.tenant, self.now()],
        )?)
    }
}

impl CatalogTx<'_> {
    /// Asks the same for tenants that are closing.
    ///
    /// # Errors
    /// As the database says.
    pub fn cancel_stripe_subscriptions_of_closing(&self) -> Result<usize> {
        Ok(self.tx.execute(
            "INSERT INTO stripe_cancellations (subscription, asked_at, next_at)
             SELECT s.id, ?1, ?1 FROM stripe_subscriptions s JOIN tenants t ON t.id = s.tenant_id
             WHERE t.status = 'closing' AND s.status NOT IN ('canceled', 'incomplete_expired')
             ON CONFLICT (subscription) DO NOTHING",
            params![self.now()],
        )?)
    }

    /// Whether a tenant that is closing has a subscription whose end was not asked for yet.
    ///
    /// # Errors
    /// As the database says.
    pub fn has_stripe_subscription_of_closing(&self) -> Result<bool> {
        Ok(self.tx.exists(
            "SELECT 1 FROM tenants t JOIN stripe_subscriptions s ON s.tenant_id = t.id
             WHERE t.status = 'closing' AND s.status NOT IN ('canceled', 'incomplete_expired')
               AND NOT EXISTS (SELECT 1 FROM stripe_cancellations c WHERE c.subscription = s.id) LIMIT 1",
            &[],
        )?)
    }

    /// Subscriptions whose end is to be asked for now, and how often that failed; not those of tenants that stay after all.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_due_stripe_cancellations(&self, limit: u32) -> Result<Vec<(String, i64)>> {
        Ok(self.tx.query(
            "SELECT c.subscription, c.attempts FROM stripe_cancellations c WHERE c.done_at IS NULL AND c.next_at <= ?1
               AND NOT EXISTS (SELECT 1 FROM stripe_subscriptions s JOIN tenants t ON t.id = s.tenant_id
                               WHERE s.id = c.subscription AND t.status IN ('active', 'suspended'))
             ORDER BY c.next_at LIMIT ?2",
            params![self.now(), limit],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }

    /// Notes that one has ended.
    ///
    /// # Errors
    /// As the database says.
    pub fn finish_stripe_cancellation(&self, subscription: &str) -> Result<()> {
        self.tx.execute(
            "UPDATE stripe_cancellations SET done_at = ?2 WHERE subscription = ?1",
            params![subscription, self.now()],
        )?;
        Ok(())
    }

    /// Puts one off.
    ///
    /// # Errors
    /// As the database says.
    pub fn postpone_stripe_cancellation(&self, subscription: &str, until: Timestamp) -> Result<()> {
        self.tx.execute(
            "UPDATE stripe_cancellations SET attempts = attempts + 1, next_at = ?2 WHERE subscription = ?1",
            params![subscription, until],
        )?;
        Ok(())
    }
}
