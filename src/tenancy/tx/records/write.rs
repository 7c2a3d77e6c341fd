//! Writing records. Each function runs inside the transaction it is given and undoes nothing: whoever began it does.

use super::decode::{Fields, Patch};
use super::encode::encode_row;
use super::explain::{Act, explain, explain_deferred};
use super::key::RecordKey;
use super::owner::{may_change, on_conflict};
use super::select::find_record;
use crate::db::{AppTx, DbError, Value};
use crate::error::{Error, FieldError, Kind, Result};
use crate::model::table::Table;
use crate::tenancy::{TableAccess, Wants};
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// Changes the given fields of a record and answers all of it; `None` if there is none with this key.
///
/// # Errors
/// As `insert_records`, 422 `read_only` for a key that would change, and 403 `not_your_record` for a record of another
/// identity where the caller may only write its own.
pub fn update_record(
    tx: AppTx<'_>,
    table: &TableAccess,
    key: &RecordKey,
    patch: &Patch,
) -> Result<Option<Vec<u8>>> {
    let updated = update_unsettled(tx, table, key, patch)?;
    if updated.is_some() && tx.has_deferred_violations() {
        return Err(explain_deferred(tx, [(table, key, None)]));
    }
    Ok(updated)
}

/// The same without looking at deferred foreign keys.
///
/// # Errors
/// As [`update_record`].
pub fn update_unsettled(
    tx: AppTx<'_>,
    table: &TableAccess,
    key: &RecordKey,
    patch: &Patch,
) -> Result<Option<Vec<u8>>> {
    table.require(Wants::Write)?;
    if !may_change(tx, table, key)? {
        return Ok(None);
    }
    if !patch.key.columns.is_empty() && !keeps_key(tx, table, key, &patch.key)? {
        return Ok(None);
    }
    let fields = &patch.fields;
    if fields.columns.is_empty() {
        return find_record(tx, table, key, None);
    }
    let mut sql = format!("UPDATE {}{} SET ", on_conflict(table), table.quoted);
    for (position, index) in fields.columns.iter().enumerate() {
        let comma = if position == 0 { "" } else { ", " };
        let number = table.key.len() + position + 1;
        let _ = write!(sql, "{comma}{} = ?{number}", table.columns[*index].quoted);
    }
    let _ = write!(sql, " WHERE {}", table.key_match);
    sql.push_str(&returning(table));
    let mut body = Vec::with_capacity(256);
    match run(tx, table, &sql, key.values().iter().chain(&fields.values), &mut body) {
        Ok(Some(_)) => Ok(Some(body)),
        // A trigger may have ignored the change of a record that exists.
        Ok(None) => find_record(tx, table, key, None)?.map_or(Ok(None), |_| Err(dropped(table))),
        Err(error) => Err(explain(tx, table, Act::Update(key, fields), error)),
    }
}

/// Removes a record; false if there is none with this key.
///
/// # Errors
/// 409 `foreign_key` naming who refers to it, 422 `refused` or `dropped`, 403 `not_your_record`.
pub fn delete_record(tx: AppTx<'_>, table: &TableAccess, key: &RecordKey) -> Result<bool> {
    let deleted = delete_unsettled(tx, table, key)?;
    if deleted && tx.has_deferred_violations() {
        return Err(explain_deferred(tx, [(table, key, None)]));
    }
    Ok(deleted)
}

/// The same without looking at deferred foreign keys.
///
/// # Errors
/// As [`delete_record`].
pub fn delete_unsettled(tx: AppTx<'_>, table: &TableAccess, key: &RecordKey) -> Result<bool> {
    table.require(Wants::Write)?;
    if !may_change(tx, table, key)? {
        return Ok(false);
    }
    let sql = format!("DELETE FROM {} WHERE {}", table.quoted, table.key_match);
    match tx.execute(&sql, key.values()) {
        Ok(0) if find_record(tx, table, key, None)?.is_some() => Err(dropped(table)),
        Ok(count) => Ok(count > 0),
        Err(error) => Err(explain(tx, table, Act::Delete(key), error)),
    }
}

/// Says whether all deferred foreign keys hold after several `.._unsettled` calls; `written` are the records that they
/// wrote or deleted, each with its place.
///
/// # Errors
/// 409 `foreign_key` if one of them points nowhere; fields of the record at the place i are named `[i].field`.
pub fn settle(tx: AppTx<'_>, written: &[(usize, &TableAccess, &RecordKey)]) -> Result<()> {
    if tx.has_deferred_violations() {
        let places = written.iter().map(|(place, table, key)| (*table, *key, Some(*place)));
        return Err(explain_deferred(tx, places));
    }
    Ok(())
}

/// All that a client may read, then the key.
pub(super) fn returning(table: &Table) -> String {
    let mut sql = format!(" RETURNING {}", table.select_list);
    for index in &table.key {
        let _ = write!(sql, ", {}", table.columns[*index].quoted);
    }
    sql
}

/// Runs a statement that changes one row, appends the row to `body` and tells its key; `None` if no row was changed.
pub(super) fn run<'p>(
    tx: AppTx<'_>,
    table: &Table,
    sql: &str,
    params: impl IntoIterator<Item = &'p Value>,
    body: &mut Vec<u8>,
) -> Result<Option<RecordKey>, DbError> {
    let start = body.len();
    let width = table.visible.len();
    let mut key = None;
    tx.each(sql, params, |row| {
        encode_row(table, &table.visible, row, body)?;
        let values = (0..table.key.len()).map(|part| row.get(width + part));
        key = Some(RecordKey::new(values.collect::<Result<_, _>>()?));
        Ok(ControlFlow::Continue(()))
    })?;
    // RETURNING does not see what AFTER triggers do. A row that they took away is answered as it was stored.
    if table.has_triggers
        && !table.key.is_empty()
        && let Some(key) = &key
    {
        let sql = format!("SELECT {} FROM {} WHERE {}", table.select_list, table.quoted, table.key_match);
        tx.each(&sql, key.values(), |row| {
            body.truncate(start);
            encode_row(table, &table.visible, row, body)?;
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(key)
}

/// Whether the record exists; an error if the body gives its key another value.
fn keeps_key(tx: AppTx<'_>, table: &Table, key: &RecordKey, claimed: &Fields) -> Result<bool> {
    let sql =
        format!("SELECT {} FROM {} WHERE {}", table.list(&claimed.columns), table.quoted, table.key_match);
    let mut stored: Option<Vec<Value>> = None;
    tx.each(&sql, key.values(), |row| {
        stored = Some((0..claimed.columns.len()).map(|part| row.get(part)).collect::<Result<_, _>>()?);
        Ok(ControlFlow::Continue(()))
    })?;
    let Some(stored) = stored else { return Ok(false) };
    let mut faults = Vec::new();
    for ((index, value), stored) in claimed.columns.iter().zip(&claimed.values).zip(&stored) {
        let part = table.key.iter().position(|key_column| key_column == index);
        let asked = part.and_then(|part| key.values().get(part));
        if value != stored && Some(value) != asked {
            let message = "is the key of the record and cannot be changed";
            faults.push(FieldError::new(&table.columns[*index].name, "read_only", message));
        }
    }
    if faults.is_empty() { Ok(true) } else { Err(Error::invalid(faults)) }
}

pub(super) fn dropped(table: &Table) -> Error {
    Error::new(
        Kind::Invalid,
        "dropped",
        format!("A rule of {} dropped this change without an error; nothing was stored.", table.name),
    )
}
