//! Rows, table by table.

use super::{Filled, Incoming, SearchRows, fault, import_refused};
use crate::clock::Timestamp;
use crate::db::{Constraint, ConstraintKind, DbError, ForeignError, Maintenance, Tx, Value, ValueRef};
use crate::error::{Error, Kind, Result};
use crate::model::column::Column;
use crate::model::import::{ImportedTable, LeftOut};
use crate::model::table::{Schema, Table, TableKind, quote};
use crate::params;
use crate::tenancy::schema;
use std::collections::BTreeMap;

/// Rows between two words about progress.
const TOLD_EVERY: u64 = 1_000;
/// The code of what a row is refused with.
const ROW: &str = "import_row";

/// Copies all tables of `schema` that the export has, and names what stays behind.
pub(super) fn copy(
    incoming: &Incoming,
    file: &Maintenance,
    schema: &Schema,
    search: &mut SearchRows<'_>,
    filled: &mut Filled,
    progress: &mut dyn FnMut(u64),
) -> Result<()> {
    let virtual_tables = file.read(|tx| Ok(schema::virtual_tables(tx)?))?;
    let mut done = 0;
    for table in schema.tables() {
        let of_rows = |name: &str| virtual_tables.iter().any(|one| one.name == name && one.holds_rows);
        match table.kind {
            TableKind::Table => {
                let copied = copy_table(incoming, file, table, filled, &mut |rows| progress(done + rows))?;
                done += copied;
            }
            TableKind::Search if of_rows(&table.name) => copy_search(incoming, file, table, search, filled)?,
            // Made anew from what it is an index of.
            TableKind::Search if table.content.is_some() => {}
            TableKind::View if !virtual_tables.iter().any(|one| one.name == table.name) => {}
            TableKind::Search | TableKind::View => filled.left_out.push(LeftOut::new(
                format!("table {}", table.name),
                "a virtual table, whose rows an export does not have in a form that can be read back",
            )),
        }
    }
    name_unknown(incoming, schema, filled);
    carry_sequences(incoming, file, schema)
}

/// Tables of the export that there are none for here.
fn name_unknown(incoming: &Incoming, schema: &Schema, filled: &mut Filled) {
    let virtual_tables: Vec<&str> = incoming
        .objects
        .iter()
        .filter(|object| object.kind == "table" && !object.is_ordinary)
        .map(|object| object.name.as_str())
        .collect();
    for object in incoming.objects.iter().filter(|object| object.is_ordinary) {
        let is_shadow = virtual_tables
            .iter()
            .any(|name| object.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('_')));
        let is_known = schema.tables().any(|table| table.name.eq_ignore_ascii_case(&object.name));
        if !is_shadow && !is_known && !object.name.starts_with("sqlite_") && !object.name.starts_with('_') {
            let what = format!("table {}", object.name);
            filled.left_out.push(LeftOut::new(what, "the app here has no table of this name"));
        }
    }
}

