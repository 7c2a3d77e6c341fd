//! What tables a tenant's file holds, asked of SQLite itself.
//!
//! Nothing is remembered beside the file: a schema is what its migrations made of it. Files of one fingerprint have
//! the same schema, so the caller asks once per fingerprint and not once per tenant.

mod ddl;
mod foreign;
mod indexes;
mod virtual_tables;

use crate::db::{DbError, Tx};
use crate::error::Result;
use crate::model::column::{AutoId, Column, ColumnType, Computed};
use crate::model::table::{Check, Schema, Table, TableKind, quote};
use indexes::Indexes;
use sha2::{Digest, Sha256};
pub(super) use virtual_tables::virtual_tables;

/// SHA-256 over the app's part of the schema: every statement of it, whatever the order in which they ran.
///
/// # Errors
/// As [`DbError`] says.
pub fn fingerprint(tx: &Tx<'_>) -> Result<[u8; 32]> {
    let mut hash = Sha256::new();
    tx.query(
        "SELECT type, name, sql FROM sqlite_schema
         WHERE substr(name, 1, 1) <> '_' AND substr(tbl_name, 1, 1) <> '_' AND substr(name, 1, 7) <> 'sqlite_'
         ORDER BY name, type",
        &[],
        |row| {
            for column in 0..3 {
                let text: Option<String> = row.get(column)?;
                add_text(&mut hash, &text.unwrap_or_default());
            }
            Ok(())
        },
    )?;
    Ok(hash.finalize().into())
}

fn add_text(hash: &mut Sha256, text: &str) {
    hash.update(text.len().to_le_bytes());
    hash.update(text);
}

/// The same of objects in the order of their names and kinds: kind, name, table and statement of each.
pub fn fingerprint_of<'o>(objects: impl IntoIterator<Item = [&'o str; 4]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for [kind, name, table, sql] in objects {
        if !name.starts_with('_') && !table.starts_with('_') && !name.starts_with("sqlite_") {
            [kind, name, sql].into_iter().for_each(|text| add_text(&mut hash, text));
        }
    }
    hash.finalize().into()
}

/// An object of `sqlite_schema`.
struct Object {
    kind: String,
    name: String,
    table: String,
    sql: String,
}

/// Reads the schema of a tenant's file. Names that begin with `_` are ours and stay hidden, as do SQLite's own and
/// the shadow tables of virtual tables.
///
/// # Errors
/// As [`DbError`] says.
pub fn introspect(tx: &Tx<'_>) -> Result<Schema> {
    let objects = tx.query(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name",
        &[],
        |row| Ok(Object { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? }),
    )?;
    let listed = tx.query(
        "SELECT name, type, wr, strict FROM pragma_table_list
         WHERE schema = 'main' AND type <> 'shadow' AND substr(name, 1, 1) <> '_' AND substr(name, 1, 7) <> 'sqlite_'
         ORDER BY name",
        &[],
        |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?, row.get::<bool>(2)?, row.get::<bool>(3)?)),
    )?;
    let mut tables = Vec::with_capacity(listed.len());
    for (name, kind, without_rowid, strict) in listed {
        let sql = objects.iter().find(|object| object.name == name && object.kind != "index");
        let sql = sql.map_or("", |object| object.sql.as_str());
        let kind = match kind.as_str() {
            "table" => TableKind::Table,
            "virtual" if is_search(sql) => TableKind::Search,
            _ => TableKind::View,
        };
        // A migration cannot make such a view, but a table of ours may come by that name later.
        if kind == TableKind::View && tx.view_opens_ours(&name).unwrap_or(false) {
            tracing::warn!(view = name, "a view that reads system tables is left out");
            continue;
        }
        let table = read_table(tx, &objects, Listed { name: &name, kind, without_rowid, strict, sql });
        match table {
            Ok(table) => tables.push(table),
            // A view can outlive what it selects from; nobody can read it, and nothing else suffers.
            Err(error) if kind == TableKind::View => {
                tracing::warn!(view = name, %error, "a view that does not work is left out");
            }
            Err(error) => return Err(error.into()),
        }
    }
    foreign::connect(tx, &mut tables)?;
    Ok(Schema::new(tables))
}

fn is_search(sql: &str) -> bool {
    let lower = sql.to_ascii_lowercase();
    let mut words = lower.split_ascii_whitespace().skip_while(|word| *word != "using");
    words.nth(1).is_some_and(|module| module.split('(').next() == Some("fts5"))
}

struct Listed<'s> {
    name: &'s str,
    kind: TableKind,
    without_rowid: bool,
    strict: bool,
    sql: &'s str,
}

