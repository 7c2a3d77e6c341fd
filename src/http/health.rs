//! `/livez`, `/readyz`, `/metrics` and the public keys.

use super::principal::SignedInOperator;
use super::problem::{Answer, Problem};
use crate::error::Error;
use crate::service::{Installation, telemetry};
use crate::telemetry::CONTENT_TYPE;
use axum::extract::{Request, State};
use axum::http::request::Parts;
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

/// What is answered beside the API: metrics for operators and for who shows the token of the settings, unless they have an
/// address of their own.
pub(super) fn metrics_router(installation: &Installation) -> Router<Arc<Installation>> {
    if installation.config().metrics_listen.is_some() {
        return Router::new().route("/metrics", get(elsewhere));
    }
    Router::new().route("/metrics", get(metrics))
}

/// What is answered at the address of metrics: who reaches it needs a token only where there is one.
pub(super) fn own_metrics_router() -> Router<Arc<Installation>> {
    Router::new().route("/metrics", get(own_metrics)).fallback(elsewhere)
}

async fn elsewhere() -> Response {
    Problem(Error::not_found()).into_response()
}

async fn metrics(State(installation): State<Arc<Installation>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    if !shows_token(&parts, &installation) {
        SignedInOperator::of(&parts, &installation).await?;
    }
    written(&installation).await
}

async fn own_metrics(State(installation): State<Arc<Installation>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    if installation.config().metrics_token.is_some() && !shows_token(&parts, &installation) {
        return Err(Problem(Error::unauthenticated(
            "bearer_expected",
            "Send Authorization: Bearer <metrics_token>.",
        )));
    }
    written(&installation).await
}

fn shows_token(parts: &Parts, installation: &Installation) -> bool {
    let shown = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown
        .and_then(|shown| shown.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token.is_some_and(|(_, token)| telemetry::check_metrics_token(installation, token.trim()))
}

async fn written(installation: &Installation) -> Answer {
    let mut response = telemetry::metrics(installation).await?.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
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
