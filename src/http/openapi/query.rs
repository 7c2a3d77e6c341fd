//! Query parameters of lists of records.

use super::subject::{Audience, Subject};
use super::values::is_nullable;
use crate::model::column::{Column, ColumnType};
use crate::service::records::PARAMETERS;
use serde_json::{Value, json};

/// How filters are written, for the description of a document.
pub(super) const FILTERS: &str = "\
A list takes one parameter for each column. `status=paid` asks for equality, `amount=gte.100` for another test: `eq`, \
`neq`, `gt`, `gte`, `lt`, `lte`, `like.*part*` and `ilike.` (`*` is any run of characters), `in.(a,b,\"c,d\")` and \
`not_in.(..)`, `is.null` and `is.not_null`. A value that begins like an operator is written `eq.gte.5`. A parameter that \
comes again is another test that has to hold. `select=status,count(),sum(amount)` with `group=status` answers figures \
over the records instead of them. A column that is called like another parameter is written `col:limit=5`.";

/// A number as a filter holds it, in JSON's form.
const NUMBER: &str = r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?";

/// Of the parameters that have a meaning, those that lists take.
const TAKEN: [&str; 9] = ["order", "limit", "cursor", "count", "fields", "expand", "q", "or", "and"];

/// Whether lists take this parameter.
pub(super) fn takes(name: &str) -> bool {
    TAKEN.contains(&name)
}

/// All parameters of the list of a table.
pub(super) fn parameters(audience: &Audience<'_>, subject: &Subject<'_>) -> Vec<Value> {
    let mut parameters: Vec<Value> =
        TAKEN.iter().filter_map(|name| parameter(name, audience, subject)).collect();
    parameters.extend(subject.columns().filter(|column| !column.name.is_empty()).map(filter));
    parameters
}

fn parameter(name: &str, audience: &Audience<'_>, subject: &Subject<'_>) -> Option<Value> {
    Some(match name {
        "order" => {
            let orders = subject.columns().flat_map(orders).collect();
            let description = "Columns to sort by; `-` before one sorts it down, `.nullsfirst` or `.nullslast` behind \
                               it says where NULL goes. The key decides the rest.";
            list(name, orders, description)
        }
        "limit" => limit(),
        "cursor" => cursor(),
        "fields" => fields(subject),
        "count" => {
            text(name, "`exact` counts all records of the list: `total` in the answer.", Some("exact"))
        }
        "q" => text(name, "Words to search for in the search index of the table.", None),
        "or" => text(name, "Tests of which one has to hold: `(a.eq.1,and(b.gt.2,c.is.null))`.", None),
        "and" => text(name, "Tests that all have to hold: `(a.eq.1,or(b.gt.2,c.is.null))`.", None),
        "expand" => {
            let names = expandable(audience, subject);
            if names.is_empty() {
                return None;
            }
            let description = "Records that it refers to, by column, or that refer to it, by table; under `expand` of \
                               each record. A second level comes behind a dot.";
            list(name, names, description)
        }
        _ => return None,
    })
}

fn text(name: &str, description: &str, only: Option<&str>) -> Value {
    let schema = only.map_or_else(|| json!({ "type": "string" }), |only| json!({ "const": only }));
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}

/// What of a table can be expanded: its columns that refer to a table that may be read, and such tables that refer to it.
fn expandable(audience: &Audience<'_>, subject: &Subject<'_>) -> Vec<String> {
    let keys = |of: &Subject<'_>, parent: &str| {
        let keys = of.table.foreign_keys.iter().filter(|key| !key.is_hidden && key.columns.len() == 1);
        let keys = keys.filter(|key| key.parent == parent);
        keys.filter_map(|key| key.columns.first().copied()).collect::<Vec<usize>>()
    };
    let name = |of: &Subject<'_>, column: usize| listed(&of.table.columns[column].name);
    let mut found = Vec::new();
    for other in &audience.tables {
        found.extend(keys(subject, &other.table.name).into_iter().map(|column| name(subject, column)));
        let backward = keys(other, &subject.table.name);
        let table = listed(&other.table.name);
        match backward.as_slice() {
            [] => {}
            [_] => found.push(table),
            several => found.extend(several.iter().map(|column| format!("{table}:{}", name(other, *column)))),
        }
    }
    found
}

/// `limit`.
pub(super) fn limit() -> Value {
    json!({
        "name": "limit", "in": "query", "description": "Items on one page.",
        "schema": { "type": "integer", "minimum": 1, "maximum": 500, "default": 50 },
    })
}

/// `cursor`.
pub(super) fn cursor() -> Value {
    json!({
        "name": "cursor", "in": "query", "description": "`next_cursor` of the page before, of the same list.",
        "schema": { "type": "string", "minLength": 1 },
    })
}

/// `fields`.
pub(super) fn fields(subject: &Subject<'_>) -> Value {
    let names = subject.columns().map(|column| listed(&column.name)).collect();
    list("fields", names, "The columns that are wanted; the answer leaves out the others.")
}

pub(super) fn list(name: &str, values: Vec<String>, description: &str) -> Value {
    json!({
        "name": name, "in": "query", "description": description, "style": "form", "explode": false,
        "schema": { "type": "array", "minItems": 1, "items": { "type": "string", "enum": values } },
    })
}

/// A name in a list between commas: in quotes where it holds what the list itself uses.
pub(super) fn listed(name: &str) -> String {
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if is_plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

fn orders(column: &Column) -> Vec<String> {
    let name = listed(&column.name);
    let mut orders = vec![name.clone(), format!("-{name}")];
    if is_nullable(column) {
        orders.extend([format!("{name}.nullslast"), format!("-{name}.nullsfirst")]);
    }
    orders
}

/// The parameter that filters by a column.
fn filter(column: &Column) -> Value {
    let name = &column.name;
    let is_taken = PARAMETERS.contains(&name.as_str()) || name.starts_with("col:");
    let parameter = if is_taken { format!("col:{name}") } else { name.clone() };
    json!({
        "name": parameter, "in": "query", "style": "form", "explode": true,
        "description": "Filter: `value` or `operator.value`.",
        "schema": { "type": "array", "minItems": 1, "items": test(column.kind) },
    })
}

/// What a filter on a column of this kind looks like.
fn test(kind: ColumnType) -> Value {
    let pattern = |value: &str| {
        format!(r"^(((eq|neq|gt|gte|lt|lte)\.)?{value}|(not_)?in\.\({value}(,{value})*\)|is\.(not_)?null)$")
    };
    match kind {
        ColumnType::Integer | ColumnType::Real | ColumnType::Number => {
            json!({ "type": "string", "pattern": pattern(NUMBER) })
        }
        ColumnType::Boolean => json!({ "type": "string", "pattern": pattern("(true|false)") }),
        _ => json!({ "type": "string" }),
    }
}
