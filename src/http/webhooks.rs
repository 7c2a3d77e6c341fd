//! `/webhooks/stripe`: who posts there shows it by a signature over the bytes as they came.

use super::body::read_webhook;
use super::problem::Answer;
use crate::error::Error;
use crate::service::{Installation, stripe};
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn router() -> Router<Arc<Installation>> {
    Router::new().route("/webhooks/stripe", post(of_stripe))
}

/// 200 for whatever has a good signature: it is kept, and looked at behind the answer.
async fn of_stripe(
    State(installation): State<Arc<Installation>>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Json<Value>> {
    stripe::require_webhooks(&installation)?;
    let mut signatures = headers.get_all("stripe-signature").iter();
    let signature = signatures.next().and_then(|value| value.to_str().ok());
    if signatures.next().is_some() {
        return Err(Error::malformed("signature_ambiguous", "Send one Stripe-Signature header.").into());
    }
    let body = read_webhook(body, &installation).await?;
    stripe::receive(&installation, signature, &body).await?;
    Ok(Json(json!({ "received": true })))
}
