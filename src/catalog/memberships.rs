//! Memberships: identity x tenant x role.

use super::access::Membership;
use super::tenant_roles::permissions_in;
use super::{CatalogTx, OfTenant, Tenant, tenants};
use crate::clock::Timestamp;
use crate::db::{ConstraintKind, DbError, Row};
use crate::error::{Error, Result};
use crate::id::{ApiKeyId, IdentityId};
use crate::model::tenant::TenantStatus;
use crate::params;
use crate::policy::OWNER;

/// One member of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Member {
    /// Who.
    pub identity_id: IdentityId,
    /// `person` or `service`.
    pub kind: String,
    /// The address of a person.
    pub email: Option<String>,
    /// The name.
    pub name: String,
    /// The role.
    pub role: String,
    /// `active` or `suspended`.
    pub status: String,
    /// Since when.
    pub joined_at: Timestamp,
}

/// One of the memberships of an identity.
#[derive(Clone, Debug)]
pub struct MyMembership {
    /// The tenant.
    pub tenant: Tenant,
    /// The membership in it.
    pub membership: Membership,
}

const COLUMNS: &str = "i.id, i.kind, i.email, i.name, m.role, m.status, m.created_at";

fn member(row: &Row<'_>) -> Result<Member, DbError> {
    Ok(Member {
        identity_id: row.get(0)?,
        kind: row.get(1)?,
        email: row.get(2)?,
        name: row.get(3)?,
        role: row.get(4)?,
        status: row.get(5)?,
        joined_at: row.get(6)?,
    })
}

/// The membership whose role stands in this column, and what the tenant says of the role in the next.
fn membership(row: &Row<'_>, at: usize) -> Result<Membership, DbError> {
    let (role, own): (String, Option<String>) = (row.get(at)?, row.get(at + 1)?);
    Ok(Membership { role: role.into(), own: own.as_deref().map(permissions_in) })
}

impl CatalogTx<'_> {
    /// The active memberships of an identity in tenants that can be seen.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_memberships_of(&self, identity: IdentityId) -> Result<Vec<MyMembership>> {
        let sql = format!(
            "SELECT {}, m.role, r.permissions FROM memberships m JOIN tenants t ON t.id = m.tenant_id
               LEFT JOIN tenant_roles r ON r.tenant_id = m.tenant_id AND r.name = m.role
             WHERE m.identity_id = ?1 AND m.status = 'active' AND t.status IN ('active', 'suspended', 'closing')
             ORDER BY t.created_at, t.id LIMIT 500",
            tenants::COLUMNS
        );
        Ok(self.tx.query(&sql, params![identity], |row| {
            Ok(MyMembership {
                tenant: tenants::tenant(row)?,
                membership: membership(row, tenants::COLUMNS_COUNT)?,
            })
        })?)
    }

    /// How many tenants an identity owns, those that are being made or closing among them.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_tenants_owned(&self, identity: IdentityId) -> Result<u32> {
        let owned = self.tx.count(
            "SELECT count(*) FROM memberships WHERE identity_id = ?1 AND role = ?2",
            params![identity, OWNER],
        )?;
        Ok(u32::try_from(owned).unwrap_or(u32::MAX))
    }
}

