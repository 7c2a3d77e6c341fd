//! Endpoints: made, seen, changed, removed; their secrets.

use crate::catalog::By;
use crate::error::{Error, FieldError, Result};
use crate::id::WebhookEndpointId;
use crate::model::webhook::{
    Endpoint, EndpointTerms, EndpointUrl, EventType, LONGEST_DESCRIPTION, SigningKey,
};
use crate::policy::Permission;
use crate::service::Installation;
use crate::tenancy::TenantScope;
use serde_json::{Value, json};

/// Types that are named in one request.
const MOST_EVENTS: usize = 100;

/// An endpoint as it is asked for; what is not said stays as it is.
#[derive(Clone, Debug, Default)]
pub struct EndpointIn {
    /// Whereto.
    pub url: Option<String>,
    /// Names of types of events.
    pub events: Option<Vec<String>>,
    /// What for.
    pub description: Option<String>,
    /// `enabled` or `disabled`.
    pub status: Option<String>,
}

impl EndpointIn {
    /// Puts it together with what there is.
    fn read(
        self,
        installation: &Installation,
        scope: &TenantScope,
        before: Option<&Endpoint>,
    ) -> Result<(EndpointTerms, Option<bool>)> {
        // Whoever says whereto, what, or that it goes on answers for it. To name it or to disable it nothing is needed.
        let says_what = self.url.is_some() || self.events.is_some();
        let mut faults = Vec::new();
        let rules = installation.outgoing.rules();
        let url = match (self.url, before) {
            (None, Some(before)) => Some(EndpointUrl::kept(&before.url)),
            (url, _) => {
                EndpointUrl::parse(&url.unwrap_or_default(), rules).map_err(|fault| faults.push(fault)).ok()
            }
        };
        let events = self.events.or_else(|| before.map(|before| before.events.clone())).unwrap_or_default();
        let events = read_events(&events, &mut faults);
        let description = self.description.or_else(|| before.map(|before| before.description.clone()));
        let description = description.unwrap_or_default();
        if description.chars().count() > LONGEST_DESCRIPTION || description.chars().any(char::is_control) {
            let message = format!("must have at most {LONGEST_DESCRIPTION} characters, and no line breaks");
            faults.push(FieldError::new("description", "bad_text", message));
        }
        let is_enabled = match self.status.as_deref() {
            None => None,
            Some("enabled") => Some(true),
            Some("disabled") if before.is_some() => Some(false),
            Some(_) => {
                faults.push(FieldError::new("status", "unknown", "must be enabled or disabled"));
                None
            }
        };
        let (Some(url), true) = (url, faults.is_empty()) else { return Err(Error::invalid(faults)) };
        let reads_as = if before.is_none() || says_what || is_enabled == Some(true) {
            // Who may not see something has it sent nowhere either.
            events.iter().try_for_each(|event| scope.require_events(*event))?;
            Some(scope.reads_as())
        } else {
            None
        };
        Ok((EndpointTerms { url, description, events, reads_as }, is_enabled))
    }
}

fn read_events(names: &[String], faults: &mut Vec<FieldError>) -> Vec<EventType> {
    if names.is_empty() || names.len() > MOST_EVENTS {
        let message = "must name at least one type of events, each once";
        faults.push(FieldError::new("events", "required", message));
        return Vec::new();
    }
    let mut events = Vec::new();
    for (at, name) in names.iter().enumerate() {
        match EventType::parse(name).filter(|event| *event != EventType::Test) {
            Some(event) => events.push(event),
            None => {
                let shown: String = name.chars().take(100).collect();
                let known: Vec<&str> = EventType::offered().map(EventType::name).collect();
                let message = format!("there is no event type {shown:?}; there are: {}", known.join(", "));
                faults.push(FieldError::new(format!("events[{at}]"), "unknown_event_type", message));
            }
        }
    }
    events.sort_unstable();
    events.dedup();
    events
}

/// Notes an act of these in the log, in the tenant's; before it is done: an act that failed and is in the log is better than
/// one that was done and is not.
pub(super) async fn audit(
    scope: &TenantScope,
    action: &'static str,
    id: WebhookEndpointId,
    details: Value,
) -> Result<()> {
    let by: By = scope.by().clone();
    let catalog = scope.catalog();
    let write = catalog.write("audit_webhook_endpoint", move |of| {
        of.expect_webhooks()?;
        of.audit(&by, action, &format!("webhook_endpoint:{id}"), &details)
    });
    write.await
}

