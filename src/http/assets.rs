//! What is embedded from `assets/`: files in one directory named by the content of all, which browsers keep for good,
//! and pages, which name that directory and are asked for each time. Sent compressed where the client takes it.

use super::problem::Problem;
use crate::error::Error;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{LazyLock, Mutex, PoisonError};

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

/// Where the files are. Pages name files so, and are sent with the version behind it.
const DIRECTORY: &str = "/assets/";
/// What a version begins with, so that it is not taken for a folder.
const VERSION_MARK: &str = "v-";
/// Shorter files do not get shorter by more than the header that says so.
const WORTH_COMPRESSING: usize = 512;

/// Compressed forms by the digest of what they were made from: each is made once.
static COMPRESSED: LazyLock<Mutex<HashMap<[u8; 32], Bytes>>> = LazyLock::new(Mutex::default);

/// What all files together are called: their digest. Relative imports between them thereby never mix two releases.
fn version() -> String {
    static BUILT_IN: LazyLock<String> = LazyLock::new(digest_of_all);
    // A debug build reads the files from the disk, where they change.
    if cfg!(debug_assertions) { digest_of_all() } else { BUILT_IN.clone() }
}

fn digest_of_all() -> String {
    let mut names: Vec<_> = Assets::iter().collect();
    names.sort();
    let mut digest = Sha256::new();
    for name in names {
        if let Some(file) = Assets::get(&name) {
            digest.update(name.as_bytes());
            digest.update([0]);
            digest.update(file.metadata.sha256_hash());
        }
    }
    digest.finalize().iter().take(8).fold(VERSION_MARK.to_owned(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A page of ours, by its file.
pub(super) fn page(name: &str, headers: &HeaderMap) -> Response {
    let Some(file) = Assets::get(name) else { return not_found() };
    let Ok(html) = std::str::from_utf8(&file.data) else { return not_found() };
    let html = html.replace(&format!("\"{DIRECTORY}"), &format!("\"{DIRECTORY}{}/", version()));
    serve(name, html.into(), "no-cache", headers)
}

/// `GET /assets/{*path}`: with the version of today first for good; without one, or with that of another release, as
/// the file is now.
pub(super) async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let (asked, name) = match path.split_once('/') {
        Some((first, rest)) if first.starts_with(VERSION_MARK) => (Some(first), rest),
        _ => (None, path.as_str()),
    };
    // Templates of letters are nobody's pages.
    let file = Some(name).filter(|name| !name.starts_with("mail/")).and_then(Assets::get);
    let Some(EmbeddedFile { data, .. }) = file else { return not_found() };
    let is_current = asked.is_some_and(|asked| asked == version());
    let caching = if is_current { "public, max-age=31536000, immutable" } else { "no-cache" };
    let body = match data {
        Cow::Borrowed(built_in) => Bytes::from_static(built_in),
        Cow::Owned(read) => read.into(),
    };
    serve(name, body, caching, &headers)
}

fn not_found() -> Response {
    Problem(Error::not_found()).into_response()
}

fn serve(name: &str, body: Bytes, caching: &'static str, asked: &HeaderMap) -> Response {
    let (kind, is_text) = match name.rsplit('.').next() {
        Some("html") => ("text/html; charset=utf-8", true),
        Some("css") => ("text/css; charset=utf-8", true),
        Some("js") => ("text/javascript; charset=utf-8", true),
        Some("svg") => ("image/svg+xml", true),
        Some("txt" | "md") => ("text/plain; charset=utf-8", true),
        _ => ("application/octet-stream", false),
    };
    let compressed = if is_text && body.len() >= WORTH_COMPRESSING && takes_gzip(asked) {
        compressed(&body)
    } else {
        None
    };
    let is_compressed = compressed.is_some();
    let mut response = compressed.unwrap_or(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if is_text {
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    if is_compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Whether `Accept-Encoding` names gzip and does not refuse it (RFC 9110, section 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
            let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32));
            name.trim().eq_ignore_ascii_case("gzip") && !refused
        })
    })
}

/// The bytes as gzip writes them; none where that fails, and they are sent as they are.
fn compressed(body: &Bytes) -> Option<Bytes> {
    let key: [u8; 32] = Sha256::digest(body).into();
    let known = |key| COMPRESSED.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
    if let Some(bytes) = known(&key) {
        return Some(bytes);
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 3), Compression::best());
    encoder.write_all(body).ok()?;
    let bytes = Bytes::from(encoder.finish().ok()?);
    COMPRESSED.lock().unwrap_or_else(PoisonError::into_inner).insert(key, bytes.clone());
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_alone_who_take_it() {
        for (text, expected) in [
            ("gzip", true),
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("br", false),
            ("x-gzip", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(text));
            assert_eq!(takes_gzip(&headers), expected, "{text:?}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
