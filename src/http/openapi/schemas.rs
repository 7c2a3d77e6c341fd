//! Schemas of the records of one table: as they are read, made and changed, alone and in a batch.

use super::shared::reference;
use super::subject::Subject;
use super::values::{answered, given};
use crate::model::column::Column;
use serde_json::{Map, Value, json};

/// All schemas of a table, by name.
pub(super) fn of_table(subject: &Subject<'_>) -> Vec<(String, Value)> {
    let name = &subject.name;
    let mut schemas = vec![(name.clone(), record(subject)), (format!("{name}Part"), part(subject))];
    if subject.writes {
        schemas.push((format!("{name}Create"), create(subject)));
        schemas.push((format!("{name}Patch"), patch(subject)));
        schemas.push((format!("{name}Operation"), operation(subject)));
    }
    schemas
}

fn record(subject: &Subject<'_>) -> Value {
    let required: Vec<&str> = subject.columns().map(|column| column.name.as_str()).collect();
    json!({
        "type": "object",
        "title": subject.table.name,
        "description": format!("A record of {}.", kind_and_name(subject)),
        "properties": read_properties(subject),
        "required": required,
    })
}

/// `the table customers`.
pub(super) fn kind_and_name(subject: &Subject<'_>) -> String {
    let kind = match subject.table.kind {
        crate::model::table::TableKind::Table => "table",
        crate::model::table::TableKind::View => "view",
        crate::model::table::TableKind::Search => "search index",
    };
    let name: String = subject.table.name.chars().filter(|c| !c.is_control()).collect();
    format!("the {kind} {name}")
}

fn part(subject: &Subject<'_>) -> Value {
    let columns = subject.columns();
    let properties: Map<String, Value> = columns
        .map(|column| {
            let path = format!(
                "#/components/schemas/{}/properties/{}",
                subject.name,
                super::shared::pointer(&column.name)
            );
            (column.name.clone(), json!({ "$ref": path }))
        })
        .collect();
    json!({
        "type": "object",
        "description": format!("What `fields` names of a record of {}.", kind_and_name(subject)),
        "properties": properties,
    })
}

fn read_properties(subject: &Subject<'_>) -> Map<String, Value> {
    let schema = |column: &Column| {
        let mut schema = answered(column);
        if column.generated || column.read_only {
            schema["readOnly"] = true.into();
        }
        schema
    };
    let mut properties: Map<String, Value> =
        subject.columns().map(|column| (column.name.clone(), schema(column))).collect();
    if super::query::takes("expand") {
        let expand = json!({ "type": "object", "description": "What `expand` asked for.", "readOnly": true });
        properties.entry("expand").or_insert(expand);
    }
    properties
}

fn create(subject: &Subject<'_>) -> Value {
    let columns = subject.creatable();
    let properties: Map<String, Value> =
        columns.map(|column| (column.name.clone(), given(column, Subject::takes_null(column)))).collect();
    let required: Vec<&str> =
        subject.creatable().filter(|column| column.required).map(|column| column.name.as_str()).collect();
    json!({
        "type": "object",
        "description": format!("A new record of {}.", kind_and_name(subject)),
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn patch(subject: &Subject<'_>) -> Value {
    let columns = subject.changeable();
    let properties: Map<String, Value> = columns
        .map(|column| (column.name.clone(), given(column, !(column.not_null || column.required))))
        .collect();
    json!({
        "type": "object",
        "description": format!(
            "The fields of a record of {} that change; the others stay as they are.",
            kind_and_name(subject)
        ),
        "properties": properties,
        "additionalProperties": false,
    })
}

/// An operation of a batch on this table.
fn operation(subject: &Subject<'_>) -> Value {
    let form = |ops: &[&str], takes_key: bool, record: Option<&str>| {
        let mut properties = json!({ "op": { "enum": ops }, "table": { "const": subject.table.name } });
        let mut required = vec!["op", "table"];
        if takes_key {
            properties["id"] = key(subject);
            properties["if_match"] = json!({
                "type": "string", "description": "As the header If-Match.", "pattern": super::headers::ETAGS,
            });
            required.push("id");
        }
        if let Some(record) = record {
            properties["record"] = reference("schemas", &format!("{}{record}", subject.name));
            required.push("record");
        }
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    };
    let mut forms = vec![form(&["create"], false, Some("Create"))];
    if subject.has_key() {
        forms.push(form(&["update", "upsert"], true, Some("Patch")));
        forms.push(form(&["delete"], true, None));
    }
    json!({ "oneOf": forms })
}

/// A key in a body: its value, or an array of the values of its columns.
fn key(subject: &Subject<'_>) -> Value {
    let mut parts: Vec<Value> = subject.key().map(|column| given(column, false)).collect();
    if parts.len() == 1 {
        return parts.pop().unwrap_or_default();
    }
    json!({ "type": "array", "minItems": parts.len(), "maxItems": parts.len(), "prefixItems": parts })
}
