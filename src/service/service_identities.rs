//! Service identities: members that are programs. They act by API keys of their own, which outlive whoever made them.

use super::Installation;
use super::members::{current_role, refuse_unknown_role, require_grant};
use crate::catalog::Member;
use crate::error::{Error, Result};
use crate::id::IdentityId;
use crate::model::Name;
use crate::policy::{OWNER, Permission};
use crate::tenancy::TenantScope;
use serde_json::json;

/// Adds a service identity with a role. It is listed among the members, and its role is changed and it is removed as
/// theirs are.
///
/// # Errors
/// 403 without `members:manage` or for a role above the actor, 409 `too_many_service_identities`, 422.
pub async fn create_service_identity(
    installation: &Installation,
    scope: &TenantScope,
    name: &str,
    role: String,
) -> Result<Member> {
    scope.require(Permission::MembersManage)?;
    let name = Name::parse("name", name).map_err(|fault| Error::invalid(vec![fault]))?;
    if role == OWNER {
        return Err(Error::invalid_field("role", "owner", "must be another role than owner"));
    }
    let id = IdentityId::new(installation.clock.now());
    let (by, app_roles, actor) = (scope.by().clone(), scope.app_roles().clone(), scope.identity());
    scope
        .catalog()
        .write("create_service_identity", move |of| {
            let (roles, actor_role) = (of.roles(&app_roles)?, current_role(of, actor)?);
            require_grant(&roles, &actor_role, &role)?;
            refuse_unknown_role(&roles, &role)?;
            of.insert_service(id, &name, &role)?;
            let details = json!({ "name": name.as_str(), "role": role });
            of.audit(&by, "service_identity.created", &format!("identity:{id}"), &details)?;
            of.find_member(id)
        })
        .await
}
