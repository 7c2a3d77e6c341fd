//! A database file that came from elsewhere, and that somebody may have made to harm whoever opens it.
//!
//! It is looked at before SQLite sees it, opened read-only from a directory that holds nothing else (so that no journal
//! is played back), and read in one way: the columns of ordinary tables, without indexes. Its views, triggers, virtual
//! tables and generated columns are never used, and no function that its schema names is ever run: on this connection
//! each of them is one of ours that answers NULL.

use super::constraint::DbError;
use super::guard::{Guard, STEPS_PER_TICK};
use super::tx::Row;
use crate::error::Error;
use crate::model::table::quote;
use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Tables, indexes, views and triggers of one file.
const MOST_OBJECTS: usize = 20_000;
/// Bytes of the statements that its schema is made of.
const MOST_SQL: usize = 16 << 20;
/// Bytes of one value, as wherever tenants' files are read.
const LONGEST_VALUE: i32 = 64 << 20;

/// Why a file is not read on.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// It is none that an export writes; the text says why.
    #[error("{0}")]
    Kind(String),
    /// Its pages or its schema are not in order; the text is SQLite's.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It takes longer than is allowed.
    #[error("reading it takes longer than is allowed")]
    Deadline,
    /// What takes its rows refuses one.
    #[error("{0:?}")]
    Taker(Error),
    /// The disk refuses, or a fault of ours.
    #[error(transparent)]
    Database(DbError),
}

impl From<rusqlite::Error> for ForeignError {
    fn from(error: rusqlite::Error) -> ForeignError {
        let text: String = error.to_string().chars().take(300).collect();
        match DbError::from(error) {
            DbError::Interrupted => ForeignError::Deadline,
            error @ (DbError::Disk(_) | DbError::Busy(_)) => ForeignError::Database(error),
            // Whatever it is, what is asked of the file is always the same: it is the file's fault.
            _ => ForeignError::Damaged(text),
        }
    }
}

/// A line of its `sqlite_schema`.
#[derive(Clone, Debug)]
pub struct ForeignObject {
    /// `table`, `index`, `view` or `trigger`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The table that it is of.
    pub table: String,
    /// The statement that made it; SQLite's own indexes have none.
    pub sql: Option<String>,
    /// Whether it is a table with pages of its own: no view, and no virtual table.
    pub is_ordinary: bool,
}

/// A column of one of its tables.
#[derive(Clone, Debug)]
pub struct ForeignColumn {
    /// Its name.
    pub name: String,
    /// Whether SQLite would compute it.
    pub is_generated: bool,
}

/// Such a file, open.
pub struct Foreign {
    raw: Connection,
    guard: Arc<Guard>,
    bytes: u64,
}

