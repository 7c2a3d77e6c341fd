//! Statements that people write themselves, on a connection of their own that can do nothing but read.
//!
//! Three things stand between such a statement and the rest of the file: the connection is opened read-only and takes
//! neither ATTACH nor PRAGMA; the authorizer denies whatever is not on its lists; limits and a deadline end what grows.
//! Some of SQLite's functions work for minutes inside one opcode, where no deadline is looked at. So a [`Console`] lives
//! in a process of its own that can be killed, see `tenancy::console`.

mod authorizer;
mod functions;
mod opened;
mod params;
mod readable;

#[cfg(test)]
mod tests;

pub use params::ConsoleParams;
pub use readable::Readable;

use super::constraint::DbError;
use super::guard::{Guard, STEPS_PER_TICK};
use super::tx::Row;
use authorizer::Watch;
use opened::Opened;
use rusqlite::config::DbConfig;
use rusqlite::ffi::ErrorCode;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, Statement};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of one value: the slowest functions take time by the square of it.
pub const LONGEST_VALUE: i32 = 400_000;
/// Bytes of one statement.
pub const LONGEST_SQL: usize = 100_000;

const LIMITS: [(Limit, i32); 11] = [
    (Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE),
    // One that is asked for its program is a little longer.
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_100),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 250),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
    (Limit::SQLITE_LIMIT_VDBE_OP, 50_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 64),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 1_000),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];

/// Why a statement was not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// It asks for what is not allowed; the text says what.
    #[error("{0}")]
    Refused(String),
    /// SQLite cannot make sense of it, or of a value that it meets.
    #[error("{message}")]
    Sql {
        /// SQLite's own words, about nothing but the statement.
        message: String,
        /// The byte of the statement at which it stumbled.
        offset: Option<usize>,
    },
    /// The parameters are not those of the statement.
    #[error("{0}")]
    Params(String),
    /// It ran for too long.
    #[error("stopped by its deadline")]
    Deadline,
    /// It needs more memory than it may have.
    #[error("out of memory")]
    Memory,
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] DbError),
}

/// A connection for one statement.
pub struct Console {
    raw: Connection,
    guard: Arc<Guard>,
    watch: Arc<Watch>,
    opened: Opened,
}

