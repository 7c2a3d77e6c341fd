//! What was sent, and is sent again.

use super::endpoints::audit;
use crate::error::{Error, Result};
use crate::id::{DeliveryId, WebhookEndpointId};
use crate::model::webhook::{Attempt, Delivery, DeliveryStatus, Event, EventType};
use crate::policy::Permission;
use crate::service::Installation;
use crate::tenancy::TenantScope;
use serde_json::json;

/// Deliveries to an endpoint, newest first, older than the number `before`; of one status and type where these are said.
///
/// # Errors
/// 403 without `webhooks:manage`; 404.
pub async fn list_deliveries(
    scope: &TenantScope,
    endpoint: WebhookEndpointId,
    status: Option<DeliveryStatus>,
    kind: Option<EventType>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<Delivery>> {
    scope.require(Permission::WebhooksManage)?;
    let kind = kind.map(EventType::name);
    scope.read(move |tx| tx.list_webhook_deliveries(endpoint, status, kind, before, limit)).await
}

/// A delivery with what belongs to it.
pub struct FoundDelivery {
    /// Itself.
    pub delivery: Delivery,
    /// What is sent, as JSON; nothing where whoever asks may not see what it tells of.
    pub payload: Option<String>,
    /// What they would need for that.
    pub lacks: Option<Permission>,
    /// The attempts at it, the newest first; without answers where the payload is withheld, as these may repeat it.
    pub attempts: Vec<Attempt>,
}

fn lacks(scope: &TenantScope, delivery: &Delivery) -> Option<Permission> {
    scope.lacks_for_event(EventType::parse(&delivery.kind), delivery.table.as_deref())
}

/// One delivery, with what is sent where whoever asks may see that, and the attempts at it.
///
/// # Errors
/// 403 without `webhooks:manage`; 404.
pub async fn find_delivery(
    scope: &TenantScope,
    endpoint: WebhookEndpointId,
    id: DeliveryId,
) -> Result<FoundDelivery> {
    scope.require(Permission::WebhooksManage)?;
    let found = scope.read(move |tx| {
        let delivery = tx.find_webhook_delivery(endpoint, id)?;
        let (body, attempts) = tx.list_webhook_attempts(delivery.number)?;
        Ok((delivery, body, attempts))
    });
    let (delivery, body, mut attempts) = found.await?;
    let lacks = lacks(scope, &delivery);
    if lacks.is_some() {
        attempts.iter_mut().for_each(|attempt| attempt.response = None);
    }
    Ok(FoundDelivery { delivery, payload: lacks.is_none().then_some(body), lacks, attempts })
}

/// Has a delivery that is over sent again.
///
/// # Errors
/// 403 without `webhooks:manage`, or without what is needed to see what it tells of; 404; 409 `delivery_pending`,
/// `terms_changed`, `endpoint_disabled`, `too_many_pending`.
pub async fn replay_delivery(
    scope: &TenantScope,
    endpoint: WebhookEndpointId,
    id: DeliveryId,
) -> Result<Delivery> {
    scope.require(Permission::WebhooksManage)?;
    let before = scope.read(move |tx| tx.find_webhook_delivery(endpoint, id)).await?;
    if let Some(permission) = lacks(scope, &before) {
        return Err(Error::forbidden(permission.name()));
    }
    scope.read(move |tx| tx.require_replayable(endpoint, id)).await?;
    let details = json!({ "delivery_id": id, "event_id": before.event_id, "type": before.kind });
    audit(scope, "webhook_endpoint.replayed", endpoint, details).await?;
    scope.write_webhooks("replay_delivery", move |tx| tx.replay_webhook_delivery(endpoint, id)).await
}

/// Sends an endpoint an event that means nothing.
///
/// # Errors
/// 403 without `webhooks:manage`; 404; 409 `endpoint_disabled`, `too_many_pending`.
pub async fn test_endpoint(
    installation: &Installation,
    scope: &TenantScope,
    endpoint: WebhookEndpointId,
) -> Result<Delivery> {
    scope.require(Permission::WebhooksManage)?;
    scope.read(move |tx| tx.require_room(endpoint)).await?;
    audit(scope, "webhook_endpoint.tested", endpoint, json!({})).await?;
    let now = installation.clock.now();
    let key = format!("test:{}", DeliveryId::new(now));
    let event =
        Event::new(scope.tenant().id, &key, EventType::Test, now, &json!({ "endpoint_id": endpoint }));
    scope.write_webhooks("test_webhook_endpoint", move |tx| tx.add_webhook_test(endpoint, &event)).await
}
