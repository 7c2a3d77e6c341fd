//! Invoices: of a tenant for its members, and what operators do with them.

mod operator;
mod out;
mod page;
mod table;

use super::paging::Paging;
use crate::clock::Timestamp;
use crate::error::{Error, FieldError, Result};
use crate::http::body::{Fields, NoBody, Object};
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::repeats::repeatable;
use crate::http::routes::{Access, NONE, Params, Routes, Verb};
use crate::http::scope::{Allowed, Need, ReadInvoices};
use crate::id::InvoiceId;
use crate::model::invoice::TaxRate;
use crate::service::invoices::{self, ClosePeriodsIn, InvoiceAct};
use crate::service::{CreditNote, Installation, StoredInvoice};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use out::{invoice_out, with_notes};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

const PAGED: Params = Params::Only(&["limit", "cursor"]);

pub(super) fn routes() -> Routes {
    let (access, post) = (Access::Operator, Verb::Post);
    Routes::default()
        .tenant(ReadInvoices::BOTH, Verb::Get, "/invoices", PAGED, list)
        .tenant(ReadInvoices::BOTH, Verb::Get, "/invoices/{invoice}", NONE, get)
        .add(access, post, "/operator/periods/close", NONE, repeatable(close_periods))
        .add(access, post, "/operator/invoices/{invoice}/mark-paid", NONE, repeatable(mark_paid))
        .add(access, post, "/operator/invoices/{invoice}/void", NONE, repeatable(void))
        .add(access, post, "/operator/invoices/{invoice}/mark-uncollectible", NONE, repeatable(give_up))
        .add(access, post, "/operator/invoices/{invoice}/credit-notes", NONE, repeatable(credit))
        .add(access, Verb::Get, "/operator/tenants/{selector}/tax-rate", NONE, get_tax_rate)
        .add(access, Verb::Put, "/operator/tenants/{selector}/tax-rate", NONE, put_tax_rate)
        .and(operator::routes())
}

/// How an invoice is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
    Html,
}

/// The first of the media types in `Accept` that is one of ours.
fn asked_for(headers: &HeaderMap) -> Format {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kinds = accept.split(',').map(|part| part.split(';').next().unwrap_or_default().trim());
    for kind in kinds {
        match kind.to_ascii_lowercase().as_str() {
            "text/csv" => return Format::Csv,
            "text/html" => return Format::Html,
            "application/json" => return Format::Json,
            _ => {}
        }
    }
    Format::Json
}

/// The answer depends on what was asked for.
fn varies(mut response: Response) -> Response {
    response.headers_mut().append(header::VARY, header::HeaderValue::from_static("accept"));
    response
}

async fn list(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ReadInvoices>,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let pairs = query::pairs(&uri)?;
    let paging = Paging::of(&installation, &pairs, format!("invoices:{}", allowed.scope.tenant().id))?;
    let after = paging.after(InvoiceId::parse)?;
    let mut found = invoices::list_invoices(&allowed.scope, after, paging.fetch()).await?;
    let next = paging.cut(&mut found, |last| last.invoice.id.to_string());
    list_out(asked_for(&headers), &found, next)
}

fn list_out(format: Format, found: &[StoredInvoice], next: Option<String>) -> Answer {
    if format == Format::Csv {
        return Ok(varies(table::list(found, next.as_deref())?));
    }
    let items: Vec<Value> = found.iter().map(invoice_out).collect();
    Ok(varies(super::list(&items, next)))
}

#[derive(Deserialize)]
struct OneOfTenant {
    invoice: String,
}

fn id_of(text: &str) -> Result<InvoiceId> {
    InvoiceId::parse(text).ok_or_else(Error::not_found)
}

async fn get(allowed: Allowed<ReadInvoices>, Path(path): Path<OneOfTenant>, headers: HeaderMap) -> Answer {
    let (found, notes) = invoices::find_invoice(&allowed.scope, id_of(&path.invoice)?).await?;
    one_out(asked_for(&headers), &found, &notes)
}

fn one_out(format: Format, found: &StoredInvoice, notes: &[CreditNote]) -> Answer {
    Ok(varies(match format {
        Format::Csv => table::lines(found)?,
        Format::Html => page::page(found, notes),
        Format::Json => Json(with_notes(found, notes)).into_response(),
    }))
}

