//! Signing up, in and out; sessions.

use crate::error::{Error, Result};
use crate::http::address::Public;
use crate::http::body::{Fields, NoBody, Object};
use crate::http::cookies;
use crate::http::principal::SignedIn;
use crate::http::problem::{Answer, Problem};
use crate::http::query;
use crate::http::routes::{Access, NONE, Params, Routes, Verb};
use crate::id::SessionId;
use crate::service::identity::{self, SignInIn};
use crate::service::mfa;
use crate::service::provisioning::NewTenantIn;
use crate::service::sign_up::{self, SignUpIn};
use crate::service::{Installation, TokenPair, devices, sessions};
use axum::Json;
use axum::extract::{FromRequest as _, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) const COOKIES: Params = Params::Only(&["cookies"]);

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(Access::Public, Verb::Get, "/auth/sign-up", NONE, sign_up_mode)
        .add(Access::Public, Verb::Post, "/auth/sign-up", COOKIES, sign_up)
        .add(Access::Public, Verb::Post, "/auth/sign-in", COOKIES, sign_in)
        .by_token(Verb::Post, "/auth/refresh", COOKIES, refresh)
        .add(Access::SignedIn, Verb::Post, "/auth/sign-out", NONE, sign_out)
        .fresh(Access::SignedIn, Verb::Post, "/auth/sign-out-everywhere", NONE, sign_out_everywhere)
        .add(Access::SignedIn, Verb::Get, "/auth/sessions", NONE, list_sessions)
        .fresh(Access::SignedIn, Verb::Delete, "/auth/sessions/{session}", NONE, revoke_session)
}

/// Who may sign up, so that pages offer what there is.
async fn sign_up_mode(State(installation): State<Arc<Installation>>, _: Public) -> Json<Value> {
    Json(json!({ "mode": sign_up::mode(&installation) }))
}

async fn sign_up(
    State(installation): State<Arc<Installation>>,
    public: Public,
    parts: Parts,
    body: Object,
) -> Answer {
    let by_cookie = wants_cookies(&parts, &installation)?;
    let mut fields = Fields::of(body);
    let input = SignUpIn {
        email: fields.text("email"),
        password: fields.text("password"),
        name: fields.text("name"),
        tenant: fields.optional_fields("tenant", |tenant| NewTenantIn {
            name: tenant.text("name"),
            slug: tenant.optional_text("slug"),
        }),
    };
    fields.finish()?;
    if sign_up::needs_proof(&installation) {
        sign_up::ask(&installation, input, &public.caller).await?;
        return Ok((StatusCode::ACCEPTED, Json(json!({ "status": "verification_sent" }))).into_response());
    }
    let new = sign_up::sign_up(&installation, input, &public.caller).await?;
    replace_session(&installation, &parts, by_cookie, &public).await?;
    let mut body = json!({ "identity": new.identity });
    if let (Some(tenant), Some(map)) = (&new.tenant, body.as_object_mut()) {
        map.insert("tenant".to_owned(), super::tenants::tenant_out(tenant));
    }
    Ok((StatusCode::CREATED, begin(&installation, &new.tokens, by_cookie, body).await?).into_response())
}

async fn sign_in(
    State(installation): State<Arc<Installation>>,
    public: Public,
    parts: Parts,
    body: Object,
) -> Answer {
    let by_cookie = wants_cookies(&parts, &installation)?;
    let mut fields = Fields::of(body);
    let input = SignInIn { email: fields.text("email"), password: fields.text("password") };
    fields.finish()?;
    match identity::sign_in(&installation, input, &public.caller).await? {
        mfa::SignedIn::Tokens(tokens) => {
            replace_session(&installation, &parts, by_cookie, &public).await?;
            Ok(begin(&installation, &tokens, by_cookie, json!({})).await?)
        }
        mfa::SignedIn::SecondFactor(token) => {
            Ok(Json(json!({ "mfa_required": true, "mfa_token": token })).into_response())
        }
    }
}

async fn refresh(State(installation): State<Arc<Installation>>, public: Public, request: Request) -> Answer {
    let given = refresh_token(request, &installation).await;
    let is_own = given.as_ref().is_ok_and(|(token, _)| identity::is_own_refresh(&installation, token));
    if !is_own {
        public.count(&installation)?;
    }
    let (token, by_cookie) = given?;
    let tokens = identity::refresh(&installation, &token, &public.caller).await?;
    Ok(hand_over(&installation, &tokens, by_cookie, json!({}))?)
}

