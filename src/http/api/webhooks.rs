//! Endpoints of webhooks, and what was sent to them.

use super::paging::Paging;
use crate::error::{Error, Result};
use crate::http::body::{Fields, NoBody, Object};
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::repeats::{ShownOnce, repeatable};
use crate::http::routes::{NONE, Params, Routes, Verb};
use crate::http::scope::{Allowed, ManageWebhooks, Need, SeeWebhooks};
use crate::id::{DeliveryId, WebhookEndpointId};
use crate::policy::Permission;
use crate::service::Installation;
use crate::service::webhooks::{
    self, Attempt, Delivery, DeliveryStatus, Endpoint, EndpointIn, EventType, FoundDelivery,
};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    let (manage, see) = (ManageWebhooks::BOTH, SeeWebhooks::BOTH);
    let filters = Params::Only(&["status", "type", "cursor", "limit"]);
    Routes::default()
        .tenant(manage, Verb::Post, "/webhook-endpoints", NONE, repeatable(create))
        .tenant(see, Verb::Get, "/webhook-endpoints", NONE, list)
        .tenant(see, Verb::Get, "/webhook-endpoints/{endpoint}", NONE, get)
        .tenant(manage, Verb::Patch, "/webhook-endpoints/{endpoint}", NONE, change)
        .tenant(manage, Verb::Delete, "/webhook-endpoints/{endpoint}", NONE, delete)
        .tenant(manage, Verb::Post, "/webhook-endpoints/{endpoint}/rotate-secret", NONE, repeatable(rotate))
        .tenant(manage, Verb::Post, "/webhook-endpoints/{endpoint}/test", NONE, repeatable(test))
        .tenant(see, Verb::Get, "/webhook-endpoints/{endpoint}/deliveries", filters, list_deliveries)
        .tenant(see, Verb::Get, "/webhook-endpoints/{endpoint}/deliveries/{delivery}", NONE, get_delivery)
        .tenant(
            manage,
            Verb::Post,
            "/webhook-endpoints/{endpoint}/deliveries/{delivery}/replay",
            NONE,
            repeatable(replay),
        )
}

#[derive(Deserialize)]
struct EndpointPath {
    endpoint: String,
}

impl EndpointPath {
    fn id(&self) -> Result<WebhookEndpointId> {
        WebhookEndpointId::parse(&self.endpoint).ok_or_else(Error::not_found)
    }
}

#[derive(Deserialize)]
struct DeliveryPath {
    endpoint: String,
    delivery: String,
}

impl DeliveryPath {
    fn ids(&self) -> Result<(WebhookEndpointId, DeliveryId)> {
        let ids = WebhookEndpointId::parse(&self.endpoint).zip(DeliveryId::parse(&self.delivery));
        ids.ok_or_else(Error::not_found)
    }
}

/// An endpoint in the one answer that tells its secret.
#[derive(Serialize)]
struct WithSecret<'s> {
    #[serde(flatten)]
    endpoint: &'s Endpoint,
    secret: &'s str,
}

/// A delivery with what is sent and how it went.
#[derive(Serialize)]
struct WholeDelivery {
    #[serde(flatten)]
    delivery: Delivery,
    payload: Value,
    /// What whoever asks would need to be shown the payload.
    payload_needs: Option<&'static str>,
    attempts: Vec<Attempt>,
}

fn read(body: Object, is_new: bool) -> Result<EndpointIn> {
    let mut fields = Fields::of(body);
    let url = if is_new { Some(fields.text("url")) } else { fields.optional_text("url") };
    let events = if is_new { Some(fields.texts("events")) } else { fields.optional_texts("events") };
    let description = fields.optional_text("description");
    let status = if is_new { None } else { fields.optional_text("status") };
    fields.finish()?;
    Ok(EndpointIn { url, events, description, status })
}

async fn create(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ManageWebhooks>,
    body: Object,
) -> Answer {
    let input = read(body, true)?;
    let (endpoint, secret) = webhooks::create_endpoint(&installation, &allowed.scope, input).await?;
    let slug = &allowed.scope.tenant().slug;
    let location = format!("/api/v1/tenants/{slug}/webhook-endpoints/{}", endpoint.id);
    let mut answer = super::created(&location, &WithSecret { endpoint: &endpoint, secret: &secret });
    answer.extensions_mut().insert(ShownOnce);
    Ok(answer)
}

