//! The browser's way to hold tokens: HttpOnly cookies, and no request from another site.

use crate::clock::{DAY, SECOND};
use crate::error::{Error, Kind, Result};
use crate::service::devices::{DeviceCookie, LIFETIME};
use crate::service::{Installation, TokenPair};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Where the refresh token and the mark of a known browser are sent to, and nowhere else.
const REFRESH_PATH: &str = "/api/v1/auth";

/// Names of the cookies. Without TLS on a network that is not loopback the prefixes would keep them from being set.
fn names(installation: &Installation) -> (&'static str, &'static str, &'static str) {
    if installation.config().insecure_http {
        ("tenantry_access", "tenantry_refresh", "tenantry_device")
    } else {
        ("__Host-tenantry_access", "__Secure-tenantry_refresh", "__Secure-tenantry_device")
    }
}

/// The access token in the cookies.
///
/// # Errors
/// 400 `two_credentials`.
pub(super) fn access_token(headers: &HeaderMap, installation: &Installation) -> Result<Option<String>> {
    find(headers, names(installation).0)
}

/// The refresh token in the cookies.
///
/// # Errors
/// 400 `two_credentials`.
pub(super) fn refresh_token(headers: &HeaderMap, installation: &Installation) -> Result<Option<String>> {
    find(headers, names(installation).1)
}

/// The mark of a browser that signed in before.
pub(super) fn device(headers: &HeaderMap, installation: &Installation) -> Option<DeviceCookie> {
    find(headers, names(installation).2).ok().flatten().map(DeviceCookie::given)
}

/// 400 for more than one word of who asks.
pub(super) fn two_credentials() -> Error {
    Error::malformed(
        "two_credentials",
        "Send one credential: a bearer token or cookies, not both, and each cookie once.",
    )
}

/// The one value of a cookie. Another host below the same domain can add a second one with a path of its own, and nothing
/// says which is which: neither counts.
fn find(headers: &HeaderMap, name: &str) -> Result<Option<String>> {
    let mut values = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
    let first = values.next();
    if values.any(|value| Some(value) != first) {
        return Err(two_credentials());
    }
    Ok(first.map(str::to_owned))
}

/// The headers that hand over tokens.
pub(super) fn set(installation: &Installation, tokens: &TokenPair) -> Vec<(HeaderName, HeaderValue)> {
    let (access, refresh, _) = names(installation);
    let mut cookies = vec![cookie(installation, access, &tokens.access_token, "/", "Lax", tokens.expires_in)];
    if let Some(token) = &tokens.refresh_token {
        cookies.push(cookie(installation, refresh, token, REFRESH_PATH, "Strict", 90 * DAY / SECOND));
    }
    cookies.into_iter().flatten().collect()
}

/// The header by which the browser is known from now on. Signing out leaves it: it opens nothing.
pub(super) fn set_device(
    installation: &Installation,
    device: &DeviceCookie,
) -> Option<(HeaderName, HeaderValue)> {
    let name = names(installation).2;
    cookie(installation, name, device.as_str(), REFRESH_PATH, "Strict", LIFETIME / SECOND)
}

/// The headers that take the tokens away.
pub(super) fn clear(installation: &Installation) -> Vec<(HeaderName, HeaderValue)> {
    let (access, refresh, _) = names(installation);
    [
        cookie(installation, access, "", "/", "Lax", 0),
        cookie(installation, refresh, "", REFRESH_PATH, "Strict", 0),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn cookie(
    installation: &Installation,
    name: &str,
    value: &str,
    path: &str,
    same_site: &str,
    max_age: i64,
) -> Option<(HeaderName, HeaderValue)> {
    let secure = if installation.config().insecure_http { "" } else { "; Secure" };
    let text =
        format!("{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite={same_site}{secure}");
    HeaderValue::from_str(&text).ok().map(|value| (header::SET_COOKIE, value))
}

/// Refuses what another site makes a browser do. Requests that only look are let through: their answers cannot be read
/// from there.
pub(super) fn refuse_other_sites(parts: &Parts, installation: &Installation) -> Result<()> {
    if parts.method.is_safe() {
        return Ok(());
    }
    let refused =
        || Error::new(Kind::Forbidden, "cross_site", "This request came from another site and was refused.");
    match parts.headers.get("sec-fetch-site") {
        Some(site) if site == "same-origin" => Ok(()),
        Some(_) => Err(refused()),
        None => {
            let origin = parts.headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
            if origin.is_some_and(|origin| is_ours(origin, parts, installation)) {
                Ok(())
            } else {
                Err(refused())
            }
        }
    }
}

fn is_ours(origin: &str, parts: &Parts, installation: &Installation) -> bool {
    if let Some(url) = &installation.config().public_url {
        return origin == url.trim_end_matches('/');
    }
    // Without a public URL the host is what the browser was told: on loopback, or where insecure_http was accepted.
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    origin.strip_prefix("http://").is_some_and(|authority| authority == host)
}
