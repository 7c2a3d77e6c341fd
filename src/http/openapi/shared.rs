//! What all documents share: problems, references, security.

use super::headers;
use serde_json::{Map, Value, json};

/// The dialect of OpenAPI.
pub(super) const OPENAPI: &str = "3.1.0";

/// Statuses of problems with the names of their components and what they mean.
const PROBLEMS: [(u16, &str, &str); 16] = [
    (400, "Malformed", "The request cannot be understood; `detail` says what to change."),
    (401, "Unauthenticated", "Not signed in, or the session or key is dead."),
    (402, "PaymentRequired", "Money or the plan has to change first."),
    (403, "Forbidden", "A member without the permission, which is named."),
    (404, "NotFound", "Unknown, or not yours to know about."),
    (405, "NotAllowed", "It exists and does not take this."),
    (
        409,
        "Conflict",
        "In conflict with what is stored: a unique value, a foreign key, the state of the tenant.",
    ),
    (410, "Gone", "No longer kept; `restart_from` says where to begin anew."),
    (412, "Stale", "Not, or no longer, as the request demands."),
    (413, "TooLarge", "More than is taken at once."),
    (415, "UnsupportedMedia", "Not a media type that is understood here."),
    (416, "OutOfRange", "The part begins behind the end."),
    (422, "Invalid", "Understood and not valid: every field at fault is named, or a trigger says why."),
    (429, "TooMany", "Too often. Waiting helps."),
    (503, "Unavailable", "Overloaded, or the file of the tenant cannot be served. Waiting helps."),
    (504, "DeadlinePassed", "It took longer than is allowed. Ask for less at once."),
];

/// A reference to a component.
pub(super) fn reference(section: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{section}/{}", pointer(name)) })
}

/// A name as a part of a reference: a JSON pointer (RFC 6901) in a URL fragment.
pub(super) fn pointer(name: &str) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    const PLAIN: &percent_encoding::AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(&name.replace('~', "~0").replace('/', "~1"), PLAIN).to_string()
}

/// Responses with these problems, and any other.
pub(super) fn problems(statuses: &[u16]) -> Map<String, Value> {
    let known = PROBLEMS.iter().filter(|(status, ..)| statuses.contains(status));
    let mut responses: Map<String, Value> =
        known.map(|(status, name, _)| (status.to_string(), reference("responses", name))).collect();
    responses.insert("default".to_owned(), reference("responses", "Other"));
    responses
}

/// An answer with JSON.
pub(super) fn answer(description: &str, schema: Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

/// A body of JSON that must be there.
pub(super) fn body(schema: Value) -> Value {
    json!({ "required": true, "content": { "application/json": { "schema": schema } } })
}

/// `{"items":[..],"next_cursor":..}`.
pub(super) fn page_of(item: Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "items": { "type": "array", "items": item },
            "next_cursor": {
                "type": ["string", "null"],
                "description": "For `cursor` of the next page; null on the last one.",
            },
        },
        "required": ["items", "next_cursor"],
    })
}

/// The components that every document has, with these schemas.
pub(super) fn components(schemas: Map<String, Value>) -> Value {
    let mut all = problem_schemas();
    all.extend(schemas);
    json!({
        "schemas": all,
        "responses": problem_responses(),
        "parameters": headers::parameters(),
        "headers": headers::answered(),
        "securitySchemes": {
            "bearer": {
                "type": "http", "scheme": "bearer",
                "description": "An access token, from POST /api/v1/auth/sign-in.",
            },
        },
    })
}

fn problem_responses() -> Map<String, Value> {
    let content = json!({ "application/problem+json": { "schema": reference("schemas", "Problem") } });
    let response = |status: u16, description: &str| {
        let mut headers = json!({ "X-Request-Id": reference("headers", "RequestId") });
        if [429, 503].contains(&status) {
            headers["Retry-After"] = reference("headers", "RetryAfter");
        }
        json!({ "description": description, "headers": headers, "content": content })
    };
    let known = PROBLEMS.iter().map(|(status, name, text)| ((*name).to_owned(), response(*status, text)));
    let other = ("Other".to_owned(), response(0, "Any other problem."));
    known.chain([other]).collect()
}

fn problem_schemas() -> Map<String, Value> {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let field_error = json!({
        "type": "object",
        "properties": {
            "field": text("Where it is: `name`, `[3].amount_cents`, `operations[1].record.name`."),
            "code": text("What is wrong, for programs."),
            "message": text("What is wrong, for people."),
        },
        "required": ["field", "code", "message"],
    });
    let problem = json!({
        "type": "object",
        "description": "A problem document (RFC 9457).",
        "properties": {
            "type": text("about:blank"),
            "title": text("The name of the status."),
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": text("What is wrong and what to do next."),
            "code": text("What is wrong, for programs."),
            "request_id": text("As the header X-Request-Id."),
            "errors": { "type": "array", "items": reference("schemas", "FieldError") },
            "permission": text("The permission that is missing, of a 403."),
        },
        "required": ["type", "title", "status", "detail", "code", "request_id", "errors"],
    });
    [("Problem", problem), ("FieldError", field_error)]
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect()
}
