//! The states of a tenant, one after the other.

use super::{OfTenant, Tenant};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::model::tenant::TenantStatus;
use crate::params;

impl OfTenant<'_> {
    /// Moves the tenant from one of `from` to `to`. False if it was in none of them.
    ///
    /// # Errors
    /// As the database says.
    pub fn change_status(&self, from: &[TenantStatus], to: TenantStatus) -> Result<bool> {
        let now = self.tenant()?.status;
        if !from.contains(&now) {
            return Ok(false);
        }
        self.tx().execute("UPDATE tenants SET status = ?2 WHERE id = ?1", params![self.tenant, to.name()])?;
        self.catalog.forget_tenant(self.tenant)?;
        Ok(true)
    }

    /// Begins closing: read-only and exportable until `erase_after`.
    ///
    /// # Errors
    /// 409 if it is closing already.
    pub fn begin_closing(&self, erase_after: Timestamp) -> Result<Tenant> {
        let changed = self.tx().execute(
            "UPDATE tenants SET before_closing = status, status = 'closing', closed_at = ?2, erase_after = ?3
             WHERE id = ?1 AND status IN ('active', 'suspended')",
            params![self.tenant, self.now(), erase_after],
        )?;
        if changed == 0 {
            return Err(Error::conflict(
                "tenant_closing",
                "This tenant is closing already. An owner can reopen it.",
            ));
        }
        self.catalog.forget_tenant(self.tenant)?;
        self.tenant()
    }

    /// Takes closing back. The tenant is again what it was before: a suspended one does not come free by closing. What was
    /// going to end at Stripe, or to be deleted there, does not and is not.
    ///
    /// # Errors
    /// 409 `not_closing`, `subscription_ending`.
    pub fn reopen(&self) -> Result<Tenant> {
        let changed = self.tx().execute(
            "UPDATE tenants SET status = coalesce(before_closing, 'active'), before_closing = NULL, closed_at = NULL,
               erase_after = NULL WHERE id = ?1 AND status = 'closing'",
            params![self.tenant],
        )?;
        if changed == 0 {
            return Err(Error::conflict(
                "not_closing",
                "This tenant is not closing; there is nothing to take back.",
            ));
        }
        self.take_back_stripe_cancellations()?;
        self.forget_customer_erasure()?;
        self.resume_service()?;
        self.catalog.forget_tenant(self.tenant)?;
        self.tenant()
    }

    /// Brings the end of the grace period forward to now.
    ///
    /// # Errors
    /// As the database says.
    pub fn end_grace(&self) -> Result<()> {
        self.tx().execute(
            "UPDATE tenants SET erase_after = ?2 WHERE id = ?1 AND status = 'closing'",
            params![self.tenant, self.now()],
        )?;
        self.catalog.forget_tenant(self.tenant)
    }

    /// Removes the row of a tenant that never came to be, its slug included.
    ///
    /// # Errors
    /// As the database says.
    pub fn delete_half_made(&self) -> Result<()> {
        self.catalog.forget_tenant(self.tenant)?;
        for sql in [
            "DELETE FROM memberships WHERE tenant_id = ?1",
            "DELETE FROM usage_sums WHERE tenant_id = ?1",
            "DELETE FROM service_periods WHERE tenant_id = ?1",
            "DELETE FROM subscriptions WHERE tenant_id = ?1",
            "DELETE FROM tenant_versions WHERE tenant_id = ?1",
            "DELETE FROM tenant_backups WHERE tenant_id = ?1",
            "DELETE FROM tenant_slugs WHERE tenant_id = ?1",
            "DELETE FROM audit_entries WHERE chain = ?1",
            "DELETE FROM audit_unsigned WHERE chain = ?1",
            "DELETE FROM tenants WHERE id = ?1 AND status = 'provisioning'",
        ] {
            self.tx().execute(sql, params![self.tenant])?;
        }
        Ok(())
    }
}
