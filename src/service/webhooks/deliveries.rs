//! What was sent, and is sent again.

use crate::error::Result;
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

/// One delivery, with what is sent and the attempts at it, the newest first.
///
/// # Errors
/// 403 without `webhooks:manage`; 404.
pub async fn find_delivery(
    scope: &TenantScope,
    endpoint: WebhookEndpointId,
    id: DeliveryId,
) -> Result<(Delivery, String, Vec<Attempt>)> {
    scope.require(Permission::WebhooksManage)?;
    scope
        .read(move |tx| {
            let delivery = tx.find_webhook_delivery(endpoint, id)?;
            let (body, attempts) = tx.list_webhook_attempts(delivery.number)?;
            Ok((delivery, body, attempts))
        })
        .await
}

/// Has a delivery that is over sent again.
///
/// # Errors
/// 403 without `webhooks:manage`; 404; 409 `delivery_pending`, `endpoint_disabled`, `too_many_pending`.
pub async fn replay_delivery(
    scope: &TenantScope,
    endpoint: WebhookEndpointId,
    id: DeliveryId,
) -> Result<Delivery> {
    scope.require(Permission::WebhooksManage)?;
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
    let now = installation.clock.now();
    let key = format!("test:{}", DeliveryId::new(now));
    let event =
        Event::new(scope.tenant().id, &key, EventType::Test, now, &json!({ "endpoint_id": endpoint }));
    scope.write_webhooks("test_webhook_endpoint", move |tx| tx.add_webhook_test(endpoint, &event)).await
}
