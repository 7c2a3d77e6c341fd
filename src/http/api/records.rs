//! Records and tables of a tenant.

use crate::http::body::JsonBytes;
use crate::http::conditions::{Conditions, IDEMPOTENCY_REPLAYED, Once, Prefer};
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::routes::{NONE, Params, Routes, Verb};
use crate::http::scope::{Allowed, Need, ReadRecords, WriteRecords};
use crate::model::Etag;
use crate::service::Installation;
use crate::service::records::{self, Written};
use crate::tenancy::TenantScope;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use std::sync::Arc;

/// What may stand in a path segment as it is (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn routes() -> Routes {
    Routes::default()
        .tenant(ReadRecords::BOTH, Verb::Get, "/tables", NONE, list_tables)
        .tenant(ReadRecords::BOTH, Verb::Get, "/records/{table}", Params::Checked, list)
        .tenant(WriteRecords::BOTH, Verb::Post, "/records/{table}", NONE, create)
        .tenant(
            ReadRecords::BOTH,
            Verb::Get,
            "/records/{table}/{id}",
            Params::Only(&["fields", "expand"]),
            get,
        )
        .tenant(WriteRecords::BOTH, Verb::Put, "/records/{table}/{id}", NONE, put)
        .tenant(WriteRecords::BOTH, Verb::Patch, "/records/{table}/{id}", NONE, patch)
        .tenant(WriteRecords::BOTH, Verb::Delete, "/records/{table}/{id}", NONE, delete)
        .tenant(WriteRecords::BOTH, Verb::Post, "/batch", NONE, batch)
}

#[derive(Deserialize)]
struct TablePath {
    table: String,
}

/// The key as it was sent: its parts are percent-encoded one by one, so it is not decoded as a whole.
fn key_segment(uri: &Uri) -> &str {
    uri.path().rsplit('/').next().unwrap_or_default()
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], Body::from(body))
        .into_response()
}

async fn list_tables(allowed: Allowed<ReadRecords>) -> Answer {
    Ok(super::list(&records::list_tables(&allowed.scope).await?, None))
}

async fn list(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ReadRecords>,
    Path(path): Path<TablePath>,
    uri: Uri,
) -> Answer {
    let pairs = query::pairs(&uri)?;
    let page = records::list_records(&installation, &allowed.scope, &path.table, &pairs).await?;
    Ok(json(StatusCode::OK, page))
}

async fn create(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<WriteRecords>,
    Path(path): Path<TablePath>,
    Once(key): Once,
    prefer: Prefer,
    body: JsonBytes,
) -> Answer {
    let scope = &allowed.scope;
    let written = records::create_records(&installation, scope, &path.table, body.0.into(), key).await?;
    Ok(answer(&allowed.scope, &path.table, prefer, written))
}

async fn get(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ReadRecords>,
    Path(path): Path<TablePath>,
    Conditions(conditions): Conditions,
    uri: Uri,
) -> Answer {
    let pairs = query::pairs(&uri)?;
    let wanted = (query::once(&pairs, "fields")?, query::once(&pairs, "expand")?);
    let (scope, key) = (&allowed.scope, key_segment(&uri));
    let found = records::find_record(&installation, scope, &path.table, key, wanted, &conditions).await?;
    let mut response = match found.body {
        Some(body) => json(StatusCode::OK, body),
        None => StatusCode::NOT_MODIFIED.into_response(),
    };
    if let Some(etag) = &found.etag {
        add_etag(&mut response, etag);
    }
    Ok(response)
}

async fn patch(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<WriteRecords>,
    Path(path): Path<TablePath>,
    Conditions(conditions): Conditions,
    prefer: Prefer,
    uri: Uri,
    body: JsonBytes,
) -> Answer {
    let (scope, key) = (&allowed.scope, key_segment(&uri));
    let written = records::update_record(&installation, scope, &path.table, key, &body.0, conditions).await?;
    Ok(answer(&allowed.scope, &path.table, prefer, written))
}

async fn put(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<WriteRecords>,
    Path(path): Path<TablePath>,
    Conditions(conditions): Conditions,
    prefer: Prefer,
    uri: Uri,
    body: JsonBytes,
) -> Answer {
    let (scope, key) = (&allowed.scope, key_segment(&uri));
    let written = records::put_record(&installation, scope, &path.table, key, &body.0, conditions).await?;
    Ok(answer(&allowed.scope, &path.table, prefer, written))
}

async fn delete(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<WriteRecords>,
    Path(path): Path<TablePath>,
    Conditions(conditions): Conditions,
    uri: Uri,
) -> Answer<StatusCode> {
    records::delete_record(&installation, &allowed.scope, &path.table, key_segment(&uri), conditions).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn batch(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<WriteRecords>,
    Once(key): Once,
    prefer: Prefer,
    body: JsonBytes,
) -> Answer {
    let written = records::write_batch(&installation, &allowed.scope, body.0.into(), key).await?;
    Ok(answer(&allowed.scope, "", prefer, written))
}

/// The answer to a write, with a body where one is wanted and there is one.
fn answer(scope: &TenantScope, table: &str, prefer: Prefer, written: Written) -> Response {
    let body = written.body.filter(|_| prefer != Prefer::Minimal);
    let is_minimal = body.is_none();
    let mut response = match (body, written.created) {
        (Some(body), true) => json(StatusCode::CREATED, body),
        (Some(body), false) => json(StatusCode::OK, body),
        (None, true) => StatusCode::CREATED.into_response(),
        (None, false) => StatusCode::NO_CONTENT.into_response(),
    };
    let location = written.key.map(|key| {
        let table = utf8_percent_encode(table, SEGMENT);
        format!("/api/v1/tenants/{}/records/{table}/{key}", scope.tenant().slug)
    });
    if let Some(location) = location.and_then(|location| HeaderValue::from_str(&location).ok()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if let Some(etag) = &written.etag {
        add_etag(&mut response, etag);
    }
    let applied = match prefer {
        _ if is_minimal => Some("return=minimal"),
        Prefer::Representation => Some("return=representation"),
        Prefer::Minimal | Prefer::Unsaid => None,
    };
    if let Some(applied) = applied {
        response.headers_mut().insert("preference-applied", HeaderValue::from_static(applied));
    }
    if written.replayed {
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

fn add_etag(response: &mut Response, etag: &Etag) {
    if let Ok(etag) = HeaderValue::from_str(etag.as_str()) {
        response.headers_mut().insert(header::ETAG, etag);
    }
}
