//! Headers of requests and answers, described once.

use serde_json::{Map, Value, json};

/// `*`, or entity tags between commas (RFC 9110, section 13.1.1).
pub(super) const ETAGS: &str = r#"^(\*|(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*)$"#;

/// Headers of requests, as components.
pub(super) fn parameters() -> Map<String, Value> {
    let etags = || json!({ "type": "string", "pattern": ETAGS });
    let all = [
        ("IfMatch", "If-Match", etags(), "Only while the record has one of these ETags; otherwise 412."),
        (
            "IfNoneMatch",
            "If-None-Match",
            etags(),
            "Reading: 304 while it has one of these ETags. Writing: 412 then; `*` only creates.",
        ),
        (
            "IdempotencyKey",
            "Idempotency-Key",
            json!({ "type": "string", "pattern": "^[!-~]{1,255}$" }),
            "For 24 hours the same key with the same body is answered as the first time and done once; with another \
             body it is 409.",
        ),
        (
            "Prefer",
            "Prefer",
            // Preferences that are not known are left alone, so these two are no enumeration.
            json!({ "type": "string" }),
            "`return=minimal` leaves the body out of the answer, `return=representation` asks for it. Others are left \
             alone.",
        ),
        (
            "LastEventId",
            "Last-Event-ID",
            json!({ "type": "string", "pattern": "^[0-9]{1,18}$" }),
            "Where a stream goes on; wins over `since`.",
        ),
    ];
    let parameter = |(key, name, schema, description): (&str, &str, Value, &str)| {
        let parameter = json!({ "name": name, "in": "header", "description": description, "schema": schema });
        (key.to_owned(), parameter)
    };
    all.map(parameter).into_iter().collect()
}

/// Headers of answers, as components.
pub(super) fn answered() -> Map<String, Value> {
    let text = || json!({ "type": "string" });
    let all = [
        ("ETag", text(), "The tag of the whole record as it is now."),
        ("Location", json!({ "type": "string", "format": "uri-reference" }), "Where the new one is."),
        ("RequestId", text(), "The id of the request, also in a problem."),
        ("RetryAfter", json!({ "type": "integer", "minimum": 0 }), "Seconds to wait."),
        ("PreferenceApplied", text(), "What of Prefer was followed."),
        (
            "IdempotencyReplayed",
            json!({ "const": "true" }),
            "The request was answered before and is answered the same again.",
        ),
    ];
    let header = |(key, schema, description): (&str, Value, &str)| {
        (key.to_owned(), json!({ "description": description, "schema": schema }))
    };
    all.map(header).into_iter().collect()
}