/// Copies one table; how many rows came.
fn copy_table(
    incoming: &Incoming,
    file: &Maintenance,
    table: &Table,
    filled: &mut Filled,
    progress: &mut dyn FnMut(u64),
) -> Result<u64> {
    let mut told = ImportedTable { name: table.name.clone(), ..ImportedTable::default() };
    let named = |kind: &str| {
        let mut objects = incoming.objects.iter();
        objects.find(|object| object.kind == kind && object.name.eq_ignore_ascii_case(&table.name))
    };
    let Some(object) = named("table") else {
        if named("view").is_some() {
            return Err(import_refused(format!("data.db: {} is a view in it, and no table", table.name)));
        }
        filled.tables.push(told);
        return Ok(0);
    };
    if !object.is_ordinary {
        return Err(import_refused(format!("data.db: {} is a virtual table in it", table.name)));
    }
    let foreign = &incoming.foreign;
    foreign.check(&object.name).map_err(fault)?;
    let theirs = foreign.columns(&object.name).map_err(fault)?;
    let ours: Vec<&Column> = table.columns.iter().skip(table.rowid_columns).collect();
    let (mut from, mut into) = (Vec::new(), Vec::new());
    for column in theirs {
        match ours.iter().find(|own| own.name.eq_ignore_ascii_case(&column.name)) {
            Some(own) if own.generated || column.is_generated => {}
            Some(own) => {
                into.push(own.quoted.clone());
                from.push(column.name);
            }
            None => told.unknown_columns.push(column.name),
        }
    }
    let missing = ours.iter().filter(|own| !own.generated && !into.contains(&own.quoted));
    let (required, missing): (Vec<&&Column>, Vec<&&Column>) = missing.partition(|own| {
        let is_key = table.key.iter().any(|part| table.columns[*part].name == own.name);
        (own.not_null || is_key) && own.default.is_none() && !own.is_rowid
    });
    told.missing_columns = missing.iter().map(|own| own.name.clone()).collect();
    if into.is_empty() || !required.is_empty() {
        let names: Vec<&str> = required.iter().map(|own| own.name.as_str()).collect();
        filled.problem(format!(
            "The table {} of the export has no column {}, which rows need here. Bring the app there to the version of \
             here, and export again.",
            table.name,
            names.join(", ")
        ));
        filled.tables.push(told);
        return Ok(0);
    }
    // Rows of a table without a key are addressed by it, and search indexes name it.
    if let Some(rowid) = table.rowid
        && !ours.iter().any(|own| own.is_rowid)
        && let Some(foreign_rowid) = foreign.rowid_of(&object.name).map_err(fault)?
    {
        into.push(rowid.to_owned());
        from.push(foreign_rowid.to_owned());
    }
    let sql = insert(table, &into);
    let copied = file.fill(incoming.now, |tx| {
        tx.execute(&format!("DELETE FROM {}", table.quoted), &[])?;
        let mut rows = 0;
        let copied = foreign.each(&object.name, &from, |row| {
            rows += 1;
            let values: Vec<ValueRef<'_>> =
                (0..from.len()).map(|at| row.value(at)).collect::<Result<_, DbError>>()?;
            tx.execute_with(&sql, &values).map_err(|error| row_fault(table, rows, error))?;
            if rows % TOLD_EVERY == 0 {
                progress(rows);
            }
            Ok(())
        });
        copied.map(|()| rows).map_err(fault)
    });
    match copied {
        Ok(rows) => told.rows = rows,
        Err(error) if error.code() == ROW => filled.problem(error.detail().to_owned()),
        Err(error) => return Err(error),
    }
    let rows = told.rows;
    filled.tables.push(told);
    Ok(rows)
}

fn insert(table: &Table, columns: &[String]) -> String {
    let marks: Vec<String> = (1..=columns.len()).map(|number| format!("?{number}")).collect();
    // Whatever the table says of conflicts: no row makes way for another one.
    format!("INSERT OR ABORT INTO {} ({}) VALUES ({})", table.quoted, columns.join(", "), marks.join(", "))
}

/// What a row is refused with, in words.
fn row_fault(table: &Table, row: u64, error: DbError) -> Error {
    let why = match &error {
        DbError::Constraint(Constraint { kind, detail }) => match kind {
            ConstraintKind::Unique => format!("{detail} has a value twice"),
            ConstraintKind::NotNull => format!("{detail} has no value"),
            ConstraintKind::Check => format!("it breaks the rule {detail}"),
            ConstraintKind::DataType => format!("a value is of another type ({detail})"),
            ConstraintKind::ForeignKey | ConstraintKind::Trigger => detail.clone(),
        },
        DbError::Expression(reason) => format!("a column cannot be computed from it: {reason}"),
        DbError::TooBig => "a value is larger than a database takes here".to_owned(),
        _ => return error.into(),
    };
    let text = format!(
        "Row {row} of the table {} does not fit: {why}. Repair it where it comes from, and export again.",
        table.name
    );
    Error::new(Kind::Invalid, ROW, text).because(error)
}

/// Fills a search index that keeps its rows itself from the lines of the export.
fn copy_search(
    incoming: &Incoming,
    file: &Maintenance,
    table: &Table,
    search: &mut SearchRows<'_>,
    filled: &mut Filled,
) -> Result<()> {
    let columns: Vec<_> = table.columns.iter().skip(table.rowid_columns).collect();
    let names: Vec<&str> =
        table.rowid.into_iter().chain(columns.iter().map(|own| own.name.as_str())).collect();
    let sql = insert(table, &names.iter().map(|name| quote(name)).collect::<Vec<_>>());
    let mut rows = 0;
    let copied = file.fill(incoming.now, |tx| {
        tx.execute(&format!("DELETE FROM {}", table.quoted), &[])?;
        search(&table.name, &mut |line| {
            rows += 1;
            let values: Vec<Value> = names.iter().map(|name| value_of(line.get(*name))).collect();
            tx.execute(&sql, &values).map(drop).map_err(|error| row_fault(table, rows, error))
        })
    });
    match copied {
        Ok(true) => {
            filled.tables.push(ImportedTable { name: table.name.clone(), rows, ..ImportedTable::default() });
        }
        Ok(false) => filled.left_out.push(LeftOut::new(
            format!("table {}", table.name),
            "a search index with content of its own, which the export has not",
        )),
        Err(error) if error.code() == ROW => filled.problem(error.detail().to_owned()),
        Err(error) => return Err(error),
    }
    Ok(())
}

