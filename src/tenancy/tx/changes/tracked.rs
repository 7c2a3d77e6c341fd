//! The tables of a file whose rows are captured.

use crate::db::{CapturePlan, CapturedRow, Row, ValueRef};
use crate::model::column::ColumnType;
use crate::model::table::{Schema, Table, TableKind};
use crate::tenancy::tx::records::encode_value;
use std::sync::Arc;

/// Which tables of a schema are captured, by their number in the plan.
pub struct Tracked {
    tables: Vec<TrackedTable>,
}

/// One of them.
pub(super) struct TrackedTable {
    pub(super) table: Arc<Table>,
    /// Whether the first column of the table is its rowid, which SQLite does not count as one.
    shows_rowid: bool,
    /// Whether a column is computed only as it is read, so that the row has to be read again.
    is_read_again: bool,
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
    /// All tables of the schema, and the plan by which SQLite captures their rows.
    pub fn new(schema: &Schema) -> (Tracked, CapturePlan) {
        let mut plan = CapturePlan::default();
        let mut tables = Vec::new();
        for table in schema.tables().filter(|table| table.kind == TableKind::Table) {
            let tracked = TrackedTable::new(table);
            let key = table.key.iter().filter_map(|index| tracked.counted(*index)).collect();
            plan.add(&table.name, table.columns.len() - usize::from(tracked.shows_rowid), key);
            tables.push(tracked);
        }
        (Tracked { tables }, plan)
    }

    pub(super) fn get(&self, number: usize) -> Option<&TrackedTable> {
        self.tables.get(number)
    }
}

impl TrackedTable {
    fn new(table: &Arc<Table>) -> TrackedTable {
        let shows_rowid = table.columns.first().is_some_and(|first| table.rowid == Some(first.name.as_str()));
        let all: Vec<usize> = (0..table.columns.len()).collect();
        let select = format!("SELECT {} FROM {} WHERE ", table.list(&all), table.quoted);
        let again = match table.rowid {
            Some(rowid) => Some((format!("{select}{rowid} = ?1"), ReadBy::Rowid)),
            None if table.key.is_empty() => None,
            None => Some((format!("{select}{}", table.key_match), ReadBy::Key)),
        };
        let is_read_again = table.columns.iter().any(|column| column.generated);
        TrackedTable { table: Arc::clone(table), shows_rowid, is_read_again, again }
    }

    /// The column as SQLite counts it; `None` for the rowid.
    fn counted(&self, column: usize) -> Option<usize> {
        column.checked_sub(usize::from(self.shows_rowid))
    }

    /// How the row can be read again.
    pub(super) fn again(&self) -> Option<(&str, ReadBy)> {
        self.again.as_ref().map(|(sql, by)| (sql.as_str(), *by))
    }

    /// Whether SQLite did not tell all of the row.
    pub(super) fn is_partial(&self, row: CapturedRow<'_>) -> bool {
        self.is_read_again
            && (0..self.table.columns.len())
                .filter_map(|column| self.counted(column))
                .any(|column| row.new_value(column).is_none())
    }

    /// The value of the key's column `part`.
    pub(super) fn key_value<'c>(&self, row: CapturedRow<'c>, side: Side, part: usize) -> ValueRef<'c> {
        let index = self.table.key.get(part).copied().unwrap_or_default();
        let value = match (self.counted(index), side) {
            (None, side) => Some(ValueRef::Integer(rowid(row, side))),
            (Some(_), Side::Old) => row.old_key(part),
            (Some(column), Side::New) => row.new_value(column),
        };
        match value {
            // SQLite stores whole doubles as integers, and tells them so of a new row.
            #[expect(clippy::cast_precision_loss, reason = "the column holds doubles")]
            Some(ValueRef::Integer(integer)) if self.table.columns[index].kind == ColumnType::Real => {
                ValueRef::Real(integer as f64)
            }
            Some(value) => value,
            None => ValueRef::Null,
        }
    }

    /// Writes the row as it is after the change.
    pub(super) fn encode_captured(&self, row: CapturedRow<'_>, out: &mut Vec<u8>) {
        self.encode(out, |column| match self.counted(column) {
            None => ValueRef::Integer(row.new_rowid()),
            Some(column) => row.new_value(column).unwrap_or(ValueRef::Null),
        });
    }

    /// Writes a row of [`TrackedTable::again`].
    pub(super) fn encode_row(&self, row: &Row<'_>, out: &mut Vec<u8>) {
        self.encode(out, |column| row.value(column).unwrap_or(ValueRef::Null));
    }

    fn encode<'v>(&self, out: &mut Vec<u8>, value: impl Fn(usize) -> ValueRef<'v>) {
        for (index, column) in self.table.columns.iter().enumerate() {
            out.push(if index == 0 { b'{' } else { b',' });
            out.extend_from_slice(&column.json_name);
            encode_value(column.kind, value(index), out);
        }
        out.push(b'}');
    }
}

/// The rowid of a row before or after a change.
pub(super) fn rowid(row: CapturedRow<'_>, side: Side) -> i64 {
    match side {
        Side::Old => row.old_rowid(),
        Side::New => row.new_rowid(),
    }
}
