//! Customers at Stripe that are to be deleted with their tenants.

use crate::catalog::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::TenantId;
use crate::params;

/// What was asked for, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerErasure {
    /// Which customer, since Stripe was first asked.
    pub customer: Option<String>,
    /// How often Stripe was asked.
    pub attempts: i64,
    /// `deleted`, or `gone` where it was not there any more; nothing as long as it is not through.
    pub outcome: Option<String>,
}

impl OfTenant<'_> {
    /// Asks that the tenant's customer at Stripe is deleted with it. Once more changes nothing.
    ///
    /// # Errors
    /// As the database says.
    pub fn ask_customer_erasure(&self) -> Result<()> {
        self.tx().execute(
            "INSERT INTO stripe_customer_erasures (tenant_id, asked_at) VALUES (?1, ?2)
             ON CONFLICT (tenant_id) DO NOTHING",
            params![self.tenant, self.now()],
        )?;
        Ok(())
    }

    /// What was asked for, if it was.
    ///
    /// # Errors
    /// As the database says.
    pub fn customer_erasure(&self) -> Result<Option<CustomerErasure>> {
        Ok(self.tx().query_row(
            "SELECT customer, attempts, outcome FROM stripe_customer_erasures WHERE tenant_id = ?1",
            params![self.tenant],
            |row| Ok(CustomerErasure { customer: row.get(0)?, attempts: row.get(1)?, outcome: row.get(2)? }),
        )?)
    }

    /// Notes that Stripe is being asked to delete `customer`, and when it is tried again unless that is noted to be
    /// through.
    ///
    /// # Errors
    /// As the database says.
    pub fn try_customer_erasure(&self, customer: &str, again_at: Timestamp) -> Result<()> {
        self.tx().execute(
            "UPDATE stripe_customer_erasures SET customer = ?2, attempts = attempts + 1, next_at = ?3
             WHERE tenant_id = ?1",
            params![self.tenant, customer, again_at],
        )?;
        Ok(())
    }

    /// Notes what came of it.
    ///
    /// # Errors
    /// As the database says.
    pub fn finish_customer_erasure(&self, outcome: &str) -> Result<()> {
        self.tx().execute(
            "UPDATE stripe_customer_erasures SET outcome = ?2 WHERE tenant_id = ?1",
            params![self.tenant, outcome],
        )?;
        Ok(())
    }

    /// Forgets it: the receipt says what came of it, or the tenant stays.
    ///
    /// # Errors
    /// As the database says.
    pub fn forget_customer_erasure(&self) -> Result<()> {
        self.tx()
            .execute("DELETE FROM stripe_customer_erasures WHERE tenant_id = ?1", params![self.tenant])?;
        Ok(())
    }
}

impl CatalogTx<'_> {
    /// Erased tenants whose receipts are to be amended once their customers are deleted, those to be tried now.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_due_customer_erasures(&self, limit: u32) -> Result<Vec<TenantId>> {
        Ok(self.tx.query(
            "SELECT e.tenant_id FROM stripe_customer_erasures e JOIN tenants t ON t.id = e.tenant_id
             WHERE t.status = 'erased' AND (e.outcome IS NOT NULL OR e.next_at <= ?1) ORDER BY e.next_at LIMIT ?2",
            params![self.now(), limit],
            |row| row.get(0),
        )?)
    }
}
