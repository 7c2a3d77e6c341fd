//! Query strings.

use crate::error::{Error, Result};
use axum::http::Uri;
use percent_encoding::percent_decode_str;

/// Names and values of a query string, in order. `+` is a blank, as forms send it.
pub(super) fn pairs(uri: &Uri) -> Result<Vec<(String, String)>> {
    let query = uri.query().unwrap_or_default();
    query.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

fn pair(part: &str) -> Result<(String, String)> {
    let (name, value) = part.split_once('=').unwrap_or((part, ""));
    Ok((decode(name)?, decode(value)?))
}

fn decode(text: &str) -> Result<String> {
    let blanks = text.replace('+', " ");
    percent_decode_str(&blanks)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Error::malformed("bad_query", "The query string is not UTF-8 in percent-encoding."))
}

/// 400 that names the parameter.
pub(super) fn unknown_parameter(name: &str, known: &[&str]) -> Error {
    let name: String = name.chars().take(100).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Error::malformed(
        "unknown_parameter",
        format!("There is no query parameter {name:?} here; known: {known}."),
    )
}

/// The value of a parameter that may stand once.
pub(super) fn once<'p>(pairs: &'p [(String, String)], name: &str) -> Result<Option<&'p str>> {
    let mut values = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let first = values.next();
    if values.next().is_some() {
        return Err(Error::repeated_parameter(name));
    }
    Ok(first)
}

/// `limit`: 50 where nothing is said, at most 500.
pub(super) fn limit(pairs: &[(String, String)]) -> Result<u32> {
    let Some(text) = once(pairs, "limit")? else { return Ok(50) };
    text.parse::<u32>().ok().filter(|limit| (1..=500).contains(limit)).ok_or_else(Error::bad_limit)
}

/// A time in RFC 3339.
pub(super) fn time(pairs: &[(String, String)], name: &str) -> Result<Option<crate::clock::Timestamp>> {
    let Some(text) = once(pairs, name)? else { return Ok(None) };
    let time = text.parse().map_err(|_| {
        Error::malformed("bad_time", format!("{name} must be a time like 2026-01-31T12:00:00Z."))
    })?;
    Ok(Some(time))
}
