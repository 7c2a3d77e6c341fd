//! Plans: those that are offered, and all of them for operators.

use crate::error::{Error, FieldError};
use crate::http::body::{Fields, Object};
use crate::http::conditions::Conditions;
use crate::http::principal::{SignedIn, SignedInOperator};
use crate::http::problem::Answer;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::service::plans::{self, PutPlanIn};
use crate::service::{Installation, PlanVersion};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(Access::SignedIn, Verb::Get, "/plans", NONE, list_offered)
        .add(Access::Operator, Verb::Get, "/operator/plans", NONE, list)
        .add(Access::Operator, Verb::Get, "/operator/plans/{key}", NONE, get)
        .add(Access::Operator, Verb::Put, "/operator/plans/{key}", NONE, put)
}

#[derive(Deserialize)]
struct PlanPath {
    key: String,
}

/// A plan as those see it who may choose it: what is between the operator and Stripe is left out.
fn offered_out(plan: &PlanVersion) -> Value {
    let mut out = plan.plan.document();
    out.remove("stripe_price");
    out.remove("offered");
    let name = [("key", json!(plan.key)), ("version", json!(plan.version))];
    let name = name.into_iter().map(|(field, value)| (field.to_owned(), value));
    Value::Object(name.chain(out).collect())
}

async fn list_offered(State(installation): State<Arc<Installation>>, _: SignedIn) -> Answer {
    let items: Vec<Value> = plans::list_offered_plans(&installation).await?.iter().map(offered_out).collect();
    Ok(super::list(&items, None))
}

/// A plan as operators see it.
fn plan_out(plan: &PlanVersion) -> Value {
    json!({
        "key": plan.key, "version": plan.version, "digest": plan.digest, "published_at": plan.published_at,
        "document": plan.plan.document(),
    })
}

async fn list(State(installation): State<Arc<Installation>>, _: SignedInOperator) -> Answer {
    let with_tenants = |(plan, tenants): &(PlanVersion, i64)| {
        let mut out = plan_out(plan);
        out["tenants"] = json!(tenants);
        out
    };
    let items: Vec<Value> = plans::list_plans(&installation).await?.iter().map(with_tenants).collect();
    Ok(super::list(&items, None))
}

async fn get(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
    Path(path): Path<PlanPath>,
) -> Answer {
    let (plan, versions) = plans::find_plan(&installation, &path.key).await?;
    let mut out = plan_out(&plan);
    out["versions"] = json!(versions);
    Ok(tagged(StatusCode::OK, &plan, &out))
}

async fn put(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<PlanPath>,
    Conditions(preconditions): Conditions,
    body: Object,
) -> Answer {
    let mut fields = Fields::of(body);
    let (document, expected) =
        (fields.optional_object("document"), fields.optional_value("expected_version"));
    fields.finish()?;
    let expected_version = expected.as_ref().and_then(Value::as_i64).filter(|version| *version >= 0);
    let mut faults = Vec::new();
    if document.is_none() {
        faults.push(FieldError::new(
            "document",
            "required",
            "is required: what the plan says, as GET answers it",
        ));
    }
    if expected.is_some() && expected_version.is_none() {
        faults.push(FieldError::new("expected_version", "type", "must be a whole number, 0 for a new plan"));
    }
    let Some(document) = document.filter(|_| faults.is_empty()) else {
        return Err(Error::invalid(faults).into());
    };
    let by = operator.acts(&installation)?;
    let input = PutPlanIn { document, expected_version, preconditions };
    let plan = plans::put_plan(&installation, &path.key, input, by).await?;
    let status = if plan.version == 1 { StatusCode::CREATED } else { StatusCode::OK };
    Ok(tagged(status, &plan, &plan_out(&plan)))
}

fn tagged(status: StatusCode, plan: &PlanVersion, out: &Value) -> Response {
    let mut response = (status, Json(out)).into_response();
    if let Ok(tag) = HeaderValue::from_str(plans::tag(plan).as_str()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