impl OfTenant<'_> {
    /// The active membership: the one function by which access is decided. Invited, suspended and removed people have
    /// none.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_membership(&self, identity: IdentityId) -> Result<Option<Membership>> {
        Ok(self.tx().query_row(
            "SELECT m.role, r.permissions FROM memberships m JOIN identities i ON i.id = m.identity_id
               LEFT JOIN tenant_roles r ON r.tenant_id = m.tenant_id AND r.name = m.role
             WHERE m.tenant_id = ?1 AND m.identity_id = ?2 AND m.status = 'active' AND i.status = 'active'",
            params![self.tenant, identity],
            |row| membership(row, 0),
        )?)
    }

    /// The role of an active member.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_active_role(&self, identity: IdentityId) -> Result<Option<String>> {
        Ok(self.find_membership(identity)?.map(|membership| membership.role.as_ref().to_owned()))
    }

    /// All members, those who joined first in front.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_members(&self, after: Option<(Timestamp, IdentityId)>, limit: u32) -> Result<Vec<Member>> {
        let (time, id) = after.map_or((Timestamp(-1), String::new()), |(time, id)| (time, id.to_string()));
        let sql = format!(
            "SELECT {COLUMNS} FROM memberships m JOIN identities i ON i.id = m.identity_id
             WHERE m.tenant_id = ?1 AND (m.created_at > ?2 OR (m.created_at = ?2 AND i.id > ?3))
             ORDER BY m.created_at, i.id LIMIT ?4"
        );
        Ok(self.tx().query(&sql, params![self.tenant, time, id, limit], member)?)
    }

    /// Whom letters about the tenant reach: active people with an address in one of these roles, the owners first, then in
    /// the order of joining; at most `limit`.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_people_in_roles(&self, roles: &[&str], limit: u32) -> Result<Vec<(IdentityId, String)>> {
        let roles = serde_json::to_string(roles)?;
        Ok(self.tx().query(
            "SELECT i.id, i.email FROM memberships m JOIN identities i ON i.id = m.identity_id
             WHERE m.tenant_id = ?1 AND m.status = 'active' AND i.status = 'active' AND i.kind = 'person'
               AND i.email <> '' AND m.role IN (SELECT value FROM json_each(?2))
             ORDER BY m.role <> ?3, m.created_at, i.id LIMIT ?4",
            params![self.tenant, roles, OWNER, limit],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }

    /// One member.
    ///
    /// # Errors
    /// 404 if the identity is none.
    pub fn find_member(&self, identity: IdentityId) -> Result<Member> {
        let sql = format!(
            "SELECT {COLUMNS} FROM memberships m JOIN identities i ON i.id = m.identity_id
             WHERE m.tenant_id = ?1 AND m.identity_id = ?2"
        );
        self.tx().query_row(&sql, params![self.tenant, identity], member)?.ok_or_else(Error::not_found)
    }

    /// Adds a member, if there is a seat. False if the identity is one already.
    ///
    /// # Errors
    /// 402 `seats_exhausted`, with which nothing of this transaction may stay; 409 `service_cannot_own`.
    pub fn insert_membership(&self, identity: IdentityId, role: &str) -> Result<bool> {
        let is_new = self.add_member(identity, role)?;
        if is_new {
            self.seats()?.admit_members()?;
            self.note_seats()?;
        }
        Ok(is_new)
    }

    /// Adds a member who takes no seat.
    pub(super) fn add_member(&self, identity: IdentityId, role: &str) -> Result<bool> {
        let added = owners(self.tx().execute(
            "INSERT INTO memberships (tenant_id, identity_id, role, created_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (tenant_id, identity_id) DO NOTHING",
            params![self.tenant, identity, role, self.now()],
        ))?;
        self.catalog.forget_membership(self.tenant, identity);
        Ok(added > 0)
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// 404 if the identity is no member, 409 `last_owner` or `service_cannot_own`.
    pub fn update_role(&self, identity: IdentityId, role: &str) -> Result<Member> {
        let changed = self.tx().execute(
            "UPDATE memberships SET role = ?3 WHERE tenant_id = ?1 AND identity_id = ?2",
            params![self.tenant, identity, role],
        );
        if owners(changed)? == 0 {
            return Err(Error::not_found());
        }
        self.catalog.forget_membership(self.tenant, identity);
        self.find_member(identity)
    }

    /// Removes a member, and its API keys in this tenant, which are answered. A service is gone with that.
    ///
    /// # Errors
    /// 404 if the identity is no member, 409 `last_owner`.
    pub fn delete_membership(&self, identity: IdentityId) -> Result<Vec<ApiKeyId>> {
        let changed = self.tx().execute(
            "DELETE FROM memberships WHERE tenant_id = ?1 AND identity_id = ?2",
            params![self.tenant, identity],
        );
        if owners(changed)? == 0 {
            return Err(Error::not_found());
        }
        self.catalog.forget_membership(self.tenant, identity);
        let keys = self.delete_api_keys_of(identity)?;
        self.delete_service(identity)?;
        self.note_seats()?;
        Ok(keys)
    }

    /// Refuses what the state of the tenant, read in this transaction, does not let through.
    ///
    /// # Errors
    /// As [`super::Tenant::admit`].
    pub fn admit(&self, act: crate::model::tenant::Act) -> Result<TenantStatus> {
        let tenant = self.tenant()?;
        tenant.admit(act)?;
        Ok(tenant.status)
    }
}

/// The triggers on memberships refuse to take the last owner away, and to make a service one.
fn owners(changed: Result<usize, DbError>) -> Result<usize> {
    changed.map_err(|error| match error {
        DbError::Constraint(constraint)
            if constraint.kind == ConstraintKind::Trigger && constraint.detail == "last_owner" =>
        {
            Error::conflict(
                "last_owner",
                "A tenant keeps at least one active owner. Make another member an owner first.",
            )
        }
        DbError::Constraint(constraint)
            if constraint.kind == ConstraintKind::Trigger && constraint.detail == "service_cannot_own" =>
        {
            Error::conflict(
                "service_cannot_own",
                "A service identity cannot own a tenant: somebody has to answer for it. Choose another role.",
            )
        }
        other => Error::from(other),
    })
}
