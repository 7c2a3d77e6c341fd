//! One captured change of one row.

use super::{Captured, RowOp, Stored};
use crate::db::value::ValueRef;

/// One change of one row.
#[derive(Clone, Copy, Debug)]
pub struct CapturedRow<'c> {
    pub(super) all: &'c Captured,
    pub(super) row: &'c Stored,
}

impl<'c> CapturedRow<'c> {
    /// The number of its table in the plan.
    pub fn table(&self) -> usize {
        self.row.table as usize
    }

    /// What happens to it.
    pub fn op(&self) -> RowOp {
        self.row.op
    }

    /// How many triggers and foreign keys lie between the statement and this row.
    pub fn depth(&self) -> u32 {
        self.row.depth
    }

    /// Which statement of the write did it.
    pub fn statement(&self) -> u32 {
        self.row.statement
    }

    /// False if the statement failed, so that this may have been undone or not.
    pub fn is_certain(&self) -> bool {
        self.row.is_certain
    }

    /// The rowid before; 0 in a table WITHOUT ROWID.
    pub fn old_rowid(&self) -> i64 {
        self.row.old_rowid
    }

    /// The rowid after; 0 in a table WITHOUT ROWID.
    pub fn new_rowid(&self) -> i64 {
        self.row.new_rowid
    }

    /// The value before of the plan's key column `part`; `None` for an insert.
    pub fn old_key(&self, part: usize) -> Option<ValueRef<'c>> {
        let cells = self.all.cells.get(self.row.old.clone())?;
        self.all.value(cells.get(part)?)
    }

    /// The value after of a column; `None` for a delete, and where SQLite did not tell (virtual columns).
    pub fn new_value(&self, column: usize) -> Option<ValueRef<'c>> {
        let cells = self.all.cells.get(self.row.new.clone())?;
        self.all.value(cells.get(column)?)
    }
}
