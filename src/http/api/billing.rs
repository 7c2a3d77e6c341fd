//! Where a tenant pays.

use crate::http::body::{Fields, NoBody, Object};
use crate::http::problem::Answer;
use crate::http::repeats::repeatable;
use crate::http::routes::{NONE, Routes, Verb};
use crate::http::scope::{Allowed, ManageBilling, Need};
use crate::service::Installation;
use crate::service::stripe::{self, CheckoutIn};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .tenant(ManageBilling::BOTH, Verb::Post, "/billing/checkout", NONE, repeatable(checkout))
        .tenant(ManageBilling::BOTH, Verb::Post, "/billing/portal", NONE, repeatable(portal))
}

async fn checkout(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ManageBilling>,
    body: Object,
) -> Answer<Json<Value>> {
    let mut fields = Fields::of(body);
    let input = CheckoutIn {
        plan: fields.text("plan"),
        success_url: fields.optional_text("success_url"),
        cancel_url: fields.optional_text("cancel_url"),
    };
    fields.finish()?;
    let url = stripe::begin_checkout(&installation, &allowed.scope, input).await?;
    Ok(Json(json!({ "url": url })))
}

async fn portal(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ManageBilling>,
    _: NoBody,
) -> Answer<Json<Value>> {
    Ok(Json(json!({ "url": stripe::open_portal(&installation, &allowed.scope).await? })))
}
