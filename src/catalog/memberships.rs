//! Memberships: identity x tenant x role.

use super::{CatalogTx, OfTenant, Tenant, tenants};
use crate::clock::Timestamp;
use crate::db::{ConstraintKind, DbError, Row};
use crate::error::{Error, Result};
use crate::id::IdentityId;
use crate::model::tenant::TenantStatus;
use crate::params;
use crate::policy::OWNER;

/// One member of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Member {
    /// Who.
    pub identity_id: IdentityId,
    /// The address.
    pub email: String,
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
    /// The role in it.
    pub role: String,
}

const COLUMNS: &str = "i.id, i.email, i.name, m.role, m.status, m.created_at";

fn member(row: &Row<'_>) -> Result<Member, DbError> {
    Ok(Member {
        identity_id: row.get(0)?,
        email: row.get(1)?,
        name: row.get(2)?,
        role: row.get(3)?,
        status: row.get(4)?,
        joined_at: row.get(5)?,
    })
}

impl CatalogTx<'_> {
    /// The active memberships of an identity in tenants that can be seen.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_memberships_of(&self, identity: IdentityId) -> Result<Vec<MyMembership>> {
        let sql = format!(
            "SELECT {}, m.role FROM memberships m JOIN tenants t ON t.id = m.tenant_id
             WHERE m.identity_id = ?1 AND m.status = 'active' AND t.status IN ('active', 'suspended', 'closing')
             ORDER BY t.created_at, t.id LIMIT 500",
            tenants::COLUMNS
        );
        Ok(self.tx.query(&sql, params![identity], |row| {
            Ok(MyMembership { tenant: tenants::tenant(row)?, role: row.get(tenants::COLUMNS_COUNT)? })
        })?)
    }

    /// How many tenants an identity owns, those that are being made or closing among them.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_tenants_owned(&self, identity: IdentityId) -> Result<u32> {
        let owned = self.tx.query_row(
            "SELECT count(*) FROM memberships WHERE identity_id = ?1 AND role = ?2",
            params![identity, OWNER],
            |row| row.get::<i64>(0),
        )?;
        Ok(owned.map_or(0, |owned| u32::try_from(owned).unwrap_or(u32::MAX)))
    }
}

impl OfTenant<'_> {
    /// The role of an active member: the one function by which access is decided. Invited, suspended and removed
    /// people have none.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_active_role(&self, identity: IdentityId) -> Result<Option<String>> {
        Ok(self.tx().query_row(
            "SELECT m.role FROM memberships m JOIN identities i ON i.id = m.identity_id
             WHERE m.tenant_id = ?1 AND m.identity_id = ?2 AND m.status = 'active' AND i.status = 'active'",
            params![self.tenant, identity],
            |row| row.get(0),
        )?)
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

    /// Adds a member. False if the identity is one already.
    ///
    /// # Errors
    /// As the database says.
    pub fn insert_membership(&self, identity: IdentityId, role: &str) -> Result<bool> {
        let added = self.tx().execute(
            "INSERT INTO memberships (tenant_id, identity_id, role, created_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (tenant_id, identity_id) DO NOTHING",
            params![self.tenant, identity, role, self.now()],
        )?;
        self.catalog.forget_membership(self.tenant, identity);
        Ok(added > 0)
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// 404 if the identity is no member, 409 `last_owner`.
    pub fn update_role(&self, identity: IdentityId, role: &str) -> Result<Member> {
        let changed = self.tx().execute(
            "UPDATE memberships SET role = ?3 WHERE tenant_id = ?1 AND identity_id = ?2",
            params![self.tenant, identity, role],
        );
        if keep_an_owner(changed)? == 0 {
            return Err(Error::not_found());
        }
        self.catalog.forget_membership(self.tenant, identity);
        self.find_member(identity)
    }

    /// Removes a member.
    ///
    /// # Errors
    /// 404 if the identity is no member, 409 `last_owner`.
    pub fn delete_membership(&self, identity: IdentityId) -> Result<()> {
        let changed = self.tx().execute(
            "DELETE FROM memberships WHERE tenant_id = ?1 AND identity_id = ?2",
            params![self.tenant, identity],
        );
        if keep_an_owner(changed)? == 0 {
            return Err(Error::not_found());
        }
        self.catalog.forget_membership(self.tenant, identity);
        self.delete_api_keys_of(identity)
    }

    /// Refuses what the state of the tenant, read in this transaction, does not let through.
    ///
    /// # Errors
    /// As [`TenantStatus::admit`].
    pub fn admit(&self, act: crate::model::tenant::Act) -> Result<TenantStatus> {
        let status = self.tenant()?.status;
        status.admit(act)?;
        Ok(status)
    }
}

/// The triggers on memberships refuse to take the last owner away.
fn keep_an_owner(changed: Result<usize, DbError>) -> Result<usize> {
    changed.map_err(|error| match error {
        DbError::Constraint(constraint)
            if constraint.kind == ConstraintKind::Trigger && constraint.detail == "last_owner" =>
        {
            Error::conflict(
                "last_owner",
                "A tenant keeps at least one active owner. Make another member an owner first.",
            )
        }
        other => Error::from(other),
    })
}
