//! The paths of one table.

use super::query;
use super::schemas::kind_and_name;
use super::shared::{answer, body, page_of, problems, reference};
use super::subject::{Audience, Subject};
use super::values::key_part;
use crate::model::column::Column;
use serde_json::{Map, Value, json};

/// Problems that everything below a tenant may answer.
pub(super) const OF_READING: &[u16] = &[400, 401, 403, 404, 429, 503, 504];
const OF_CREATING: &[u16] = &[400, 401, 403, 404, 409, 413, 415, 422, 429, 503, 504];
const OF_CHANGING: &[u16] = &[400, 401, 403, 404, 409, 412, 413, 415, 422, 429, 503, 504];
const OF_DELETING: &[u16] = &[400, 401, 403, 404, 409, 412, 422, 429, 503, 504];

/// All paths of a table, each with its operations.
pub(super) fn of_table(audience: &Audience<'_>, subject: &Subject<'_>) -> Vec<(String, Value)> {
    let mut records = json!({ "get": list(audience, subject) });
    if subject.writes {
        records["post"] = create(subject);
    }
    let mut paths = vec![(subject.path(), records)];
    if !subject.has_key() {
        return paths;
    }
    let (path, key) = subject.record_path();
    let mut record = json!({ "parameters": key_parameters(&key), "get": get(subject) });
    if subject.writes {
        record["put"] = put(subject);
        record["patch"] = patch(subject);
        record["delete"] = delete(subject);
    }
    if subject.is_table() {
        let history = json!({ "parameters": key_parameters(&key), "get": history(subject) });
        paths.push((format!("{path}/history"), history));
    }
    paths.push((path, record));
    paths
}

fn key_parameters(key: &[(&Column, String)]) -> Vec<Value> {
    let parameter = |(column, name): &(&Column, String)| {
        let description = format!("{} of the record, a part of its key.", column.name);
        json!({
            "name": name, "in": "path", "required": true, "description": description, "schema": key_part(column),
        })
    };
    key.iter().map(parameter).collect()
}

/// An operation of this table.
fn operation(
    subject: &Subject<'_>,
    verb: &str,
    summary: &str,
    permission: &str,
    parameters: Vec<Value>,
    responses: Map<String, Value>,
) -> Value {
    json!({
        "operationId": format!("{verb}{}", subject.name),
        "summary": summary,
        "tags": [subject.table.name],
        "x-permission": permission,
        "parameters": parameters,
        "responses": responses,
    })
}

fn header(name: &str) -> Value {
    reference("parameters", name)
}

fn with_headers(mut response: Value, headers: &[(&str, &str)]) -> Value {
    let headers = headers.iter().map(|(name, key)| ((*name).to_owned(), reference("headers", key)));
    response["headers"] = headers.collect::<Map<String, Value>>().into();
    response
}

/// The record, or what `fields` names of it.
fn record_or_part(subject: &Subject<'_>) -> Value {
    let part = format!("{}Part", subject.name);
    json!({ "anyOf": [reference("schemas", &subject.name), reference("schemas", &part)] })
}

fn list(audience: &Audience<'_>, subject: &Subject<'_>) -> Value {
    let mut page = page_of(record_or_part(subject));
    if query::takes("count") {
        page["properties"]["total"] = json!({ "type": ["integer", "null"], "description": "All records of the list, with `count=exact`." });
        page["properties"]["total_capped"] = json!({ "type": "boolean" });
    }
    let mut responses = problems(OF_READING);
    responses.insert("200".to_owned(), answer("One page of records.", page));
    let summary = format!("List records of {}", kind_and_name(subject));
    let parameters = query::parameters(audience, subject);
    operation(subject, "list", &summary, "records:read", parameters, responses)
}

