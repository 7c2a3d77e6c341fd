//! Invitations.

use crate::error::Error;
use crate::http::body::{Fields, Object};
use crate::http::principal::SignedIn;
use crate::http::problem::Answer;
use crate::http::repeats::repeatable;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::http::scope::{Allowed, ManageMembers, Need, SeeInvitations};
use crate::id::InvitationId;
use crate::service::{Installation, invitations};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(Access::SignedIn, Verb::Post, "/invitations/accept", NONE, repeatable(accept))
        .tenant(ManageMembers::BOTH, Verb::Post, "/invitations", NONE, repeatable(create))
        .tenant(SeeInvitations::BOTH, Verb::Get, "/invitations", NONE, list)
        .tenant(ManageMembers::BOTH, Verb::Delete, "/invitations/{invitation}", NONE, delete)
}

async fn create(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ManageMembers>,
    body: Object,
) -> Answer {
    let mut fields = Fields::of(body);
    let (email, role) = (fields.text("email"), fields.text("role"));
    fields.finish()?;
    let invitation = invitations::invite(&installation, &allowed.scope, &email, role).await?;
    let location = format!("/api/v1/tenants/{}/invitations/{}", allowed.scope.tenant().slug, invitation.id);
    Ok(super::created(&location, &invitation))
}

async fn list(allowed: Allowed<SeeInvitations>) -> Answer {
    Ok(super::list(&invitations::list_invitations(&allowed.scope).await?, None))
}

#[derive(Deserialize)]
struct InvitationPath {
    invitation: String,
}

async fn delete(allowed: Allowed<ManageMembers>, Path(path): Path<InvitationPath>) -> Answer<StatusCode> {
    let id = InvitationId::parse(&path.invitation).ok_or_else(Error::not_found)?;
    invitations::revoke_invitation(&allowed.scope, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn accept(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    body: Object,
) -> Answer<Json<Value>> {
    let mut fields = Fields::of(body);
    let token = fields.text("token");
    fields.finish()?;
    let (tenant, membership) =
        invitations::accept_invitation(&installation, &signed_in.principal, &token, signed_in.address)
            .await?;
    Ok(Json(json!({
        "tenant": { "id": tenant.id, "slug": tenant.slug, "name": tenant.name, "status": tenant.status },
        "role": &*membership.role,
        "permissions": membership.permissions(&installation.app().roles).names(),
    })))
}
