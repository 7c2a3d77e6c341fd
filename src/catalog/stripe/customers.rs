//! Which customer at Stripe is which tenant, and the checkouts that were begun here.

use crate::catalog::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::params;

/// A checkout that was begun here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeCheckout {
    /// For which tenant.
    pub tenant: TenantId,
    /// For which plan.
    pub plan: String,
    /// open, complete or expired.
    pub status: String,
    /// paid, unpaid or `no_payment_required`.
    pub payment: String,
}

impl CatalogTx<'_> {
    /// Whose customer that is.
    ///
    /// # Errors
    /// As the database says.
    pub fn tenant_of_stripe_customer(&self, customer: &str) -> Result<Option<TenantId>> {
        Ok(self.tx.query_row(
            "SELECT tenant_id FROM stripe_customers WHERE id = ?1",
            params![customer],
            |row| row.get(0),
        )?)
    }

    /// A checkout that was begun here.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_stripe_checkout(&self, id: &str) -> Result<Option<StripeCheckout>> {
        Ok(self.tx.query_row(
            "SELECT tenant_id, plan, status, payment FROM stripe_checkouts WHERE id = ?1",
            params![id],
            |row| {
                Ok(StripeCheckout {
                    tenant: row.get(0)?,
                    plan: row.get(1)?,
                    status: row.get(2)?,
                    payment: row.get(3)?,
                })
            },
        )?)
    }

    /// Notes how a checkout stands.
    ///
    /// # Errors
    /// As the database says.
    pub fn update_stripe_checkout(&self, id: &str, status: &str, payment: &str) -> Result<()> {
        self.tx.execute(
            "UPDATE stripe_checkouts SET status = ?2, payment = ?3 WHERE id = ?1",
            params![id, status, payment],
        )?;
        Ok(())
    }
}

impl CatalogTx<'_> {
    /// Customers that are to be told whom their invoices are addressed to, each with its tenant.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_stripe_customers_to_tell(&self, limit: u32) -> Result<Vec<(String, TenantId)>> {
        Ok(self.tx.query(
            "SELECT id, tenant_id FROM stripe_customers WHERE to_tell = 1 AND tell_at <= ?1 ORDER BY tell_at, id LIMIT ?2",
            params![self.now(), limit],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }
}

impl OfTenant<'_> {
    /// The tenant's customer at Stripe, if there is one, is to be told whom its invoices are addressed to.
    ///
    /// # Errors
    /// As the database says.
    pub fn expect_stripe_customer_told(&self) -> Result<()> {
        self.tx().execute(
            "UPDATE stripe_customers SET to_tell = 1, tell_at = 0 WHERE tenant_id = ?1",
            params![self.tenant],
        )?;
        Ok(())
    }

    /// It was told.
    ///
    /// # Errors
    /// As the database says.
    pub fn stripe_customer_told(&self) -> Result<()> {
        self.tx()
            .execute("UPDATE stripe_customers SET to_tell = 0 WHERE tenant_id = ?1", params![self.tenant])?;
        Ok(())
    }

    /// It could not be told, and is tried again not before `at`.
    ///
    /// # Errors
    /// As the database says.
    pub fn postpone_stripe_customer(&self, at: Timestamp) -> Result<()> {
        self.tx().execute(
            "UPDATE stripe_customers SET tell_at = ?2 WHERE tenant_id = ?1 AND to_tell = 1",
            params![self.tenant, at],
        )?;
        Ok(())
    }

    /// The tenant's customer at Stripe.
    ///
    /// # Errors
    /// As the database says.
    pub fn stripe_customer(&self) -> Result<Option<String>> {
        Ok(self.tx().query_row(
            "SELECT id FROM stripe_customers WHERE tenant_id = ?1",
            params![self.tenant],
            |row| row.get(0),
        )?)
    }

    /// Links a customer to the tenant; once more changes nothing. False where it was linked before.
    ///
    /// # Errors
    /// 409 `customer_linked` where the tenant has another customer, or the customer another tenant.
    pub fn link_stripe_customer(&self, customer: &str) -> Result<bool> {
        let (has, belongs) = (self.stripe_customer()?, self.catalog.tenant_of_stripe_customer(customer)?);
        if has.as_deref() == Some(customer) {
            return Ok(false);
        }
        if has.is_some() || belongs.is_some() {
            let detail = "This customer, or this tenant, is linked to another one already.";
            return Err(Error::conflict("customer_linked", detail));
        }
        self.tx().execute(
            "INSERT INTO stripe_customers (id, tenant_id, linked_at, to_tell)
             VALUES (?1, ?2, ?3, EXISTS (SELECT 1 FROM billing_details WHERE tenant_id = ?2))",
            params![customer, self.tenant, self.now()],
        )?;
        Ok(true)
    }

    /// Checkouts that were begun for the tenant and are open as far as is known, the newest first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_open_stripe_checkouts(&self) -> Result<Vec<String>> {
        Ok(self.tx().query(
            "SELECT id FROM stripe_checkouts WHERE tenant_id = ?1 AND status = 'open' ORDER BY begun_at DESC, id DESC",
            params![self.tenant],
            |row| row.get(0),
        )?)
    }

    /// Notes a checkout that was begun.
    ///
    /// # Errors
    /// As the database says.
    pub fn insert_stripe_checkout(&self, id: &str, plan: &str) -> Result<()> {
        self.tx().execute(
            "INSERT INTO stripe_checkouts (id, tenant_id, plan, status, payment, begun_at)
             VALUES (?1, ?2, ?3, 'open', 'unpaid', ?4) ON CONFLICT (id) DO NOTHING",
            params![id, self.tenant, plan, self.now()],
        )?;
        Ok(())
    }
}
