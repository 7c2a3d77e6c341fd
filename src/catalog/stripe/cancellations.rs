//! Subscriptions at Stripe that are to end.

use crate::catalog::{CatalogTx, OfTenant};
use crate::clock::{MINUTE, Timestamp};
use crate::error::{Error, Result};
use crate::params;

/// For so long a call to Stripe that nobody heard the end of may still be on its way.
const ON_ITS_WAY: i64 = 3 * MINUTE;

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

    /// Takes back what was asked for, of a tenant that stays: with the change of its state, so that nothing ends behind it.
    ///
    /// # Errors
    /// 409 `subscription_ending` while the end is on its way to Stripe.
    pub fn take_back_stripe_cancellations(&self) -> Result<usize> {
        let is_on_its_way = self.tx().exists(
            "SELECT 1 FROM stripe_cancellations c JOIN stripe_subscriptions s ON s.id = c.subscription
             WHERE s.tenant_id = ?1 AND c.done_at IS NULL AND c.claimed_at > ?2 LIMIT 1",
            params![self.tenant, self.now().plus(-ON_ITS_WAY)],
        )?;
        if is_on_its_way {
            return Err(Error::conflict(
                "subscription_ending",
                "The subscription of this tenant is being ended at Stripe at this very moment. Try again in a few \
                 minutes: then it can be reopened.",
            ));
        }
        Ok(self.tx().execute(
            "DELETE FROM stripe_cancellations WHERE done_at IS NULL
               AND subscription IN (SELECT id FROM stripe_subscriptions WHERE tenant_id = ?1)",
            params![self.tenant],
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

    /// Claims one right before Stripe is told: false where its tenant stays after all, or somebody took it back. From here
    /// on the tenant is not reopened before it is known what became of it.
    ///
    /// # Errors
    /// As the database says.
    pub fn claim_stripe_cancellation(&self, subscription: &str) -> Result<bool> {
        let claimed = self.tx.execute(
            "UPDATE stripe_cancellations SET claimed_at = ?2 WHERE subscription = ?1 AND done_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM stripe_subscriptions s JOIN tenants t ON t.id = s.tenant_id
                               WHERE s.id = stripe_cancellations.subscription AND t.status IN ('active', 'suspended'))",
            params![subscription, self.now()],
        )?;
        Ok(claimed > 0)
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
            "UPDATE stripe_cancellations SET attempts = attempts + 1, next_at = ?2, claimed_at = NULL WHERE subscription = ?1",
            params![subscription, until],
        )?;
        Ok(())
    }
}
