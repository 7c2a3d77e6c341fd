//! On which plan a tenant is.

use crate::clock::Timestamp;
use crate::http::body::{Fields, NoBody, Object};
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::http::scope::{Allowed, ChangeSubscription, Need, ReadSubscription};
use crate::service::Installation;
use crate::service::subscriptions::{self, Subscription, When};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

const PATH: &str = "/subscription";

pub(super) fn routes() -> Routes {
    Routes::default()
        .tenant(ReadSubscription::BOTH, Verb::Get, PATH, NONE, get)
        .tenant(ChangeSubscription::BOTH, Verb::Put, PATH, NONE, put)
        .tenant(ChangeSubscription::BOTH, Verb::Delete, "/subscription/scheduled-change", NONE, cancel)
        .add(Access::Operator, Verb::Get, "/operator/tenants/{selector}/subscription", NONE, get_of)
        .add(Access::Operator, Verb::Put, "/operator/tenants/{selector}/subscription", NONE, assign)
}

fn subscription_out(subscription: &Subscription) -> Value {
    let course = &subscription.course;
    let mut out = json!({
        "plan": course.plan.key,
        "version": course.plan.version,
        "newest_version": subscription.newest_version,
        "status": course.status.name(),
        "interval": course.interval.name(),
        "period_start": Timestamp(course.period.from),
        "period_end": Timestamp(course.period.to),
        "timezone": course.timezone,
        "scheduled_change": null,
    });
    if let Some(end) = course.trial_end {
        out["trial_end"] = json!(Timestamp(end));
    }
    if let Some(id) = &subscription.stripe_subscription {
        out["stripe_subscription_id"] = json!(id);
    }
    if let Some(next) = &course.next {
        out["scheduled_change"] =
            json!({ "plan": next.key, "version": next.version, "at": Timestamp(course.period.to) });
    }
    out
}

async fn get(allowed: Allowed<ReadSubscription>) -> Answer<Json<Value>> {
    Ok(Json(subscription_out(&subscriptions::find_subscription(&allowed.scope).await?)))
}

/// The plan, and when it counts.
fn read(body: Object) -> crate::error::Result<(String, When)> {
    let mut fields = Fields::of(body);
    let (plan, when) = (fields.text("plan"), fields.optional_text("when"));
    fields.finish()?;
    Ok((plan, When::parse(when.as_deref())?))
}

async fn put(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ChangeSubscription>,
    body: Object,
) -> Answer<Json<Value>> {
    let (plan, when) = read(body)?;
    let changed = subscriptions::change_subscription(&installation, &allowed.scope, plan, when).await?;
    Ok(Json(subscription_out(&changed)))
}

async fn cancel(allowed: Allowed<ChangeSubscription>, _: NoBody) -> Answer<StatusCode> {
    subscriptions::cancel_scheduled_change(&allowed.scope).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct TenantPath {
    selector: String,
}

async fn get_of(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
) -> Answer<Json<Value>> {
    let by = operator.by();
    let found = subscriptions::find_subscription_for_operator(&installation, &path.selector, by).await?;
    Ok(Json(subscription_out(&found)))
}

async fn assign(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
    body: Object,
) -> Answer<Json<Value>> {
    let (plan, when) = read(body)?;
    let by = operator.acts(&installation)?;
    let changed = subscriptions::assign_subscription(&installation, &path.selector, plan, when, by).await?;
    Ok(Json(subscription_out(&changed)))
}
