//! Clones of tenants for staging, for operators.

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::http::body::{Fields, Object};
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::repeats::repeatable;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::service::Installation;
use crate::service::clones::{self, CloneIn};
use crate::service::tenants;
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(Access::Operator, Verb::Get, "/operator/tenants/{selector}/clones", NONE, list)
        .add(Access::Operator, Verb::Post, "/operator/tenants/{selector}/clone", NONE, repeatable(create))
        .add(Access::Operator, Verb::Patch, "/operator/tenants/{selector}/clone", NONE, set_expiry)
}

#[derive(Deserialize)]
struct TenantPath {
    selector: String,
}

fn time(text: &str) -> Result<Timestamp> {
    text.parse()
        .map_err(|_| Error::invalid_field("expires_at", "format", "must be a time like 2026-06-01T12:00:00Z"))
}

async fn list(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
    Path(path): Path<TenantPath>,
) -> Answer {
    let clones = clones::list_clones(&installation, &path.selector).await?;
    let items: Vec<Value> = clones.iter().map(super::tenants::operator_out).collect();
    Ok(super::list(&items, None))
}

async fn create(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
    body: Object,
) -> Answer {
    let mut fields = Fields::of(body);
    let (slug, name, owner) =
        (fields.text("as"), fields.optional_text("name"), fields.optional_text("owner"));
    let expires_at = fields.optional_text("expires_at");
    fields.finish()?;
    let by = operator.acts(&installation)?;
    let owner = match owner {
        Some(email) => tenants::find_owner(&installation, &email).await?,
        None => operator.0.principal.id(),
    };
    let expires_at = expires_at.as_deref().map(time).transpose()?;
    let input = CloneIn { slug, name, owner, expires_at };
    let made = clones::clone_tenant(&installation, &path.selector, input, by).await?;
    let location = format!("/api/v1/operator/tenants/{}", made.slug);
    Ok(super::created(&location, &super::tenants::operator_out(&made)))
}

async fn set_expiry(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
    body: Object,
) -> Answer<Json<Value>> {
    let mut fields = Fields::of(body);
    let at = fields.optional_value("expires_at");
    fields.finish()?;
    let at = match at {
        Some(Value::Null) => None,
        Some(Value::String(text)) => Some(time(&text)?),
        _ => {
            let message = "is required: a time, or null to keep the clone";
            return Err(Error::invalid_field("expires_at", "required", message).into());
        }
    };
    let by = operator.acts(&installation)?;
    let tenant = clones::set_expiry(&installation, &path.selector, at, by).await?;
    Ok(Json(super::tenants::operator_out(&tenant)))
}
