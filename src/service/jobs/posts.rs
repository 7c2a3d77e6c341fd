//! Services of the developer, named in app.toml, to which jobs are posted with a signature.

use super::complete::token_of;
use crate::catalog::Tenant;
use crate::clock::{HOUR, SECOND, Timestamp};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::model::job::{LeasedJob, MOST_PAYLOAD, Outcome, told};
use crate::model::standard_webhooks::{key_of, sign};
use crate::service::Installation;
use crate::service::trust::trusting_this_machine;
use crate::telemetry::{SpanKind, number, subject, text};
use crate::tenancy::{App, JobKind};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{HeaderMap, Request};

/// Bytes of an answer that are read.
const MOST_ANSWER: u64 = 1 << 20;
/// How long a handler that works on may say nothing.
pub(super) const SILENCE: i64 = HOUR;

/// What is needed to post jobs.
pub(super) struct Posts {
    agent: ureq::Agent,
    key: Arc<Vec<u8>>,
}

/// What was answered.
struct Answered {
    status: u16,
    wait: Option<i64>,
    body: Option<Value>,
    /// Whether all of the body came.
    is_whole: bool,
}

impl Posts {
    /// Reads the certificates that this machine trusts, where a handler is reached by https. Blocks.
    pub(super) fn new(config: &Config, app: &App, kept_secret: &str) -> Result<Posts> {
        let secret = config.jobs_secret.as_ref().map_or(kept_secret, |secret| secret.expose());
        let key = key_of(secret).ok_or_else(|| Error::internal("the secret of jobs cannot be read"))?;
        let mut agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // A job goes to whom the operator named, and to nobody else.
            .max_redirects(0)
            .proxy(None)
            .user_agent(concat!("tenantry/", env!("CARGO_PKG_VERSION")));
        let mut kinds = app.jobs.names().filter_map(|name| app.jobs.get(name));
        if kinds.any(|kind| kind.url.to_ascii_lowercase().starts_with("https:")) {
            agent = agent.tls_config(trusting_this_machine()?);
        }
        Ok(Posts { agent: agent.build().new_agent(), key: Arc::new(key) })
    }

    /// Does a job.
    pub(super) async fn run(
        &self,
        installation: &Installation,
        kind: &JobKind,
        tenant: &Tenant,
        job: &LeasedJob,
    ) -> Outcome {
        let now = installation.clock.now();
        match self.post(installation, kind, tenant, job, now).await {
            Ok(answered) => judge(answered, installation.clock.now()),
            Err(why) => Outcome::Failed { error: why, wait: None },
        }
    }

    async fn post(
        &self,
        installation: &Installation,
        kind: &JobKind,
        tenant: &Tenant,
        job: &LeasedJob,
        now: Timestamp,
    ) -> Result<Answered, String> {
        let id = job.id.to_string();
        let key = job.idempotency_key.as_ref().unwrap_or(&id);
        let payload: Value = serde_json::from_str(&job.payload).unwrap_or_default();
        let body = json!({
            "id": id,
            "tenant": { "id": tenant.id, "slug": tenant.slug },
            "kind": job.kind,
            "payload": payload,
            "attempt": job.attempt,
            "idempotency_key": key,
            "completion": {
                "url": installation.mailer.url(&format!("/api/v1/jobs/{id}/complete")),
                "token": token_of(installation, tenant.id, job),
            },
        });
        let body = body.to_string();
        let part = subject::part();
        let mut request = Request::post(&kind.url)
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .header("webhook-id", &id)
            .header("webhook-timestamp", now.seconds().to_string())
            .header("webhook-signature", sign(&self.key, &id, now.seconds(), body.as_bytes()));
        if let Some(part) = &part {
            request = request.header("traceparent", part.header());
        }
        let request = request.body(body).map_err(|_| "its URL in app.toml is none".to_owned())?;
        let (agent, patience) = (self.agent.clone(), Duration::from_secs(kind.timeout_seconds.into()));
        let (answer, answered) = tokio::sync::oneshot::channel();
        // A thread of its own: whoever ends the server does not wait for a slow handler.
        let thread =
            std::thread::Builder::new().name("job".to_owned()).stack_size(256 << 10).spawn(move || {
                let _ = answer.send(post_blocking(&agent, request, patience, now));
            });
        thread.map_err(|error| {
            tracing::error!(%error, "no thread for a job");
            "the server is out of threads".to_owned()
        })?;
        let answered = answered.await.unwrap_or_else(|_| Err("the server failed to post it".to_owned()));
        if let Some(part) = part {
            let status = answered.as_ref().ok().map(|answered| answered.status);
            let mut attributes = vec![text("http.request.method", "POST")];
            attributes.extend(status.map(|status| number("http.response.status_code", status.into())));
            let is_taken = status.is_some_and(|status| (200..300).contains(&status));
            let error =
                (!is_taken).then(|| status.map_or("no_answer".to_owned(), |status| status.to_string()));
            part.end("POST job".to_owned(), SpanKind::Client, attributes, error);
        }
        answered
    }
}

