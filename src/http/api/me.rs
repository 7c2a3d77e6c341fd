//! The signed-in identity.

use crate::error::Result;
use crate::http::body::{Fields, Object};
use crate::http::cookies;
use crate::http::principal::SignedIn;
use crate::http::problem::Answer;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::service::{Installation, account, identity};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{AppendHeaders, IntoResponse as _};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(Access::SignedIn, Verb::Get, "/me", NONE, get_me)
        .add(Access::SignedIn, Verb::Patch, "/me", NONE, patch_me)
        .add(Access::SignedIn, Verb::Delete, "/me", NONE, delete_me)
}

async fn get_me(State(installation): State<Arc<Installation>>, signed_in: SignedIn) -> Answer<Json<Value>> {
    Ok(Json(me(&installation, &signed_in).await?))
}

async fn patch_me(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    body: Object,
) -> Answer<Json<Value>> {
    let mut fields = Fields::of(body);
    let name = fields.optional_text("name");
    fields.finish()?;
    if let Some(name) = name {
        identity::rename_me(&installation, &signed_in.principal, &name, signed_in.by()).await?;
    }
    Ok(Json(me(&installation, &signed_in).await?))
}

async fn delete_me(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    body: Object,
) -> Answer {
    let mut fields = Fields::of(body);
    let (password, code) = (fields.text("password"), fields.optional_text("code"));
    fields.finish()?;
    account::delete_account(&installation, &signed_in.principal, password, code, signed_in.by()).await?;
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cookies::clear(&installation))).into_response())
}

async fn me(installation: &Installation, signed_in: &SignedIn) -> Result<Value> {
    let (identity, memberships) = identity::find_me(installation, &signed_in.principal).await?;
    let memberships: Vec<Value> = memberships
        .iter()
        .map(|mine| {
            let (tenant, membership) = (&mine.tenant, &mine.membership);
            json!({
                "tenant": { "id": tenant.id, "slug": tenant.slug, "name": tenant.name, "status": tenant.status },
                "role": &*membership.role,
                "permissions": membership.permissions(&installation.app().roles).names(),
            })
        })
        .collect();
    Ok(json!({
        "id": identity.id, "email": identity.email, "email_verified": identity.email_verified, "name": identity.name, "operator": identity.operator,
        "second_factor": signed_in.principal.has_second_factor(), "created_at": identity.created_at, "memberships": memberships,
    }))
}
