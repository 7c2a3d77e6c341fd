//! The feed of changes, in pages or as a stream, and the history of a record.

use crate::error::{Error, Result};
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::routes::{Params, Routes, Verb};
use crate::http::scope::{Allowed, Need, ReadRecords};
use crate::service::Installation;
use crate::service::changes::{self, Change, ChangesIn, Since};
use crate::service::streams::{ChangeStream, StreamEvent};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// How long a client that lost its stream waits before it comes back, unless it knows better.
const COME_BACK: Duration = Duration::from_secs(2);

pub(super) fn routes() -> Routes {
    let (feed, history) = (Params::Only(&["since", "tables", "limit"]), Params::Only(&["limit", "cursor"]));
    Routes::default().tenant(ReadRecords::BOTH, Verb::Get, "/changes", feed, list).tenant(
        ReadRecords::BOTH,
        Verb::Get,
        "/records/{table}/{id}/history",
        history,
        list_history,
    )
}

async fn list(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ReadRecords>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let pairs = query::pairs(&uri)?;
    let tables = query::once(&pairs, "tables")?.map(str::to_owned);
    let since = query::once(&pairs, "since")?.map(parse_since).transpose()?;
    let limit = query::limit(&pairs)?;
    if !wants_stream(&headers) {
        let input = ChangesIn { since: since.unwrap_or(Since::Oldest), tables };
        let page = changes::list_changes(&allowed.scope, &input, limit as usize).await?;
        let end = format!("\"last_seq\":{},\"has_more\":{}", page.last_seq, page.has_more);
        return Ok(items(&page.items, &end));
    }
    let since = last_event_id(&headers)?.or(since).unwrap_or(Since::Latest);
    let input = ChangesIn { since, tables };
    let stream = ChangeStream::open(&installation, &allowed.scope, allowed.principal, input).await?;
    let events = futures_util::stream::unfold(stream, |mut stream| async {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(written(event)), stream))
    });
    let mut response = Sse::new(events).into_response();
    // A proxy that gathers what passes through would hold changes back.
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

fn written(event: StreamEvent) -> Event {
    match event {
        StreamEvent::Change(change) => {
            Event::default().event("change").id(change.seq.to_string()).data(change.json)
        }
        StreamEvent::Position(seq) => Event::default()
            .event("position")
            .id(seq.to_string())
            .retry(COME_BACK)
            .data(format!("{{\"last_seq\":{seq}}}")),
        StreamEvent::Beat => Event::default().comment(""),
        StreamEvent::Gone(error) => {
            let mut told = serde_json::json!({ "code": error.code(), "detail": error.detail() });
            if let Some(fields) = told.as_object_mut() {
                fields
                    .extend(error.members().iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            }
            Event::default().event("gone").data(told.to_string())
        }
    }
}

/// Whether the stream is what the client likes best: browsers ask for it alone.
fn wants_stream(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = accept.split(',').next().and_then(|kind| kind.split(';').next()).unwrap_or_default();
    first.trim().eq_ignore_ascii_case("text/event-stream")
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Since>> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    match value.to_str().unwrap_or("?").trim() {
        "" => Ok(None),
        text => number(text).map(Some).ok_or_else(|| {
            Error::malformed(
                "bad_last_event_id",
                "Last-Event-ID must be the id of the last event that you got.",
            )
        }),
    }
}

fn parse_since(text: &str) -> Result<Since> {
    if text == "latest" {
        return Ok(Since::Latest);
    }
    number(text).ok_or_else(|| {
        Error::malformed("bad_since", "since must be the number of a change (last_seq of a page), or latest.")
    })
}

fn number(text: &str) -> Option<Since> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain).map(Since::After)
}

#[derive(Deserialize)]
struct RecordPath {
    table: String,
}

async fn list_history(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ReadRecords>,
    Path(path): Path<RecordPath>,
    uri: Uri,
) -> Answer {
    let pairs = query::pairs(&uri)?;
    let (cursor, limit) = (query::once(&pairs, "cursor")?, query::limit(&pairs)?);
    // As it was sent: the parts of a key are percent-encoded one by one.
    let segment = uri.path().rsplit('/').nth(1).unwrap_or_default();
    let listed =
        changes::list_history(&installation, &allowed.scope, &path.table, segment, cursor, limit as usize);
    let (found, next) = listed.await?;
    Ok(items(&found, &format!("\"next_cursor\":{}", serde_json::Value::from(next))))
}

/// `{"items":[..],` and what follows them.
fn items(changes: &[Change], end: &str) -> Response {
    let size: usize = changes.iter().map(|change| change.json.len() + 1).sum();
    let mut body = String::with_capacity(size + end.len() + 16);
    body.push_str("{\"items\":[");
    for (index, change) in changes.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        body.push_str(&change.json);
    }
    body.push_str("],");
    body.push_str(end);
    body.push('}');
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], Body::from(body)).into_response()
}