async fn list(allowed: Allowed<SeeWebhooks>) -> Answer {
    Ok(super::list(&webhooks::list_endpoints(&allowed.scope).await?, None))
}

async fn get(allowed: Allowed<SeeWebhooks>, Path(path): Path<EndpointPath>) -> Answer<Json<Endpoint>> {
    Ok(Json(webhooks::find_endpoint(&allowed.scope, path.id()?).await?))
}

async fn change(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ManageWebhooks>,
    Path(path): Path<EndpointPath>,
    body: Object,
) -> Answer<Json<Endpoint>> {
    let input = read(body, false)?;
    Ok(Json(webhooks::update_endpoint(&installation, &allowed.scope, path.id()?, input).await?))
}

async fn delete(allowed: Allowed<ManageWebhooks>, Path(path): Path<EndpointPath>) -> Answer<StatusCode> {
    webhooks::delete_endpoint(&allowed.scope, path.id()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rotate(allowed: Allowed<ManageWebhooks>, Path(path): Path<EndpointPath>, _: NoBody) -> Answer {
    let (endpoint, secret) = webhooks::rotate_secret(&allowed.scope, path.id()?).await?;
    let mut answer = Json(WithSecret { endpoint: &endpoint, secret: &secret }).into_response();
    answer.extensions_mut().insert(ShownOnce);
    Ok(answer)
}

fn accepted(delivery: &Delivery) -> Response {
    (StatusCode::ACCEPTED, Json(delivery)).into_response()
}

async fn test(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ManageWebhooks>,
    Path(path): Path<EndpointPath>,
    _: NoBody,
) -> Answer {
    Ok(accepted(&webhooks::test_endpoint(&installation, &allowed.scope, path.id()?).await?))
}

async fn list_deliveries(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<SeeWebhooks>,
    Path(path): Path<EndpointPath>,
    uri: Uri,
) -> Answer {
    let id = path.id()?;
    let pairs = query::pairs(&uri)?;
    let status = query::once(&pairs, "status")?.map(read_status).transpose()?;
    let kind = query::once(&pairs, "type")?.map(read_type).transpose()?;
    let context = format!(
        "deliveries {} {id} {} {}",
        allowed.scope.tenant().id,
        status.map(DeliveryStatus::name).unwrap_or_default(),
        kind.map(EventType::name).unwrap_or_default()
    );
    let paging = Paging::of(&installation, &pairs, context)?;
    let before = paging.after(|position| position.parse().ok())?;
    let found = webhooks::list_deliveries(&allowed.scope, id, status, kind, before, paging.fetch()).await;
    let mut found = found?;
    let next = paging.cut(&mut found, |delivery| delivery.number.to_string());
    Ok(super::list(&found, next))
}

fn read_status(name: &str) -> Result<DeliveryStatus> {
    DeliveryStatus::parse(name)
        .ok_or_else(|| Error::malformed("bad_status", "status is pending, delivered, failed or withheld."))
}

fn read_type(name: &str) -> Result<EventType> {
    EventType::parse(name).ok_or_else(|| {
        let name: String = name.chars().take(100).collect();
        Error::malformed("unknown_event_type", format!("type: there is no event type {name:?}."))
    })
}

async fn get_delivery(
    allowed: Allowed<SeeWebhooks>,
    Path(path): Path<DeliveryPath>,
) -> Answer<Json<WholeDelivery>> {
    let (endpoint, id) = path.ids()?;
    let found = webhooks::find_delivery(&allowed.scope, endpoint, id).await?;
    let FoundDelivery { delivery, payload, lacks, attempts } = found;
    let payload = payload.map_or(Ok(Value::Null), |text| serde_json::from_str(&text)).map_err(Error::from)?;
    let payload_needs = lacks.map(Permission::name);
    Ok(Json(WholeDelivery { delivery, payload, payload_needs, attempts }))
}

async fn replay(allowed: Allowed<ManageWebhooks>, Path(path): Path<DeliveryPath>, _: NoBody) -> Answer {
    let (endpoint, id) = path.ids()?;
    Ok(accepted(&webhooks::replay_delivery(&allowed.scope, endpoint, id).await?))
}
