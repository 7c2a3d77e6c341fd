//! One attempt at a door: a request to the router, and whether it was let in.

use super::doors::Doors;
use crate::service::doctor::Canary;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use serde_json::Value;
use std::time::Duration;
use tower::ServiceExt as _;

/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of an answer is looked through.
const MOST: usize = 1 << 20;

/// One attempt.
pub(super) struct Knock<'k> {
    pub(super) method: &'k str,
    pub(super) path: String,
    /// What is shown: an access token or a key; nothing where it is empty.
    pub(super) credential: &'k str,
    /// Tenants named in headers.
    pub(super) headers: Vec<&'k str>,
    pub(super) body: Option<Value>,
}

impl<'k> Knock<'k> {
    pub(super) fn get(path: String, credential: &'k str) -> Knock<'k> {
        Knock { method: "GET", path, credential, headers: Vec::new(), body: None }
    }
}

impl Doors {
    /// Knocks where nobody may open.
    pub(super) async fn knock(&mut self, victim: &Canary, knock: Knock<'_>) {
        let by = match knock.credential {
            "" => "nobody",
            credential if credential.starts_with("tnt_") => "a key",
            _ => "a token",
        };
        let mut what = format!("{} {} by {by}", knock.method, knock.path);
        if !knock.headers.is_empty() {
            what = format!("{what} with X-Tenant-Id: {}", knock.headers.join(", "));
        }
        match self.ask(knock).await {
            // A limit or a fault says nothing of whether it was locked.
            None => self.untried += 1,
            Some((status, _)) if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
                self.untried += 1;
            }
            Some((status, body)) => {
                self.tried += 1;
                if status.is_success() || status.is_redirection() || holds(&body, &victim.mark) {
                    self.open.push(format!("{what} ({status})"));
                }
            }
        }
    }

    /// Asks the router. Of what streams without end no body is read.
    pub(super) async fn ask(&self, knock: Knock<'_>) -> Option<(StatusCode, Vec<u8>)> {
        let mut request = Request::builder().method(knock.method).uri(&knock.path);
        if !knock.credential.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", knock.credential));
        }
        for name in &knock.headers {
            request = request.header("x-tenant-id", *name);
        }
        let body = match &knock.body {
            None => Body::empty(),
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        // What is no path to HTTP opens nothing.
        let Ok(request) = request.body(body) else { return Some((StatusCode::BAD_REQUEST, Vec::new())) };
        let answer = async {
            let response = self.router.clone().oneshot(request).await.ok()?;
            let status = response.status();
            let streams =
                response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
            let body = if streams {
                Vec::new()
            } else {
                axum::body::to_bytes(response.into_body(), MOST).await.ok()?.to_vec()
            };
            Some((status, body))
        };
        tokio::time::timeout(PATIENCE, answer).await.ok().flatten()
    }
}

pub(super) fn holds(body: &[u8], mark: &str) -> bool {
    body.windows(mark.len()).any(|part| part == mark.as_bytes())
}
