//! What values of a column look like, as JSON Schema (2020-12).

use crate::model::column::{Column, ColumnType};
use serde_json::{Value, json};

/// Whole numbers up to here are numbers in an answer, beyond it text (2^53).
const EXACT: i64 = 1 << 53;
/// A whole number as text.
pub(super) const WHOLE: &str = "^-?(0|[1-9][0-9]{0,18})$";
/// Base64 (RFC 4648, section 4) whose last character holds no bits beyond the bytes.
const BASE64: &str = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";

/// Whether an answer may hold null.
pub(super) fn is_nullable(column: &Column) -> bool {
    !(column.not_null || column.is_rowid)
}

/// A value as it is answered.
pub(super) fn answered(column: &Column) -> Value {
    let mut schema = match column.kind {
        ColumnType::Integer => json!({
            "type": ["integer", "string"], "format": "int64", "minimum": -EXACT, "maximum": EXACT,
            "pattern": WHOLE,
        }),
        ColumnType::Real => json!({ "type": ["number", "string"], "pattern": "^-?Infinity$" }),
        ColumnType::Number => {
            json!({ "type": ["number", "string"], "pattern": "^-?([0-9]{16,19}|Infinity)$" })
        }
        kind => plain(kind),
    };
    if is_nullable(column) {
        allow_null(&mut schema);
    }
    described(column, schema)
}

/// A value as a body gives it.
pub(super) fn given(column: &Column, nullable: bool) -> Value {
    let mut schema = match column.kind {
        ColumnType::Integer => json!({
            "type": ["integer", "string"], "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX,
            "pattern": WHOLE,
        }),
        ColumnType::Real | ColumnType::Number => json!({
            "type": ["number", "string"],
            "pattern": r"^-?(Infinity|(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?)$",
        }),
        kind => plain(kind),
    };
    if nullable {
        allow_null(&mut schema);
    } else if column.kind == ColumnType::Json {
        schema["type"] = json!(["object", "array", "string", "number", "boolean"]);
    }
    described(column, schema)
}

/// A part of a key as it stands in a path.
pub(super) fn key_part(column: &Column) -> Value {
    match column.kind {
        ColumnType::Integer => json!({ "type": "string", "pattern": WHOLE }),
        ColumnType::Blob => json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]+$" }),
        ColumnType::Boolean => json!({ "type": "string", "enum": ["0", "1"] }),
        _ => json!({ "type": "string", "minLength": 1 }),
    }
}

fn plain(kind: ColumnType) -> Value {
    match kind {
        ColumnType::Text => json!({ "type": "string" }),
        ColumnType::Blob => {
            json!({ "type": "string", "contentEncoding": "base64", "pattern": BASE64 })
        }
        ColumnType::Boolean => json!({ "type": "boolean" }),
        ColumnType::Json => json!({}),
        _ => json!({ "type": ["string", "number"] }),
    }
}

fn allow_null(schema: &mut Value) {
    match schema.get_mut("type") {
        None => {}
        Some(Value::Array(types)) => types.push("null".into()),
        Some(one) => *one = json!([one.take(), "null"]),
    }
}

fn described(column: &Column, mut schema: Value) -> Value {
    let description = description(column);
    if !description.is_empty() {
        schema["description"] = description.into();
    }
    schema
}

/// What is said of a column beyond its type: what was declared, and where its value comes from.
pub(super) fn description(column: &Column) -> String {
    let mut said: Vec<String> = Vec::new();
    let declared: String = column.declared.chars().filter(|c| !c.is_control()).take(100).collect();
    if !declared.trim().is_empty() {
        said.push(declared.trim().to_owned());
    }
    if column.generated {
        said.push("computed".to_owned());
    } else if column.is_rowid || column.auto_id.is_some() {
        said.push("made up where it is not given".to_owned());
    } else if column.default.is_some() {
        said.push("has a default".to_owned());
    }
    said.join(", ")
}
