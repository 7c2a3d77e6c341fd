//! What every request passes through: id, panic guard, deadline, headers, log.

use super::large_body::{self, Deadline};
use super::pages;
use super::problem::{Problem, Unwritten, write};
use super::shedding::Shedding;
use super::traces;
use super::warnings::with_warnings;
use crate::clock::monotonic;
use crate::error::{Error, Kind};
use crate::id::{RequestId, TenantId};
use crate::service::Installation;
use crate::telemetry::{Answered, subject};
use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tower::Service as _;
use tracing::field::display;

/// Scripts and styles from ourselves alone, no frames, nothing else unless it is ours.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Bodies up to this many bytes are read before anything is decided.
const READ_FIRST: u64 = 64 << 10;
/// Requests that take longer are worth a line in the log.
const SLOW: Duration = Duration::from_secs(1);

/// Answers a request. Around the router and not a layer of it: each layer is one more box for every request.
pub(super) async fn observe(
    installation: Arc<Installation>,
    shedding: Arc<Shedding>,
    mut router: Router,
    request: Request,
) -> Response {
    let begun = monotonic();
    let request_id = RequestId::new(installation.clock().now());
    let id = request_id.to_string();
    let bytes_in = request.body().size_hint().exact().unwrap_or(0);
    let method = request.method().clone();
    let uri = request.uri().clone();
    let deadline = Duration::from_secs(installation.config().request_seconds);
    let trace =
        installation.tenancy().figures().spans().and_then(|spans| traces::begin(spans, request_id, &request));
    let (request, large) = if is_large(&request) {
        let (request, deadline) = large_body::prepare(request);
        (request, Some(deadline))
    } else {
        (request, None)
    };
    // Pinned before it is wrapped: a future within a future is moved, and stored, more than once.
    let routed = pin!(async {
        match with_small_body_read(request).await {
            Ok(request) => {
                // Until it is answered.
                let _accepted = match shedding.accept(request.uri().path()) {
                    Ok(accepted) => accepted,
                    Err(error) => return Problem(error).into_response(),
                };
                let routed = AssertUnwindSafe(async move { router.call(request).await });
                let answer = routed.catch_unwind().await;
                answer.map_or_else(caught_panic, |answered| match answered {
                    Ok(response) => response,
                    Err(never) => match never {},
                })
            }
            Err(problem) => problem.into_response(),
        }
    });
    let mut answer = pin!(subject::of_request(request_id, trace, with_warnings(&installation, routed)));
    let mut response = match tokio::time::timeout(deadline, answer.as_mut()).await {
        Ok(response) => response,
        Err(_) if large.as_ref().is_some_and(Deadline::is_lifted) => answer.as_mut().await,
        Err(_) => Problem(Error::new(
            Kind::DeadlinePassed,
            "deadline_passed",
            "This took longer than is allowed. Ask for less at once.",
        ))
        .into_response(),
    };
    let subject = answer.as_mut().take_value();
    let tenant = subject.as_ref().and_then(|subject| subject.tenant());
    let tenant_id = tenant.map(display);
    if let Some(Unwritten(error)) = response.extensions_mut().remove::<Unwritten>() {
        log_error(&error, &id, tenant, &method, &uri);
        write(&mut response, &error, &id);
    }
    let took = begun.elapsed();
    let bytes_out = response.body().size_hint().exact().unwrap_or(0);
    let answered = Answered { took, status: response.status().as_u16(), bytes_in, bytes_out };
    let figures = installation.tenancy().figures();
    if let Some((subject, trace)) = subject.as_ref().and_then(|subject| Some((subject, subject.trace()?))) {
        traces::end(trace, subject, &method, &id, &answered);
    }
    match tenant {
        Some(tenant) => figures.of(tenant, |counters| counters.answered(&answered)),
        None => figures.nobody().answered(&answered),
    }
    // Those of whom is refused by the limits are told later on purpose.
    if took > SLOW && !answered.is_refused() {
        tracing::warn!(request_id = %id, tenant_id, method = %method, path = uri.path(), ms = took.as_millis(), "slow request");
    }
    tracing::debug!(
        request_id = %id, tenant_id, method = %method, path = uri.path(), status = response.status().as_u16(),
        us = took.as_micros(), "request"
    );
    finish_headers(response.headers_mut(), &id, uri.path().starts_with("/api/") && uri.path() != pages::DOCS);
    response
}

/// A refusal is often ready before the body has arrived. The connection would then be closed with bytes unread, which
/// resets it, and the client would lose the very answer; so a small body is taken in first.
async fn with_small_body_read(request: Request) -> Result<Request, Problem> {
    if is_large(&request) || request.body().size_hint().exact() == Some(0) {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX)
        .await
        .map_err(|error| Problem(Error::body_incomplete().because(error)))?;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// Whether the body is longer than what is read first, or of unknown length.
fn is_large(request: &Request) -> bool {
    request.body().size_hint().exact().is_none_or(|size| size > READ_FIRST)
}

/// Faults of ours are errors, overload is a warning, the rest is the client's own affair.
fn log_error(error: &Error, id: &str, tenant: Option<TenantId>, method: &Method, uri: &Uri) {
    let tenant_id = tenant.map(display);
    let cause = error.cause().map(ToString::to_string).unwrap_or_default();
    match error.kind() {
        Kind::Internal => {
            tracing::error!(request_id = id, tenant_id, method = %method, path = uri.path(), cause, "request failed");
        }
        // Thousands a second when it matters; that it begins and ends is told once.
        Kind::Unavailable if error.code() == "overloaded" => {
            tracing::debug!(request_id = id, tenant_id, code = error.code(), cause, "request refused");
        }
        Kind::Unavailable | Kind::DeadlinePassed => {
            tracing::warn!(request_id = id, tenant_id, method = %method, path = uri.path(), code = error.code(), cause, "request refused");
        }
        _ => tracing::debug!(request_id = id, tenant_id, code = error.code(), cause, "request refused"),
    }
}

fn finish_headers(headers: &mut HeaderMap, id: &str, is_api: bool) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if is_api {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return;
    }
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// A panic in a handler is that request's 500 and nobody else's.
fn caught_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default();
    Problem(Error::internal(format!("panic: {text}"))).into_response()
}
