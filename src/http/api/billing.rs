//! Where a tenant pays, and whom its invoices are addressed to.

use crate::error::{Error, Result};
use crate::http::body::{Fields, NoBody, Object};
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::repeats::repeatable;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::http::scope::{Allowed, ManageBilling, Need, ReadInvoices};
use crate::model::invoice::BillingDetails;
use crate::service::Installation;
use crate::service::invoices;
use crate::service::stripe::{self, CheckoutIn};
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The same for operators.
const OF_TENANT: &str = "/operator/tenants/{selector}/billing/details";

#[derive(Deserialize)]
struct TenantPath {
    selector: String,
}

pub(super) fn routes() -> Routes {
    Routes::default()
        .tenant(ManageBilling::BOTH, Verb::Post, "/billing/checkout", NONE, repeatable(checkout))
        .tenant(ManageBilling::BOTH, Verb::Post, "/billing/portal", NONE, repeatable(portal))
        .tenant(ReadInvoices::BOTH, Verb::Get, "/billing/details", NONE, get_details)
        .tenant(ManageBilling::BOTH, Verb::Put, "/billing/details", NONE, put_details)
        .add(Access::Operator, Verb::Get, OF_TENANT, NONE, get_details_of)
        .add(Access::Operator, Verb::Put, OF_TENANT, NONE, put_details_of)
}

async fn checkout(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ManageBilling>,
    body: Object,
) -> Answer<Json<Value>> {
    let mut fields = Fields::of(body);
    let input = CheckoutIn {
        plan: fields.text("plan"),
        success_url: fields.optional_text("success_url"),
        cancel_url: fields.optional_text("cancel_url"),
    };
    fields.finish()?;
    let url = stripe::begin_checkout(&installation, &allowed.scope, input).await?;
    Ok(Json(json!({ "url": url })))
}

async fn portal(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ManageBilling>,
    _: NoBody,
) -> Answer<Json<Value>> {
    Ok(Json(json!({ "url": stripe::open_portal(&installation, &allowed.scope).await? })))
}

async fn get_details(allowed: Allowed<ReadInvoices>) -> Answer<Json<Value>> {
    Ok(Json(json!(invoices::find_billing_details(&allowed.scope).await?)))
}

async fn put_details(allowed: Allowed<ManageBilling>, body: Object) -> Answer<Json<Value>> {
    let details = details(body)?;
    Ok(Json(json!(invoices::put_billing_details(&allowed.scope, details).await?)))
}

async fn get_details_of(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
    Path(path): Path<TenantPath>,
) -> Answer<Json<Value>> {
    Ok(Json(json!(invoices::find_billing_details_of(&installation, &path.selector).await?)))
}

async fn put_details_of(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
    body: Object,
) -> Answer<Json<Value>> {
    let (details, by) = (details(body)?, operator.acts(&installation)?);
    let put = invoices::put_billing_details_of(&installation, &path.selector, details, by);
    Ok(Json(json!(put.await?)))
}

fn details(body: Object) -> Result<BillingDetails> {
    let mut fields = Fields::of(body);
    let (name, address) = (fields.optional_text("name"), fields.optional_texts("address"));
    let tax_id = fields.optional_text("tax_id");
    fields.finish()?;
    let address = address.unwrap_or_default();
    let details = BillingDetails::parse(name.as_deref(), &address, tax_id.as_deref());
    details.map_err(Error::invalid)
}
