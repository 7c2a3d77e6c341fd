//! Spans for a collector.

use super::{Resource, attribute, scope};
use crate::model::hex::hex;
use crate::telemetry::spans::{Described, Span};
use serde_json::{Value, json};

/// The status of a span that failed.
const FAILED: u8 = 2;

/// The body of a request to `/v1/traces`.
pub fn traces(resource: &Resource, spans: &[Span]) -> Value {
    let spans: Vec<Value> = spans.iter().map(span).collect();
    json!({ "resourceSpans": [{
        "resource": resource.json(),
        "scopeSpans": [{ "scope": scope(resource.version), "spans": spans }],
    }] })
}

fn span(span: &Span) -> Value {
    let attributes: Vec<Value> = span.attributes.iter().map(|(name, value)| described(name, value)).collect();
    let mut told = json!({
        "traceId": hex(&span.trace),
        "spanId": hex(&span.id),
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": span.begun_ns.to_string(),
        "endTimeUnixNano": span.ended_ns.to_string(),
        "attributes": attributes,
    });
    if let Some(parent) = &span.parent {
        told["parentSpanId"] = hex(parent).into();
    }
    if let Some(error) = &span.error {
        told["status"] = json!({ "code": FAILED, "message": error });
    }
    told
}

fn described(name: &str, value: &Described) -> Value {
    match value {
        Described::Text(text) => attribute(name, text),
        Described::Number(number) => json!({ "key": name, "value": { "intValue": number.to_string() } }),
    }
}
