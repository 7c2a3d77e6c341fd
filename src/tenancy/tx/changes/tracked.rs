//! The tables of a file whose rows are captured.

use crate::db::{CapturePlan, CapturedRow, Row, ValueRef};
use crate::model::meter::Meter;
use crate::model::table::{Schema, Table, TableKind};
use crate::tenancy::tx::records::{as_read, encode_values, new_values};
use std::sync::Arc;

/// Which tables of a schema are captured, by their number in the plan.
pub struct Tracked {
    tables: Vec<TrackedTable>,
}

/// One of them.
pub(super) struct TrackedTable {
    pub(super) table: Arc<Table>,
    /// Whether a column is computed only as it is read, so that the row has to be read again.
    is_read_again: bool,
    /// The meter that each created record counts one for.
    pub(super) meter: Option<Arc<Meter>>,
    /// Reads a row by `?1`, its rowid, or by its key; `None` where neither can be named.
    again: Option<(String, ReadBy)>,
}

/// How a row is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadBy {
    Rowid,
    Key,
}

/// Before or after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
}

impl Tracked {
    /// All tables of the schema, and the plan by which SQLite captures their rows; `meter_of` names what created records of
    /// a table count for.
    pub fn new(schema: &Schema, meter_of: &dyn Fn(&str) -> Option<Arc<Meter>>) -> (Tracked, CapturePlan) {
        let mut plan = CapturePlan::default();
        let mut tables = Vec::new();
        for table in schema.tables().filter(|table| table.kind == TableKind::Table) {
            let tracked = TrackedTable::new(table, meter_of(&table.name));
            let key = table.key.iter().filter_map(|index| table.stored_at(*index)).collect();
            plan.add(&table.name, table.columns.len() - table.rowid_columns, key);
            tables.push(tracked);
        }
        (Tracked { tables }, plan)
    }

    pub(super) fn get(&self, number: usize) -> Option<&TrackedTable> {
        self.tables.get(number)
    }
}

impl TrackedTable {
    fn new(table: &Arc<Table>, meter: Option<Arc<Meter>>) -> TrackedTable {
        let all: Vec<usize> = (0..table.columns.len()).collect();
        let select = format!("SELECT {} FROM {} WHERE ", table.list(&all), table.quoted);
        let again = match table.rowid {
            Some(rowid) => Some((format!("{select}{rowid} = ?1"), ReadBy::Rowid)),
            None if table.key.is_empty() => None,
            None => Some((format!("{select}{}", table.key_match), ReadBy::Key)),
        };
        let is_read_again = table.columns.iter().any(|column| column.generated);
        TrackedTable { table: Arc::clone(table), is_read_again, meter, again }
    }

    /// How the row can be read again.
    pub(super) fn again(&self) -> Option<(&str, ReadBy)> {
        self.again.as_ref().map(|(sql, by)| (sql.as_str(), *by))
    }

    /// Whether SQLite did not tell all of the row.
    pub(super) fn is_partial(&self, row: CapturedRow<'_>) -> bool {
        self.is_read_again
            && (0..self.table.columns.len())
                .filter_map(|column| self.table.stored_at(column))
                .any(|column| row.new_value(column).is_none())
    }

    /// The value of the key's column `part`.
    pub(super) fn key_value<'c>(&self, row: CapturedRow<'c>, side: Side, part: usize) -> ValueRef<'c> {
        let index = self.table.key.get(part).copied().unwrap_or_default();
        let value = match (self.table.stored_at(index), side) {
            (None, side) => Some(ValueRef::Integer(rowid(row, side))),
            (Some(_), Side::Old) => row.old_key(part),
            (Some(column), Side::New) => row.new_value(column),
        };
        as_read(&self.table, index, value)
    }

    /// Writes the row as it is after the change.
    pub(super) fn encode_captured(&self, row: CapturedRow<'_>, out: &mut Vec<u8>) {
        encode_values(&self.table, 0..self.table.columns.len(), new_values(&self.table, row), out);
    }

    /// Writes a row of [`TrackedTable::again`].
    pub(super) fn encode_row(&self, row: &Row<'_>, out: &mut Vec<u8>) {
        let value = |column| row.value(column).unwrap_or(ValueRef::Null);
        encode_values(&self.table, 0..self.table.columns.len(), value, out);
    }
}

/// The rowid of a row before or after a change.
pub(super) fn rowid(row: CapturedRow<'_>, side: Side) -> i64 {
    match side {
        Side::Old => row.old_rowid(),
        Side::New => row.new_rowid(),
    }
}
