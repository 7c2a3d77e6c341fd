//! Records and tables of a tenant.

use crate::http::body::JsonBytes;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::routes::{NONE, Params, Routes, Verb};
use crate::http::scope::{Allowed, Need, ReadRecords, WriteRecords};
use crate::service::{Installation, records};
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
        .tenant(ReadRecords::BOTH, Verb::Get, "/records/{table}/{id}", Params::Only(&["fields"]), get)
        .tenant(WriteRecords::BOTH, Verb::Patch, "/records/{table}/{id}", NONE, patch)
        .tenant(WriteRecords::BOTH, Verb::Delete, "/records/{table}/{id}", NONE, delete)
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
    body: JsonBytes,
) -> Answer {
    let inserted = records::create_records(&installation, &allowed.scope, &path.table, body.0.into()).await?;
    let location = match inserted.keys.as_slice() {
        [one] => one.to_segment().map(|key| {
            let table = utf8_percent_encode(&path.table, SEGMENT);
            format!("/api/v1/tenants/{}/records/{table}/{key}", allowed.scope.tenant().slug)
        }),
        _ => None,
    };
    let mut response = json(StatusCode::CREATED, inserted.body);
    if let Some(location) = location.and_then(|location| HeaderValue::from_str(&location).ok()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

async fn get(allowed: Allowed<ReadRecords>, Path(path): Path<TablePath>, uri: Uri) -> Answer {
    let pairs = query::pairs(&uri)?;
    let fields = query::once(&pairs, "fields")?;
    let record = records::find_record(&allowed.scope, &path.table, key_segment(&uri), fields).await?;
    Ok(json(StatusCode::OK, record))
}

async fn patch(
    allowed: Allowed<WriteRecords>,
    Path(path): Path<TablePath>,
    uri: Uri,
    body: JsonBytes,
) -> Answer {
    let record = records::update_record(&allowed.scope, &path.table, key_segment(&uri), &body.0).await?;
    Ok(json(StatusCode::OK, record))
}

async fn delete(allowed: Allowed<WriteRecords>, Path(path): Path<TablePath>, uri: Uri) -> Answer<StatusCode> {
    records::delete_record(&allowed.scope, &path.table, key_segment(&uri)).await?;
    Ok(StatusCode::NO_CONTENT)
}
