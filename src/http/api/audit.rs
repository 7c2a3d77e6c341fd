//! The audit log of a tenant.

use super::paging::Paging;
use crate::error::Error;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::routes::{Params, Routes, Verb};
use crate::http::scope::{Allowed, Need, ReadAudit};
use crate::model::audit::AuditEntry;
use crate::service::{AuditFilter, Installation, audit};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    let params = Params::Only(&["limit", "cursor", "action", "actor", "from", "to"]);
    Routes::default().tenant(ReadAudit::BOTH, Verb::Get, "/audit", params, list)
}

async fn list(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ReadAudit>,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let pairs = query::pairs(&uri)?;
    let paging = Paging::of(&installation, &pairs, format!("audit:{}", allowed.scope.tenant().id))?;
    let filter = AuditFilter {
        action: query::once(&pairs, "action")?.map(str::to_owned),
        actor: query::once(&pairs, "actor")?.map(str::to_owned),
        from: query::time(&pairs, "from")?,
        to: query::time(&pairs, "to")?,
        before_seq: paging.after(|seq| seq.parse().ok())?,
        limit: paging.fetch(),
    };
    let mut entries = audit::list_audit(&allowed.scope, filter).await?;
    let next = paging.cut(&mut entries, |last| last.seq.to_string());
    match accepted(&headers) {
        Format::Json => Ok(super::list(&entries, next)),
        Format::Lines => Ok(text("application/x-ndjson", lines(&entries)?, next)),
        Format::Table => Ok(text("text/csv; charset=utf-8", table(&entries)?, next)),
    }
}

/// How the page is wanted.
enum Format {
    Json,
    Lines,
    Table,
}

fn accepted(headers: &HeaderMap) -> Format {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kinds = accept.split(',').map(|part| part.split(';').next().unwrap_or_default().trim());
    for kind in kinds {
        match kind {
            "text/csv" => return Format::Table,
            "application/x-ndjson" => return Format::Lines,
            _ => {}
        }
    }
    Format::Json
}

/// A page that is no JSON says in a header where the next one begins.
fn text(kind: &'static str, body: Vec<u8>, next: Option<String>) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(next) = next.and_then(|next| HeaderValue::from_str(&next).ok()) {
        headers.insert("x-next-cursor", next);
    }
    response
}

fn lines(entries: &[AuditEntry]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut out, entry)?;
        out.push(b'\n');
    }
    Ok(out)
}

fn table(entries: &[AuditEntry]) -> Result<Vec<u8>, Error> {
    let mut out = csv::Writer::from_writer(Vec::new());
    for entry in entries {
        out.serialize(entry).map_err(Error::internal)?;
    }
    out.into_inner().map_err(|error| Error::internal(error.to_string()))
}
