//! The second factor, and showing again who one is.

use super::auth::{COOKIES, begin, wants_cookies};
use crate::error::{Error, Result};
use crate::http::address::Public;
use crate::http::body::{Fields, NoBody, Object};
use crate::http::principal::SignedIn;
use crate::http::problem::Answer;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::service::second_factor::{self, Enrolment};
use crate::service::{Installation, mfa, step_up};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(Access::Public, Verb::Post, "/auth/mfa", COOKIES, second_step)
        .add(Access::SignedIn, Verb::Post, "/auth/step-up", NONE, step_up)
        .fresh(Access::SignedIn, Verb::Post, "/auth/totp/enroll", NONE, enroll)
        .fresh(Access::SignedIn, Verb::Post, "/auth/totp/confirm", NONE, confirm)
        .add(Access::SignedIn, Verb::Post, "/auth/totp/recovery-codes", NONE, renew)
        .add(Access::SignedIn, Verb::Delete, "/auth/totp", NONE, remove)
}

async fn second_step(
    State(installation): State<Arc<Installation>>,
    public: Public,
    parts: Parts,
    body: Object,
) -> Answer {
    let by_cookie = wants_cookies(&parts, &installation)?;
    let mut fields = Fields::of(body);
    let (token, code) = (fields.text("mfa_token"), fields.text("code"));
    fields.finish()?;
    let tokens = mfa::sign_in_with_code(&installation, &token, code, &public.caller).await?;
    Ok(begin(&installation, &tokens, by_cookie, json!({})).await?)
}

async fn step_up(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    body: Object,
) -> Answer<StatusCode> {
    let mut fields = Fields::of(body);
    let (password, code) = (fields.optional_text("password"), fields.optional_text("code"));
    fields.finish()?;
    let (principal, by) = (&signed_in.principal, signed_in.by());
    match (password, code) {
        (Some(password), None) => {
            step_up::step_up_with_password(&installation, principal, password, by).await?;
        }
        (None, Some(code)) => step_up::step_up_with_code(&installation, principal, code, by).await?,
        _ => {
            let message = "is required; where there is a second factor, send code instead";
            return Err(Error::invalid_field("password", "required", message).into());
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn enroll(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    _: NoBody,
) -> Answer<Json<Enrolment>> {
    Ok(Json(second_factor::enroll(&installation, &signed_in.principal).await?))
}

fn code_of(body: Object) -> Result<String> {
    let mut fields = Fields::of(body);
    let code = fields.text("code");
    fields.finish()?;
    Ok(code)
}

async fn confirm(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    body: Object,
) -> Answer<Json<Value>> {
    let code = code_of(body)?;
    let codes = second_factor::confirm(&installation, &signed_in.principal, code, signed_in.by()).await?;
    Ok(Json(json!({ "recovery_codes": codes })))
}

async fn renew(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    body: Object,
) -> Answer<Json<Value>> {
    let code = code_of(body)?;
    let by = signed_in.by();
    let codes = second_factor::renew_recovery_codes(&installation, &signed_in.principal, code, by).await?;
    Ok(Json(json!({ "recovery_codes": codes })))
}

async fn remove(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    body: Object,
) -> Answer<StatusCode> {
    second_factor::remove(&installation, &signed_in.principal, code_of(body)?, signed_in.by()).await?;
    Ok(StatusCode::NO_CONTENT)
}
