//! TypeScript declarations of records.

use super::schemas::kind_and_name;
use super::subject::{Audience, Subject};
use super::values::{description, is_nullable};
use crate::model::column::{Column, ColumnType};
use std::fmt::Write as _;

/// Declarations of all records that an audience may read, and a map of the tables.
pub fn typescript(title: &str, audience: &Audience<'_>) -> String {
    let mut out = String::new();
    comment(
        &mut out,
        "",
        &format!(
            "Records of {title}, as the API answers and takes them. Made by `tenantry openapi --typescript`; make it \
             again when the tables change."
        ),
    );
    out.push_str("\n/** Any JSON. */\n");
    out.push_str("export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };\n");
    for subject in &audience.tables {
        let of = kind_and_name(subject);
        interface(&mut out, subject, Form::Record, &format!("A record of {of}."));
        if subject.writes {
            interface(&mut out, subject, Form::Create, &format!("A new record of {of}."));
            let about = format!("The fields of a record of {of} that change.");
            interface(&mut out, subject, Form::Patch, &about);
        }
    }
    tables(&mut out, audience);
    out
}

/// Which of the interfaces of a table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Record,
    Create,
    Patch,
}

impl Form {
    fn ending(self) -> &'static str {
        match self {
            Form::Record => "",
            Form::Create => "Create",
            Form::Patch => "Patch",
        }
    }

    /// Whether a column may be left out, and its type. Nothing where it has no place.
    fn member(self, subject: &Subject<'_>, column: &Column) -> Option<(bool, String)> {
        let is_written = !column.generated && !column.read_only;
        match self {
            Form::Record => Some((false, with_null(answered(column.kind), is_nullable(column)))),
            Form::Create if is_written => {
                Some((!column.required, with_null(given(column.kind), Subject::takes_null(column))))
            }
            Form::Patch if is_written && !subject.is_key(column) => {
                let nullable = !(column.not_null || column.required);
                Some((true, with_null(given(column.kind), nullable)))
            }
            Form::Create | Form::Patch => None,
        }
    }
}

fn interface(out: &mut String, subject: &Subject<'_>, form: Form, about: &str) {
    out.push('\n');
    comment(out, "", about);
    // A String takes every text, so writing does not fail.
    let _ = writeln!(out, "export interface {}{} {{", subject.name, form.ending());
    for column in subject.columns() {
        let Some((optional, kind)) = form.member(subject, column) else { continue };
        let about = description(column);
        if !about.is_empty() {
            comment(out, "  ", &about);
        }
        let is_fixed = form == Form::Record && (column.generated || column.read_only);
        let readonly = if is_fixed { "readonly " } else { "" };
        let mark = if optional { "?" } else { "" };
        let _ = writeln!(out, "  {readonly}{}{mark}: {kind};", property(&column.name));
    }
    out.push_str("}\n");
}

fn tables(out: &mut String, audience: &Audience<'_>) {
    out.push_str("\n/** All tables by name; `never` where records are only read or have no key. */\n");
    out.push_str("export interface Tables {\n");
    for subject in &audience.tables {
        let name = &subject.name;
        let of = |ending: &str| if subject.writes { format!("{name}{ending}") } else { "never".to_owned() };
        let parts: Vec<&str> = subject.key().map(|column| given(column.kind)).collect();
        let key = match parts.as_slice() {
            [] => "never".to_owned(),
            [one] => (*one).to_owned(),
            several => format!("[{}]", several.join(", ")),
        };
        let _ = writeln!(
            out,
            "  {}: {{ record: {name}; create: {}; patch: {}; key: {key} }};",
            property(&subject.table.name),
            of("Create"),
            of("Patch")
        );
    }
    out.push_str("}\n");
}

fn with_null(kind: &str, nullable: bool) -> String {
    // JSON holds null already.
    if nullable && kind != "JsonValue" { format!("{kind} | null") } else { kind.to_owned() }
}

/// Whole numbers beyond 2^53 come as text, so that no digit is lost.
fn answered(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Integer | ColumnType::Number | ColumnType::Datetime | ColumnType::Any => {
            "number | string"
        }
        ColumnType::Real => "number | \"Infinity\" | \"-Infinity\"",
        ColumnType::Text | ColumnType::Blob => "string",
        ColumnType::Boolean => "boolean",
        ColumnType::Json => "JsonValue",
    }
}

fn given(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Real => "number | string",
        kind => answered(kind),
    }
}

/// A name as a property: in quotes unless it is an identifier.
fn property(name: &str) -> String {
    let is_identifier = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '$')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
    if is_identifier {
        return name.to_owned();
    }
    // As JSON, which escapes what a literal cannot hold; these two end a line in older JavaScript.
    let text = serde_json::Value::from(name).to_string();
    text.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

fn comment(out: &mut String, indent: &str, text: &str) {
    let text: String = text.chars().filter(|c| !c.is_control() && !"\u{2028}\u{2029}".contains(*c)).collect();
    let _ = writeln!(out, "{indent}/** {} */", text.replace("*/", "* /"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::{Table, TableKind};
    use crate::policy::{PermissionSet, TableRights};

    #[test]
    fn what_a_literal_or_comment_cannot_hold_is_escaped() {
        assert_eq!(property("a_b"), "a_b");
        assert_eq!(property("1a"), "\"1a\"");
        assert_eq!(property("größe"), "\"größe\"");
        assert_eq!(property("say \"hi\"\n\u{2028}"), "\"say \\\"hi\\\"\\n\\u2028\"");
        let mut out = String::new();
        comment(&mut out, "", "INT */ export\nx");
        assert_eq!(out, "/** INT * / exportx */\n");
    }

    #[test]
    fn what_is_only_read_has_no_other_types() {
        let view = Table {
            name: "totals".to_owned(),
            kind: TableKind::View,
            columns: vec![Column::new("sum", "INTEGER", false)],
            visible: vec![0],
            ..crate::http::openapi::subject::tests::empty_table()
        };
        let rights = TableRights { read: true, write: true };
        let audience = Audience::new(PermissionSet::default(), [(&view, rights)]);
        let text = typescript("Shop", &audience);
        assert!(
            text.contains("export interface Total {\n  /** INTEGER */\n  sum: number | string | null;\n}")
        );
        assert!(
            text.contains("  totals: { record: Total; create: never; patch: never; key: never };"),
            "{text}"
        );
        assert!(!text.contains("TotalCreate"), "{text}");
    }
}
