//! The first operator.

use crate::http::address::Public;
use crate::http::body::{Fields, Object};
use crate::http::problem::Answer;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::service::operators::{self, SetUpIn};
use crate::service::{Identity, Installation};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default().add(Access::Public, Verb::Post, "/setup", NONE, set_up)
}

async fn set_up(
    State(installation): State<Arc<Installation>>,
    public: Public,
    body: Object,
) -> Answer<(StatusCode, Json<Identity>)> {
    let mut fields = Fields::of(body);
    let input = SetUpIn {
        token: fields.text("token"),
        email: fields.text("email"),
        name: fields.text("name"),
        password: fields.text("password"),
    };
    fields.finish()?;
    Ok((StatusCode::CREATED, Json(operators::set_up(&installation, input, &public.caller).await?)))
}
