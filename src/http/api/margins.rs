//! What tenants bring in and cost.

use super::paging::Paging;
use crate::clock::Timestamp;
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::routes::{Access, NONE, Params, Routes, Verb};
use crate::id::TenantId;
use crate::model::money::Amount;
use crate::service::Installation;
use crate::service::margins::{self, Margin};
use crate::service::telemetry;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(
            Access::Operator,
            Verb::Get,
            "/operator/margins",
            Params::Only(&["month", "tenant", "limit", "cursor"]),
            list,
        )
        .add(Access::Operator, Verb::Get, "/operator/margins/totals", NONE, totals)
}

fn margin_out(margin: &Margin, from: Timestamp, serving_currency: &str) -> Value {
    let month = &margin.month;
    json!({
        "tenant": { "id": month.id, "slug": month.slug, "name": month.name },
        "plan": month.plan,
        "month": from.to_string().get(..7),
        "currency": month.currency.code(),
        "revenue_cents": month.revenue.to_string(),
        "cost_cents": Amount(month.event_cost).to_string(),
        "serving": {
            "currency": serving_currency,
            "cost_cents": Amount(margin.serving).to_string(),
            "database_ms": month.database_us / 1_000,
            "bytes_out": month.bytes_out,
            "storage_bytes": month.storage_bytes,
        },
        "margin_cents": margin.margin.map(|margin| Amount(margin).to_string()),
    })
}

async fn list(State(installation): State<Arc<Installation>>, _: SignedInOperator, uri: Uri) -> Answer {
    let pairs = query::pairs(&uri)?;
    let month = query::once(&pairs, "month")?;
    let only = query::once(&pairs, "tenant")?;
    let context = format!("operator:margins {}", month.unwrap_or_default());
    let paging = Paging::of(&installation, &pairs, context)?;
    let after = paging.after(TenantId::parse)?;
    let (period, mut all) = margins::list_margins(&installation, month, only, after, paging.fetch()).await?;
    let next = paging.cut(&mut all, |last| last.month.id.to_string());
    let currency = &installation.config().cost_currency;
    let items: Vec<Value> =
        all.iter().map(|margin| margin_out(margin, Timestamp(period.from), currency)).collect();
    Ok(super::list(&items, next))
}

async fn totals(State(installation): State<Arc<Installation>>, _: SignedInOperator) -> Answer<Json<Value>> {
    let totals = telemetry::totals(&installation)?;
    let items: Vec<Value> = totals
        .by_currency
        .iter()
        .map(|of| {
            json!({
                "currency": of.currency.code(),
                "tenants": of.tenants,
                "revenue_cents": of.revenue.to_string(),
                "cost_cents": of.cost.map(|cost| cost.to_string()),
                "margin_cents": of.margin.map(|margin| margin.to_string()),
            })
        })
        .collect();
    Ok(Json(json!({
        "month": totals.month.to_string().get(..7),
        "as_of": totals.as_of,
        "complete": totals.complete,
        "tenants": totals.tenants,
        "unprofitable": totals.unprofitable,
        "storage_bytes": totals.storage_bytes,
        "currencies": items,
    })))
}
