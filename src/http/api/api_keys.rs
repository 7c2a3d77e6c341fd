//! API keys.

use crate::clock::Timestamp;
use crate::error::Error;
use crate::http::body::{Fields, Object};
use crate::http::problem::Answer;
use crate::http::repeats::{ShownOnce, repeatable};
use crate::http::routes::{NONE, Routes, Verb};
use crate::http::scope::{Allowed, ManageKeys, Need, SeeKeys};
use crate::id::ApiKeyId;
use crate::model::api_key::KeyRate;
use crate::service::api_keys::{self, ApiKeyIn};
use crate::service::{ApiKey, Installation};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .tenant(ManageKeys::BOTH, Verb::Post, "/api-keys", NONE, repeatable(create))
        .tenant(SeeKeys::BOTH, Verb::Get, "/api-keys", NONE, list)
        .tenant(ManageKeys::BOTH, Verb::Delete, "/api-keys/{key}", NONE, delete)
}

async fn create(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ManageKeys>,
    body: Object,
) -> Answer {
    let mut fields = Fields::of(body);
    let (name, permissions) = (fields.text("name"), fields.texts("permissions"));
    let (expires_at, identity) = (fields.optional_text("expires_at"), fields.optional_text("identity_id"));
    let rate = fields.optional_fields("rate", |rate| {
        let mut number = |name: &str| {
            let number = rate.optional_integer(name);
            // What is left out is refused with its field as what is too small.
            number.map_or(0, |number| u32::try_from(number).unwrap_or(0))
        };
        KeyRate { requests_per_second: number("requests_per_second"), burst: number("burst") }
    });
    fields.finish()?;
    let expires_at = expires_at
        .map(|text| {
            text.parse::<Timestamp>().map_err(|_| {
                Error::invalid_field("expires_at", "format", "must be a time such as 2030-01-31T12:00:00Z")
            })
        })
        .transpose()?;
    let input = ApiKeyIn { name, permissions, expires_at, identity, rate };
    let (made, key) =
        api_keys::create_api_key(&installation, &allowed.scope, &allowed.principal, input).await?;
    let location = format!("/api/v1/tenants/{}/api-keys/{}", allowed.scope.tenant().slug, made.id);
    let mut answer = super::created(&location, &Made { made: &made, key: &key });
    answer.extensions_mut().insert(ShownOnce);
    Ok(answer)
}

/// A key in the one answer that tells it.
#[derive(Serialize)]
struct Made<'k> {
    #[serde(flatten)]
    made: &'k ApiKey,
    key: &'k str,
}

async fn list(allowed: Allowed<SeeKeys>) -> Answer {
    Ok(super::list(&api_keys::list_api_keys(&allowed.scope).await?, None))
}

#[derive(Deserialize)]
struct KeyPath {
    key: String,
}

async fn delete(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ManageKeys>,
    Path(path): Path<KeyPath>,
) -> Answer<StatusCode> {
    let id = ApiKeyId::parse(&path.key).ok_or_else(Error::not_found)?;
    api_keys::delete_api_key(&installation, &allowed.scope, &allowed.principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
