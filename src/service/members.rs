//! Members of a tenant: seen, changed, removed.

use super::{Installation, step_up};
use crate::catalog::{Actor, By, Member, OfTenant, Principal, key_not_allowed};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::IdentityId;
use crate::model::letter::{Content, Recipient};
use crate::model::tenant::Act;
use crate::policy::{OWNER, Permission, PermissionSet, Roles};
use crate::tenancy::TenantScope;
use serde_json::json;

/// Members, those who joined first in front.
///
/// # Errors
/// 403 without `members:read`.
pub async fn list_members(
    scope: &TenantScope,
    after: Option<(Timestamp, IdentityId)>,
    limit: u32,
) -> Result<Vec<Member>> {
    scope.require(Permission::MembersRead)?;
    scope.catalog().read(move |of| of.list_members(after, limit)).await
}

/// Gives a member another role.
///
/// # Errors
/// 404 if the identity is no member, 403 when the act lies above the actor, 409 `last_owner`, 422 for an unknown role.
pub async fn change_role(scope: &TenantScope, member: IdentityId, role: String) -> Result<Member> {
    scope.require(Permission::MembersManage)?;
    let by = scope.by().clone();
    let actor = scope.identity();
    let app_roles = scope.app_roles().clone();
    scope
        .catalog()
        .write("change_role", move |of| {
            let actor_role = current_role(of, actor)?;
            let roles = of.roles(&app_roles)?;
            let before = of.find_member(member)?.role;
            // The way down needs the same right as the way up.
            require_grant(&roles, &actor_role, &before)?;
            require_grant(&roles, &actor_role, &role)?;
            refuse_unknown_role(&roles, &role)?;
            if before == role {
                return of.find_member(member);
            }
            let after = of.update_role(member, &role)?;
            let details = json!({ "from": before, "to": role });
            of.audit(&by, "member.role_changed", &format!("identity:{member}"), &details)?;
            let content =
                Content::RoleChanged { tenant: of.tenant()?.name, from: before, to: after.role.clone() };
            of.post(&fact(of, "role_changed", member), &Recipient::Identity(member), &content)?;
            Ok(after)
        })
        .await
}

/// Removes a member; oneself, without any permission: everyone may leave.
///
/// # Errors
/// 404 if the identity is no member, 403 when the act lies above the actor, 409 `last_owner`.
pub async fn remove_member(scope: &TenantScope, member: IdentityId) -> Result<()> {
    if matches!(scope.by().actor, Actor::ApiKey { .. }) {
        return Err(key_not_allowed());
    }
    let leaves = scope.identity() == Some(member);
    if !leaves {
        scope.require(Permission::MembersManage)?;
    }
    let by = scope.by().clone();
    let actor = scope.identity();
    let app_roles = scope.app_roles().clone();
    scope
        .catalog()
        .write("remove_member", move |of| {
            let role = of.find_member(member)?.role;
            if !leaves {
                require_grant(&of.roles(&app_roles)?, &current_role(of, actor)?, &role)?;
            }
            let ended = of.delete_membership(member)?;
            let left = of.list_keys_made_for_others_by(member)?;
            let action = if leaves { "member.left" } else { "member.removed" };
            // Keys that they made for services stay; they may know them still.
            let details = json!({ "role": role, "keys_ended": ended, "keys_left": left });
            of.audit(&by, action, &format!("identity:{member}"), &details)?;
            if leaves {
                return Ok(());
            }
            let content = Content::MemberRemoved { tenant: of.tenant()?.name };
            of.post(&fact(of, "member_removed", member), &Recipient::Identity(member), &content)
        })
        .await
}