async fn close_periods(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    body: Object,
) -> Answer<Json<Value>> {
    let mut fields = Fields::of(body);
    let (tenant, at) = (fields.optional_text("tenant"), fields.optional_text("at"));
    let is_final = fields.optional_flag("final").unwrap_or_default();
    fields.finish()?;
    let bad_time =
        || Error::invalid_field("at", "time", "must be a time of RFC 3339, like 2026-06-01T00:00:00Z");
    let at = at.map(|at| at.parse::<Timestamp>().map_err(|_| bad_time())).transpose()?;
    let by = operator.acts(&installation)?;
    let closed = invoices::close_periods(&installation, ClosePeriodsIn { tenant, at, is_final }, by).await?;
    Ok(Json(json!(closed)))
}

#[derive(Deserialize)]
struct InvoicePath {
    invoice: String,
}

async fn mark_paid(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<InvoicePath>,
    _: NoBody,
) -> Answer<Json<Value>> {
    act(&installation, &operator, &path, InvoiceAct::MarkPaid).await
}

async fn void(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<InvoicePath>,
    _: NoBody,
) -> Answer<Json<Value>> {
    act(&installation, &operator, &path, InvoiceAct::Void).await
}

async fn give_up(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<InvoicePath>,
    _: NoBody,
) -> Answer<Json<Value>> {
    act(&installation, &operator, &path, InvoiceAct::GiveUp).await
}

async fn act(
    installation: &Installation,
    operator: &SignedInOperator,
    path: &InvoicePath,
    act: InvoiceAct,
) -> Answer<Json<Value>> {
    let id = id_of(&path.invoice)?;
    let changed = invoices::change_invoice(installation, id, act, operator.acts(installation)?).await?;
    Ok(Json(invoice_out(&changed)))
}

async fn credit(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<InvoicePath>,
    body: Object,
) -> Answer<(StatusCode, Json<Value>)> {
    let mut fields = Fields::of(body);
    let (amount, reason) = (fields.optional_value("amount_cents"), fields.text("reason"));
    fields.finish()?;
    let amount = amount.as_ref().and_then(Value::as_i64).ok_or_else(|| {
        Error::invalid_field(
            "amount_cents",
            "type",
            "is required: a whole number of minor units, tax included",
        )
    })?;
    let (id, by) = (id_of(&path.invoice)?, operator.acts(&installation)?);
    let (invoice, note) = invoices::credit_invoice(&installation, id, amount, reason, by).await?;
    let mut out = json!(note);
    out["invoice"] = invoice_out(&invoice);
    Ok((StatusCode::CREATED, Json(out)))
}

#[derive(Deserialize)]
struct TenantPath {
    selector: String,
}

async fn get_tax_rate(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
    Path(path): Path<TenantPath>,
) -> Answer<Json<Value>> {
    let rate = invoices::find_tax_rate(&installation, &path.selector).await?;
    Ok(Json(json!({ "tax": rate })))
}

async fn put_tax_rate(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
    body: Object,
) -> Answer<Json<Value>> {
    let mut fields = Fields::of(body);
    let rate = fields.optional_fields("tax", |tax| {
        (tax.text("name"), tax.optional_value("percent"), tax.optional_text("id"))
    });
    fields.finish()?;
    let rate =
        rate.map(|(name, percent, id)| tax_rate(&name, percent.as_ref(), id.as_deref())).transpose()?;
    let by = operator.acts(&installation)?;
    let rate = invoices::put_tax_rate(&installation, &path.selector, rate, by).await?;
    Ok(Json(json!({ "tax": rate })))
}

/// A percentage is a text, or a number as it was written.
fn tax_rate(name: &str, percent: Option<&Value>, id: Option<&str>) -> Result<TaxRate> {
    let percent = match percent {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => {
            let fault = FieldError::new("tax.percent", "required", "is required: a number from 0 to 100");
            return Err(Error::invalid(vec![fault]));
        }
    };
    TaxRate::parse(name, &percent, id, "tax.").map_err(Error::invalid)
}
