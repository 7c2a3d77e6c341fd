//! Opening a file: flags, pragmas, limits, guard.

use super::authorizer::authorize;
use super::capture::{Capture, CapturePlan};
use super::checkpoints::{self, KEPT};
use super::guard::{Guard, STEPS_PER_TICK};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Why a file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such file.
    #[error("the file does not exist")]
    Missing,
    /// The file carries another `application_id`: it is not one of ours, or of another kind.
    #[error("the file is of another kind (application_id {0:#x})")]
    Foreign(i64),
    /// SQLite refuses it.
    #[error(transparent)]
    Database(#[from] super::DbError),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> OpenError {
        OpenError::Database(error.into())
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Reads only (`query_only`).
    Reader,
    /// The writer of its file.
    Writer,
    /// Alone with a file that nobody waits for, or beside its writer to copy or checkpoint it.
    Maintenance,
}

/// A connection and the state that its hooks share with us.
pub(super) struct Connected {
    pub(super) raw: Connection,
    pub(super) guard: Arc<Guard>,
    /// What its statements change, if that is captured.
    pub(super) capture: Option<Arc<Capture>>,
}

/// The r2d2 manager of one file: `r2d2_sqlite`'s opens, ours configures.
pub(super) struct Manager {
    inner: r2d2_sqlite::SqliteConnectionManager,
    role: Role,
    cache_kib: u32,
    /// A connection that was made to look at the file before the pool; the pool's first one.
    opened: Mutex<Option<Connected>>,
    /// What connections that are made from now on capture.
    plan: OnceLock<Arc<CapturePlan>>,
}

impl Manager {
    pub(super) fn new(path: &Path, role: Role, cache_kib: u32) -> Manager {
        // Without CREATE, a file that was deleted is never made anew; without URI, no name is parsed.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Manager {
            inner: r2d2_sqlite::SqliteConnectionManager::file(PathBuf::from(path)).with_flags(flags),
            role,
            cache_kib,
            opened: Mutex::new(None),
            plan: OnceLock::new(),
        }
    }

    /// Has every connection that is made from now on capture the rows that it changes.
    pub(super) fn capture(&self, plan: Arc<CapturePlan>) {
        let _ = self.plan.set(plan);
    }

    /// Keeps `connected` as what the pool gets first.
    pub(super) fn keep(&self, connected: Connected) {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(connected);
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Connected;
    type Error = rusqlite::Error;

    fn connect(&self) -> Result<Connected, rusqlite::Error> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(connected) = opened {
            return Ok(connected);
        }
        let mut connected = configure(self.inner.connect()?, self.role, self.cache_kib)?;
        if let Some(plan) = self.plan.get() {
            let capture = Arc::new(Capture::new(Arc::clone(plan)));
            super::ffi::capture_rows(&connected.raw, Arc::clone(&capture))?;
            connected.capture = Some(capture);
        }
        Ok(connected)
    }

    fn is_valid(&self, _: &mut Connected) -> Result<(), rusqlite::Error> {
        Ok(())
    }

    /// A reader that panicked leaves its transaction open; it is not used again.
    fn has_broken(&self, connected: &mut Connected) -> bool {
        !connected.raw.is_autocommit()
    }
}

/// Where SQLite puts what does not fit into memory, for the whole process; the files have no names once they are open.
/// Else they would be in a directory of the system, away from the tenants' data and from its file system.
///
/// # Errors
/// As [`DbError`](super::DbError) says: the directory cannot be written.
pub fn keep_temporary_files_in(directory: &Path) -> Result<(), super::DbError> {
    // This holds the lock that SQLite takes when it reads the setting.
    let connection = Connection::open_in_memory()?;
    Ok(connection.pragma_update(None, "temp_store_directory", directory.to_string_lossy())?)
}

/// Pages that one transaction may change before some of them are written ahead of its commit, only to be read and changed
/// again: 16 MB, which are given back afterwards.
const SPILL: u32 = 4_096;

fn configure(raw: Connection, role: Role, cache_kib: u32) -> Result<Connected, rusqlite::Error> {
    super::ffi::keep_few_allocations_ready(&raw);
    // The order is that of DESIGN 3: the timeout first, so that switching to WAL can wait for a lock.
    raw.execute_batch(&format!(
        "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;
         PRAGMA trusted_schema=OFF; PRAGMA cache_size=-{cache_kib}; PRAGMA secure_delete=ON;
         PRAGMA journal_size_limit={KEPT}; PRAGMA cache_spill={SPILL}; PRAGMA temp_store={};",
        // What is sorted may be as long as the file, and in memory no sorter has a bound. The writer sorts next to
        // nothing, and takes a savepoint for each write.
        if role == Role::Writer { "MEMORY" } else { "FILE" },
    ))?;
    match role {
        Role::Reader => raw.execute_batch("PRAGMA query_only=ON;")?,
        Role::Writer => checkpoints::leave_log(&raw),
        Role::Maintenance => {}
    }
    raw.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    raw.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    raw.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // For the app's own views and triggers: a single LIKE or GLOB runs inside one opcode, where no deadline bites.
    raw.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000)?;
    raw.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    raw.set_limit(Limit::SQLITE_LIMIT_LENGTH, 64 << 20)?;
    raw.set_prepared_statement_cache_capacity(if role == Role::Reader { 32 } else { 64 });
    let guard = Arc::new(Guard::new());
    super::pattern::register(&raw, &guard)?;
    let ticking = Arc::clone(&guard);
    raw.progress_handler(STEPS_PER_TICK, Some(move || ticking.tick()))?;
    let asking = Arc::clone(&guard);
    raw.authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| authorize(&asking, &context)))?;
    Ok(Connected { raw, guard, capture: None })
}
