//! What came from Stripe and what it changed, for operators.

use super::paging::Paging;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::http::body::NoBody;
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::repeats::repeatable;
use crate::http::routes::{Access, NONE, Params, Routes, Verb};
use crate::id::InvoiceId;
use crate::service::stripe::{self, DriftReport};
use crate::service::{HeldStatement, Installation, StripeEvent, StripeEventFilter};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use serde::Deserialize;
use std::sync::Arc;

const EVENTS: Params = Params::Only(&["limit", "cursor", "status", "type"]);
const STATEMENTS: Params = Params::Only(&["limit", "cursor"]);

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(Access::Operator, Verb::Get, "/operator/stripe-events", EVENTS, list)
        .add(Access::Operator, Verb::Post, "/operator/stripe-events/{event}/replay", NONE, repeatable(replay))
        .add(Access::Operator, Verb::Get, "/operator/stripe-statements", STATEMENTS, statements)
        .add(
            Access::Operator,
            Verb::Post,
            "/operator/stripe-statements/{invoice}/retry",
            NONE,
            repeatable(retry),
        )
        .add(Access::Operator, Verb::Get, "/operator/stripe-drift", NONE, drift)
        .add(Access::Operator, Verb::Post, "/operator/stripe-drift/repair", NONE, repeatable(repair))
}

async fn list(State(installation): State<Arc<Installation>>, _: SignedInOperator, uri: Uri) -> Answer {
    let pairs = query::pairs(&uri)?;
    let paging = Paging::of(&installation, &pairs, "operator:stripe-events")?;
    let filter = StripeEventFilter {
        status: query::once(&pairs, "status")?.map(stripe::parse_event_status).transpose()?,
        kind: query::once(&pairs, "type")?.map(str::to_owned),
        after: paging.after(|position| {
            let (at, id) = position.split_once(' ')?;
            Some((Timestamp(at.parse().ok()?), id.to_owned()))
        })?,
        limit: paging.fetch(),
    };
    let mut events = stripe::list_events(&installation, filter).await?;
    let next = paging.cut(&mut events, |last| format!("{} {}", last.received_at.0, last.id));
    Ok(super::list(&events, next))
}

#[derive(Deserialize)]
struct EventPath {
    event: String,
}

async fn replay(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<EventPath>,
    _: NoBody,
) -> Answer<(StatusCode, Json<StripeEvent>)> {
    let by = operator.acts(&installation)?;
    Ok((StatusCode::ACCEPTED, Json(stripe::replay_event(&installation, path.event, by).await?)))
}

async fn statements(State(installation): State<Arc<Installation>>, _: SignedInOperator, uri: Uri) -> Answer {
    let pairs = query::pairs(&uri)?;
    let paging = Paging::of(&installation, &pairs, "operator:stripe-statements")?;
    let after = paging.after(InvoiceId::parse)?;
    let mut held = stripe::list_held_statements(&installation, after, paging.fetch()).await?;
    let next = paging.cut(&mut held, |last| last.invoice_id.to_string());
    Ok(super::list(&held, next))
}

#[derive(Deserialize)]
struct StatementPath {
    invoice: String,
}

async fn retry(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<StatementPath>,
    _: NoBody,
) -> Answer<(StatusCode, Json<HeldStatement>)> {
    let by = operator.acts(&installation)?;
    let invoice = InvoiceId::parse(&path.invoice).ok_or_else(Error::not_found)?;
    Ok((StatusCode::ACCEPTED, Json(stripe::retry_statement(&installation, invoice, by).await?)))
}

async fn drift(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
) -> Answer<Json<DriftReport>> {
    Ok(Json(stripe::drift_report(&installation).await?))
}

async fn repair(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    _: NoBody,
) -> Answer<Json<DriftReport>> {
    let by = operator.acts(&installation)?;
    Ok(Json(stripe::repair_drift(&installation, by).await?))
}