impl Console {
    /// Opens `path` for statements that read what is `readable`, and fixes the state of the file that they see.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn open(path: &Path, readable: Readable) -> Result<Console, DbError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let raw = Connection::open_with_flags(path, flags)?;
        // Sorting and grouping stay in memory, which is bounded, and never fill the disk.
        raw.execute_batch(
            "PRAGMA busy_timeout=1000; PRAGMA query_only=ON; PRAGMA trusted_schema=OFF; PRAGMA mmap_size=0;
             PRAGMA cache_size=-2000; PRAGMA temp_store=MEMORY; BEGIN;",
        )?;
        for (config, on) in [
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
            (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
            (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        ] {
            raw.set_db_config(config, on)?;
        }
        // The schema is read here, before the limits: it may hold longer statements than people may write.
        let in_file = names(&raw, "SELECT lower(name) FROM sqlite_schema WHERE type IN ('table', 'view')")?;
        let modules = names(&raw, "SELECT lower(name) FROM pragma_module_list")?;
        let opened = Opened::read(&raw, &readable)?;
        let watch = Arc::new(Watch::new(in_file, modules, readable));
        connect_virtual_tables(&raw)?;
        for (limit, most) in LIMITS {
            raw.set_limit(limit, most)?;
        }
        raw.set_prepared_statement_cache_capacity(0);
        let guard = Arc::new(Guard::new());
        let ticking = Arc::clone(&guard);
        raw.progress_handler(STEPS_PER_TICK, Some(move || ticking.tick()))?;
        let asking = Arc::clone(&watch);
        raw.authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| asking.authorize(&context)))?;
        Ok(Console { raw, guard, watch, opened })
    }

    /// Lets SQLite take at most `bytes` of memory in this whole process. For a process that does nothing else.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn bound_memory_of_process(bytes: u32) -> Result<(), DbError> {
        super::ffi::count_memory();
        let any = Connection::open_in_memory()?;
        Ok(any.query_row(&format!("PRAGMA hard_heap_limit={bytes}"), [], |_| Ok(()))?)
    }

    /// Runs one statement for at most `time`. `columns` is told their names, `row` gets each row until it breaks off.
    ///
    /// # Errors
    /// As [`ConsoleError`] says.
    pub fn run(
        &self,
        sql: &str,
        params: &ConsoleParams,
        time: Duration,
        columns: impl FnOnce(&[&str]),
        mut row: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, DbError>,
    ) -> Result<(), ConsoleError> {
        if sql.len() > LONGEST_SQL {
            return Err(said(format!("a statement may have {LONGEST_SQL} bytes at most")));
        }
        if sql.contains('\0') {
            return Err(said("a statement cannot hold a NUL character".to_owned()));
        }
        self.guard.arm(None, Some(time));
        self.watch.prepares(sql);
        let explain = |error| self.explain(error, sql);
        let mut statement = self.raw.prepare(sql).map_err(explain)?;
        check_kind(&statement)?;
        if statement.is_explain() == 0 {
            self.opened.check(&self.raw, sql, explain)?;
        }
        params.bind(&mut statement, explain)?;
        let names = statement.column_names();
        if names.iter().map(|name| name.len()).sum::<usize>() > LONGEST_SQL {
            return Err(said(
                "the names of the columns are too long: give them shorter ones, with AS".to_owned(),
            ));
        }
        columns(&names);
        self.watch.runs();
        let mut rows = statement.raw_query();
        while let Some(found) = rows.next().map_err(explain)? {
            if row(&Row::new(found))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn explain(&self, error: rusqlite::Error, sql: &str) -> ConsoleError {
        if let Some(what) = self.watch.take_refusal() {
            return ConsoleError::Refused(what);
        }
        let (code, message, offset) = match &error {
            rusqlite::Error::SqliteFailure(code, message) => (code.code, message.clone(), None),
            rusqlite::Error::SqlInputError { error, msg, sql: part, offset } => {
                // What stands behind a semicolon is prepared as a statement of its own.
                let before = sql.len().saturating_sub(part.len());
                (error.code, Some(msg.clone()), usize::try_from(*offset).ok().map(|offset| before + offset))
            }
            rusqlite::Error::MultipleStatement => return said("one statement at a time".to_owned()),
            _ => return ConsoleError::File(error.into()),
        };
        let message = message.unwrap_or_else(|| error.to_string());
        match code {
            ErrorCode::OperationInterrupted => ConsoleError::Deadline,
            ErrorCode::OutOfMemory => ConsoleError::Memory,
            ErrorCode::TooBig => ConsoleError::Sql {
                message: format!("{message} (a value may have {LONGEST_VALUE} bytes here)"),
                offset,
            },
            ErrorCode::AuthorizationForStatementDenied => {
                ConsoleError::Refused("This is not allowed here.".to_owned())
            }
            ErrorCode::Unknown | ErrorCode::TypeMismatch | ErrorCode::ParameterOutOfRange => {
                ConsoleError::Sql { message, offset }
            }
            _ => ConsoleError::File(error.into()),
        }
    }
}

fn said(message: String) -> ConsoleError {
    ConsoleError::Sql { message, offset: None }
}

/// Refuses what the authorizer is not asked about, and what answers nothing.
fn check_kind(statement: &Statement<'_>) -> Result<(), ConsoleError> {
    let refused = |what: &str| Err(ConsoleError::Refused(what.to_owned()));
    if statement.is_explain() == 1 {
        return refused("EXPLAIN is not allowed here; EXPLAIN QUERY PLAN is.");
    }
    if !statement.readonly() {
        return refused("Only statements that read are allowed here.");
    }
    if statement.column_count() == 0 {
        return Err(said("there is no statement that answers rows: write a SELECT".to_owned()));
    }
    Ok(())
}

fn names(raw: &Connection, sql: &str) -> Result<BTreeSet<String>, DbError> {
    let mut statement = raw.prepare(sql)?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// A virtual table reads its own shadow tables as it is first used. Later the authorizer could not tell that from a
/// person's statement.
fn connect_virtual_tables(raw: &Connection) -> Result<(), DbError> {
    let mut statement = raw.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage = 0 AND sql LIKE 'CREATE VIRTUAL %'",
    )?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    for name in names {
        let sql = format!("SELECT 1 FROM {} LIMIT 0", crate::model::table::quote(&name?));
        // One that does not work here does not work in a statement either, and is told then.
        if let Err(error) = raw.prepare(&sql) {
            tracing::debug!(%error, "a virtual table cannot be connected");
        }
    }
    Ok(())
}
