//! Addresses: verified and changed.

use crate::http::address::Public;
use crate::http::body::{Fields, NoBody, Object};
use crate::http::principal::SignedIn;
use crate::http::problem::Answer;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::service::{Installation, emails};
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(Access::Public, Verb::Post, "/auth/email/verify", NONE, verify)
        .add(Access::SignedIn, Verb::Post, "/auth/email/resend", NONE, resend)
        .add(Access::SignedIn, Verb::Post, "/auth/email/change", NONE, change)
}

async fn verify(
    State(installation): State<Arc<Installation>>,
    public: Public,
    body: Object,
) -> Answer<StatusCode> {
    let mut fields = Fields::of(body);
    let token = fields.text("token");
    fields.finish()?;
    emails::verify_email(&installation, &token, &public.caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn resend(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    _: NoBody,
) -> Answer<StatusCode> {
    emails::send_verification(&installation, &signed_in.principal, signed_in.by()).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn change(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    body: Object,
) -> Answer<StatusCode> {
    let mut fields = Fields::of(body);
    let (new, password) = (fields.text("new_email"), fields.text("password"));
    fields.finish()?;
    emails::change_email(&installation, &signed_in.principal, &new, password, signed_in.by()).await?;
    Ok(StatusCode::ACCEPTED)
}
