//! Roles of a tenant.

use crate::http::body::{Fields, Object};
use crate::http::problem::Answer;
use crate::http::repeats::repeatable;
use crate::http::routes::{NONE, Routes, Verb};
use crate::http::scope::{Allowed, ManageRoles, Need, ReadMembers};
use crate::service::roles::{self, Role};
use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde::Deserialize;

pub(super) fn routes() -> Routes {
    Routes::default()
        .tenant(ReadMembers::BOTH, Verb::Get, "/roles", NONE, list)
        .tenant(ManageRoles::BOTH, Verb::Post, "/roles", NONE, repeatable(create))
        .tenant(ReadMembers::BOTH, Verb::Get, "/roles/{role}", NONE, get)
        .tenant(ManageRoles::BOTH, Verb::Patch, "/roles/{role}", NONE, patch)
        .tenant(ManageRoles::BOTH, Verb::Delete, "/roles/{role}", NONE, delete)
}

#[derive(Deserialize)]
struct RolePath {
    role: String,
}

async fn list(allowed: Allowed<ReadMembers>) -> Answer {
    Ok(super::list(&roles::list_roles(&allowed.scope).await?, None))
}

async fn get(allowed: Allowed<ReadMembers>, Path(path): Path<RolePath>) -> Answer<Json<Role>> {
    Ok(Json(roles::find_role(&allowed.scope, &path.role).await?))
}

async fn create(allowed: Allowed<ManageRoles>, body: Object) -> Answer {
    let mut fields = Fields::of(body);
    let (name, permissions) = (fields.text("name"), fields.texts("permissions"));
    fields.finish()?;
    let made = roles::create_role(&allowed.scope, name, &permissions).await?;
    let location = format!("/api/v1/tenants/{}/roles/{}", allowed.scope.tenant().slug, made.name);
    Ok(super::created(&location, &made))
}

async fn patch(
    allowed: Allowed<ManageRoles>,
    Path(path): Path<RolePath>,
    body: Object,
) -> Answer<Json<Role>> {
    let mut fields = Fields::of(body);
    let permissions = fields.texts("permissions");
    fields.finish()?;
    Ok(Json(roles::change_role_permissions(&allowed.scope, path.role, &permissions).await?))
}

async fn delete(allowed: Allowed<ManageRoles>, Path(path): Path<RolePath>) -> Answer<StatusCode> {
    roles::delete_role(&allowed.scope, path.role).await?;
    Ok(StatusCode::NO_CONTENT)
}
