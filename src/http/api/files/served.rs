//! A file as an answer: whole or in part, and never as something that a browser would run.

use super::add_header;
use crate::error::{Error, Kind};
use crate::http::problem::{Answer, Problem};
use crate::http::ranges::Part;
use crate::model::Preconditions;
use crate::service::files::Download;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::ops::Range;
use std::time::{Duration, UNIX_EPOCH};

/// How much is read and held at once.
const PIECE: u64 = 128 << 10;
/// Whatever a browser makes of it, it may do nothing.
const POLICY: &str = "sandbox; default-src 'none'";
/// What may stand in the name of an attachment as it is (RFC 8187, `attr-char`).
const ATTRIBUTE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'+');

/// Answers with the file, as far as it is asked for.
pub(super) async fn answer(found: Download, conditions: &Preconditions, headers: &HeaderMap) -> Answer {
    let has_it = conditions.has_it(&found.etag)?
        || (!headers.contains_key(header::IF_NONE_MATCH) && is_unchanged(&found, headers));
    if has_it {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        add_headers_of(&mut response, &found);
        return Ok(response);
    }
    let size = found.file.size;
    let (status, range) = match Part::of(headers, size, &found.etag) {
        Part::Whole => (StatusCode::OK, 0..size),
        Part::These(range) => (StatusCode::PARTIAL_CONTENT, range),
        Part::Unsatisfiable => return Ok(unsatisfiable(size)),
    };
    let mut response = status.into_response();
    add_headers_of(&mut response, &found);
    let kind = found.file.content_type.clone();
    add_header(&mut response, header::CONTENT_TYPE, &kind);
    add_header(&mut response, header::CONTENT_LENGTH, &(range.end - range.start).to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        let part = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        add_header(&mut response, header::CONTENT_RANGE, &part);
    }
    *response.body_mut() = body(found, range).await?;
    Ok(response)
}

/// What goes with the file in every answer.
fn add_headers_of(response: &mut Response, found: &Download) {
    let name = found.file.path.rsplit('/').next().unwrap_or_default();
    let plain = name.replace(|c: char| !(c.is_ascii_alphanumeric() || " -._()".contains(c)), "_");
    let exact = utf8_percent_encode(name, ATTRIBUTE);
    // The exact form is RFC 6266's; the other is for who does not know it.
    let disposition = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}");
    for (name, value) in [
        (header::ETAG, found.etag.as_str()),
        (header::LAST_MODIFIED, &httpdate::fmt_http_date(UNIX_EPOCH + changed(found))),
        (header::ACCEPT_RANGES, "bytes"),
        (header::CONTENT_DISPOSITION, &disposition),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        add_header(response, name, value);
    }
}

/// When it was uploaded, since 1970, in the whole seconds of HTTP.
fn changed(found: &Download) -> Duration {
    Duration::from_secs(u64::try_from(found.file.updated_at.seconds()).unwrap_or_default())
}

fn is_unchanged(found: &Download, headers: &HeaderMap) -> bool {
    let since = headers.get(header::IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    since
        .and_then(|text| httpdate::parse_http_date(text).ok())
        .is_some_and(|since| UNIX_EPOCH + changed(found) <= since)
}

fn unsatisfiable(size: u64) -> Response {
    let detail = format!("The file has {size} bytes; the range begins behind them.");
    let mut response = Problem(Error::new(Kind::OutOfRange, "range_not_satisfiable", detail)).into_response();
    add_header(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
    response
}

/// The bytes of a range. What is small comes at once; of the rest one piece is held at a time, and the last of it ends
/// the turn.
async fn body(mut found: Download, range: Range<u64>) -> Result<Body, Error> {
    let length = range.end - range.start;
    if length <= PIECE {
        return Ok(Body::from(read(&mut found, range.start, length).await?));
    }
    let pieces = stream::try_unfold((found, range), |(mut found, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        match read(&mut found, range.start, (range.end - range.start).min(PIECE)).await {
            Ok(bytes) => {
                let next = range.start + bytes.len() as u64..range.end;
                Ok(Some((bytes, (found, next))))
            }
            Err(error) => {
                // The head is sent already: all that is left is to break off.
                tracing::warn!(error = ?error, "a download was broken off");
                Err(error)
            }
        }
    });
    Ok(Body::from_stream(pieces))
}

async fn read(found: &mut Download, at: u64, most: u64) -> Result<Bytes, Error> {
    found.read(at, usize::try_from(most).unwrap_or(usize::MAX)).await.map(Bytes::from)
}
