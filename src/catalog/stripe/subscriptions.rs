//! Subscriptions as Stripe said last, and which of them counts.

use crate::catalog::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::Result;
use crate::id::TenantId;
use crate::model::stripe::SubscriptionState;
use crate::params;

const SUBSCRIPTION: &str =
    "id, status, price, period_start, period_end, trial_end, cancel_at, paused, created";

/// Of Stripe's words for how one stands: those for which it is collected.
const LIVE: &str = "status NOT IN ('canceled', 'incomplete', 'incomplete_expired')";

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

impl CatalogTx<'_> {
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
    /// The newest subscription of the tenant that counts or did, over or not.
    ///
    /// # Errors
    /// As the database says.
    pub fn newest_stripe_subscription(&self) -> Result<Option<String>> {
        Ok(self.tx().query_row(
            "SELECT id FROM stripe_subscriptions WHERE tenant_id = ?1 AND parked IS NULL
             ORDER BY created DESC, id DESC LIMIT 1",
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

    /// The subscription that counts: the one that is neither over nor parked.
    ///
    /// # Errors
    /// As the database says.
    pub fn live_stripe_subscription(&self) -> Result<Option<(String, SubscriptionState)>> {
        let sql = format!(
            "SELECT {SUBSCRIPTION} FROM stripe_subscriptions
             WHERE tenant_id = ?1 AND {LIVE} AND parked IS NULL LIMIT 1"
        );
        Ok(self.tx().query_row(&sql, params![self.tenant], subscription)?)
    }

    /// Why a subscription of the tenant counts for nothing; nothing for one that counts, or is not known.
    ///
    /// # Errors
    /// As the database says.
    pub fn stripe_subscription_parked(&self, id: &str) -> Result<Option<String>> {
        let parked = self.tx().query_row(
            "SELECT parked FROM stripe_subscriptions WHERE tenant_id = ?1 AND id = ?2",
            params![self.tenant, id],
            |row| row.get::<Option<String>>(0),
        )?;
        Ok(parked.flatten())
    }

    /// Takes one for over that Stripe does not know any more, where another has taken its place.
    ///
    /// # Errors
    /// As the database says.
    pub fn end_lost_stripe_subscription(&self, id: &str) -> Result<()> {
        self.tx().execute(
            "UPDATE stripe_subscriptions SET status = 'canceled', parked = NULL, seen_at = ?3 WHERE tenant_id = ?1 AND id = ?2",
            params![self.tenant, id, self.now()],
        )?;
        Ok(())
    }

    /// Lets the newest of those that are live and parked count from now on, where none does, and tells which that is.
    ///
    /// # Errors
    /// As the database says.
    pub fn adopt_stripe_subscription(&self) -> Result<Option<String>> {
        if self.live_stripe_subscription()?.is_some() {
            return Ok(None);
        }
        let sql = format!(
            "SELECT id FROM stripe_subscriptions WHERE tenant_id = ?1 AND {LIVE} AND parked IS NOT NULL
             ORDER BY created DESC, id DESC LIMIT 1"
        );
        let newest: Option<String> = self.tx().query_row(&sql, params![self.tenant], |row| row.get(0))?;
        if let Some(id) = &newest {
            self.tx().execute(
                "UPDATE stripe_subscriptions SET parked = NULL WHERE id = ?1",
                params![id.as_str()],
            )?;
        }
        Ok(newest)
    }

    /// Stores what Stripe says of a subscription; `parked`: why it counts for nothing.
    ///
    /// # Errors
    /// As the database says, also for a second one that would count.
    pub fn store_stripe_subscription(
        &self,
        id: &str,
        state: &SubscriptionState,
        parked: Option<&str>,
    ) -> Result<()> {
        self.tx().execute(
            "INSERT INTO stripe_subscriptions
               (id, tenant_id, status, price, period_start, period_end, trial_end, cancel_at, paused, created, seen_at, parked)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (id) DO UPDATE SET status = ?3, price = ?4, period_start = ?5, period_end = ?6, trial_end = ?7,
               cancel_at = ?8, paused = ?9, seen_at = ?11, parked = ?12",
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
                self.now(),
                parked
            ],
        )?;
        Ok(())
    }
}
