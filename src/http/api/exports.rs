//! Exports of a tenant.

use crate::error::Error;
use crate::http::body::NoBody;
use crate::http::problem::{Answer, Problem};
use crate::http::repeats::repeatable;
use crate::http::routes::{NONE, Routes, Verb};
use crate::http::scope::{Allowed, ExportTenant, Need};
use crate::id::ExportId;
use crate::service::{Export, Installation, exports};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use tower::ServiceExt as _;
use tower_http::services::ServeFile;

pub(super) fn routes() -> Routes {
    Routes::default()
        .tenant(ExportTenant::BOTH, Verb::Post, "/exports", NONE, repeatable(create))
        .tenant(ExportTenant::BOTH, Verb::Get, "/exports", NONE, list)
        .tenant(ExportTenant::BOTH, Verb::Get, "/exports/{export}", NONE, get)
        .tenant(ExportTenant::BOTH, Verb::Get, "/exports/{export}/download", NONE, download)
}

#[derive(Deserialize)]
struct ExportPath {
    export: String,
}

impl ExportPath {
    fn id(&self) -> Result<ExportId, Error> {
        ExportId::parse(&self.export).ok_or_else(Error::not_found)
    }
}

async fn create(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ExportTenant>,
    _: NoBody,
) -> Answer {
    let export = exports::request_export(&installation, &allowed.scope).await?;
    let mut response = (StatusCode::ACCEPTED, Json(&export)).into_response();
    let location = format!("/api/v1/tenants/{}/exports/{}", allowed.scope.tenant().slug, export.id);
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

async fn list(allowed: Allowed<ExportTenant>) -> Answer {
    Ok(super::list(&exports::list_exports(&allowed.scope).await?, None))
}

async fn get(allowed: Allowed<ExportTenant>, Path(path): Path<ExportPath>) -> Answer<Json<Export>> {
    Ok(Json(exports::find_export(&allowed.scope, path.id()?).await?))
}

async fn download(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ExportTenant>,
    Path(path): Path<ExportPath>,
    request: Request,
) -> Answer {
    let file = exports::open_download(&installation, &allowed.scope, path.id()?).await?;
    // Ranges and preconditions of the request are the file service's.
    let served = ServeFile::new(file).oneshot(request).await;
    let mut response: Response =
        served.map_err(|never| Problem(Error::internal(never)))?.map(axum::body::Body::new);
    let name = format!("attachment; filename=\"{}-export.zip\"", allowed.scope.tenant().slug);
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    Ok(response)
}
