//! Routes that take an `Idempotency-Key`: `repeatable(create)` in place of `create` in the list of routes.

use super::body::read_small;
use super::conditions::{IDEMPOTENCY_REPLAYED, key_of};
use super::large_body::out_of_turn;
use super::principal::{SignedIn, SignedInOperator};
use super::problem::{Answer, Problem};
use super::routes::{Access, Declared};
use super::scope::Allowed;
use crate::error::Error;
use crate::model::hex::hex;
use crate::service::repeats::{self, Asked, Claimed, GivenAnswer};
use crate::service::{Actor, Installation, step_up};
use crate::telemetry::subject;
use crate::tenancy::TenantScope;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request};
use axum::handler::Handler;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};
use std::pin::Pin;
use std::sync::Arc;

/// Bytes of an answer that is kept.
const MOST_KEPT: usize = 1 << 20;

/// In an answer's extensions: it holds a secret that is shown once, so it is not kept.
#[derive(Clone, Copy)]
pub(super) struct ShownOnce;

/// A handler whose requests are done once for each `Idempotency-Key`.
#[derive(Clone)]
pub(super) struct Repeatable<H>(H);

/// The same handler, for a route of somebody who is signed in, that creates or begins something.
pub(super) fn repeatable<H>(handler: H) -> Repeatable<H> {
    Repeatable(handler)
}

impl<H, T> Handler<T, Arc<Installation>> for Repeatable<H>
where
    H: Handler<T, Arc<Installation>>,
{
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, installation: Arc<Installation>) -> Self::Future {
        Box::pin(async move {
            let answered = answer(self.0, request, installation).await;
            answered.unwrap_or_else(|problem| problem.into_response())
        })
    }
}

async fn answer<H, T>(handler: H, request: Request, installation: Arc<Installation>) -> Answer
where
    H: Handler<T, Arc<Installation>>,
{
    if !request.headers().contains_key(super::conditions::IDEMPOTENCY_KEY) {
        return Ok(handler.call(request, installation).await);
    }
    let (mut parts, body) = request.into_parts();
    // Who may not ask learns nothing of what was answered.
    let (scope, actor) = asker(&mut parts, &installation).await?;
    let Some(key) = key_of(&parts.headers)? else {
        return Err(Problem(Error::internal("a header went away")));
    };
    let body = out_of_turn(&parts.extensions, read_small(body, &installation)).await??;
    let digest = digest(&parts, &body);
    let claimed = match repeats::claim(&installation, scope, actor, &key, digest).await? {
        Asked::New(claimed) => claimed,
        Asked::Before(answer) => return Ok(again(answer)),
    };
    let request = Request::from_parts(parts, Body::from(body));
    // It goes on when the client goes away, so that what was done is known.
    let work = async move { keep(claimed, handler.call(request, installation).await).await };
    let done = tokio::spawn(subject::carried(work));
    done.await.unwrap_or_else(|error| Err(Problem(Error::internal(error))))
}

/// Who asks, and for which tenant.
async fn asker(
    parts: &mut Parts,
    installation: &Arc<Installation>,
) -> Result<(Option<TenantScope>, Actor), Problem> {
    let declared = Declared::of(parts)?;
    match declared.access() {
        Access::Public => Err(Problem(Error::internal("nobody's answers cannot be kept"))),
        Access::SignedIn => {
            let signed_in = SignedIn::from_request_parts(parts, installation).await?;
            Ok((None, signed_in.by().actor))
        }
        Access::Operator => {
            let operator = SignedInOperator::from_request_parts(parts, installation).await?;
            Ok((None, operator.by().actor))
        }
        Access::Tenant(permission, act) => {
            let allowed = Allowed::<()>::given(parts, installation, permission, act).await?;
            if declared.is_fresh() {
                step_up::require_fresh(installation, &allowed.principal)?;
            }
            let actor = allowed.scope.by().actor;
            Ok((Some(allowed.scope), actor))
        }
    }
}

/// What makes the request: not by which of two ways it names its tenant.
fn digest(parts: &Parts, body: &[u8]) -> String {
    let path = below_tenant(&parts.uri);
    let mut digest = Sha256::new();
    for part in [parts.method.as_str(), path, parts.uri.query().unwrap_or_default()] {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    digest.update(body);
    hex(&digest.finalize())
}

fn below_tenant(uri: &Uri) -> &str {
    let path = uri.path().strip_prefix("/api/v1").unwrap_or(uri.path());
    let rest = path.strip_prefix("/tenants/").and_then(|rest| rest.find('/').and_then(|at| rest.get(at..)));
    rest.unwrap_or(path)
}

/// Keeps what was answered, unless it was a refusal, and answers it.
async fn keep(claimed: Box<Claimed>, response: Response) -> Answer {
    let status = response.status();
    if !status.is_success() {
        if let Err(error) = claimed.release().await {
            tracing::warn!(error = ?error, "an Idempotency-Key stays taken though its request was refused");
        }
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body =
        axum::body::to_bytes(body, usize::MAX).await.map_err(|error| Problem(Error::internal(error)))?;
    let location =
        parts.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let is_kept = parts.extensions.get::<ShownOnce>().is_none() && body.len() <= MOST_KEPT;
    let answer = GivenAnswer { status: status.as_u16(), location, body: is_kept.then(|| body.to_vec()) };
    // It is done; that it cannot be said again is told to who asks again.
    if let Err(error) = claimed.keep(answer).await {
        tracing::warn!(error = ?error, "the answer to a request with an Idempotency-Key could not be kept");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn again(answer: GivenAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let body = answer.body.unwrap_or_default();
    let mut response = status.into_response();
    let headers = response.headers_mut();
    if !body.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(location) = answer.location.and_then(|location| HeaderValue::from_str(&location).ok()) {
        headers.insert(header::LOCATION, location);
    }
    headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    *response.body_mut() = Body::from(body);
    response
}
