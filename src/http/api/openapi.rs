//! Documents about the API.

use crate::error::Error;
use crate::http::address::Public;
use crate::http::conditions::Conditions;
use crate::http::openapi::kept::{self, Shared};
use crate::http::openapi::{Audience, head, installation_document, tables_part};
use crate::http::problem::Answer;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::http::scope::{Allowed, Need, ReadRecords};
use crate::model::table::Table;
use crate::model::{Etag, Preconditions};
use crate::policy::{Permission, PermissionSet, TableRights};
use crate::service::{Installation, documents};
use crate::tenancy::TenantScope;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse as _;
use serde_json::Value;
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

/// The document, or that the reader has it.
fn answer(etag: &Etag, conditions: &Preconditions, document: impl FnOnce() -> Body) -> Answer {
    let mut response = if conditions.has_it(etag)? {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, kind)], document()).into_response()
    };
    if let Ok(etag) = HeaderValue::from_str(etag.as_str()) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}

/// The routes are the same as long as the program runs.
async fn get(_: Public, Conditions(conditions): Conditions) -> Answer {
    static DOCUMENT: OnceLock<(Bytes, Etag)> = OnceLock::new();
    let (document, etag) = DOCUMENT.get_or_init(|| {
        let document = Bytes::from(installation_document(&super::routes().infos).to_string());
        let etag = Etag::of_public(&document);
        (document, etag)
    });
    answer(etag, &conditions, || document.clone().into())
}

async fn get_of_tenant(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ReadRecords>,
    Conditions(conditions): Conditions,
) -> Answer {
    let scope = &allowed.scope;
    let shared = shared_for(scope).await?;
    let tenant = scope.tenant();
    let head = Value::Object(head(&tenant.name, &format!("/api/v1/tenants/{}", tenant.slug))).to_string();
    let etag = documents::tag_document(&installation, scope, &shared.mark(&head));
    answer(&etag, &conditions, || shared.under(&head).into())
}

/// The part of the document that is the same for all who may do the same with the same tables.
async fn shared_for(scope: &TenantScope) -> Result<Arc<Shared>, Error> {
    let schema = scope.schema().await?;
    let rights: Vec<TableRights> = schema.tables().map(|table| scope.rights(&table.name)).collect();
    let each = schema.tables().cloned().zip(rights.iter().copied());
    let tables: Vec<(Arc<Table>, TableRights)> = each.filter(|(_, rights)| rights.read).collect();
    let permissions: PermissionSet =
        Permission::ALL.iter().copied().filter(|permission| scope.has(*permission)).collect();
    let make = move || {
        let tables = tables.iter().map(|(table, rights)| (table.as_ref(), *rights));
        tables_part(&Audience::new(permissions, tables))
    };
    kept::shared(schema, rights, permissions, make).await
}
