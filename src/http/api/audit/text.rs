//! A log as CSV or as lines of JSON, as long as it is.

use crate::error::{Error, Result};
use crate::model::audit::AuditEntry;
use crate::service::audit::AuditDownload;
use crate::service::audit::harmless;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use futures_util::stream;

/// How the log is wanted, other than as pages of JSON.
#[derive(Clone, Copy)]
pub(super) enum Format {
    Lines,
    Table,
}

impl Format {
    /// The first of the media types in `Accept` that is one of ours.
    pub(super) fn asked_for(headers: &HeaderMap) -> Option<Format> {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kinds = accept.split(',').map(|part| part.split(';').next().unwrap_or_default().trim());
        for kind in kinds {
            match kind.to_ascii_lowercase().as_str() {
                "text/csv" => return Some(Format::Table),
                "application/x-ndjson" => return Some(Format::Lines),
                "application/json" => return None,
                _ => {}
            }
        }
        None
    }

    fn head(self) -> (&'static str, &'static str) {
        match self {
            Format::Lines => ("application/x-ndjson", "attachment; filename=\"audit.ndjson\""),
            Format::Table => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
        }
    }

    fn begin(self) -> Result<Vec<u8>> {
        match self {
            Format::Lines => Ok(Vec::new()),
            Format::Table => table(std::iter::once(COLUMNS.map(str::to_owned))),
        }
    }

    fn write(self, entries: Vec<AuditEntry>) -> Result<Vec<u8>> {
        match self {
            Format::Table => table(entries.into_iter().map(cells)),
            Format::Lines => {
                let mut out = Vec::new();
                for entry in entries {
                    serde_json::to_writer(&mut out, &entry)?;
                    out.push(b'\n');
                }
                Ok(out)
            }
        }
    }
}

const COLUMNS: [&str; 10] =
    ["seq", "at", "actor", "session", "action", "target", "address", "details", "prev_hash", "hash"];

/// What others wrote cannot become a formula.
fn cells(entry: AuditEntry) -> [String; 10] {
    [
        entry.seq.to_string(),
        entry.at.to_string(),
        harmless(entry.actor),
        harmless(entry.session),
        harmless(entry.action),
        harmless(entry.target),
        harmless(entry.address),
        harmless(entry.details),
        entry.prev_hash,
        entry.hash,
    ]
}

fn table(rows: impl Iterator<Item = [String; 10]>) -> Result<Vec<u8>> {
    let mut out = csv::Writer::from_writer(Vec::new());
    for row in rows {
        out.write_record(row)?;
    }
    out.into_inner().map_err(|error| Error::internal(error.to_string()))
}

/// The answer whose body is the log, one piece after the other.
pub(super) fn stream(format: Format, log: AuditDownload) -> Response {
    let pieces = stream::try_unfold(Some((log, format.begin())), move |left| async move {
        let Some((mut log, begun)) = left else { return Ok::<_, Error>(None) };
        let written = async {
            let mut bytes = begun?;
            let entries = log.next().await?;
            let more = !entries.is_empty();
            bytes.extend(format.write(entries)?);
            Ok((bytes, more))
        };
        match written.await {
            Ok((bytes, true)) => Ok(Some((bytes, Some((log, Ok(Vec::new())))))),
            Ok((bytes, false)) => Ok(Some((bytes, None))),
            Err(error) => {
                // The head is sent already: all that is left is to break off.
                tracing::warn!(error = ?error, "the download of an audit log was broken off");
                Err(error)
            }
        }
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let (kind, disposition) = format.head();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    response
}
