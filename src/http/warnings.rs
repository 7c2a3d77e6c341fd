//! `X-Usage-Warning`: whoever talks to a tenant whose limits are nearly used is told so with every answer.

use crate::id::TenantId;
use crate::service::Installation;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use std::cell::Cell;
use std::future::Future;

const USAGE_WARNING: HeaderName = HeaderName::from_static("x-usage-warning");

tokio::task_local! {
    /// The tenant that the request was let in to.
    static TENANT: Cell<Option<TenantId>>;
}

/// Notes the tenant that this request was let in to.
pub(super) fn let_in_to(tenant: TenantId) {
    // Outside a request, as in a test of one handler, nobody is to be told.
    let _ = TENANT.try_with(|noted| noted.set(Some(tenant)));
}

/// Answers, with what the tenant is to be warned of.
pub(super) async fn with_warnings(
    installation: &Installation,
    answer: impl Future<Output = Response>,
) -> Response {
    TENANT
        .scope(Cell::new(None), async {
            let mut response = answer.await;
            if let Some(tenant) = TENANT.with(Cell::take) {
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
