//! Sending: the job of one endpoint.

use crate::catalog::By;
use crate::clock::{Timestamp, monotonic};
use crate::error::{Kind, Result};
use crate::id::{TenantId, WebhookEndpointId};
use crate::model::job::{LeasedJob, Outcome};
use crate::model::letter::{Content, Recipient};
use crate::model::webhook::{DueDelivery, SigningKey, Tried, kept_of};
use crate::service::Installation;
use crate::service::jobs::built_in::admits;
use crate::service::outgoing::Outgoing;
use crate::telemetry::{SpanKind, number, subject, text};
use crate::tenancy::tx::webhooks::Waiting;
use crate::tenancy::{Tenancy, TenantScope};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use ureq::http::Request;

/// Deliveries between two looks at the file.
const AT_ONCE: u32 = 16;
/// Requests to one endpoint at the same time; one to an endpoint that fails.
const WIDTH: usize = 4;
/// How long one job goes on before others of the tenant have their turn.
const TURN: Duration = Duration::from_secs(10);

/// Sends what is due for one endpoint.
pub(in crate::service) async fn deliver(
    installation: Arc<Installation>,
    scope: TenantScope,
    job: LeasedJob,
) -> Outcome {
    let payload: Value = serde_json::from_str(&job.payload).unwrap_or_default();
    let Some(endpoint) = payload["endpoint_id"].as_str().and_then(WebhookEndpointId::parse) else {
        return Outcome::Hopeless("it names no endpoint".to_owned());
    };
    match send_all(&installation, scope, endpoint).await {
        Ok(()) => Outcome::Succeeded(None),
        Err(error) if error.kind() == Kind::NotFound => Outcome::Succeeded(None),
        Err(error) => {
            tracing::warn!(endpoint_id = %endpoint, error = ?error, "what is due for an endpoint cannot be sent");
            Outcome::Failed { error: "the tenant's file cannot be served".to_owned(), wait: None }
        }
    }
}

async fn send_all(
    installation: &Arc<Installation>,
    mut scope: TenantScope,
    endpoint: WebhookEndpointId,
) -> Result<()> {
    let begun = monotonic();
    let (mut is_first, mut is_last) = (true, false);
    loop {
        tell_owners(&scope, endpoint).await?;
        let waiting = scope.take_waiting_deliveries(endpoint, AT_ONCE, is_first).await?;
        is_first = false;
        // It may have been disabled with that.
        let Some(waiting) = waiting else { return tell_owners(&scope, endpoint).await };
        if waiting.due.is_empty() {
            if is_last {
                return Ok(());
            }
            // Once more, after which every change is announced again.
            scope.look_for_changes_begins().await?;
            is_last = true;
            continue;
        }
        is_last = false;
        let tenant = scope.tenant().id;
        // Whoever waits for slow peers keeps no file open; and whatever became of the tenant until now counts.
        drop(scope);
        scope = scope_of(installation, tenant).await?;
        if !admits(scope.tenant(), super::KIND) {
            return scope.look_for_changes_begins().await;
        }
        let tried = send(installation, waiting).await;
        scope = scope_of(installation, tenant).await?;
        let noted =
            scope.write_jobs("note_attempts", move |tx| tx.note_webhook_attempts(endpoint, &tried)).await?;
        if noted.is_disabled {
            tracing::warn!(tenant_id = %tenant, endpoint_id = %endpoint, "an endpoint of webhooks was disabled");
        }
        // What is still due is the matter of the next turn.
        if begun.elapsed() >= TURN {
            tell_owners(&scope, endpoint).await?;
            return scope.look_for_changes_begins().await;
        }
    }
}

async fn scope_of(installation: &Installation, tenant: TenantId) -> Result<TenantScope> {
    TenantScope::for_job(&installation.tenancy, &Tenancy::lease_for_jobs(tenant)).await
}