fn post_blocking(
    agent: &ureq::Agent,
    request: Request<String>,
    patience: Duration,
    now: Timestamp,
) -> Result<Answered, String> {
    let request = agent.configure_request(request).timeout_global(Some(patience)).build();
    // What the transport says names addresses of the operator's network: that is for the log alone.
    let failed = |error: ureq::Error| {
        tracing::warn!(%error, "a handler of jobs did not answer");
        match error {
            ureq::Error::Timeout(_) => "the handler did not answer in time".to_owned(),
            _ => "the handler cannot be reached".to_owned(),
        }
    };
    let mut response = agent.run(request).map_err(failed)?;
    let (status, wait) = (response.status().as_u16(), retry_after(response.headers(), now));
    let body = response.body_mut().with_config().limit(MOST_ANSWER).read_to_vec();
    // Of an answer that is too long or breaks off the status counts.
    let is_whole = body.is_ok();
    let body = body.ok().and_then(|body| serde_json::from_slice(&body).ok());
    Ok(Answered { status, wait, body, is_whole })
}

/// The header `Retry-After` in milliseconds: seconds, or a date.
pub(in crate::service) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<i64> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(i64::from(seconds) * SECOND);
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let at = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
    Some(i64::try_from(at).ok()?.saturating_sub(now.0).max(0))
}

fn judge(answered: Answered, now: Timestamp) -> Outcome {
    let Answered { status, wait, body, is_whole } = answered;
    let said = body.as_ref().and_then(|body| body.get("error")).and_then(Value::as_str);
    let error = match said {
        Some(said) => told(&format!("the handler answered {status}: {said}")),
        None => format!("the handler answered {status}"),
    };
    match status {
        // Whether it is done or worked on is what did not come.
        202 if !is_whole => {
            Outcome::Failed { error: "the handler's answer of 202 broke off".to_owned(), wait: None }
        }
        202 if body.as_ref().is_some_and(|body| body["status"] == "running") => {
            Outcome::WorksOn(now.plus(SILENCE))
        }
        200..=299 => {
            let result = body.map(|body| body.to_string()).filter(|text| text.len() <= MOST_PAYLOAD);
            Outcome::Succeeded(result)
        }
        410 => Outcome::Hopeless(error),
        429 | 503 => Outcome::Failed { error, wait },
        300..=399 => Outcome::Failed { error: format!("{error}; redirects are not followed"), wait: None },
        _ => Outcome::Failed { error, wait: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, wait: Option<i64>, body: Value) -> Outcome {
        judge(Answered { status, wait, body: Some(body), is_whole: true }, Timestamp(1_000))
    }

    #[test]
    fn what_a_handler_answers_says_what_becomes_of_the_job() {
        let done = |text: &str| Outcome::Succeeded(Some(text.to_owned()));
        assert_eq!(answered(200, None, json!({"pages": 3})), done(r#"{"pages":3}"#));
        assert_eq!(answered(202, None, json!({"status": "queued"})), done(r#"{"status":"queued"}"#));
        let works_on = Outcome::WorksOn(Timestamp(1_000 + SILENCE));
        assert_eq!(answered(202, None, json!({"status": "running"})), works_on);
        let failed = |outcome| match outcome {
            Outcome::Failed { error, wait } => (error, wait),
            other => panic!("{other:?}"),
        };
        let (error, wait) = failed(answered(503, Some(7_000), json!({"error": "full\n"})));
        assert_eq!((error.as_str(), wait), ("the handler answered 503: full ", Some(7_000)));
        assert_eq!(failed(answered(500, Some(7_000), json!(null))).1, None);
        assert!(failed(answered(302, None, json!(null))).0.contains("redirects are not followed"));
        assert!(matches!(answered(410, Some(1), json!(null)), Outcome::Hopeless(_)));
        let long = json!({ "text": "x".repeat(MOST_PAYLOAD) });
        assert_eq!(answered(200, None, long), Outcome::Succeeded(None));
        let broken =
            |status| judge(Answered { status, wait: None, body: None, is_whole: false }, Timestamp(1_000));
        assert_eq!(broken(200), Outcome::Succeeded(None));
        assert_eq!(failed(broken(202)), ("the handler's answer of 202 broke off".to_owned(), None));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let wait = |text: &str| {
            let headers = HeaderMap::from_iter([("retry-after".parse().unwrap(), text.parse().unwrap())]);
            retry_after(&headers, Timestamp(784_111_777_000))
        };
        assert_eq!(wait("120"), Some(120_000));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60_000));
        assert_eq!(wait("Sun, 06 Nov 1994 08:48:37 GMT"), Some(0));
        assert_eq!((wait("-1"), wait("soon")), (None, None));
    }
}
