//! The paths of a tenant that are about no single table: the list of tables, batches, changes, SQL.

use super::records::OF_READING;
use super::shared::{answer, body, page_of, problems, reference};
use super::subject::Audience;
use crate::policy::Permission;
use serde_json::{Map, Value, json};

const OF_BATCHES: &[u16] = &[400, 401, 403, 404, 409, 412, 413, 415, 422, 429, 503, 504];

/// These paths, as far as the audience may use them.
pub(super) fn paths(audience: &Audience<'_>) -> Vec<(String, Value)> {
    let mut paths = vec![
        ("/tables".to_owned(), json!({ "get": tables() })),
        ("/changes".to_owned(), json!({ "get": changes(audience) })),
        ("/openapi.json".to_owned(), json!({ "get": document() })),
    ];
    if audience.tables.iter().any(|subject| subject.writes) {
        paths.push(("/batch".to_owned(), json!({ "post": batch() })));
    }
    if audience.may(Permission::RecordsSql) {
        paths.push(("/sql".to_owned(), json!({ "post": sql() })));
    }
    paths
}

/// The schemas that these paths name.
pub(super) fn schemas(audience: &Audience<'_>) -> Map<String, Value> {
    let change = json!({
        "type": "object",
        "properties": {
            "seq": { "type": "integer", "minimum": 1 },
            "at": { "type": "string", "format": "date-time" },
            "op": { "enum": ["create", "update", "delete"] },
            "table": { "type": "string" },
            "id": { "type": ["string", "null"], "description": "As it stands in the path of the record." },
            "record": { "type": ["object", "null"], "description": "As it was then; null once it is deleted." },
            "record_omitted": { "type": "boolean", "description": "Whether it was too long to be kept." },
            "actor": { "type": "string", "description": "Who did it: `identity:<id>`." },
        },
        "required": ["seq", "at", "op", "table", "id", "record", "actor"],
    });
    let mut schemas = Map::new();
    schemas.insert("RecordChange".to_owned(), change);
    schemas.insert("TableDescription".to_owned(), table_description());
    let writable = audience.tables.iter().filter(|subject| subject.writes);
    let operations: Vec<Value> =
        writable.map(|subject| reference("schemas", &format!("{}Operation", subject.name))).collect();
    if !operations.is_empty() {
        schemas.insert("BatchOperation".to_owned(), json!({ "anyOf": operations }));
        schemas.insert("BatchResult".to_owned(), batch_result());
    }
    schemas
}

fn table_description() -> Value {
    let (text, flag) = (json!({ "type": "string" }), json!({ "type": "boolean" }));
    json!({
        "type": "object",
        "properties": {
            "name": text,
            "kind": { "enum": ["table", "view", "search"] },
            "key": { "type": "array", "items": text },
            "columns": { "type": "array", "items": {
                "type": "object",
                "properties": {
                    "name": text,
                    "type": { "enum": [
                        "integer", "real", "number", "text", "blob", "boolean", "json", "datetime", "any",
                    ] },
                    "declared": text,
                    "required": flag, "has_default": flag, "generated": flag, "read_only": flag,
                    "references": {
                        "type": ["object", "null"],
                        "properties": { "table": text, "column": text },
                        "required": ["table", "column"],
                    },
                },
                "required": ["name", "type", "required", "has_default", "generated", "read_only", "references"],
            } },
            "permissions": { "type": "array", "items": { "enum": ["read", "write"] } },
        },
        "required": ["name", "kind", "key", "columns", "permissions"],
    })
}

fn batch_result() -> Value {
    json!({
        "type": "object",
        "properties": {
            "op": { "enum": ["create", "update", "upsert", "delete"] },
            "table": { "type": "string" },
            "id": { "description": "The value of the key, or an array of the values of its columns." },
            "etag": { "type": ["string", "null"] },
            "record": { "type": ["object", "null"], "description": "As it is now; null after a delete." },
        },
        "required": ["op", "table", "id", "etag", "record"],
    })
}

/// An operation with its good answers.
pub(super) fn operation(
    id: &str,
    summary: &str,
    tag: &str,
    permission: Permission,
    statuses: &[u16],
    good: Vec<(u16, Value)>,
) -> Value {
    let mut responses = problems(statuses);
    responses.extend(good.into_iter().map(|(status, response)| (status.to_string(), response)));
    json!({
        "operationId": id, "summary": summary, "tags": [tag], "x-permission": permission.name(),
        "responses": responses,
    })
}

