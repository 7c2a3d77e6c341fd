//! What operators do. They are members of nothing.

use super::paging::Paging;
use crate::error::Error;
use crate::http::body::{Fields, NoBody, Object, OrNothing};
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::receipt_page;
use crate::http::repeats::repeatable;
use crate::http::routes::{Access, NONE, Params, Routes, Verb};
use crate::id::TenantId;
use crate::model::receipt::Receipt;
use crate::model::tenant::TenantStatus;
use crate::service::lifecycle::{self, OperatorAct};
use crate::service::sessions::{self, Whose};
use crate::service::telemetry::{self, FleetIn, Position};
use crate::service::{Installation, erasure, tenants};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

const PAGED: Params = Params::Only(&["limit", "cursor"]);

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(
            Access::Operator,
            Verb::Get,
            "/operator/tenants",
            Params::Only(&["limit", "cursor", "status", "plan", "q", "order"]),
            list,
        )
        .add(Access::Operator, Verb::Get, "/operator/tenants/{selector}", NONE, get)
        .add(Access::Operator, Verb::Post, "/operator/tenants/{selector}/suspend", NONE, repeatable(suspend))
        .add(Access::Operator, Verb::Post, "/operator/tenants/{selector}/resume", NONE, repeatable(resume))
        .add(Access::Operator, Verb::Post, "/operator/tenants/{selector}/close", NONE, repeatable(close))
        .add(Access::Operator, Verb::Post, "/operator/tenants/{selector}/erase", NONE, erase)
        .add(Access::Operator, Verb::Post, "/operator/sessions/end", NONE, repeatable(end_sessions))
        .add(Access::Operator, Verb::Get, "/operator/erasures", PAGED, list_erasures)
        .add(Access::Operator, Verb::Get, "/operator/erasures/{selector}", NONE, get_erasure)
}

#[derive(Deserialize)]
struct TenantPath {
    selector: String,
}

async fn list(State(installation): State<Arc<Installation>>, _: SignedInOperator, uri: Uri) -> Answer {
    let pairs = query::pairs(&uri)?;
    let text = |name| query::once(&pairs, name).map(|found| found.map(str::to_owned));
    let (q, plan, order) = (text("q")?, text("plan")?, text("order")?);
    let status = query::once(&pairs, "status")?.map(tenants::parse_status).transpose()?;
    // A cursor goes on with the same list.
    let asked = json!([q, plan, order, status.map(TenantStatus::name)]);
    let paging = Paging::of(&installation, &pairs, format!("operator:tenants {asked}"))?;
    let after = paging.after(Position::parse)?;
    let limit = paging.fetch().saturating_sub(1) as usize;
    let fleet =
        telemetry::list_fleet(&installation, FleetIn { q, status, plan, order, after, limit }).await?;
    let next = fleet.next.map(|position| paging.seal(&position.to_string()));
    let items: Vec<Value> = fleet
        .tenants
        .iter()
        .map(|line| {
            let mut out = super::tenants::operator_out(&line.tenant);
            if let (Some(out), Value::Object(figures)) = (out.as_object_mut(), line.figures_out(fleet.as_of))
            {
                out.extend(figures);
            }
            out
        })
        .collect();
    Ok(super::list(&items, next))
}

async fn get(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
    Path(path): Path<TenantPath>,
) -> Answer<Json<Value>> {
    Ok(Json(super::tenants::operator_out(&tenants::find_tenant(&installation, &path.selector).await?)))
}

async fn suspend(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
    _: NoBody,
) -> Answer<Json<Value>> {
    act(&installation, &operator, &path, OperatorAct::Suspend).await
}

async fn resume(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
    _: NoBody,
) -> Answer<Json<Value>> {
    act(&installation, &operator, &path, OperatorAct::Resume).await
}

async fn close(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
    OrNothing(body): OrNothing,
) -> Answer<(StatusCode, Json<Value>)> {
    let mut fields = Fields::of(body);
    let stripe_customer = fields.optional_flag("stripe_customer").unwrap_or_default();
    fields.finish()?;
    let close = OperatorAct::Close { stripe_customer };
    Ok((StatusCode::ACCEPTED, act(&installation, &operator, &path, close).await?))
}

async fn act(
    installation: &Installation,
    operator: &SignedInOperator,
    path: &TenantPath,
    act: OperatorAct,
) -> Answer<Json<Value>> {
    let tenant =
        lifecycle::operate_tenant(installation, &path.selector, act, operator.acts(installation)?).await?;
    Ok(Json(super::tenants::operator_out(&tenant)))
}

async fn erase(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
    body: Object,
) -> Answer<Json<Receipt>> {
    let mut fields = Fields::of(body);
    let confirm = fields.text("confirm");
    let stripe_customer = fields.optional_flag("stripe_customer").unwrap_or_default();
    fields.finish()?;
    let by = operator.acts(&installation)?;
    Ok(Json(erasure::erase_now(&installation, &path.selector, &confirm, stripe_customer, by).await?))
}

async fn end_sessions(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    body: Object,
) -> Answer<Json<Value>> {
    let mut fields = Fields::of(body);
    let (email, everybody) = (fields.optional_text("email"), fields.optional_flag("everybody"));
    fields.finish()?;
    let whose = match (email, everybody) {
        (Some(email), None | Some(false)) => Whose::Account(email),
        (None, Some(true)) => Whose::Everybody,
        _ => {
            let message = "is required; to end the sessions of all, send everybody: true instead";
            return Err(Error::invalid_field("email", "required", message).into());
        }
    };
    let ended = sessions::end_sessions(&installation, whose, operator.acts(&installation)?).await?;
    Ok(Json(json!({ "sessions_ended": ended })))
}

async fn list_erasures(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
    uri: Uri,
) -> Answer {
    let paging = Paging::of(&installation, &query::pairs(&uri)?, "operator:erasures")?;
    let after = paging.after(TenantId::parse)?;
    let mut all = erasure::list_receipts(&installation, after, paging.fetch()).await?;
    let next = paging.cut(&mut all, |(id, _)| id.to_string());
    let items: Vec<Value> =
        all.iter().map(|(id, receipt)| json!({ "tenant_id": id, "receipt": receipt })).collect();
    Ok(super::list(&items, next))
}

async fn get_erasure(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
    Path(path): Path<TenantPath>,
    headers: HeaderMap,
) -> Answer {
    // No selector has a dot in it.
    let (selector, is_page) = match path.selector.strip_suffix(".html") {
        Some(selector) => (selector, true),
        None => (path.selector.as_str(), receipt_page::is_asked_for(&headers)),
    };
    let receipt = erasure::find_receipt(&installation, selector).await?;
    let mut response = if is_page { receipt_page::page(&receipt)? } else { Json(receipt).into_response() };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}