/// Makes an endpoint. Its secret is told here and never again.
///
/// # Errors
/// 403 without `webhooks:manage`, or without what is needed to see what the events tell; 422 with every field at fault; 409
/// `too_many_endpoints`.
pub async fn create_endpoint(
    installation: &Installation,
    scope: &TenantScope,
    input: EndpointIn,
) -> Result<(Endpoint, String)> {
    scope.require(Permission::WebhooksManage)?;
    let (terms, _) = input.read(installation, scope, None)?;
    let id = WebhookEndpointId::new(installation.clock.now());
    let key = SigningKey::new(&crate::random::bytes());
    let secret = key.secret();
    let events: Vec<&str> = terms.events.iter().map(|event| event.name()).collect();
    let details = json!({ "url": terms.url.as_str(), "events": events });
    audit(scope, "webhook_endpoint.created", id, details).await?;
    let made = scope
        .write_webhooks("create_webhook_endpoint", move |tx| tx.insert_webhook_endpoint(id, &terms, &key))
        .await?;
    Ok((made, secret))
}

/// All endpoints.
///
/// # Errors
/// 403 without `webhooks:manage`.
pub async fn list_endpoints(scope: &TenantScope) -> Result<Vec<Endpoint>> {
    scope.require(Permission::WebhooksManage)?;
    scope.read_one(|tx| tx.list_webhook_endpoints()).await
}

/// One endpoint.
///
/// # Errors
/// 403 without `webhooks:manage`; 404.
pub async fn find_endpoint(scope: &TenantScope, id: WebhookEndpointId) -> Result<Endpoint> {
    scope.require(Permission::WebhooksManage)?;
    scope.read_one(move |tx| tx.find_webhook_endpoint(id)).await
}

/// Changes an endpoint. Whoever says whereto or what is sent, or that it goes on, is who it acts for from now on: it is told
/// of what they may see.
///
/// # Errors
/// 403 without `webhooks:manage`, or without what is needed to see what the events tell; 404; 422 with every field at fault.
pub async fn update_endpoint(
    installation: &Installation,
    scope: &TenantScope,
    id: WebhookEndpointId,
    input: EndpointIn,
) -> Result<Endpoint> {
    let before = find_endpoint(scope, id).await?;
    let (terms, is_enabled) = input.read(installation, scope, Some(&before))?;
    let events: Vec<&str> = terms.events.iter().map(|event| event.name()).collect();
    let status = match is_enabled {
        Some(true) => "enabled",
        Some(false) => "disabled",
        None => before.status.as_str(),
    };
    let details = json!({ "url": terms.url.as_str(), "events": events, "status": status });
    audit(scope, "webhook_endpoint.changed", id, details).await?;
    scope.update_webhook_endpoint(id, terms, is_enabled).await
}

/// Removes an endpoint, with all that was sent to it or is on its way.
///
/// # Errors
/// 403 without `webhooks:manage`; 404.
pub async fn delete_endpoint(scope: &TenantScope, id: WebhookEndpointId) -> Result<()> {
    let before = find_endpoint(scope, id).await?;
    audit(scope, "webhook_endpoint.deleted", id, json!({ "url": before.url })).await?;
    scope.write_webhooks("delete_webhook_endpoint", move |tx| tx.delete_webhook_endpoint(id)).await
}

/// Gives an endpoint another secret, told here and never again. The one before signs beside it for a day.
///
/// # Errors
/// 403 without `webhooks:manage`; 404.
pub async fn rotate_secret(scope: &TenantScope, id: WebhookEndpointId) -> Result<(Endpoint, String)> {
    find_endpoint(scope, id).await?;
    audit(scope, "webhook_endpoint.secret_rotated", id, json!({})).await?;
    let key = SigningKey::new(&crate::random::bytes());
    let secret = key.secret();
    let endpoint =
        scope.write_webhooks("rotate_webhook_secret", move |tx| tx.rotate_webhook_secret(id, &key)).await?;
    Ok((endpoint, secret))
}
