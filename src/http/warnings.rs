//! What is noted of every answer to a tenant: how its limits stand (`RateLimit-Policy` and `RateLimit` of
//! draft-ietf-httpapi-ratelimit-headers), and `X-Usage-Warning`, by which whoever talks to a tenant whose limits are nearly
//! used is told so.

use crate::id::TenantId;
use crate::service::Installation;
use crate::tenancy::Standing;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use std::cell::Cell;
use std::fmt::Write as _;
use std::future::Future;

const USAGE_WARNING: HeaderName = HeaderName::from_static("x-usage-warning");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// How limits stand; at most so many count for one request.
type Standings = [Option<Standing>; 3];

tokio::task_local! {
    /// The tenant that the request was let in to, and how the limits stand by which it was let in or refused.
    static NOTED: Cell<(Option<TenantId>, Standings)>;
}

/// Notes the tenant that this request was let in to.
pub(super) fn let_in_to(tenant: TenantId) {
    // Outside a request, as in a test of one handler, nobody is to be told.
    let _ = NOTED.try_with(|noted| noted.set((Some(tenant), noted.get().1)));
}

/// Notes how the limits stand by which this request is let in or refused.
pub(super) fn limited_by(standings: Standings) {
    let _ = NOTED.try_with(|noted| noted.set((noted.get().0, standings)));
}

/// Answers, with what the tenant is to be told.
pub(super) async fn with_warnings(
    installation: &Installation,
    answer: impl Future<Output = Response>,
) -> Response {
    NOTED
        .scope(Cell::default(), async {
            let mut response = answer.await;
            let (tenant, standings) = NOTED.with(Cell::get);
            write_standings(response.headers_mut(), &standings);
            if let Some(tenant) = tenant {
                for warning in installation.tenancy().usage_warnings(tenant) {
                    let line = format!(
                        "{}; used={}; limit={}; percent={}",
                        warning.meter, warning.used, warning.limit, warning.percent
                    );
                    if let Ok(line) = HeaderValue::from_str(&line) {
                        response.headers_mut().append(USAGE_WARNING, line);
                    }
                }
            }
            response
        })
        .await
}

/// Both headers are lists of structured fields (RFC 9651).
fn write_standings(headers: &mut HeaderMap, standings: &Standings) {
    let (mut policy, mut state) = (String::new(), String::new());
    for standing in standings.iter().flatten() {
        let Standing { name, quota, left, seconds } = standing;
        let comma = if policy.is_empty() { "" } else { ", " };
        // Writing to a text does not fail.
        let _ = match seconds {
            Some((window, full_in)) => write!(policy, "{comma}\"{name}\";q={quota};w={window}")
                .and_then(|()| write!(state, "{comma}\"{name}\";r={left};t={full_in}")),
            None => write!(policy, "{comma}\"{name}\";q={quota};qu=\"concurrent-requests\"")
                .and_then(|()| write!(state, "{comma}\"{name}\";r={left}")),
        };
    }
    if policy.is_empty() {
        return;
    }
    for (name, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, state)] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_as_structured_fields() {
        let tenant = Standing { name: "tenant", quota: 40, left: 12, seconds: Some((2, 2)) };
        let concurrency = Standing { name: "concurrency", quota: 8, left: 7, seconds: None };
        let mut headers = HeaderMap::new();
        write_standings(&mut headers, &[None; 3]);
        assert!(headers.is_empty());
        write_standings(&mut headers, &[Some(tenant), None, Some(concurrency)]);
        assert_eq!(
            headers[RATE_LIMIT_POLICY],
            r#""tenant";q=40;w=2, "concurrency";q=8;qu="concurrent-requests""#
        );
        assert_eq!(headers[RATE_LIMIT], r#""tenant";r=12;t=2, "concurrency";r=7"#);
    }
}
