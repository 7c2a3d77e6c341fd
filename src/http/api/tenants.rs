//! Tenants.

use crate::http::body::{Fields, NoBody, Object};
use crate::http::principal::SignedIn;
use crate::http::problem::Answer;
use crate::http::repeats::repeatable;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::http::scope::{Allowed, ChangeTenant, CloseTenant, Need, ReadTenant, ReopenTenant};
use crate::service::provisioning::{self, NewTenantIn};
use crate::service::tenants::{self, TenantChangeIn};
use crate::service::{Installation, Tenant, lifecycle};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(Access::SignedIn, Verb::Post, "/tenants", NONE, repeatable(create))
        .add(Access::SignedIn, Verb::Get, "/tenants", NONE, list)
        .tenant(ReadTenant::BOTH, Verb::Get, "", NONE, get)
        .tenant(ChangeTenant::BOTH, Verb::Patch, "", NONE, patch)
        .tenant(CloseTenant::BOTH, Verb::Post, "/close", NONE, repeatable(close))
        .tenant(ReopenTenant::BOTH, Verb::Post, "/reopen", NONE, repeatable(reopen))
}

/// A tenant as the API shows it.
pub(super) fn tenant_out(tenant: &Tenant) -> Value {
    let settings: Value = serde_json::from_str(&tenant.settings).unwrap_or_default();
    let mut out = json!({
        "id": tenant.id, "slug": tenant.slug, "name": tenant.name, "status": tenant.status, "plan": tenant.plan,
        "timezone": tenant.timezone, "settings": settings,
        "second_factor_required": tenant.second_factor_required, "created_at": tenant.created_at,
    });
    if let (Some(at), Some(map)) = (tenant.erase_after, out.as_object_mut()) {
        map.insert("erase_after".to_owned(), json!(at));
    }
    out
}

/// The same with what operators alone are told.
pub(super) fn operator_out(tenant: &Tenant) -> Value {
    let mut out = tenant_out(tenant);
    let more = json!({
        "volume": tenant.volume, "copy_of": tenant.copy_of, "is_clone": tenant.is_clone, "expires_at": tenant.expires_at,
    });
    if let (Some(out), Value::Object(more)) = (out.as_object_mut(), more) {
        out.extend(more);
    }
    out
}

async fn create(State(installation): State<Arc<Installation>>, signed_in: SignedIn, body: Object) -> Answer {
    let mut fields = Fields::of(body);
    let input = NewTenantIn { name: fields.text("name"), slug: fields.optional_text("slug") };
    fields.finish()?;
    let tenant =
        provisioning::create_tenant(&installation, &signed_in.principal, &input, signed_in.by()).await?;
    Ok(super::created(&format!("/api/v1/tenants/{}", tenant.slug), &tenant_out(&tenant)))
}

async fn list(State(installation): State<Arc<Installation>>, signed_in: SignedIn) -> Answer {
    let mine = tenants::list_my_tenants(&installation, &signed_in.principal).await?;
    let items: Vec<Value> = mine
        .iter()
        .map(|membership| {
            let mut out = tenant_out(&membership.tenant);
            if let Some(map) = out.as_object_mut() {
                map.insert("role".to_owned(), (&*membership.membership.role).into());
            }
            out
        })
        .collect();
    Ok(super::list(&items, None))
}

async fn get(allowed: Allowed<ReadTenant>) -> Json<Value> {
    Json(tenant_out(allowed.scope.tenant()))
}

async fn patch(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ChangeTenant>,
    body: Object,
) -> Answer<Json<Value>> {
    let mut fields = Fields::of(body);
    let input = TenantChangeIn {
        name: fields.optional_text("name"),
        slug: fields.optional_text("slug"),
        timezone: fields.optional_text("timezone"),
        settings: fields.optional_object("settings"),
        second_factor_required: fields.optional_flag("second_factor_required"),
    };
    fields.finish()?;
    Ok(Json(tenant_out(
        &tenants::change_tenant(&installation, &allowed.scope, &allowed.principal, input).await?,
    )))
}

async fn close(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<CloseTenant>,
    body: Object,
) -> Answer<(StatusCode, Json<Value>)> {
    let mut fields = Fields::of(body);
    let confirm = fields.text("confirm");
    fields.finish()?;
    let tenant = lifecycle::close_tenant(&installation, &allowed.scope, &allowed.principal, &confirm).await?;
    Ok((StatusCode::ACCEPTED, Json(tenant_out(&tenant))))
}

async fn reopen(allowed: Allowed<ReopenTenant>, _: NoBody) -> Answer<Json<Value>> {
    Ok(Json(tenant_out(&lifecycle::reopen_tenant(&allowed.scope).await?)))
}