fn value_of(value: Option<&serde_json::Value>) -> Value {
    use serde_json::Value as Json;
    match value {
        None | Some(Json::Null) => Value::Null,
        Some(Json::Bool(flag)) => Value::from(*flag),
        Some(Json::Number(number)) => number
            .as_i64()
            .map(Value::Integer)
            .or_else(|| number.as_f64().map(Value::Real))
            .unwrap_or(Value::Null),
        Some(Json::String(text)) => Value::Text(text.clone()),
        Some(other) => Value::Text(other.to_string()),
    }
}

/// Numbers that were given and taken back are not given again.
fn carry_sequences(incoming: &Incoming, file: &Maintenance, schema: &Schema) -> Result<()> {
    // Of tables that are here alone: the export may name any number.
    let mut theirs: BTreeMap<String, Option<i64>> =
        schema.tables().map(|table| (table.name.to_lowercase(), None)).collect();
    if incoming.objects.iter().any(|object| object.is_ordinary && object.name == "sqlite_sequence") {
        let columns = ["name".to_owned(), "seq".to_owned()];
        let read = incoming.foreign.each("sqlite_sequence", &columns, |row| {
            if let (ValueRef::Text(name), ValueRef::Integer(seq)) = (row.value(0)?, row.value(1)?)
                && let Some(known) = theirs.get_mut(&String::from_utf8_lossy(name).to_lowercase())
            {
                *known = Some(seq);
            }
            Ok(())
        });
        read.map_err(|error: ForeignError| fault(error))?;
    }
    file.fill(incoming.now, |tx| {
        for table in schema.tables().filter(|table| table.kind == TableKind::Table) {
            let Some(Some(seq)) = theirs.get(&table.name.to_lowercase()) else { continue };
            if has_sequence(tx, &table.name)? {
                let own = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?1";
                let seq = tx.count(own, params![&table.name])?.max(*seq);
                tx.execute("DELETE FROM sqlite_sequence WHERE name = ?1", params![&table.name])?;
                tx.execute(
                    "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)",
                    params![&table.name, seq],
                )?;
            }
        }
        Ok(())
    })
}

fn has_sequence(tx: &Tx<'_>, table: &str) -> Result<bool> {
    Ok(tx.exists(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1 AND upper(sql) LIKE '%AUTOINCREMENT%'",
        params![table],
    )?)
}

/// Makes the search indexes anew whose text is in other tables: no trigger told them of rows.
pub(super) fn rebuild_search(incoming: &Incoming, file: &Maintenance, schema: &Schema) -> Result<()> {
    for table in schema.tables().filter(|table| table.kind == TableKind::Search && table.content.is_some()) {
        let sql = format!("INSERT INTO {0} ({0}) VALUES ('rebuild')", table.quoted);
        file.fill(incoming.now, |tx| Ok(tx.execute(&sql, &[]).map(drop)?))?;
    }
    Ok(())
}

/// Gives the rows of the owners of there to those of here.
pub(super) fn hand_over(
    file: &Maintenance,
    schema: &Schema,
    owners: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<()> {
    let changed: BTreeMap<_, _> = owners.iter().filter(|(old, new)| old != new).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let pairs = serde_json::to_string(&changed)?;
    file.fill(now, |tx| {
        for table in schema.tables().filter(|table| table.kind == TableKind::Table) {
            let Some(owner) = table.owner.and_then(|index| table.columns.get(index)) else { continue };
            if owner.generated {
                continue;
            }
            tx.execute(
                &format!(
                    "UPDATE {0} SET {1} = (SELECT value FROM json_each(?1) WHERE key = {0}.{1})
                     WHERE {1} IN (SELECT key FROM json_each(?1))",
                    table.quoted, owner.quoted
                ),
                params![&pairs],
            )?;
        }
        Ok(())
    })
}
