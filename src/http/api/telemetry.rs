//! What was counted of tenants, for operators.

use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::routes::{Access, NONE, Params, Routes, Verb};
use crate::service::Installation;
use crate::service::telemetry::{self, SeriesIn};
use crate::telemetry::{Bucket, Figure, LATENCY_BOUNDS_US, Window};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(Access::Operator, Verb::Get, "/operator/slow-queries", Params::Only(&["tenant"]), slow_queries)
        .add(Access::Operator, Verb::Get, "/operator/overview", NONE, overview)
        .add(
            Access::Operator,
            Verb::Get,
            "/operator/tenants/{selector}/telemetry",
            Params::Only(&["from", "to", "window"]),
            series,
        )
}

#[derive(Deserialize)]
struct TenantPath {
    selector: String,
}

async fn overview(State(installation): State<Arc<Installation>>, _: SignedInOperator) -> Answer<Json<Value>> {
    Ok(Json(telemetry::overview(&installation).await?))
}

async fn slow_queries(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
    uri: Uri,
) -> Answer<Json<Value>> {
    let pairs = query::pairs(&uri)?;
    Ok(Json(telemetry::slow_queries(&installation, query::once(&pairs, "tenant")?).await?))
}

async fn series(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
    Path(path): Path<TenantPath>,
    uri: Uri,
) -> Answer<Json<Value>> {
    let pairs = query::pairs(&uri)?;
    let input = SeriesIn {
        from: query::time(&pairs, "from")?,
        to: query::time(&pairs, "to")?,
        window: query::once(&pairs, "window")?.map(str::to_owned),
    };
    let series = telemetry::series(&installation, &path.selector, input).await?;
    let points: Vec<Value> = series.points.iter().map(|point| point_out(point, series.window)).collect();
    Ok(Json(json!({
        "tenant_id": series.tenant,
        "window": series.window.name(),
        "from": series.from,
        "to": series.to,
        "latency_bounds_us": LATENCY_BOUNDS_US,
        "points": points,
    })))
}

fn point_out(point: &Bucket, window: Window) -> Value {
    let totals = &point.totals;
    let ms = |share| totals.quantile_us(share).map(milliseconds);
    let mut out = json!({
        "at": point.at,
        "until": point.at.plus(window.span()),
        "error_rate": totals.error_rate(),
        "p50_ms": ms(0.5),
        "p95_ms": ms(0.95),
        "p99_ms": ms(0.99),
        "latency": totals.latency(),
    });
    if let Some(out) = out.as_object_mut() {
        for figure in Figure::ALL {
            let number = totals.get(figure);
            match figure.name().strip_suffix("_us") {
                Some(name) => out.insert(format!("{name}_ms"), json!(milliseconds(number))),
                None if figure == Figure::Rows => out.insert("rows".to_owned(), number.into()),
                None => out.insert(figure.name().to_owned(), number.into()),
            };
        }
    }
    out
}

#[expect(clippy::cast_precision_loss, reason = "to be shown")]
fn milliseconds(us: u64) -> f64 {
    us as f64 / 1e3
}
