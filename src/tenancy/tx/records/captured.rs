//! A row as it was captured on its way into the file, as the columns of its table.

use super::key::RecordKey;
use crate::db::{CapturedRow, ValueRef};
use crate::model::column::ColumnType;
use crate::model::table::Table;

/// The values of a row after a change, by column.
pub(in crate::tenancy::tx) fn new_values<'c>(
    table: &Table,
    row: CapturedRow<'c>,
) -> impl Fn(usize) -> ValueRef<'c> {
    move |column| {
        let Some(stored) = table.stored_at(column) else { return ValueRef::Integer(row.new_rowid()) };
        as_read(table, column, row.new_value(stored))
    }
}

/// What a reader of the column finds where this was captured.
pub(in crate::tenancy::tx) fn as_read<'c>(
    table: &Table,
    column: usize,
    captured: Option<ValueRef<'c>>,
) -> ValueRef<'c> {
    match captured {
        // SQLite stores whole doubles as integers, and tells them so of a new row.
        #[expect(clippy::cast_precision_loss, reason = "the column holds doubles")]
        Some(ValueRef::Integer(integer)) if table.columns[column].kind == ColumnType::Real => {
            ValueRef::Real(integer as f64)
        }
        Some(value) => value,
        None => ValueRef::Null,
    }
}

/// The key of a row after a change.
pub(super) fn new_key(table: &Table, row: CapturedRow<'_>) -> RecordKey {
    let value = new_values(table, row);
    RecordKey::new(table.key.iter().map(|column| value(*column).to_owned()).collect())
}
