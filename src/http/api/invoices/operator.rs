//! Invoices of any tenant, as operators read them.

use super::{asked_for, id_of, list_out, one_out};
use crate::http::api::paging::Paging;
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::routes::{Access, NONE, Params, Routes, Verb};
use crate::id::InvoiceId;
use crate::service::{Installation, invoices, tenants};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use serde::Deserialize;
use std::sync::Arc;

const PAGED: Params = Params::Only(&["limit", "cursor"]);

pub(super) fn routes() -> Routes {
    let access = Access::Operator;
    Routes::default().add(access, Verb::Get, "/operator/tenants/{selector}/invoices", PAGED, list).add(
        access,
        Verb::Get,
        "/operator/tenants/{selector}/invoices/{invoice}",
        NONE,
        get,
    )
}

#[derive(Deserialize)]
struct TenantPath {
    selector: String,
}

async fn list(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
    Path(path): Path<TenantPath>,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let tenant = tenants::find_tenant(&installation, &path.selector).await?.id;
    let paging = Paging::of(&installation, &query::pairs(&uri)?, format!("operator:invoices {tenant}"))?;
    let after = paging.after(InvoiceId::parse)?;
    let fetch = paging.fetch();
    let mut found = invoices::list_invoices_for_operator(&installation, tenant, after, fetch).await?;
    let next = paging.cut(&mut found, |last| last.invoice.id.to_string());
    list_out(asked_for(&headers), &found, next)
}

#[derive(Deserialize)]
struct OneOfTenant {
    selector: String,
    invoice: String,
}

async fn get(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
    Path(path): Path<OneOfTenant>,
    headers: HeaderMap,
) -> Answer {
    let tenant = tenants::find_tenant(&installation, &path.selector).await?.id;
    let id = id_of(&path.invoice)?;
    let (found, notes) = invoices::find_invoice_for_operator(&installation, tenant, id).await?;
    one_out(asked_for(&headers), &found, &notes)
}
