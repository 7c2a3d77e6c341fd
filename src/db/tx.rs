//! An open transaction on one database. All SQL goes through it.

mod app;
mod opened;
mod row;

pub use app::AppTx;
pub use row::Row;

use super::capture::{Capture, Captured};
use super::constraint::DbError;
use super::guard::{Guard, Speaker};
use super::open::Connected;
use super::value::{Value, ValueRef};
use crate::clock::{Timestamp, monotonic};
use rusqlite::Connection;
use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

type AfterCommit = Box<dyn FnOnce() + Send>;

/// An open transaction in which our own statements run.
///
/// `now` is fixed when it begins, so that all rows of one transaction carry one time.
pub struct Tx<'c> {
    connection: &'c Connection,
    guard: &'c Guard,
    capture: Option<&'c Capture>,
    now: Timestamp,
    after_commit: RefCell<Vec<AfterCommit>>,
    /// Rows that were answered or changed.
    rows: Cell<u64>,
    /// How long a statement may take before it is slow, and when the one before ended.
    watched: Cell<Option<(Duration, Instant)>>,
    slow: RefCell<Vec<(String, Duration)>>,
}

/// Slow statements of one transaction that are told.
const MOST_SLOW: usize = 8;

impl<'c> Tx<'c> {
    pub(super) fn new(connected: &'c Connected, now: Timestamp) -> Tx<'c> {
        Tx {
            connection: &connected.raw,
            guard: &connected.guard,
            capture: connected.capture.as_deref(),
            now,
            after_commit: RefCell::new(Vec::new()),
            rows: Cell::new(0),
            watched: Cell::new(None),
            slow: RefCell::new(Vec::new()),
        }
    }

    /// The time at which this transaction began.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// How many rows its statements have answered or changed.
    pub fn rows(&self) -> u64 {
        self.rows.get()
    }

    fn count_rows(&self, rows: usize) {
        self.rows.set(self.rows.get() + rows as u64);
    }

    /// From now on statements that take longer are noted: what they take begins where the one before ended.
    pub fn watch_statements(&self, longest: Duration) {
        self.watched.set(Some((longest, monotonic())));
    }

    /// Takes the statements that took longer, the first few of them.
    pub fn take_slow(&self) -> Vec<(String, Duration)> {
        self.slow.take()
    }

    /// A statement has ended.
    fn note_statement(&self, sql: &str) {
        let Some((longest, before)) = self.watched.get() else { return };
        let now = monotonic();
        self.watched.set(Some((longest, now)));
        let took = now - before;
        if took > longest && self.slow.borrow().len() < MOST_SLOW {
            self.slow.borrow_mut().push((sql.to_owned(), took));
        }
    }

    /// The same transaction for statements made from the app's schema: tables beginning with `_` are out of reach.
    pub fn app(&self) -> AppTx<'_> {
        AppTx { tx: self }
    }

    /// Runs `act` once this transaction is on disk and before anyone is told so: to drop what memory holds of it.
    pub fn after_commit(&self, act: impl FnOnce() + Send + 'static) {
        self.after_commit.borrow_mut().push(Box::new(act));
    }

    pub(super) fn take_after_commit(&self) -> Vec<AfterCommit> {
        self.after_commit.take()
    }

    /// Takes the rows that this write has changed since they were last taken; `None` where they are not captured. The
    /// next statements are captured anew; [`Tx::give_back`] keeps the room.
    pub fn take_captured(&self) -> Option<Captured> {
        self.capture.map(Capture::take)
    }

    /// Gives the room of what was taken back to the connection.
    pub fn give_back(&self, captured: Captured) {
        if let Some(capture) = self.capture {
            capture.give_back(captured);
        }
    }

    /// What the last write of this connection left by [`Tx::remember`], unless anything was rolled back since.
    pub fn remembered(&self) -> Option<[i64; 2]> {
        self.capture.and_then(Capture::memo)
    }

    /// Leaves two numbers to the next write of this connection. For what nothing but writes of this connection changes.
    pub fn remember(&self, memo: [i64; 2]) {
        if let Some(capture) = self.capture {
            capture.set_memo(Some(memo));
        }
    }

    pub(super) fn forget_remembered(&self) {
        if let Some(capture) = self.capture {
            capture.set_memo(None);
        }
    }

    pub(super) fn forget_captured(&self) {
        if let Some(capture) = self.capture {
            capture.clear();
        }
    }

    pub(super) fn has_captured(&self) -> bool {
        self.capture.is_some_and(|capture| !capture.is_empty())
    }

    /// Runs a statement of the app's; what it captured is doubtful if it fails.
    fn as_app<T>(&self, act: impl FnOnce() -> Result<T, DbError>) -> Result<T, DbError> {
        let mark = self.capture.map(|capture| (capture, capture.begin_statement()));
        let result = self.as_speaker(Speaker::App, act);
        if let (Err(_), Some((capture, mark))) = (&result, mark) {
            capture.doubt(mark);
        }
        result
    }

