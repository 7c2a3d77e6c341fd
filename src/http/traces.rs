//! The span of a request: which route, for whom, what became of it. Neither its path nor anything that it brought, but for
//! the ids of the trace that it is part of.

use crate::id::RequestId;
use crate::telemetry::subject::Subject;
use crate::telemetry::{Answered, SpanKind, Spans, Trace, TraceContext, number, text};
use axum::extract::Request;
use axum::http::Method;
use std::sync::Arc;

/// Begins the trace of a request, unless it only asks how the server is.
pub(super) fn begin(spans: &Arc<Spans>, id: RequestId, request: &Request) -> Option<Arc<Trace>> {
    if matches!(request.uri().path(), "/livez" | "/readyz" | "/metrics") {
        return None;
    }
    spans.begin(id.as_bytes(), brought(request))
}

/// Two of them say nothing.
fn brought(request: &Request) -> Option<TraceContext> {
    let mut all = request.headers().get_all("traceparent").iter();
    let (first, None) = (all.next()?, all.next()) else { return None };
    TraceContext::parse(first.to_str().ok()?)
}

/// It was answered.
pub(super) fn end(trace: &Trace, subject: &Subject, method: &Method, id: &str, answered: &Answered) {
    let method = if is_known(method) { method.as_str() } else { "_OTHER" };
    let mut attributes = vec![
        text("http.request.method", method),
        number("http.response.status_code", answered.status.into()),
        text("tenantry.request_id", id),
    ];
    let name = match subject.route() {
        Some(route) => {
            attributes.push(text("http.route", route));
            format!("{method} {route}")
        }
        None => method.to_owned(),
    };
    attributes.extend(subject.tenant().map(|tenant| text("tenantry.tenant_id", tenant.to_string())));
    let error = (answered.status >= 500).then(|| answered.status.to_string());
    attributes.extend(error.as_ref().map(|status| text("error.type", status.as_str())));
    trace.end(name, SpanKind::Server, attributes, error);
}

/// Whoever asks may make up others.
fn is_known(method: &Method) -> bool {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(&method.as_str())
}
