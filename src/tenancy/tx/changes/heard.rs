//! Changes as they are told to others than clients: one after the other, whatever the feed still tells.

use super::change::{COLUMNS, Op, Told, write_change};
use crate::clock::Timestamp;
use crate::db::DbError;
use crate::model::table::Table;
use crate::params;
use crate::tenancy::TenantTx;
use std::ops::ControlFlow;

/// One change.
pub(in crate::tenancy::tx) struct HeardChange<'r> {
    /// Its number.
    pub seq: i64,
    /// When it was committed.
    pub at: Timestamp,
    /// What it was; nothing where a migration did what is not told.
    pub op: Option<Op>,
    /// The table's name.
    pub table: String,
    /// The whole of it as JSON, of a table that has this name now: of the record only what a client may read.
    pub tell: &'r dyn Fn(&Table) -> Result<String, DbError>,
}

impl TenantTx<'_> {
    /// The number of the last change.
    ///
    /// # Errors
    /// As the database says.
    pub(in crate::tenancy::tx) fn latest_change(self) -> Result<i64, DbError> {
        Ok(self.last_change()?.seq)
    }

    /// Hands up to `most` changes after a place to `hear` until that says false. What would have more than `largest` bytes
    /// is told without its record.
    ///
    /// # Errors
    /// As the database says, and what `hear` returns.
    pub(in crate::tenancy::tx) fn each_change_after(
        self,
        since: i64,
        most: i64,
        largest: usize,
        mut hear: impl FnMut(HeardChange<'_>) -> Result<bool, DbError>,
    ) -> Result<(), DbError> {
        let sql = format!("SELECT {COLUMNS} FROM _changes WHERE seq > ?1 ORDER BY seq LIMIT ?2");
        self.tx.each(&sql, params![since, most], |row| {
            let tell = |table: &Table| {
                for told in [Told::Whole, Told::WithoutRecord] {
                    let json = write_change(table, row, told)?.json;
                    if json.len() <= largest {
                        return Ok(json);
                    }
                }
                Ok(write_change(table, row, Told::WithoutId)?.json)
            };
            let change = HeardChange {
                seq: row.get(0)?,
                at: row.get(1)?,
                op: Op::parse(&row.get::<String>(2)?),
                table: row.get(3)?,
                tell: &tell,
            };
            Ok(if hear(change)? { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })
    }
}