fn tables() -> Value {
    let good = answer("Tables by name.", page_of(reference("schemas", "TableDescription")));
    let summary = "Tables and views, their columns, and what you may do with them";
    operation(
        "describeTables",
        summary,
        "(all tables)",
        Permission::RecordsRead,
        OF_READING,
        vec![(200, good)],
    )
}

fn document() -> Value {
    let mut good = answer("This document.", json!({ "type": "object" }));
    good["headers"] = json!({ "ETag": reference("headers", "ETag") });
    let same = json!({ "description": "It has the ETag that If-None-Match names." });
    let statuses = [OF_READING, &[412]].concat();
    let good = vec![(200, good), (304, same)];
    let summary = "This document";
    let mut operation =
        operation("describeApi", summary, "(all tables)", Permission::RecordsRead, &statuses, good);
    operation["parameters"] = json!([reference("parameters", "IfNoneMatch")]);
    operation
}

fn changes(audience: &Audience<'_>) -> Value {
    let page = json!({
        "type": "object",
        "properties": {
            "items": { "type": "array", "items": reference("schemas", "RecordChange") },
            "last_seq": { "type": "integer", "description": "For `since` of the next page." },
            "has_more": { "type": "boolean" },
        },
        "required": ["items", "last_seq", "has_more"],
    });
    let mut good = answer("Changes in their order.", page);
    good["content"]["text/event-stream"] = json!({ "schema": {
        "type": "string",
        "description": "Events `change` (data: a RecordChange, id: its seq), `position` and `gone`.",
    } });
    let statuses = [OF_READING, &[410]].concat();
    let summary = "Every committed change, in pages or (Accept: text/event-stream) as a stream";
    let mut operation = operation(
        "followChanges",
        summary,
        "(all tables)",
        Permission::RecordsRead,
        &statuses,
        vec![(200, good)],
    );
    let since = json!({
        "name": "since", "in": "query",
        "description": "The last change that you know, or `latest`. Without it pages begin with the oldest.",
        "schema": { "type": "string", "pattern": "^([0-9]{1,18}|latest)$" },
    });
    let mut parameters = vec![since, super::query::limit(), reference("parameters", "LastEventId")];
    let followed = audience.tables.iter().filter(|subject| subject.is_table());
    let tables: Vec<String> = followed.map(|subject| super::query::listed(&subject.table.name)).collect();
    if !tables.is_empty() {
        parameters.push(super::query::list("tables", tables, "Only changes of these tables."));
    }
    operation["parameters"] = parameters.into();
    operation
}

fn batch() -> Value {
    let result = json!({
        "type": "object",
        "properties": { "items": { "type": "array", "items": reference("schemas", "BatchResult") } },
        "required": ["items"],
    });
    let mut good = answer("What each operation did, in their order.", result);
    good["headers"] = json!({
        "Preference-Applied": reference("headers", "PreferenceApplied"),
        "Idempotency-Replayed": reference("headers", "IdempotencyReplayed"),
    });
    let minimal = json!({ "description": "Done; `Prefer` asked for no body." });
    let good = vec![(200, good), (204, minimal)];
    let summary = "Up to 1,000 operations on any tables in one transaction, all or none";
    let mut operation =
        operation("writeBatch", summary, "(all tables)", Permission::RecordsWrite, OF_BATCHES, good);
    operation["parameters"] =
        json!([reference("parameters", "IdempotencyKey"), reference("parameters", "Prefer")]);
    operation["requestBody"] = body(json!({
        "type": "object",
        "properties": {
            "operations": { "type": "array", "maxItems": 1000, "items": reference("schemas", "BatchOperation") },
        },
        "required": ["operations"],
        "additionalProperties": false,
    }));
    operation
}

fn sql() -> Value {
    let result = json!({
        "type": "object",
        "properties": {
            "columns": { "type": "array", "items": { "type": "string" } },
            "rows": { "type": "array", "items": { "type": "array" } },
            "truncated": { "type": "boolean" },
            "duration_ms": { "type": "integer", "minimum": 0 },
        },
        "required": ["columns", "rows", "truncated", "duration_ms"],
    });
    let good = answer("The rows.", result);
    let summary = "One SQL statement that reads";
    let statuses = [OF_READING, &[413, 415, 422]].concat();
    let mut operation =
        operation("runSql", summary, "(all tables)", Permission::RecordsSql, &statuses, vec![(200, good)]);
    operation["requestBody"] = body(json!({
        "type": "object",
        "properties": {
            "sql": { "type": "string" },
            "params": { "type": ["array", "object", "null"], "description": "By place, or by name." },
        },
        "required": ["sql"],
        "additionalProperties": false,
    }));
    operation
}
