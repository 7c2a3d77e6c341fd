//! Passwords: changed, forgotten, set anew.

use crate::http::address::Public;
use crate::http::body::{Fields, Object};
use crate::http::principal::SignedIn;
use crate::http::problem::Answer;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::service::{Installation, passwords};
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(Access::SignedIn, Verb::Post, "/auth/password/change", NONE, change)
        .add(Access::Public, Verb::Post, "/auth/password/forgot", NONE, forgot)
        .add(Access::Public, Verb::Post, "/auth/password/reset", NONE, reset)
}

async fn change(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    body: Object,
) -> Answer<StatusCode> {
    let mut fields = Fields::of(body);
    let (current, new) = (fields.text("current_password"), fields.text("new_password"));
    fields.finish()?;
    passwords::change_password(&installation, &signed_in.principal, current, &new, signed_in.by()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn forgot(
    State(installation): State<Arc<Installation>>,
    public: Public,
    body: Object,
) -> Answer<StatusCode> {
    let mut fields = Fields::of(body);
    let email = fields.text("email");
    fields.finish()?;
    passwords::forget_password(&installation, &email, &public.caller)?;
    Ok(StatusCode::ACCEPTED)
}

async fn reset(
    State(installation): State<Arc<Installation>>,
    public: Public,
    body: Object,
) -> Answer<StatusCode> {
    let mut fields = Fields::of(body);
    let (token, new) = (fields.text("token"), fields.text("new_password"));
    fields.finish()?;
    passwords::reset_password(&installation, &token, &new, &public.caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
