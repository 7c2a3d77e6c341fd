//! One SQL statement over many tenants, for operators.

use crate::http::body::{Fields, Object};
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::service::Installation;
use crate::service::fleet_query::{self, BudgetIn, QueryIn, SelectionIn};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default().add(Access::Operator, Verb::Post, "/operator/query", NONE, run)
}

async fn run(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    body: Object,
) -> Answer<Response> {
    let mut fields = Fields::of(body);
    let input = QueryIn {
        sql: fields.text("sql"),
        params: fields.optional_value("params"),
        selection: SelectionIn {
            tenants: fields.optional_texts("tenants"),
            q: fields.optional_text("q"),
            plan: fields.optional_text("plan"),
            status: fields.optional_text("status"),
            all: fields.optional_flag("all").unwrap_or_default(),
            after: fields.optional_text("after"),
        },
        budget: fields
            .optional_fields("budget", |fields| BudgetIn {
                seconds: fields.optional_integer("seconds"),
                tenant_ms: fields.optional_integer("tenant_ms"),
                rows: fields.optional_integer("rows"),
                tenant_rows: fields.optional_integer("tenant_rows"),
                bytes: fields.optional_integer("bytes"),
                tenants: fields.optional_integer("tenants"),
            })
            .unwrap_or_default(),
    };
    fields.finish()?;
    let answer = fleet_query::run_query(&installation, input, operator.acts(&installation)?).await?;
    let json = HeaderValue::from_static("application/json");
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, json)], Body::from(answer)).into_response())
}
