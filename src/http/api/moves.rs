//! Moving tenants to other volumes, for operators.

use crate::http::body::{Fields, NoBody, Object};
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::repeats::repeatable;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::service::Installation;
use crate::service::moves::{self, MoveOut};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(Access::Operator, Verb::Get, "/operator/tenants/{selector}/move", NONE, get)
        .add(Access::Operator, Verb::Post, "/operator/tenants/{selector}/move", NONE, repeatable(start))
        .add(Access::Operator, Verb::Delete, "/operator/tenants/{selector}/move", NONE, give_up)
        .add(Access::Operator, Verb::Get, "/operator/volumes", NONE, list)
}

#[derive(Deserialize)]
struct TenantPath {
    selector: String,
}

async fn get(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
    Path(path): Path<TenantPath>,
) -> Answer<Json<MoveOut>> {
    Ok(Json(moves::find_move(&installation, &path.selector).await?))
}

async fn start(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
    body: Object,
) -> Answer<(StatusCode, Json<MoveOut>)> {
    let mut fields = Fields::of(body);
    let to = fields.text("to");
    fields.finish()?;
    let by = operator.acts(&installation)?;
    let begun = moves::start_move(&installation, &path.selector, &to, by).await?;
    Ok((StatusCode::ACCEPTED, Json(begun)))
}

async fn give_up(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
    _: NoBody,
) -> Answer<(StatusCode, Json<MoveOut>)> {
    let by = operator.acts(&installation)?;
    let given_up = moves::give_up_move(&installation, &path.selector, by).await?;
    Ok((StatusCode::ACCEPTED, Json(given_up)))
}

async fn list(State(installation): State<Arc<Installation>>, _: SignedInOperator) -> Answer {
    let items: Vec<Value> =
        moves::list_volumes(&installation).await?.into_iter().map(|volume| json!(volume)).collect();
    Ok(super::list(&items, None))
}
