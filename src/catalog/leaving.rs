//! What goes with an identity.

use super::CatalogTx;
use crate::error::Result;
use crate::id::{IdentityId, TenantId};
use crate::params;

impl CatalogTx<'_> {
    /// Slugs of the tenants that would be without an owner if this identity went; the first twenty.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_tenants_owned_alone(&self, identity: IdentityId) -> Result<Vec<String>> {
        Ok(self.tx.query(
            "SELECT t.slug FROM memberships m JOIN tenants t ON t.id = m.tenant_id
             WHERE m.identity_id = ?1 AND m.role = 'owner' AND t.status NOT IN ('erasing', 'erased')
               AND NOT EXISTS (SELECT 1 FROM memberships o WHERE o.tenant_id = m.tenant_id AND o.identity_id <> ?1
                               AND o.role = 'owner' AND o.status = 'active')
             ORDER BY t.slug LIMIT 20",
            params![identity],
            |row| row.get(0),
        )?)
    }

    /// The tenants in whose logs it belongs that this identity leaves, and its role in each.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_roles_of(&self, identity: IdentityId) -> Result<Vec<(TenantId, String)>> {
        Ok(self.tx.query(
            "SELECT m.tenant_id, m.role FROM memberships m JOIN tenants t ON t.id = m.tenant_id
             WHERE m.identity_id = ?1 AND t.status NOT IN ('erasing', 'erased')",
            params![identity],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }

    /// Whether this identity is an operator and no other is one.
    ///
    /// # Errors
    /// As the database says.
    pub fn is_last_operator(&self, identity: IdentityId) -> Result<bool> {
        Ok(self.tx.exists("SELECT 1 FROM identities WHERE id = ?1 AND operator = 1
               AND NOT EXISTS (SELECT 1 FROM identities WHERE id <> ?1 AND operator = 1 AND status = 'active')", params![identity])?)
    }

    /// Forgets to whom invitations went that are no longer open: an address that left is in none of them.
    ///
    /// # Errors
    /// As the database says.
    pub fn delete_past_invitations(&self, email: &str) -> Result<()> {
        self.tx.execute(
            "DELETE FROM invitations WHERE email = ?1 AND (accepted_at IS NOT NULL OR revoked_at IS NOT NULL)",
            params![email],
        )?;
        Ok(())
    }
}
