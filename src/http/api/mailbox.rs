//! The operator's mailbox.

use super::paging::Paging;
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::routes::{Access, NONE, Params, Routes, Verb};
use crate::service::Installation;
use crate::service::mail::mailbox;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use std::sync::Arc;

/// A letter runs nothing, sends nothing and loads nothing, whatever a template put into it.
const CONTENT_SECURITY_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'self'";

pub(super) fn routes() -> Routes {
    let paged = Params::Only(&["limit", "cursor"]);
    Routes::default()
        .add(Access::Operator, Verb::Get, "/operator/mailbox", paged, list)
        // It may hold what signs somebody in.
        .fresh(Access::Operator, Verb::Get, "/operator/mailbox/{letter}", NONE, open)
}

async fn list(State(installation): State<Arc<Installation>>, _: SignedInOperator, uri: Uri) -> Answer {
    let paging = Paging::of(&installation, &query::pairs(&uri)?, "operator:mailbox")?;
    let after = paging.after(|name| Some(name.to_owned()))?;
    let mut letters = mailbox::list_letters(&installation, after, paging.fetch()).await?;
    let next = paging.cut(&mut letters, |last| last.id.clone());
    Ok(super::list(&letters, next))
}

#[derive(Deserialize)]
struct LetterPath {
    letter: String,
}

/// As JSON, or as the page that its reader sees where `Accept` asks for HTML first.
async fn open(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<LetterPath>,
    headers: HeaderMap,
) -> Answer {
    let by = operator.acts(&installation)?;
    let letter = mailbox::open_letter(&installation, &path.letter, by).await?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = if accept.trim_start().starts_with("text/html") {
        page(letter.into_html())
    } else {
        Json(letter).into_response()
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

fn page(html: String) -> Response {
    let mut response = html.into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
