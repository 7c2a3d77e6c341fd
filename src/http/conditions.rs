//! Headers that say how a request is to be treated: its conditions, its idempotency key, what it prefers.

use super::problem::Problem;
use crate::error::{Error, Result};
use crate::model::{IdempotencyKey, Preconditions};
use crate::service::Installation;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use std::sync::Arc;

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Of an answer that was given before.
pub(super) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// `If-Match` and `If-None-Match` of a request for one record.
pub(super) struct Conditions(pub(super) Preconditions);

impl FromRequestParts<Arc<Installation>> for Conditions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Installation>) -> Result<Conditions, Problem> {
        let headers = &parts.headers;
        let (if_match, if_none_match) =
            (lines(headers, &header::IF_MATCH), lines(headers, &header::IF_NONE_MATCH));
        if if_match.is_none() && if_none_match.is_none() {
            return Ok(Conditions(Preconditions::default()));
        }
        Ok(Conditions(Preconditions::parse(if_match.as_deref(), if_none_match.as_deref())?))
    }
}

/// `Idempotency-Key` of a request that creates.
pub(super) struct Once(pub(super) Option<IdempotencyKey>);

impl FromRequestParts<Arc<Installation>> for Once {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Installation>) -> Result<Once, Problem> {
        for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
            // To go on as if it were not there would do what the client wanted to rule out.
            if parts.headers.contains_key(&name) {
                return Err(Problem(Error::malformed(
                    "precondition_unsupported",
                    "This request is about no record that is there. Leave out If-Match and If-None-Match; an \
                     operation of a batch takes if_match.",
                )));
            }
        }
        Ok(Once(key_of(&parts.headers)?))
    }
}

/// The one `Idempotency-Key` of a request, if it has any.
pub(super) fn key_of(headers: &HeaderMap) -> Result<Option<IdempotencyKey>> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    IdempotencyKey::parse(text.ok_or_else(IdempotencyKey::refused)?).map(Some)
}

/// `Prefer: return=..` (RFC 7240, section 4.2). Other preferences are left alone, as section 2 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefer {
    /// Nothing is said.
    Unsaid,
    /// The answer without a body.
    Minimal,
    /// The answer with the whole resource.
    Representation,
}

impl Prefer {
    pub(super) fn parse(text: &str) -> Prefer {
        let wanted = text.split(',').find_map(|preference| {
            let (name, value) = preference.split(';').next()?.split_once('=')?;
            name.trim().eq_ignore_ascii_case("return").then(|| value.trim().trim_matches('"'))
        });
        match wanted {
            Some("minimal") => Prefer::Minimal,
            Some("representation") => Prefer::Representation,
            _ => Prefer::Unsaid,
        }
    }
}

impl FromRequestParts<Arc<Installation>> for Prefer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Installation>) -> Result<Prefer, Problem> {
        Ok(lines(&parts.headers, &PREFER).map_or(Prefer::Unsaid, |text| Prefer::parse(&text)))
    }
}

/// All lines of a header, joined with commas.
fn lines(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut joined: Option<String> = None;
    for value in headers.get_all(name) {
        // Tags may hold bytes beyond ASCII; ours never do, so such a tag is another one in any spelling.
        let line = String::from_utf8_lossy(value.as_bytes());
        match &mut joined {
            None => joined = Some(line.into_owned()),
            Some(joined) => {
                joined.push(',');
                joined.push_str(&line);
            }
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_read_in_any_company() {
        for (text, prefer) in [
            ("return=minimal", Prefer::Minimal),
            ("respond-async, Return = \"minimal\"; x=1", Prefer::Minimal),
            ("return=representation, return=minimal", Prefer::Representation),
            ("handling=lenient", Prefer::Unsaid),
            ("return", Prefer::Unsaid),
            ("", Prefer::Unsaid),
        ] {
            assert_eq!(Prefer::parse(text), prefer, "{text}");
        }
    }
}
