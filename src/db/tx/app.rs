//! The open transaction as the app's tables see it.

use super::{Row, Tx, each};
use crate::clock::Timestamp;
use crate::db::capture::{Capture, CapturedRow};
use crate::db::constraint::DbError;
use crate::db::ffi;
use crate::db::guard::Speaker;
use crate::db::value::Value;
use std::ops::ControlFlow;
use std::time::Duration;

/// A transaction for statements made from the app's schema.
#[derive(Clone, Copy)]
pub struct AppTx<'t> {
    pub(super) tx: &'t Tx<'t>,
}

impl AppTx<'_> {
    /// The time at which this transaction began.
    pub fn now(&self) -> Timestamp {
        self.tx.now
    }

    /// Runs a statement and tells how many rows it changed.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn execute<'p>(
        &self,
        sql: &str,
        params: impl IntoIterator<Item = &'p Value>,
    ) -> Result<usize, DbError> {
        self.tx.as_app(|| {
            let mut statement = self.tx.connection.prepare_cached(sql)?;
            let changed = statement.execute(rusqlite::params_from_iter(params));
            self.tx.note_statement(sql);
            let changed = changed.map_err(DbError::while_stepping)?;
            self.tx.count_rows(changed);
            Ok(changed)
        })
    }

    /// Whether [`AppTx::insert`] works here: rows are captured, and there is room for more of them.
    pub fn has_room_for_captured(&self) -> bool {
        self.tx.capture.is_some_and(Capture::has_room)
    }

    /// Inserts one row into a table that is captured, and hands it to `read` as it is stored; `None` where a conflict
    /// made SQLite leave it out. Not where triggers or constraints change other rows along with it.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn insert<'p, T>(
        &self,
        sql: &str,
        params: impl IntoIterator<Item = &'p Value>,
        read: impl FnOnce(CapturedRow<'_>) -> T,
    ) -> Result<Option<T>, DbError> {
        let before = self.tx.capture.map_or(0, Capture::count);
        self.execute(sql, params)?;
        Ok(self.tx.capture.and_then(|capture| capture.last_after(before, read)))
    }

    /// Runs a query and hands each row to `act` until it breaks off. Statements that write must not break off: only
    /// the last step lets SQLite checkpoint.
    ///
    /// # Errors
    /// As [`DbError`] says, or what `act` returns.
    pub fn each<'p>(
        &self,
        sql: &str,
        params: impl IntoIterator<Item = &'p Value>,
        act: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, DbError>,
    ) -> Result<(), DbError> {
        self.tx.as_app(|| each(self.tx, sql, params, act))
    }

    /// Runs a query whose first `keys` columns name a record, and `find` with these values for each of its rows. Hands
    /// the record and the row that named it to `act` until it breaks off. The values are bound as they are stored,
    /// text that is not UTF-8 too.
    ///
    /// # Errors
    /// As [`DbError`] says, or what `act` returns.
    pub fn each_found<'p>(
        &self,
        sql: &str,
        params: impl IntoIterator<Item = &'p Value>,
        keys: usize,
        find: &str,
        mut act: impl FnMut(&Row<'_>, &Row<'_>) -> Result<ControlFlow<()>, DbError>,
    ) -> Result<(), DbError> {
        use rusqlite::types::ToSqlOutput;
        self.tx.as_speaker(Speaker::App, || {
            let mut find = self.tx.connection.prepare_cached(find)?;
            each(self.tx, sql, params, |named| {
                for key in 0..keys {
                    find.raw_bind_parameter(key + 1, ToSqlOutput::Borrowed(named.0.get_ref(key)?))?;
                }
                match find.raw_query().next().map_err(DbError::while_stepping)? {
                    Some(record) => act(&Row(record), named),
                    None => Ok(ControlFlow::Continue(())),
                }
            })
        })
    }

    /// Runs `act`, which only reads, for at most this time; `None` if that was not enough. The bounds of the whole
    /// transaction go on to hold.
    ///
    /// # Errors
    /// What `act` returns.
    pub fn within<T>(
        &self,
        time: Duration,
        act: impl FnOnce() -> Result<T, DbError>,
    ) -> Result<Option<T>, DbError> {
        let before = self.tx.guard.hurry(time);
        let result = act();
        match (result, self.tx.guard.relax(before)) {
            (Err(_), true) => Ok(None),
            (result, _) => result.map(Some),
        }
    }

    /// Whether this transaction now holds foreign keys that would fail its COMMIT.
    pub fn has_deferred_violations(&self) -> bool {
        ffi::has_deferred_violations(self.tx.connection)
    }
}
