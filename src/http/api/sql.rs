//! SQL that people write themselves, read only.

use crate::http::body::{Fields, Object};
use crate::http::problem::Answer;
use crate::http::routes::{NONE, Routes, Verb};
use crate::http::scope::{Allowed, Need, RunSql};
use crate::service::sql;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

pub(super) fn routes() -> Routes {
    Routes::default().tenant(RunSql::BOTH, Verb::Post, "/sql", NONE, run)
}

async fn run(allowed: Allowed<RunSql>, body: Object) -> Answer<Response> {
    let mut fields = Fields::of(body);
    let (sql, params) = (fields.text("sql"), fields.optional_value("params"));
    fields.finish()?;
    let answer = sql::run_sql(&allowed.scope, sql, params).await?;
    let json = HeaderValue::from_static("application/json");
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, json)], Body::from(answer)).into_response())
}