/// Hands the ownership to another member in one step: that one becomes an owner, the actor an admin.
///
/// # Errors
/// 403 without `ownership:transfer` or with a sign-in that is not fresh, 404 if the identity is no member, 422 if it is the actor.
pub async fn transfer_ownership(
    installation: &Installation,
    scope: &TenantScope,
    principal: &Principal,
    to: IdentityId,
) -> Result<Member> {
    scope.require(Permission::OwnershipTransfer)?;
    step_up::require_fresh(installation, principal)?;
    let by = scope.by().clone();
    let from = scope.identity().ok_or_else(|| Error::forbidden(Permission::OwnershipTransfer.name()))?;
    if from == to {
        return Err(Error::invalid_field("to", "same", "must be another member than yourself"));
    }
    scope
        .catalog()
        .write("transfer_ownership", move |of| {
            of.admit(Act::Write)?;
            if current_role(of, Some(from))? != OWNER {
                return Err(Error::forbidden(Permission::OwnershipTransfer.name()));
            }
            if of.find_active_role(to)?.is_none() {
                return Err(Error::not_found());
            }
            let member = of.update_role(to, OWNER)?;
            of.update_role(from, crate::policy::ADMIN)?;
            audit_transfer(of, &by, from, to)?;
            let content = Content::OwnershipTransferred {
                tenant: of.tenant()?.name,
                from: of.find_member(from)?.name,
                to: member.name.clone(),
            };
            of.post(&fact(of, "ownership_transferred", to), &Recipient::Owners, &content)?;
            of.post(&fact(of, "ownership_given", from), &Recipient::Identity(from), &content)?;
            Ok(member)
        })
        .await
}

fn audit_transfer(of: &OfTenant<'_>, by: &By, from: IdentityId, to: IdentityId) -> Result<()> {
    of.audit(by, "ownership.transferred", &format!("identity:{to}"), &json!({ "from": from }))
}

/// What is told of a member: each act is a fact of its own.
fn fact(of: &OfTenant<'_>, what: &str, member: IdentityId) -> String {
    format!("{what} {} {member} {}", of.tenant_id(), of.now().0)
}

/// The actor's role as it is in this transaction: it may have changed since the scope was given. The operator's console
/// acts as an owner.
pub(super) fn current_role(of: &OfTenant<'_>, actor: Option<IdentityId>) -> Result<String> {
    of.admit(Act::Write)?;
    match actor {
        None => Ok(OWNER.to_owned()),
        Some(actor) => of.find_active_role(actor)?.ok_or_else(Error::not_found),
    }
}

/// What the actor may do as it is in this transaction, in which the tenant must take writes.
pub(super) fn permissions_now(of: &OfTenant<'_>, app_roles: &Roles, actor: Actor) -> Result<PermissionSet> {
    of.admit(Act::Write)?;
    permissions_of(of, app_roles, actor)
}

/// 403 where the actor no longer has the permission in this transaction, 401 where a key is over.
pub(super) fn require_now(
    of: &OfTenant<'_>,
    app_roles: &Roles,
    actor: Actor,
    permission: Permission,
) -> Result<()> {
    require_all(permissions_of(of, app_roles, actor)?, PermissionSet::of(permission))
}

/// 403 with the first permission that is wanted and not held.
pub(super) fn require_all(held: PermissionSet, wanted: PermissionSet) -> Result<()> {
    match wanted.without(held).names().first() {
        None => Ok(()),
        Some(missing) => Err(Error::forbidden(missing)),
    }
}

/// Operators and the console act as an owner.
fn permissions_of(of: &OfTenant<'_>, app_roles: &Roles, actor: Actor) -> Result<PermissionSet> {
    let (member, bound) = match actor {
        Actor::Identity(id) => (id, PermissionSet::all()),
        Actor::ApiKey { key, holder } => (holder, of.find_key_bound(key)?),
        Actor::Operator(_) | Actor::Console | Actor::System => return Ok(PermissionSet::all()),
    };
    let membership = of.find_membership(member)?.ok_or_else(Error::not_found)?;
    Ok(membership.permissions(app_roles).within(bound))
}

/// 403 where the actor's role may not give or take `role`.
pub(super) fn require_grant(roles: &Roles, actor_role: &str, role: &str) -> Result<()> {
    let manages = roles.permissions(actor_role).has(Permission::MembersManage);
    if manages && roles.may_grant(actor_role, role) {
        return Ok(());
    }
    let missing = if role == OWNER { Permission::OwnershipTransfer } else { Permission::MembersManage };
    Err(Error::forbidden(missing.name()))
}

/// 422 for a role that does not exist here.
pub(super) fn refuse_unknown_role(roles: &Roles, role: &str) -> Result<()> {
    if roles.is_known(role) {
        return Ok(());
    }
    let known: Vec<&str> = roles.names().collect();
    Err(Error::invalid_field("role", "unknown", format!("must be one of {}", known.join(", "))))
}
