//! Documents about the API.

use crate::error::Error;
use crate::http::address::Public;
use crate::http::conditions::Conditions;
use crate::http::openapi::{Audience, installation_document, tables_document};
use crate::http::problem::Answer;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::http::scope::{Allowed, Need, ReadRecords};
use crate::model::table::Table;
use crate::policy::{Permission, PermissionSet, TableRights};
use crate::service::{Installation, documents};
use crate::tenancy::TenantScope;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::{Arc, OnceLock};

pub(super) fn routes() -> Routes {
    Routes::default().add(Access::Public, Verb::Get, "/openapi.json", NONE, get).tenant(
        ReadRecords::BOTH.by_path_alone(),
        Verb::Get,
        "/openapi.json",
        NONE,
        get_of_tenant,
    )
}

fn json(body: impl Into<Body>) -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], body.into()).into_response()
}

/// The routes are the same as long as the program runs.
async fn get(_: Public) -> Answer {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| installation_document(&super::routes().infos).to_string().into());
    Ok(json(document.clone()))
}

async fn get_of_tenant(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ReadRecords>,
    Conditions(conditions): Conditions,
) -> Answer {
    let scope = &allowed.scope;
    let document = document_for(scope).await?;
    let etag = documents::tag_document(&installation, scope, document.as_bytes());
    let mut response =
        if conditions.has_it(&etag)? { StatusCode::NOT_MODIFIED.into_response() } else { json(document) };
    if let Ok(etag) = HeaderValue::from_str(etag.as_str()) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}

/// The document as the scope's role may see it.
async fn document_for(scope: &TenantScope) -> Result<String, Error> {
    let tables: Vec<Arc<Table>> = scope.readable_tables().await?.cloned().collect();
    let rights: Vec<TableRights> = tables.iter().map(|table| scope.rights(&table.name)).collect();
    let permissions: PermissionSet =
        Permission::ALL.iter().copied().filter(|permission| scope.has(*permission)).collect();
    let title = scope.tenant().name.clone();
    let server = format!("/api/v1/tenants/{}", scope.tenant().slug);
    let write = move || {
        let tables = tables.iter().map(Arc::as_ref).zip(rights);
        tables_document(&title, &server, &Audience::new(permissions, tables)).to_string()
    };
    // Some milliseconds for a hundred tables.
    tokio::task::spawn_blocking(write).await.map_err(Error::internal)
}
