//! Uploads of a tenant.

mod served;

use super::paging::Paging;
use crate::error::Error;
use crate::http::conditions::Conditions;
use crate::http::large_body::Pieces;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::routes::{NONE, Params, Routes, Verb};
use crate::http::scope::{Allowed, Need, ReadFiles, WriteFiles};
use crate::model::FilePath;
use crate::service::{Installation, files};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use std::sync::Arc;

/// What may stand in a path as it is (RFC 3986, unreserved), and the slash.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

pub(super) fn routes() -> Routes {
    Routes::default()
        .tenant(ReadFiles::BOTH, Verb::Get, "/files", Params::Only(&["prefix", "limit", "cursor"]), list)
        .tenant(ReadFiles::BOTH, Verb::Get, "/files/{*path}", NONE, get)
        .tenant(WriteFiles::BOTH.streaming(), Verb::Put, "/files/{*path}", NONE, put)
        .tenant(WriteFiles::BOTH, Verb::Delete, "/files/{*path}", NONE, delete)
}

#[derive(Deserialize)]
struct NamePath {
    path: String,
}

impl NamePath {
    /// Decoded once already: `%2F` parts segments like a slash.
    fn read(&self) -> Result<FilePath, Error> {
        FilePath::parse(&self.path)
    }
}

async fn list(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ReadFiles>,
    uri: Uri,
) -> Answer {
    let pairs = query::pairs(&uri)?;
    let prefix = query::once(&pairs, "prefix")?.unwrap_or_default().to_owned();
    let context = format!("files {} {prefix}", allowed.scope.tenant().id);
    let paging = Paging::of(&installation, &pairs, context)?;
    let after = paging.after(|position| Some(position.to_owned()))?;
    let mut files = files::list_files(&allowed.scope, prefix, after, paging.fetch()).await?;
    let next = paging.cut(&mut files, |last| last.path.clone());
    Ok(super::list(&files, next))
}

async fn get(
    State(installation): State<Arc<Installation>>,
    Allowed { scope, .. }: Allowed<ReadFiles>,
    Path(path): Path<NamePath>,
    Conditions(conditions): Conditions,
    headers: HeaderMap,
) -> Answer {
    let found = files::open_file(&installation, &scope, path.read()?).await?;
    drop(scope);
    served::answer(found, &conditions, &headers).await
}

async fn put(
    State(installation): State<Arc<Installation>>,
    Allowed { scope, .. }: Allowed<WriteFiles>,
    Path(path): Path<NamePath>,
    Conditions(conditions): Conditions,
    mut pieces: Pieces,
) -> Answer {
    let slug = scope.tenant().slug.clone();
    let (path, announced) = (path.read()?, pieces.announced());
    let mut upload = files::begin_upload(&installation, scope, path, conditions, announced).await?;
    loop {
        let next = pieces.next().await?;
        if next.is_empty() {
            break;
        }
        upload.write(next).await?;
    }
    let stored = upload.finish().await?;
    let status = if stored.created { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = (status, Json(&stored.file)).into_response();
    let location = format!("/api/v1/tenants/{slug}/files/{}", utf8_percent_encode(&stored.file.path, PATH));
    for (name, value) in [(header::LOCATION, location.as_str()), (header::ETAG, stored.etag.as_str())] {
        add_header(&mut response, name, value);
    }
    Ok(response)
}

async fn delete(
    State(installation): State<Arc<Installation>>,
    Allowed { scope, .. }: Allowed<WriteFiles>,
    Path(path): Path<NamePath>,
    Conditions(conditions): Conditions,
) -> Answer<StatusCode> {
    files::delete_file(&installation, scope, path.read()?, conditions).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn add_header(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