/// The refresh token that a request brings, and whether by a cookie.
async fn refresh_token(request: Request, installation: &Arc<Installation>) -> Answer<(String, bool)> {
    let (parts, body) = request.into_parts();
    let by_cookie = wants_cookies(&parts, installation)?;
    let cookie = if by_cookie { cookies::refresh_token(&parts.headers, installation)? } else { None };
    let token = match (by_cookie, cookie) {
        (true, Some(token)) => token,
        (true, None) => return Err(Problem(Error::unauthenticated("not_signed_in", "Sign in first."))),
        (false, _) => {
            let request = Request::from_parts(parts, body);
            let mut fields = Fields::of(Object::from_request(request, installation).await?);
            let token = fields.text("refresh_token");
            fields.finish()?;
            token
        }
    };
    Ok((token, by_cookie))
}

/// Ends the session whose cookies a sign-in is about to replace: nobody could reach it any more.
pub(super) async fn replace_session(
    installation: &Installation,
    parts: &Parts,
    by_cookie: bool,
    public: &Public,
) -> Result<()> {
    if !by_cookie {
        return Ok(());
    }
    // Of two cookies nobody knows which is this browser's.
    match cookies::refresh_token(&parts.headers, installation) {
        Ok(Some(token)) => sessions::end_replaced(installation, &token, &public.caller).await,
        Ok(None) | Err(_) => Ok(()),
    }
}

/// Whether tokens go into cookies; another site cannot ask for that.
pub(super) fn wants_cookies(parts: &Parts, installation: &Installation) -> Result<bool> {
    match query::once(&query::pairs(&parts.uri)?, "cookies")? {
        None | Some("0") => Ok(false),
        Some("1") => cookies::refuse_other_sites(parts, installation).map(|()| true),
        Some(_) => Err(Error::malformed("bad_parameter", "cookies must be 0 or 1.")),
    }
}

/// Tokens go into the body or into cookies, never both.
fn hand_over(
    installation: &Installation,
    tokens: &TokenPair,
    by_cookie: bool,
    mut body: Value,
) -> Result<Response> {
    let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
    let mut shown = serde_json::to_value(tokens)?;
    if by_cookie {
        headers = cookies::set(installation, tokens);
        shown = json!({ "expires_in": tokens.expires_in });
    }
    if let (Some(to), Value::Object(from)) = (body.as_object_mut(), shown) {
        to.extend(from);
    }
    Ok((AppendHeaders(headers), Json(body)).into_response())
}

/// As [`hand_over`], at a sign-in: the browser is known from now on.
pub(super) async fn begin(
    installation: &Installation,
    tokens: &TokenPair,
    by_cookie: bool,
    body: Value,
) -> Result<Response> {
    let mut response = hand_over(installation, tokens, by_cookie, body)?;
    if by_cookie {
        let device = devices::remember(installation, tokens).await?;
        if let Some((name, value)) = cookies::set_device(installation, &device) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

async fn sign_out(State(installation): State<Arc<Installation>>, signed_in: SignedIn, _: NoBody) -> Answer {
    sessions::sign_out(&installation, &signed_in.principal, signed_in.by()).await?;
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cookies::clear(&installation))).into_response())
}

async fn sign_out_everywhere(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    _: NoBody,
) -> Answer {
    sessions::sign_out_everywhere(&installation, &signed_in.principal, signed_in.by()).await?;
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cookies::clear(&installation))).into_response())
}

async fn list_sessions(State(installation): State<Arc<Installation>>, signed_in: SignedIn) -> Answer {
    let current = signed_in.principal.session()?;
    let sessions = sessions::list_sessions(&installation, &signed_in.principal).await?;
    let items: Vec<Value> = sessions
        .iter()
        .map(|session| {
            json!({
                "id": session.id, "created_at": session.created_at, "last_used_at": session.last_used_at,
                "user_agent": session.user_agent, "address": session.address, "current": session.id == current,
            })
        })
        .collect();
    Ok(super::list(&items, None))
}

#[derive(Deserialize)]
struct SessionPath {
    session: String,
}

async fn revoke_session(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    Path(path): Path<SessionPath>,
) -> Answer<StatusCode> {
    let id = SessionId::parse(&path.session).ok_or_else(Error::not_found)?;
    sessions::revoke_session(&installation, &signed_in.principal, id, signed_in.by()).await?;
    Ok(StatusCode::NO_CONTENT)
}
