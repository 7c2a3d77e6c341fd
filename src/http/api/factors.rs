//! Showing again who one is.

use crate::http::body::{Fields, Object};
use crate::http::principal::SignedIn;
use crate::http::problem::Answer;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::service::{Installation, step_up};
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default().add(Access::SignedIn, Verb::Post, "/auth/step-up", NONE, step_up)
}

async fn step_up(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    body: Object,
) -> Answer<StatusCode> {
    let mut fields = Fields::of(body);
    let password = fields.text("password");
    fields.finish()?;
    step_up::step_up_with_password(&installation, &signed_in.principal, password, signed_in.by()).await?;
    Ok(StatusCode::NO_CONTENT)
}