fn read_table(tx: &Tx<'_>, objects: &[Object], listed: Listed<'_>) -> Result<Table, DbError> {
    let (mut columns, mut key) = read_columns(tx, &listed)?;
    if listed.kind == TableKind::View {
        leave_untyped(tx, listed.name, &mut columns)?;
    }
    let rowid =
        (!listed.without_rowid && (listed.kind != TableKind::View)).then(|| free_rowid(&columns)).flatten();
    if key.is_empty()
        && let Some(name) = rowid
    {
        let mut column = Column::new(name, "INTEGER", true);
        (column.is_rowid, column.read_only, column.not_null) = (true, true, true);
        columns.insert(0, column);
        key.push(0);
    }
    let Indexes { of_key, expressions, orders } = indexes::read(tx, objects, listed.name, &columns)?;
    let text = match listed.kind {
        TableKind::Table => ddl::read_table(listed.sql),
        _ => ddl::TableText::default(),
    };
    for (name, collation) in text.collations {
        let column = columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(&name));
        if let Some(column) = column.filter(|_| !collation.eq_ignore_ascii_case("BINARY")) {
            column.collation = Some(collation);
        }
    }
    if let [only] = key.as_slice()
        && columns[*only].declared.eq_ignore_ascii_case("INTEGER")
        && of_key.is_none()
        && !columns[*only].is_rowid
        && !listed.without_rowid
    {
        columns[*only].is_rowid = true;
    }
    let is_writable = listed.kind == TableKind::Table;
    for (index, column) in columns.iter_mut().enumerate() {
        finish_column(column, key.contains(&index), is_writable);
    }
    let key_collations = key.iter().enumerate().map(|(part, index)| {
        let collation = of_key.as_ref().and_then(|collations| collations.get(part))?;
        let of_column = columns[*index].collation.as_deref().unwrap_or("BINARY");
        (!collation.eq_ignore_ascii_case(of_column)).then(|| collation.clone())
    });
    let key_collations = key_collations.collect();
    for computed in text.computed {
        let mentioned = named_columns(&columns, &computed.mentions);
        let column = columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(&computed.column));
        if let Some(column) = column.filter(|column| column.generated) {
            column.computed = Some(Computed { expression: computed.expression, columns: mentioned });
        }
    }
    let named = |mentions: &[String]| named_columns(&columns, mentions);
    let checks = text.checks.into_iter().map(|check| {
        let mut mentioned = named(&check.mentions);
        if mentioned.is_empty() {
            mentioned = named(check.column.as_slice());
        }
        let label = check.name.clone().unwrap_or_else(|| label(&check.expression));
        Check { name: check.name, label, expression: check.expression, columns: mentioned }
    });
    let checks = checks.collect();
    let fires = |object: &Object| object.kind == "trigger" && object.table.eq_ignore_ascii_case(listed.name);
    let mut table = Table {
        name: listed.name.to_owned(),
        kind: listed.kind,
        columns,
        key,
        key_collations,
        owner: None,
        rowid,
        strict: listed.strict,
        replaces: text.replaces,
        has_triggers: objects.iter().any(fires),
        foreign_keys: Vec::new(),
        dependents: Vec::new(),
        checks,
        unique_expressions: expressions,
        indexes: orders,
        content: (listed.kind == TableKind::Search).then(|| ddl::search_content(listed.sql)).flatten(),
        quoted: String::new(),
        rowid_columns: 0,
        visible: Vec::new(),
        select_list: String::new(),
        key_match: String::new(),
    };
    table.finish();
    Ok(table)
}

/// How SQLite names a CHECK without a name: by its text, which it takes for a quoted name if it begins like one.
fn label(expression: &str) -> String {
    match expression.chars().next() {
        Some(quote @ ('"' | '\'' | '`')) => ddl::unquoted(expression, quote),
        Some('[') => expression.trim_start_matches('[').split(']').next().unwrap_or_default().to_owned(),
        _ => expression.to_owned(),
    }
}

fn named_columns(columns: &[Column], mentions: &[String]) -> Vec<usize> {
    let mut found = Vec::new();
    for mention in mentions {
        let index = columns.iter().position(|column| column.name.eq_ignore_ascii_case(mention));
        found.extend(index.filter(|index| !found.contains(index)));
    }
    found
}

/// The first of SQLite's names for the rowid that no column has taken.
fn free_rowid(columns: &[Column]) -> Option<&'static str> {
    ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|name| !columns.iter().any(|column| column.name.eq_ignore_ascii_case(name)))
}

/// The columns, and which of them are the key.
fn read_columns(tx: &Tx<'_>, listed: &Listed<'_>) -> Result<(Vec<Column>, Vec<usize>), DbError> {
    let mut key = Vec::new();
    let mut columns = Vec::new();
    tx.query(
        "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1) WHERE hidden <> 1
         ORDER BY cid",
        crate::params![listed.name],
        |row| {
            let mut column = Column::new(&row.get::<String>(0)?, &row.get::<String>(1)?, listed.strict);
            column.not_null = row.get(2)?;
            column.default = row.get(3)?;
            column.default = column.default.filter(|text| !text.trim().eq_ignore_ascii_case("NULL"));
            column.generated = row.get::<i64>(5)? != 0;
            let part: i64 = row.get(4)?;
            if part > 0 {
                key.push((part, columns.len()));
            }
            columns.push(column);
            Ok(())
        },
    )?;
    key.sort_unstable();
    Ok((columns, key.into_iter().map(|(_, index)| index).collect()))
}

/// SQLite calls a view's column BLOB where it is taken over from a column without a type (of `json_each`, say), which
/// holds anything.
fn leave_untyped(tx: &Tx<'_>, view: &str, columns: &mut [Column]) -> Result<(), DbError> {
    if columns.iter().any(|column| column.kind == ColumnType::Blob) {
        let declared = tx.declared_types(&format!("SELECT * FROM {}", quote(view)))?;
        for (column, declared) in columns.iter_mut().zip(declared) {
            if column.kind == ColumnType::Blob && declared.is_none_or(|declared| declared.is_empty()) {
                *column = Column::new(&column.name, "", false);
            }
        }
    }
    Ok(())
}

fn finish_column(column: &mut Column, is_key: bool, is_writable: bool) {
    if column.name == "id" && is_key && column.default.is_none() && !column.generated {
        let is_uuid = column.declared.to_ascii_uppercase().replace(' ', "") == "BLOB(16)";
        column.auto_id = match column.kind {
            ColumnType::Text => Some(AutoId::Text),
            ColumnType::Blob if is_uuid => Some(AutoId::Blob),
            _ => None,
        };
    }
    column.read_only |= !is_writable;
    let made_up = column.default.is_some() || column.generated || column.is_rowid || column.auto_id.is_some();
    column.required = is_writable && (column.not_null || is_key) && !made_up && !column.read_only;
}
