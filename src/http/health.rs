//! `/livez`, `/readyz` and the public keys.

use super::problem::Answer;
use crate::service::Installation;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use std::sync::Arc;

pub(super) fn router() -> Router<Arc<Installation>> {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/.well-known/jwks.json", get(public_keys))
}

/// The process answers.
async fn live() -> &'static str {
    "ok\n"
}

/// It can serve: the catalog answers and nothing is being shut down.
async fn ready(State(installation): State<Arc<Installation>>) -> Answer<&'static str> {
    installation.check_ready().await?;
    Ok("ready\n")
}

async fn public_keys(State(installation): State<Arc<Installation>>) -> Response {
    let mut response = Json(json!({ "keys": installation.public_keys() })).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
