//! Copies of files that are in use, made through SQLite while their writers go on.

use super::checkpoints::checkpoint;
use super::constraint::DbError;
use super::maintenance::Maintenance;
use super::open::{Connected, Manager, OpenError, Role};
use super::tx::Tx;
use crate::clock::Timestamp;
use crate::paced::Paced;
use r2d2::ManageConnection;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Steps of SQLite between two looks at how long a copy is by now: of a few dozen rows.
const STEPS: i32 = 100;

impl Maintenance {
    /// Writes a consistent copy to `target`, which must not exist, without stopping writers (VACUUM INTO). It is for a copy that
    /// nobody waits for, of a file that may be large: no write to any file waits for the disk because of it. All but the last of
    /// it is on the disk afterwards: one that is to survive a power cut is synced by the caller.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn copy_with_pauses(&self, target: &Path) -> Result<(), DbError> {
        let plain = self.plain()?;
        // SQLite takes an empty file for none.
        let file = File::options().write(true).create_new(true).mode(0o600).open(target).map_err(disk)?;
        let (mut paced, failed) = (Paced::new(file), Arc::new(Mutex::new(None)));
        let failing = Arc::clone(&failed);
        let pace = move || match paced.catch_up() {
            Ok(()) => false,
            // Told once to whoever syncs, and not again to who syncs the whole in the end.
            Err(error) => failing.lock().unwrap_or_else(PoisonError::into_inner).replace(error).is_none(),
        };
        plain.progress_handler(STEPS, Some(pace))?;
        let copied = plain.execute("VACUUM INTO ?1", [target.to_string_lossy()]);
        drop(plain);
        if let Some(error) = failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(disk(error));
        }
        copied?;
        // What was written meanwhile could not leave the log, and it may be that nobody writes any more.
        checkpoint(&self.connected).map(drop)
    }

    /// Writes a consistent copy to `target`, which must not exist, page by page as they lie, without stopping writers: a fraction
    /// of what VACUUM INTO costs, and nothing is moved closer together. It is not synced, and its header counts changes of its
    /// own: who wants the same bytes has to write the first page anew.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn copy_pages_into(&self, target: &Path) -> Result<(), DbError> {
        let mut copy = Connection::open(target)?;
        copy.execute_batch("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")?;
        // All at once: in steps it would begin again with each write.
        let backup = rusqlite::backup::Backup::new(&self.connected.raw, &mut copy)?;
        let step = backup.step(-1)?;
        drop(backup);
        match step {
            rusqlite::backup::StepResult::Done => Ok(()),
            _ => Err(DbError::Busy(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                None,
            ))),
        }
    }

    /// A connection for VACUUM INTO, which attaches its target: the authorizer of a serving connection refuses that. This plain
    /// one has none, and runs that one statement only.
    fn plain(&self) -> Result<Connection, DbError> {
        let path = self.connected.raw.path().unwrap_or_default().to_owned();
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let plain = Connection::open_with_flags(path, flags)?;
        // It writes to its target alone, which is nobody's yet: who keeps that syncs it once, in place of four times here. The
        // source is checkpointed by the other connection, which stays open for longer.
        plain
            .execute_batch("PRAGMA busy_timeout=5000; PRAGMA trusted_schema=OFF; PRAGMA synchronous=OFF;")?;
        Ok(plain)
    }
}

pub(super) fn disk(error: std::io::Error) -> DbError {
    DbError::Disk(rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// A copy of a tenant file that is on its way out: read for an export, with our own tables removed.
pub struct Copy {
    connected: Connected,
}

impl Copy {
    /// Opens the copy and removes all tables whose names begin with `_`, leaving no trace of them in free
    /// pages.
    ///
    /// # Errors
    /// [`OpenError`] if the copy cannot be read or changed.
    pub fn without_system_tables(path: &Path) -> Result<Copy, OpenError> {
        let raw = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        raw.execute_batch(
            "PRAGMA journal_mode=DELETE; PRAGMA synchronous=OFF; PRAGMA secure_delete=ON;
             PRAGMA foreign_keys=OFF; PRAGMA trusted_schema=OFF;",
        )?;
        let ours: Vec<(String, String)> = raw
            .prepare(
                "SELECT type, name FROM sqlite_schema WHERE name LIKE '\\_%' ESCAPE '\\' AND type IN ('table', 'view', 'trigger')
                 ORDER BY type = 'table'",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (kind, name) in ours {
            raw.execute_batch(&format!("DROP {kind} IF EXISTS \"{}\"", name.replace('"', "\"\"")))?;
        }
        // VACUUM in place renumbers the rows of tables without a key; VACUUM INTO keeps the numbers.
        let clean = path.with_extension("clean");
        raw.execute("VACUUM INTO ?1", [clean.to_string_lossy()])?;
        drop(raw);
        std::fs::rename(&clean, path).map_err(disk)?;
        Ok(Copy { connected: Manager::new(path, Role::Reader, 2_048).connect()? })
    }

    /// Reads from the copy.
    ///
    /// # Errors
    /// What `act` returns.
    pub fn read<T>(&self, act: impl FnOnce(&Tx<'_>) -> crate::error::Result<T>) -> crate::error::Result<T> {
        act(&Tx::new(&self.connected, Timestamp(0)))
    }

    /// Ends reading: the file is a single file again, without a WAL beside it.
    pub fn close(self) {
        let _ = self.connected.raw.execute_batch("PRAGMA query_only=OFF; PRAGMA journal_mode=DELETE;");
    }
}
