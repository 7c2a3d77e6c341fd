//! Roles that a tenant defines for itself: never with more than whoever defines them may do.

use super::members::{permissions_now, require_all};
use crate::catalog::{By, OfTenant, TenantRole, role_taken};
use crate::error::{Error, Result};
use crate::model::text::{KEY_RULE, is_key};
use crate::policy::{Permission, PermissionSet, Roles, is_built_in};
use crate::tenancy::TenantScope;
use serde_json::json;

/// Who defined a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DefinedBy {
    /// It always exists.
    BuiltIn,
    /// The installation, in app.toml.
    App,
    /// The tenant.
    Tenant,
}

/// A role that members of a tenant can have.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub permissions: PermissionSet,
    /// Who defined it.
    pub defined_by: DefinedBy,
}

impl Role {
    fn of_tenant(role: TenantRole) -> Role {
        Role { name: role.name, permissions: role.permissions, defined_by: DefinedBy::Tenant }
    }

    fn of_installation(roles: &Roles, name: &str) -> Role {
        let defined_by = if is_built_in(name) { DefinedBy::BuiltIn } else { DefinedBy::App };
        Role { name: name.to_owned(), permissions: roles.permissions(name), defined_by }
    }
}

/// All roles: those of the installation, then those of the tenant, by name.
///
/// # Errors
/// 403 without `members:read`.
pub async fn list_roles(scope: &TenantScope) -> Result<Vec<Role>> {
    scope.require(Permission::MembersRead)?;
    let own = scope.catalog().read(|of| of.list_tenant_roles()).await?;
    let app = scope.app_roles();
    let names = app.names().filter(|name| own.iter().all(|role| role.name != *name));
    let roles = names.map(|name| Role::of_installation(app, name)).collect::<Vec<_>>().into_iter();
    Ok(roles.chain(own.into_iter().map(Role::of_tenant)).collect())
}

/// One role.
///
/// # Errors
/// 403 without `members:read`, 404 if there is none of that name.
pub async fn find_role(scope: &TenantScope, name: &str) -> Result<Role> {
    let roles = list_roles(scope).await?;
    roles.into_iter().find(|role| role.name == name).ok_or_else(Error::not_found)
}

/// Defines a role.
///
/// # Errors
/// 403 without `roles:manage` or for a permission that the actor lacks, 409 `role_taken` or `too_many_roles`, 422.
pub async fn create_role(scope: &TenantScope, name: String, permissions: &[String]) -> Result<Role> {
    scope.require(Permission::RolesManage)?;
    if !is_key(&name) {
        return Err(Error::invalid_field("name", "format", KEY_RULE));
    }
    if scope.app_roles().is_known(&name) {
        return Err(role_taken());
    }
    let wanted = parse_permissions(permissions)?;
    write(scope, "create_role", move |of, author| {
        require_all(author.permissions, wanted)?;
        let role = of.insert_tenant_role(&name, wanted)?;
        author.audit(of, "role.created", &role.name, &json!({ "permissions": wanted }))?;
        Ok(Role::of_tenant(role))
    })
    .await
}

/// Changes what a role may do, at once for all who have it.
///
/// # Errors
/// 403 without `roles:manage` or for a permission that the actor lacks, whether it is given or taken; 404; 409
/// `role_fixed` for a role that the tenant did not define; 422.
pub async fn change_role_permissions(
    scope: &TenantScope,
    name: String,
    permissions: &[String],
) -> Result<Role> {
    scope.require(Permission::RolesManage)?;
    let wanted = parse_permissions(permissions)?;
    write(scope, "change_role_permissions", move |of, author| {
        let before = author.own_role(of, &name)?.permissions;
        require_all(author.permissions, before.with(wanted))?;
        let role = of.update_tenant_role(&name, wanted)?;
        let details = json!({ "from": before.names(), "to": wanted });
        author.audit(of, "role.changed", &role.name, &details)?;
        Ok(Role::of_tenant(role))
    })
    .await
}

/// Removes a role that nobody has.
///
/// # Errors
/// 403 without `roles:manage` or for a role above the actor, 404, 409 `role_in_use`, or `role_fixed` for a role that
/// the tenant did not define.
pub async fn delete_role(scope: &TenantScope, name: String) -> Result<()> {
    scope.require(Permission::RolesManage)?;
    write(scope, "delete_role", move |of, author| {
        require_all(author.permissions, author.own_role(of, &name)?.permissions)?;
        of.delete_tenant_role(&name)?;
        author.audit(of, "role.deleted", &name, &json!({}))
    })
    .await
}

/// Who defines roles, as they are in the transaction.
struct Author {
    by: By,
    permissions: PermissionSet,
    app: Roles,
}

impl Author {
    /// The role of that name, if the tenant defined it.
    fn own_role(&self, of: &OfTenant<'_>, name: &str) -> Result<TenantRole> {
        let role = of.find_tenant_role(name);
        if role.is_err() && self.app.is_known(name) {
            return Err(Error::conflict(
                "role_fixed",
                format!(
                    "The role {name} is that of the installation and cannot be changed. Define one of your own."
                ),
            ));
        }
        role
    }

    fn audit(&self, of: &OfTenant<'_>, action: &str, role: &str, details: &serde_json::Value) -> Result<()> {
        of.audit(&self.by, action, &format!("role:{role}"), details)
    }
}

/// Writes with the author's permissions of that moment.
async fn write<T, F>(scope: &TenantScope, name: &'static str, mut act: F) -> Result<T>
where
    T: Send + 'static,
    F: FnMut(&OfTenant<'_>, &Author) -> Result<T> + Send + 'static,
{
    let (by, roles, actor) = (scope.by().clone(), scope.app_roles().clone(), scope.by().actor);
    scope
        .catalog()
        .write(name, move |of| {
            let permissions = permissions_now(of, &roles, actor)?;
            let author = Author { by: by.clone(), permissions, app: roles.clone() };
            require_all(permissions, PermissionSet::of(Permission::RolesManage))?;
            act(of, &author)
        })
        .await
}

/// The permissions of these names. Only owners hand a tenant over, whatever another role is given.
fn parse_permissions(names: &[String]) -> Result<PermissionSet> {
    let is_for_roles = |one: &Permission| *one != Permission::OwnershipTransfer;
    let parsed: Option<PermissionSet> =
        names.iter().map(|name| Permission::parse(name).filter(is_for_roles)).collect();
    parsed.ok_or_else(|| {
        let known: Vec<&str> =
            Permission::ALL.iter().filter(|one| is_for_roles(one)).map(|one| one.name()).collect();
        Error::invalid_field("permissions", "unknown", format!("must be some of {}", known.join(", ")))
    })
}