impl Foreign {
    /// Opens a file that nobody else has, for at most this time in all.
    ///
    /// # Errors
    /// [`ForeignError`] for one that is not as exports are written.
    pub fn open(path: &Path, application_id: i32, time: Duration) -> Result<Foreign, ForeignError> {
        let bytes = check_header(path, application_id)?;
        let raw = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        for (config, on) in [
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
        ] {
            raw.set_db_config(config, on)?;
        }
        for (limit, most) in [
            (Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE),
            (Limit::SQLITE_LIMIT_ATTACHED, 0),
            (Limit::SQLITE_LIMIT_VDBE_OP, 100_000),
            (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
            (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
            (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
        ] {
            raw.set_limit(limit, most)?;
        }
        // Before its schema is read, which looks the functions up.
        silence_functions(&raw)?;
        let guard = Arc::new(Guard::new());
        guard.arm(None, Some(time));
        let ticking = Arc::clone(&guard);
        raw.progress_handler(STEPS_PER_TICK, Some(move || ticking.tick()))?;
        raw.execute_batch(
            "PRAGMA query_only=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;
             PRAGMA cache_size=-8000; PRAGMA temp_store=MEMORY; PRAGMA ignore_check_constraints=ON;",
        )?;
        raw.authorizer(Some(|context: AuthContext<'_>| authorize(&context)))?;
        Ok(Foreign { raw, guard, bytes })
    }

    /// What its schema holds, by name.
    ///
    /// # Errors
    /// [`ForeignError`] for a schema that SQLite does not take.
    pub fn objects(&self) -> Result<Vec<ForeignObject>, ForeignError> {
        let mut statement = self
            .raw
            .prepare("SELECT type, name, tbl_name, sql, rootpage FROM sqlite_schema ORDER BY name, type")?;
        let mut rows = statement.query([])?;
        let (mut all, mut length) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            if all.len() >= MOST_OBJECTS {
                return Err(ForeignError::Kind(format!(
                    "it has more than {MOST_OBJECTS} tables and indexes"
                )));
            }
            let (kind, sql): (String, Option<String>) = (row.get(0)?, row.get(3)?);
            length += sql.as_ref().map_or(0, String::len);
            if length > MOST_SQL {
                return Err(ForeignError::Damaged(format!("its schema has more than {MOST_SQL} bytes")));
            }
            let begins = sql.as_deref().and_then(|sql| sql.get(..13)).unwrap_or_default();
            let is_ordinary = kind == "table"
                && row.get::<_, Option<i64>>(4)?.is_some_and(|page| page > 0)
                && begins.eq_ignore_ascii_case("CREATE TABLE ");
            all.push(ForeignObject { name: row.get(1)?, table: row.get(2)?, kind, sql, is_ordinary });
        }
        Ok(all)
    }

    /// The columns of an ordinary table.
    ///
    /// # Errors
    /// [`ForeignError`].
    pub fn columns(&self, table: &str) -> Result<Vec<ForeignColumn>, ForeignError> {
        let mut statement = self.raw.prepare(&format!("PRAGMA main.table_xinfo({})", quote(table)))?;
        let columns = statement.query_map([], |row| {
            Ok(ForeignColumn { name: row.get(1)?, is_generated: row.get::<_, i64>(6)? != 0 })
        })?;
        Ok(columns.collect::<Result<_, _>>()?)
    }

    /// The name by which the rowid of an ordinary table can be read; none where it has none.
    ///
    /// # Errors
    /// [`ForeignError`].
    pub fn rowid_of(&self, table: &str) -> Result<Option<&'static str>, ForeignError> {
        let columns = self.columns(table)?;
        let is_free = |name: &&str| !columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        let Some(name) = ["rowid", "_rowid_", "oid"].into_iter().find(is_free) else { return Ok(None) };
        let sql = format!("SELECT {name} FROM main.{} NOT INDEXED", quote(table));
        Ok(self.raw.prepare(&sql).is_ok().then_some(name))
    }

    /// Walks all pages of an ordinary table.
    ///
    /// # Errors
    /// [`ForeignError::Damaged`] with the first thing that is wrong.
    pub fn check(&self, table: &str) -> Result<(), ForeignError> {
        let mut statement = self.raw.prepare(&format!("PRAGMA main.quick_check({})", quote(table)))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let said: String = row.get(0)?;
            // Values are held against our own constraints as they are stored; what is computed is NULL here.
            if said == "ok" || said.contains(" value in ") || said.starts_with("CHECK constraint failed") {
                continue;
            }
            return Err(ForeignError::Damaged(said.chars().take(300).collect()));
        }
        Ok(())
    }

    /// Hands each row of an ordinary table to `act`: these columns of it.
    ///
    /// # Errors
    /// [`ForeignError`]; what `act` returns as [`ForeignError::Taker`].
    pub fn each(
        &self,
        table: &str,
        columns: &[String],
        mut act: impl FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<(), ForeignError> {
        let columns: Vec<String> = columns.iter().map(|name| quote(name)).collect();
        let sql = format!("SELECT {} FROM main.{} NOT INDEXED", columns.join(", "), quote(table));
        let mut statement = self.raw.prepare(&sql)?;
        let mut rows = statement.query([])?;
        // Each takes some bytes of the file: pages that lead in circles hold more.
        let mut left = self.bytes;
        while let Some(row) = rows.next()? {
            left = left.checked_sub(1).ok_or_else(|| {
                ForeignError::Damaged(format!("the table {table} has more rows than the file has bytes"))
            })?;
            act(&Row::new(row)).map_err(ForeignError::Taker)?;
        }
        Ok(())
    }

    /// Whether its time was over at some point.
    pub fn is_over(&self) -> bool {
        self.guard.stopped()
    }
}

/// What can be told without SQLite: kind, size, and that nothing has to be played back. The number of bytes.
fn check_header(path: &Path, application_id: i32) -> Result<u64, ForeignError> {
    let disk = |error: std::io::Error| {
        ForeignError::Database(DbError::Disk(rusqlite::Error::ToSqlConversionFailure(Box::new(error))))
    };
    let kind = |why: &str| Err(ForeignError::Kind(why.to_owned()));
    let mut file = File::open(path).map_err(disk)?;
    let bytes = file.metadata().map_err(disk)?.len();
    let mut head = [0_u8; 100];
    if file.read_exact(&mut head).is_err() || !head.starts_with(b"SQLite format 3\0") {
        return kind("it is no SQLite database");
    }
    let number = |at: usize| {
        let bytes = head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
        u32::from_be_bytes(bytes)
    };
    let page = match u64::from(number(16) >> 16) {
        1 => 65_536,
        page => page,
    };
    if !page.is_power_of_two() || page < 512 || number(28) == 0 || u64::from(number(28)) * page != bytes {
        return kind("its size is not the one that its header says");
    }
    if head[18] != 1 || head[19] != 1 {
        return kind("a write-ahead log belongs to it, which an export never leaves open");
    }
    if number(68) != application_id.cast_unsigned() {
        return kind("it is no file of a tenant (its application id is another)");
    }
    if number(56) != 1 {
        return kind("its text is not UTF-8");
    }
    Ok(bytes)
}

fn authorize(context: &AuthContext<'_>) -> Authorization {
    let allowed = match &context.action {
        AuthAction::Select | AuthAction::Read { .. } => true,
        AuthAction::Pragma { pragma_name, .. } => ["table_xinfo", "quick_check"].contains(pragma_name),
        _ => false,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}

/// Puts a function that answers NULL in the place of every one that SQLite has.
fn silence_functions(raw: &Connection) -> Result<(), ForeignError> {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    let names = match NAMES.get() {
        Some(names) => names,
        None => {
            let any = Connection::open_in_memory()?;
            let mut statement =
                any.prepare("SELECT DISTINCT lower(name) FROM pragma_function_list WHERE type = 's'")?;
            let names = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            NAMES.get_or_init(|| names)
        }
    };
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    for name in names {
        raw.create_scalar_function(name.as_str(), -1, flags, |_| Ok(rusqlite::types::Null))?;
    }
    Ok(())
}