    /// Runs a statement with borrowed parameters and tells how many rows it changed.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn execute_with(&self, sql: &str, params: &[ValueRef<'_>]) -> Result<usize, DbError> {
        self.as_speaker(Speaker::System, || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let changed = statement.execute(rusqlite::params_from_iter(params));
            self.note_statement(sql);
            let changed = changed?;
            self.count_rows(changed);
            Ok(changed)
        })
    }

    /// Runs a statement and tells how many rows it changed.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn execute(&self, sql: &str, params: &[Value]) -> Result<usize, DbError> {
        self.as_speaker(Speaker::System, || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let changed = statement.execute(rusqlite::params_from_iter(params));
            self.note_statement(sql);
            let changed = changed?;
            self.count_rows(changed);
            Ok(changed)
        })
    }

    /// Runs a query and maps its rows.
    ///
    /// # Errors
    /// As [`DbError`] says, or what `map` returns.
    pub fn query<T>(
        &self,
        sql: &str,
        params: &[Value],
        mut map: impl FnMut(&Row<'_>) -> Result<T, DbError>,
    ) -> Result<Vec<T>, DbError> {
        let mut all = Vec::new();
        self.as_speaker(Speaker::System, || {
            each(self, sql, params, |row| {
                all.push(map(row)?);
                Ok(ControlFlow::Continue(()))
            })
        })?;
        Ok(all)
    }

    /// Runs a query and maps its first row, if there is one. Steps to the end.
    ///
    /// # Errors
    /// As [`DbError`] says, or what `map` returns.
    pub fn query_row<T>(
        &self,
        sql: &str,
        params: &[Value],
        mut map: impl FnMut(&Row<'_>) -> Result<T, DbError>,
    ) -> Result<Option<T>, DbError> {
        let mut first = None;
        self.as_speaker(Speaker::System, || {
            each(self, sql, params, |row| {
                if first.is_none() {
                    first = Some(map(row)?);
                }
                Ok(ControlFlow::Continue(()))
            })
        })?;
        Ok(first)
    }

    /// The number that a query of one row and column answers, as `SELECT count(*)` does.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn count(&self, sql: &str, params: &[Value]) -> Result<i64, DbError> {
        Ok(self.query_row(sql, params, |row| row.get(0))?.unwrap_or_default())
    }

    /// Whether a query answers any row.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn exists(&self, sql: &str, params: &[Value]) -> Result<bool, DbError> {
        Ok(self.query_row(sql, params, |_| Ok(()))?.is_some())
    }

    /// Runs a query and hands each row to `act` until it breaks off. Not for statements that write.
    ///
    /// # Errors
    /// As [`DbError`] says, or what `act` returns.
    pub fn each(
        &self,
        sql: &str,
        params: &[Value],
        act: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, DbError>,
    ) -> Result<(), DbError> {
        self.as_speaker(Speaker::System, || each(self, sql, params, act))
    }

    /// The declared types of a query's columns, through views; `None` where there is none, as for an expression.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn declared_types(&self, sql: &str) -> Result<Vec<Option<String>>, DbError> {
        self.as_speaker(Speaker::System, || {
            let statement = self.connection.prepare(sql)?;
            Ok(statement.columns().iter().map(|column| column.decl_type().map(str::to_owned)).collect())
        })
    }

    pub(super) fn connection(&self) -> &Connection {
        self.connection
    }

    /// Runs `act` with the authorizer listening for `speaker`. A statement may be prepared again while it runs (after
    /// a schema change), so the speaker stays for the whole of it.
    pub(super) fn as_speaker<T>(&self, speaker: Speaker, act: impl FnOnce() -> T) -> T {
        let before = self.guard.speaker();
        self.guard.set_speaker(speaker);
        let restore = Restore { guard: self.guard, before };
        let result = act();
        drop(restore);
        result
    }
}

/// Puts the speaker back even when a closure panics.
struct Restore<'g> {
    guard: &'g Guard,
    before: Speaker,
}

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        self.guard.set_speaker(self.before);
    }
}

fn each<'p>(
    tx: &Tx<'_>,
    sql: &str,
    params: impl IntoIterator<Item = &'p Value>,
    mut act: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, DbError>,
) -> Result<(), DbError> {
    let mut statement = tx.connection.prepare_cached(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(params))?;
    let mut step = || {
        while let Some(row) = rows.next().map_err(DbError::while_stepping)? {
            tx.count_rows(1);
            if act(&Row::new(row))?.is_break() {
                break;
            }
        }
        Ok(())
    };
    let stepped = step();
    tx.note_statement(sql);
    stepped
}