async fn send(installation: &Arc<Installation>, waiting: Waiting) -> Vec<Tried> {
    let Waiting { url, keys, is_failing, due } = waiting;
    let begun = monotonic();
    let requests = due.into_iter().map(|delivery| {
        let (outgoing, clock) = (Arc::clone(&installation.outgoing), Arc::clone(&installation.clock));
        let (url, keys) = (url.as_str(), keys.as_slice());
        async move {
            // What there is no time left for stays due.
            if begun.elapsed() >= TURN {
                return None;
            }
            Some(send_one(&outgoing, clock.now(), url, keys, delivery).await)
        }
    });
    let width = if is_failing { 1 } else { WIDTH };
    let tried = futures_util::stream::iter(requests).buffer_unordered(width);
    tried.filter_map(std::future::ready).collect().await
}

async fn send_one(
    outgoing: &Arc<Outgoing>,
    now: Timestamp,
    url: &str,
    keys: &[SigningKey],
    delivery: DueDelivery,
) -> Tried {
    let begun = monotonic();
    let id = delivery.event_id.to_string();
    let signatures: Vec<String> =
        keys.iter().map(|key| key.sign(&id, now.seconds(), delivery.body.as_bytes())).collect();
    let part = subject::part();
    let mut request = Request::post(url)
        .header("content-type", "application/json")
        .header("webhook-id", &id)
        .header("webhook-timestamp", now.seconds().to_string())
        .header("webhook-signature", signatures.join(" "));
    if let Some(part) = &part {
        request = request.header("traceparent", part.header());
    }
    let request = request.body(delivery.body);
    let answered = match request {
        Ok(request) => outgoing.send(request, now).await,
        Err(_) => Err("its URL cannot be called".to_owned()),
    };
    let (status, response, wait, error) = match answered {
        Ok(answered) => {
            let asks = matches!(answered.status, 429 | 503);
            let wait = answered.wait.filter(|_| asks);
            (Some(answered.status), Some(kept_of(&answered.body)), wait, None)
        }
        Err(error) => (None, None, None, Some(error)),
    };
    if let Some(part) = part {
        let mut attributes = vec![text("http.request.method", "POST"), text("tenantry.event_id", id)];
        attributes.extend(status.map(|status| number("http.response.status_code", status.into())));
        // Why in words may name what the tenant calls.
        let is_taken = status.is_some_and(|status| (200..300).contains(&status));
        let error = (!is_taken).then(|| status.map_or("no_answer".to_owned(), |status| status.to_string()));
        part.end("POST webhook".to_owned(), SpanKind::Client, attributes, error);
    }
    Tried {
        id: delivery.id,
        at: now,
        duration_ms: i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX),
        status,
        response: response.filter(|text| !text.is_empty()),
        error,
        wait,
        random: u32::from_le_bytes(crate::random::id_bytes()),
    }
}

/// Tells the owners that an endpoint was disabled by itself, and the log. Done again after a crash.
async fn tell_owners(scope: &TenantScope, endpoint: WebhookEndpointId) -> Result<()> {
    let Some(disabled) = scope.read_one(move |tx| tx.find_disabled_webhook_endpoint(endpoint)).await? else {
        return Ok(());
    };
    let details = json!({ "url": disabled.url, "reason": disabled.reason });
    let why = match disabled.reason.as_str() {
        "gone" => "it answered 410, which says that it is gone",
        "maker_gone" => "whoever set it up is no longer a member, or used an API key that is over",
        _ => "it has taken nothing for five days",
    };
    let content = Content::WebhookDisabled {
        tenant: scope.tenant().name.clone(),
        address: disabled.url,
        reason: why.to_owned(),
    };
    let fact = format!("webhook_disabled {endpoint} {}", disabled.at.0);
    let catalog = scope.catalog();
    let audited = catalog.write("webhook_endpoint_disabled", move |of| {
        of.post(&fact, &Recipient::Owners, &content)?;
        of.audit(
            &By::system(),
            "webhook_endpoint.disabled",
            &format!("webhook_endpoint:{endpoint}"),
            &details,
        )
    });
    audited.await?;
    scope.write_jobs("owners_told", move |tx| tx.note_webhook_owners_told(endpoint)).await
}
