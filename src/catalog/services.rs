//! Service identities: members of one tenant that are programs. They have API keys and nothing else.

use super::OfTenant;
use crate::error::{Error, Result};
use crate::id::IdentityId;
use crate::model::Name;
use crate::params;

/// Service identities of one tenant at most.
const MOST_SERVICES: i64 = 100;

impl OfTenant<'_> {
    /// Adds a service identity with a role, which is never that of an owner.
    ///
    /// # Errors
    /// 409 `too_many_service_identities`.
    pub fn insert_service(&self, id: IdentityId, name: &Name, role: &str) -> Result<()> {
        let count = self.tx().count(
            "SELECT count(*) FROM memberships m JOIN identities i ON i.id = m.identity_id
             WHERE m.tenant_id = ?1 AND i.kind = 'service'",
            params![self.tenant],
        )?;
        if count >= MOST_SERVICES {
            return Err(Error::conflict(
                "too_many_service_identities",
                format!(
                    "A tenant has at most {MOST_SERVICES} service identities. Remove one that is not in use."
                ),
            ));
        }
        self.tx().execute(
            "INSERT INTO identities (id, kind, name, created_at) VALUES (?1, 'service', ?2, ?3)",
            params![id, name.as_str(), self.now()],
        )?;
        self.add_member(id, role).map(drop)
    }

    /// Whether this is a service identity of the tenant.
    ///
    /// # Errors
    /// As the database says.
    pub fn is_service(&self, id: IdentityId) -> Result<bool> {
        Ok(self.tx().exists(
            "SELECT 1 FROM memberships m JOIN identities i ON i.id = m.identity_id
             WHERE m.tenant_id = ?1 AND i.id = ?2 AND i.kind = 'service'",
            params![self.tenant, id],
        )?)
    }

    /// Removes the identity of a service that was a member; its keys went with the membership.
    ///
    /// # Errors
    /// As the database says.
    pub(super) fn delete_service(&self, id: IdentityId) -> Result<()> {
        self.tx().execute("DELETE FROM identities WHERE id = ?1 AND kind = 'service'", params![id])?;
        Ok(())
    }
}
