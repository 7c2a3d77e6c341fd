//! Service identities. They are listed, changed and removed with the members.

use crate::http::body::{Fields, Object};
use crate::http::problem::Answer;
use crate::http::repeats::repeatable;
use crate::http::routes::{NONE, Routes, Verb};
use crate::http::scope::{Allowed, ManageMembers, Need};
use crate::service::{Installation, service_identities};
use axum::extract::State;
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default().tenant(ManageMembers::BOTH, Verb::Post, "/service-identities", NONE, repeatable(create))
}

async fn create(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ManageMembers>,
    body: Object,
) -> Answer {
    let mut fields = Fields::of(body);
    let (name, role) = (fields.text("name"), fields.text("role"));
    fields.finish()?;
    let made =
        service_identities::create_service_identity(&installation, &allowed.scope, &name, role).await?;
    let location = format!("/api/v1/tenants/{}/members/{}", allowed.scope.tenant().slug, made.identity_id);
    Ok(super::created(&location, &made))
}