fn get(subject: &Subject<'_>) -> Value {
    let mut responses = problems(&[OF_READING, &[412]].concat());
    let found = answer("The record.", record_or_part(subject));
    responses.insert("200".to_owned(), with_headers(found, &[("ETag", "ETag")]));
    let same = json!({ "description": "It has the ETag that If-None-Match names." });
    responses.insert("304".to_owned(), with_headers(same, &[("ETag", "ETag")]));
    let parameters = vec![query::fields(subject), header("IfNoneMatch"), header("IfMatch")];
    let summary = format!("Read a record of {}", kind_and_name(subject));
    operation(subject, "get", &summary, "records:read", parameters, responses)
}

fn create(subject: &Subject<'_>) -> Value {
    let one = reference("schemas", &subject.name);
    let several = json!({
        "type": "object",
        "properties": { "items": { "type": "array", "items": one } },
        "required": ["items"],
    });
    let created =
        answer("Stored. Without a body where `Prefer` asks for that.", json!({ "anyOf": [one, several] }));
    let headers = [
        ("ETag", "ETag"),
        ("Location", "Location"),
        ("Preference-Applied", "PreferenceApplied"),
        ("Idempotency-Replayed", "IdempotencyReplayed"),
    ];
    let mut responses = problems(OF_CREATING);
    responses.insert("201".to_owned(), with_headers(created, &headers));
    let parameters = vec![header("IdempotencyKey"), header("Prefer")];
    let summary = format!("Create one record of {}, or up to 1,000, all or none", kind_and_name(subject));
    let mut operation = operation(subject, "create", &summary, "records:write", parameters, responses);
    let new = reference("schemas", &format!("{}Create", subject.name));
    let many = json!({ "type": "array", "maxItems": 1000, "items": new });
    operation["requestBody"] = body(json!({ "anyOf": [new, many] }));
    operation
}

/// What PATCH and PUT have in common.
fn change(subject: &Subject<'_>, verb: &str, summary: &str, statuses: &[(u16, &str)]) -> Value {
    let headers = [("ETag", "ETag"), ("Preference-Applied", "PreferenceApplied")];
    let mut responses = problems(OF_CHANGING);
    for (status, description) in statuses {
        let mut response = answer(description, reference("schemas", &subject.name));
        if *status == 201 {
            response = with_headers(response, &[&headers[..], &[("Location", "Location")]].concat());
        } else {
            response = with_headers(response, &headers);
        }
        responses.insert(status.to_string(), response);
    }
    let minimal = json!({ "description": "Done; `Prefer` asked for no body." });
    responses.insert("204".to_owned(), with_headers(minimal, &headers));
    let parameters = vec![header("IfMatch"), header("IfNoneMatch"), header("Prefer")];
    let mut operation = operation(subject, verb, summary, "records:write", parameters, responses);
    operation["requestBody"] = body(reference("schemas", &format!("{}Patch", subject.name)));
    operation
}

fn patch(subject: &Subject<'_>) -> Value {
    let summary = format!("Change fields of a record of {}", kind_and_name(subject));
    change(subject, "update", &summary, &[(200, "The record as it is now.")])
}

fn put(subject: &Subject<'_>) -> Value {
    let summary = format!(
        "Change fields of a record of {}, or create it: then all that a new record needs is required",
        kind_and_name(subject)
    );
    change(subject, "put", &summary, &[(200, "It was there; as it is now."), (201, "It is new.")])
}

fn delete(subject: &Subject<'_>) -> Value {
    let mut responses = problems(OF_DELETING);
    responses.insert("204".to_owned(), json!({ "description": "It is gone." }));
    let parameters = vec![header("IfMatch"), header("IfNoneMatch")];
    let summary = format!("Delete a record of {}", kind_and_name(subject));
    operation(subject, "delete", &summary, "records:write", parameters, responses)
}

fn history(subject: &Subject<'_>) -> Value {
    let mut responses = problems(OF_READING);
    let page = page_of(reference("schemas", "RecordChange"));
    responses.insert("200".to_owned(), answer("Its changes, newest first.", page));
    let summary = format!("What became of a record of {}", kind_and_name(subject));
    let parameters = vec![query::limit(), query::cursor()];
    operation(subject, "trace", &summary, "records:read", parameters, responses)
}
