//! Storing new records.

use super::captured::{new_key, new_values};
use super::decode::{Fields, NewRecords};
use super::encode::encode_values;
use super::explain::{Act, explain, explain_deferred};
use super::key::RecordKey;
use super::owner::on_conflict;
use super::write::{dropped, returning, run};
use crate::db::{AppTx, DbError};
use crate::error::{Error, FieldError, Kind, Result};
use crate::model::table::Table;
use crate::tenancy::{TableAccess, Wants};
use std::fmt::Write as _;

/// New records as they are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Inserted {
    /// The answer's body: the record, or `{"items":[..]}` where an array was sent.
    pub body: Vec<u8>,
    /// The keys, in the order of the records; empty for a table whose rowid cannot be reached.
    pub keys: Vec<RecordKey>,
}

/// Stores new records, all or none.
///
/// # Errors
/// 409 `unique` or `foreign_key`, 422 `check`, `refused`, `dropped` or `invalid`; fields of the array's element i are
/// named `[i].field`.
pub fn insert_records(tx: AppTx<'_>, table: &TableAccess, new: &NewRecords) -> Result<Inserted> {
    let inserted = insert_unsettled(tx, table, new)?;
    if tx.has_deferred_violations() {
        let keys = inserted.keys.iter().enumerate();
        let places = keys.map(|(index, key)| (table, key, new.many.then_some(index)));
        return Err(explain_deferred(tx, places));
    }
    Ok(inserted)
}

/// The same without looking at deferred foreign keys, for a transaction that goes on: a later statement may settle
/// them. Whoever goes on asks `settle` at the end.
///
/// # Errors
/// As [`insert_records`].
pub fn insert_unsettled(tx: AppTx<'_>, table: &TableAccess, new: &NewRecords) -> Result<Inserted> {
    table.require(Wants::Write)?;
    let mut body = Vec::with_capacity(256 * new.records.len());
    let mut keys = Vec::with_capacity(new.records.len());
    if new.many {
        body.extend_from_slice(b"{\"items\":[");
    }
    let mut insertion: Option<Insertion<'_>> = None;
    for (index, record) in new.records.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        let fitting = insertion.take().filter(|insertion| insertion.fits(tx, &record.columns));
        let insertion =
            insertion.insert(fitting.unwrap_or_else(|| Insertion::new(tx, table, &record.columns)));
        let key = insertion.run(tx, record, &mut body);
        let key = key.map_err(|error| if new.many { at_element(error, index) } else { error })?;
        keys.extend(key);
    }
    if new.many {
        body.extend_from_slice(b"]}");
    }
    Ok(Inserted { body, keys })
}

/// How records are stored that give these columns.
pub(super) struct Insertion<'t> {
    table: &'t TableAccess,
    columns: &'t [usize],
    sql: String,
    /// Whether the row is taken from what is captured of the write. RETURNING costs as much again as the insert: SQLite
    /// makes a table of its own for it, and keeps a copy of every page that is about to change.
    is_captured: bool,
}

impl<'t> Insertion<'t> {
    pub(super) fn new(tx: AppTx<'_>, table: &'t TableAccess, columns: &'t [usize]) -> Insertion<'t> {
        let mut sql = format!("INSERT {}INTO {} ", on_conflict(table), table.quoted);
        if columns.is_empty() {
            sql.push_str("DEFAULT VALUES");
        } else {
            let _ = write!(sql, "({}) VALUES (", table.list(columns));
            for index in 0..columns.len() {
                sql.push_str(if index == 0 { "?" } else { ", ?" });
            }
            sql.push(')');
        }
        let is_captured = is_captured_whole(table) && tx.has_room_for_captured();
        if !is_captured {
            sql.push_str(&returning(table));
        }
        Insertion { table, columns, sql, is_captured }
    }

    /// Whether it goes on to work for a record of these columns.
    fn fits(&self, tx: AppTx<'_>, columns: &[usize]) -> bool {
        self.columns == columns && (!self.is_captured || tx.has_room_for_captured())
    }

    /// Stores a record, appends it to `body` and tells its key, if it has one.
    ///
    /// # Errors
    /// As [`insert_records`].
    pub(super) fn run(
        &self,
        tx: AppTx<'_>,
        record: &Fields,
        body: &mut Vec<u8>,
    ) -> Result<Option<RecordKey>> {
        let table = self.table;
        let stored = if self.is_captured {
            self.run_captured(tx, record, body)
        } else {
            run(tx, table, &self.sql, &record.values, body)
        };
        match stored {
            Ok(Some(key)) => Ok((!table.key.is_empty()).then_some(key)),
            Ok(None) => Err(dropped(table)),
            Err(error) => Err(explain(tx, table, Act::Insert(record), error)),
        }
    }

    fn run_captured(
        &self,
        tx: AppTx<'_>,
        record: &Fields,
        body: &mut Vec<u8>,
    ) -> Result<Option<RecordKey>, DbError> {
        tx.insert(&self.sql, &record.values, |row| {
            encode_values(self.table, self.table.visible.iter().copied(), new_values(self.table, row), body);
            new_key(self.table, row)
        })
    }
}

/// Whether an insert changes the one row that it is told of, and SQLite tells all of it.
fn is_captured_whole(table: &Table) -> bool {
    !table.has_triggers && !table.replaces && table.columns.iter().all(|column| !column.generated)
}

fn at_element(error: Error, index: usize) -> Error {
    if error.fields().is_empty() && matches!(error.kind(), Kind::Invalid | Kind::Conflict) {
        let (code, message) = (error.code().to_owned(), error.detail().to_owned());
        let mut field = FieldError::new(format!("[{index}]"), "", message);
        field.code = code.into();
        return error.with_fields(vec![field]);
    }
    error.at_element(index)
}
