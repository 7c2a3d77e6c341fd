//! Connections that may do what those of requests may not: create, migrate, stamp, copy. Used when a file is
//! provisioned, migrated, exported or closed for good; never by a request.

use super::checkpoints;
use super::constraint::DbError;
use super::migration::{self, MigrationError, Track, TrackFault};
use super::open::{Connected, Manager, OpenError, Role};
use super::tx::Tx;
use crate::clock::Timestamp;
use r2d2::ManageConnection;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;
use std::path::Path;

/// A connection for maintenance of one file.
pub struct Maintenance {
    pub(super) connected: Connected,
}

impl Maintenance {
    /// Opens an existing file.
    ///
    /// # Errors
    /// [`OpenError`] if it is missing or damaged.
    pub fn open(path: &Path) -> Result<Maintenance, OpenError> {
        if !path.exists() {
            return Err(OpenError::Missing);
        }
        Ok(Maintenance { connected: Manager::new(path, Role::Maintenance, 2_048).connect()? })
    }

    /// Makes a new, empty file of the kind `application_id`, in WAL mode.
    ///
    /// # Errors
    /// [`OpenError`] if the file exists already or cannot be made.
    pub fn create(path: &Path, application_id: i32) -> Result<Maintenance, OpenError> {
        std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
            OpenError::Database(DbError::Disk(rusqlite::Error::ToSqlConversionFailure(Box::new(error))))
        })?;
        let raw = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        raw.execute_batch(&format!(
            "PRAGMA page_size=4096; PRAGMA application_id={application_id}; PRAGMA journal_mode=WAL;"
        ))?;
        drop(raw);
        Maintenance::open(path)
    }

    /// Refuses a file of another kind than `application_id`.
    ///
    /// # Errors
    /// [`OpenError::Foreign`], or as the database says.
    pub fn require_kind(&self, application_id: i32) -> Result<(), OpenError> {
        let tx = Tx::new(&self.connected, Timestamp(0));
        let id = tx.query_row("PRAGMA application_id", &[], |row| row.get::<i64>(0))?.unwrap_or_default();
        if id == i64::from(application_id) { Ok(()) } else { Err(OpenError::Foreign(id)) }
    }

    /// As [`count_applied`](super::count_applied).
    ///
    /// # Errors
    /// [`TrackFault`].
    pub fn count_applied(&self, track: &Track) -> Result<usize, TrackFault> {
        migration::count_applied(&Tx::new(&self.connected, Timestamp(0)), track)
    }

    /// Whether the file has all migrations of a track; false if some are still to be applied.
    ///
    /// # Errors
    /// [`TrackFault`] for a file that must not be touched.
    pub fn is_current(&self, track: &Track) -> Result<bool, TrackFault> {
        Ok(self.count_applied(track)? == track.migrations.len())
    }

    /// Applies what is missing of `track`; the number of migrations applied.
    ///
    /// # Errors
    /// [`MigrationError`] with file and line.
    pub fn migrate(&self, track: &Track, now: Timestamp) -> Result<usize, MigrationError> {
        migration::apply(&self.connected, track, now)
    }

    /// Has what `act` commits synced once, at its end, in place of with each commit, and moves it out of the log: for a file that
    /// nobody else writes meanwhile. A power cut before the end leaves the first of the commits, or none.
    ///
    /// # Errors
    /// What `act` returns, or as the database says.
    pub fn syncing_once<T, E: From<DbError>>(&self, act: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        checkpoints::syncing_once(&self.connected, act)
    }

    /// Runs a seed script in one transaction, under the same rules as a migration.
    ///
    /// # Errors
    /// [`MigrationError`] with file and line.
    pub fn seed(&self, file: &str, sql: &str, now: Timestamp) -> Result<(), MigrationError> {
        use super::guard::Speaker;
        let tx = Tx::new(&self.connected, now);
        let place =
            |error: DbError| MigrationError { file: file.to_owned(), line: 1, message: error.to_string() };
        tx.execute("BEGIN IMMEDIATE", &[]).map_err(place)?;
        let result = tx
            .as_speaker(Speaker::Migration, || migration::run_script(&tx, file, sql))
            .and_then(|()| tx.execute("COMMIT", &[]).map(drop).map_err(place));
        if !self.connected.raw.is_autocommit() {
            let _ = self.connected.raw.execute_batch("ROLLBACK");
        }
        result
    }

    /// Reads, outside of a transaction: from a file that nobody else writes.
    ///
    /// # Errors
    /// What `act` returns.
    pub fn read<T>(&self, act: impl FnOnce(&Tx<'_>) -> crate::error::Result<T>) -> crate::error::Result<T> {
        act(&Tx::new(&self.connected, Timestamp(0)))
    }

    /// Runs `act` in one immediate transaction without group commit.
    ///
    /// # Errors
    /// What `act` returns.
    pub fn write<T>(
        &self,
        now: Timestamp,
        act: impl FnOnce(&Tx<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let tx = Tx::new(&self.connected, now);
        tx.execute("BEGIN IMMEDIATE", &[])?;
        let result = act(&tx).and_then(|value| tx.execute("COMMIT", &[]).map(|_| value));
        if !self.connected.raw.is_autocommit() {
            tx.execute("ROLLBACK", &[])?;
        }
        result
    }

    /// From now on no trigger is set off and no foreign key is looked at, for filling a file with what another one held:
    /// triggers have done their work there. [`Maintenance::broken_keys`] tells what is wrong afterwards.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn for_filling(&self) -> Result<(), DbError> {
        self.connected
            .raw
            .set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        Tx::new(&self.connected, Timestamp(0)).execute("PRAGMA foreign_keys=OFF", &[]).map(drop)
    }

    /// As [`Maintenance::write`], for closures that fail in more ways.
    ///
    /// # Errors
    /// What `act` returns.
    pub fn fill<T>(
        &self,
        now: Timestamp,
        act: impl FnOnce(&Tx<'_>) -> crate::error::Result<T>,
    ) -> crate::error::Result<T> {
        let tx = Tx::new(&self.connected, now);
        tx.execute("BEGIN IMMEDIATE", &[])?;
        let result = act(&tx).and_then(|value| Ok(tx.execute("COMMIT", &[]).map(|_| value)?));
        if !self.connected.raw.is_autocommit() {
            tx.execute("ROLLBACK", &[])?;
        }
        result
    }

    /// Which tables have rows that refer to rows of another table that are not there: both names.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn broken_keys(&self) -> Result<std::collections::BTreeSet<(String, String)>, DbError> {
        let mut found = std::collections::BTreeSet::new();
        Tx::new(&self.connected, Timestamp(0)).each("PRAGMA foreign_key_check", &[], |row| {
            found.insert((row.get(0)?, row.get(2)?));
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Looks through the whole file for damage: what SQLite says of the first fault, if there is one.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn fault(&self) -> Result<Option<String>, DbError> {
        let tx = Tx::new(&self.connected, Timestamp(0));
        let said = tx.query_row("PRAGMA integrity_check(1)", &[], |row| row.get::<String>(0))?;
        Ok(said.filter(|said| said != "ok"))
    }

    /// The same without holding indexes against their tables, which takes a fraction of the time.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn quick_fault(&self) -> Result<Option<String>, DbError> {
        let tx = Tx::new(&self.connected, Timestamp(0));
        let said = tx.query_row("PRAGMA quick_check(1)", &[], |row| row.get::<String>(0))?;
        Ok(said.filter(|said| said != "ok"))
    }

    /// How many rows each table has that holds any by itself: the app's and our own.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn rows_by_table(&self) -> Result<BTreeMap<String, u64>, DbError> {
        let tx = Tx::new(&self.connected, Timestamp(0));
        let tables = tx.query(
            "SELECT name FROM sqlite_schema
             WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL %'",
            &[],
            |row| row.get::<String>(0),
        )?;
        let count = |name: String| {
            let sql = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
            tx.count(&sql, &[]).map(|rows| (name, rows.unsigned_abs()))
        };
        tables.into_iter().map(count).collect()
    }

    /// Moves the write-ahead log into the file and empties it. False if a running reader stood in the way.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn checkpoint(&self) -> Result<bool, DbError> {
        let tx = Tx::new(&self.connected, Timestamp(0));
        let busy = tx.query_row("PRAGMA wal_checkpoint(TRUNCATE)", &[], |row| row.get::<i64>(0))?;
        Ok(busy == Some(0))
    }

    /// Turns durability off, for a file that nobody knows yet and that is synced as a whole when it is done.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn unsynced(&self) -> Result<(), DbError> {
        Tx::new(&self.connected, Timestamp(0)).execute("PRAGMA synchronous=OFF", &[]).map(drop)
    }
}
