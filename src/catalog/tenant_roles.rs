//! Roles that a tenant defined for itself.

use super::OfTenant;
use crate::db::{DbError, OnConstraint, Row};
use crate::error::{Error, Result};
use crate::id::IdentityId;
use crate::params;
use crate::policy::{Permission, PermissionSet, Roles};

/// Roles of one tenant at most.
const MOST_ROLES: i64 = 50;

/// A role of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRole {
    /// Its name.
    pub name: String,
    /// What it may do. A permission that this version does not know gives nothing.
    pub permissions: PermissionSet,
}

const COLUMNS: &str = "name, permissions";

fn tenant_role(row: &Row<'_>) -> Result<TenantRole, DbError> {
    Ok(TenantRole { name: row.get(0)?, permissions: permissions_in(&row.get::<String>(1)?) })
}

/// The permissions whose names stand in a column, with spaces between.
pub(super) fn permissions_in(names: &str) -> PermissionSet {
    names.split(' ').filter_map(Permission::parse).collect()
}

impl OfTenant<'_> {
    /// The roles that the tenant defined, by name.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_tenant_roles(&self) -> Result<Vec<TenantRole>> {
        let sql = format!("SELECT {COLUMNS} FROM tenant_roles WHERE tenant_id = ?1 ORDER BY name");
        Ok(self.tx().query(&sql, params![self.tenant], tenant_role)?)
    }

    /// One of them.
    ///
    /// # Errors
    /// 404 if there is none of that name.
    pub fn find_tenant_role(&self, name: &str) -> Result<TenantRole> {
        let sql = format!("SELECT {COLUMNS} FROM tenant_roles WHERE tenant_id = ?1 AND name = ?2");
        self.tx().query_row(&sql, params![self.tenant, name], tenant_role)?.ok_or_else(Error::not_found)
    }

    /// All roles that members of the tenant can have: those of the installation and its own.
    ///
    /// # Errors
    /// As the database says.
    pub fn roles(&self, installation: &Roles) -> Result<Roles> {
        let own = self.list_tenant_roles()?;
        Ok(installation.with(own.into_iter().map(|role| (role.name, role.permissions))))
    }

    /// Defines a role.
    ///
    /// # Errors
    /// 409 `role_taken`, `too_many_roles`.
    pub fn insert_tenant_role(&self, name: &str, permissions: PermissionSet) -> Result<TenantRole> {
        let count = self
            .tx()
            .count("SELECT count(*) FROM tenant_roles WHERE tenant_id = ?1", params![self.tenant])?;
        if count >= MOST_ROLES {
            return Err(Error::conflict(
                "too_many_roles",
                format!("A tenant defines at most {MOST_ROLES} roles. Delete one that nobody has."),
            ));
        }
        self.tx()
            .execute(
                "INSERT INTO tenant_roles (tenant_id, name, permissions, created_at) VALUES (?1, ?2, ?3, ?4)",
                params![self.tenant, name, permissions.names().join(" ").as_str(), self.now()],
            )
            .on_constraint("tenant_roles.tenant_id", role_taken)?;
        self.find_tenant_role(name)
    }

    /// Changes what a role may do: at once, for all who have it.
    ///
    /// # Errors
    /// 404 if there is none of that name.
    pub fn update_tenant_role(&self, name: &str, permissions: PermissionSet) -> Result<TenantRole> {
        self.tx().execute(
            "UPDATE tenant_roles SET permissions = ?3 WHERE tenant_id = ?1 AND name = ?2",
            params![self.tenant, name, permissions.names().join(" ").as_str()],
        )?;
        let sql = "SELECT identity_id FROM memberships WHERE tenant_id = ?1 AND role = ?2";
        for member in self.tx().query(sql, params![self.tenant, name], |row| row.get::<IdentityId>(0))? {
            self.catalog.forget_membership(self.tenant, member);
        }
        self.find_tenant_role(name)
    }

    /// Removes a role that nobody has and nobody is invited to.
    ///
    /// # Errors
    /// 404 if there is none of that name, 409 `role_in_use`.
    pub fn delete_tenant_role(&self, name: &str) -> Result<()> {
        self.find_tenant_role(name)?;
        let members = self.tx().count(
            "SELECT count(*) FROM memberships WHERE tenant_id = ?1 AND role = ?2",
            params![self.tenant, name],
        )?;
        let invited = self.tx().count(
            "SELECT count(*) FROM invitations WHERE tenant_id = ?1 AND role = ?2
               AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > ?3",
            params![self.tenant, name, self.now()],
        )?;
        if members + invited > 0 {
            return Err(Error::conflict(
                "role_in_use",
                format!(
                    "{members} members have this role and {invited} invitations offer it. Give the members another \
                     role and take the invitations back first."
                ),
            ));
        }
        self.tx().execute(
            "DELETE FROM tenant_roles WHERE tenant_id = ?1 AND name = ?2",
            params![self.tenant, name],
        )?;
        Ok(())
    }
}

/// 409 for a name that a role has.
pub fn role_taken() -> Error {
    Error::conflict("role_taken", "There is a role of this name. Choose another name.")
}
