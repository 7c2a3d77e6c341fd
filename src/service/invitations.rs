//! Invitations: sent, seen, taken back, accepted.

use super::Installation;
use super::mail::Letter;
use super::members::{current_role, refuse_unknown_role, require_grant};
use super::tokens::hash_of;
use crate::catalog::{By, Invitation, Membership, Principal, Tenant};
use crate::clock::HOUR;
use crate::error::{Error, Kind, Result};
use crate::id::{IdentityId, InvitationId};
use crate::model::Email;
use crate::model::letter::Content;
use crate::model::tenant::Act;
use crate::policy::{Permission, Roles};
use crate::tenancy::TenantScope;
use serde_json::json;
use std::sync::Arc;

/// How long an invitation can be accepted (API "Tenants and members").
const LIFETIME: i64 = 72 * HOUR;

/// Invites an address to a role and sends the mail.
///
/// # Errors
/// 403 without `members:manage` or for a role above the actor, 409 `already_invited` or `already_member`, 422, 429
/// `too_many_letters`.
pub async fn invite(
    installation: &Installation,
    scope: &TenantScope,
    email: &str,
    role: String,
) -> Result<Invitation> {
    scope.require(Permission::MembersManage)?;
    let email = Email::parse(email).map_err(|fault| Error::invalid(vec![fault]))?;
    let invited_by = scope.identity().ok_or_else(|| Error::forbidden(Permission::MembersManage.name()))?;
    invite_as(installation, scope.tenant(), scope.by().clone(), invited_by, email, role).await
}

/// The same for a member of a tenant who asked for it before; whether they still may invite is asked now.
pub(super) async fn invite_as(
    installation: &Installation,
    tenant: &Tenant,
    by: By,
    invited_by: IdentityId,
    email: Email,
    role: String,
) -> Result<Invitation> {
    let token = crate::random::secret();
    let app_roles = installation.app().roles.clone();
    let now = installation.clock.now();
    let (id, hash) = (InvitationId::new(now), hash_of(&token));
    let tenant_id = tenant.id;
    let invitation = installation
        .catalog
        .write("invite", move |tx| {
            let of = &tx.of(tenant_id);
            let roles = of.roles(&app_roles)?;
            let actor_role = current_role(of, Some(invited_by))?;
            require_grant(&roles, &actor_role, &role)?;
            refuse_unknown_role(&roles, &role)?;
            if let Some(known) = of.catalog().find_identity_by_email(&email)?
                && of.find_active_role(known.id)?.is_some()
            {
                return Err(Error::conflict(
                    "already_member",
                    "This address belongs to a member of the tenant.",
                ));
            }
            let expires_at = of.now().plus(LIFETIME);
            let invitation = of.insert_invitation(id, &email, &role, &hash, invited_by, expires_at)?;
            of.audit(&by, "invitation.sent", &format!("invitation:{id}"), &json!({ "role": role }))?;
            Ok(invitation)
        })
        .await?;
    let content = Content::Invitation {
        tenant: tenant.name.clone(),
        role: invitation.role.clone(),
        link: installation.mailer.link("/console/accept", &token),
    };
    let letter = Letter { to: invitation.email.clone(), content, about: Some(tenant.id) };
    installation.mailer.send(&installation.tenancy, letter, now).await?;
    Ok(invitation)
}

/// Invitations that can still be accepted.
///
/// # Errors
/// 403 without `members:manage`.
pub async fn list_invitations(scope: &TenantScope) -> Result<Vec<Invitation>> {
    scope.require(Permission::MembersManage)?;
    scope.catalog().read(|of| of.list_open_invitations()).await
}

/// Takes an invitation back.
///
/// # Errors
/// 403 without `members:manage`, 404 if it is not open.
pub async fn revoke_invitation(scope: &TenantScope, id: InvitationId) -> Result<()> {
    scope.require(Permission::MembersManage)?;
    let by = scope.by().clone();
    let actor = scope.identity();
    let app_roles = scope.app_roles().clone();
    scope
        .catalog()
        .write("revoke_invitation", move |of| {
            let actor_role = current_role(of, actor)?;
            let invitation = of.revoke_invitation(id)?;
            require_grant(&of.roles(&app_roles)?, &actor_role, &invitation.role)?;
            of.audit(&by, "invitation.revoked", &format!("invitation:{id}"), &json!({}))
        })
        .await
}

/// Accepts an invitation. The token proves the address, and the principal must be the one with that address.
///
/// # Errors
/// 404 when there is no such open invitation (also when the inviter lost the right to grant the role), 403
/// `invitation_for_another` for another address, 409 `already_member`.
pub async fn accept_invitation(
    installation: &Installation,
    principal: &Principal,
    token: &str,
    address: Arc<str>,
) -> Result<(Tenant, Membership)> {
    let hash = hash_of(token);
    let principal = principal.clone();
    let app_roles = installation.app().roles.clone();
    let by = principal.by(address);
    installation
        .catalog
        .write("accept_invitation", move |tx| {
            let invitation = tx.find_open_invitation(&hash)?.ok_or_else(not_open)?;
            if principal.identity().email != invitation.email {
                return Err(Error::new(
                    Kind::Forbidden,
                    "invitation_for_another",
                    "This invitation is for another address. Sign in with that one.",
                ));
            }
            let of = tx.of(invitation.tenant);
            of.admit(Act::Write)?;
            if !may_still_grant(
                &of.roles(&app_roles)?,
                of.find_active_role(invitation.invited_by)?.as_deref(),
                &invitation.role,
            ) {
                return Err(not_open());
            }
            if !of.consume_invitation(invitation.id)? {
                return Err(not_open());
            }
            if !of.insert_membership(principal.id(), &invitation.role)? {
                return Err(Error::conflict("already_member", "You are a member of this tenant already."));
            }
            tx.mark_email_verified(principal.id())?;
            let details = json!({ "role": invitation.role, "invitation": invitation.id });
            of.audit(&by, "member.joined", &format!("identity:{}", principal.id()), &details)?;
            let membership = of.find_membership(principal.id())?.ok_or_else(Error::not_found)?;
            Ok((of.tenant()?, membership))
        })
        .await
}

/// An invitation dies with the inviter's right to grant the role.
fn may_still_grant(roles: &Roles, inviter: Option<&str>, role: &str) -> bool {
    inviter.is_some_and(|inviter| require_grant(roles, inviter, role).is_ok())
}

fn not_open() -> Error {
    Error::new(
        Kind::NotFound,
        "invitation_not_open",
        "This invitation was used, taken back, or has expired. Ask for another.",
    )
}
