//! Applying SQL migrations to one file, each in a transaction with its version.

use super::constraint::DbError;
use super::guard::Speaker;
use super::open::Connected;
use super::tx::Tx;
use crate::clock::Timestamp;
use crate::model::hex::hex;
use rusqlite::fallible_iterator::FallibleIterator as _;
use sha2::{Digest, Sha256};

/// One migration: a file of SQL statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its number, from 1, without gaps.
    pub version: u32,
    /// Its file name, for messages.
    pub name: String,
    /// Its statements.
    pub sql: String,
}

impl Migration {
    /// SHA-256 of the statements in hex: a migration that was applied must not be edited.
    pub fn checksum(&self) -> String {
        hex(&Sha256::digest(self.sql.as_bytes()))
    }
}

/// A sequence of migrations in one file; `system` for ours, `app` for the developer's.
#[derive(Clone, Debug)]
pub struct Track {
    /// The name under which versions are recorded.
    pub name: &'static str,
    /// The migrations in order.
    pub migrations: Vec<Migration>,
}

impl Track {
    /// Our own migrations, in this order: file name and statements.
    pub fn system(migrations: &[(&str, &str)]) -> Track {
        let migrations = (1..).zip(migrations).map(|(version, (name, sql))| Migration {
            version,
            name: (*name).to_owned(),
            sql: (*sql).to_owned(),
        });
        Track { name: "system", migrations: migrations.collect() }
    }

    /// The first `count` of them.
    #[must_use]
    pub fn up_to(&self, count: usize) -> Track {
        Track { name: self.name, migrations: self.migrations.iter().take(count).cloned().collect() }
    }

    fn speaker(&self) -> Speaker {
        if self.name == "system" { Speaker::System } else { Speaker::Migration }
    }
}

/// A migration that does not work, with the place.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct MigrationError {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What SQLite says.
    pub message: String,
}

impl MigrationError {
    /// Whether it is up to the machine and not to the migration or the file: it may go well another time.
    pub fn is_passing(&self) -> bool {
        // As SQLite spells them (sqlite3ErrStr), and as we do.
        let texts = [
            "database or disk is full",
            "disk I/O error",
            "database is locked",
            "out of memory",
            "unable to open database file",
            "the disk refuses",
            "the database is busy",
            "stopped by its deadline",
        ];
        texts.iter().any(|text| self.message.contains(text))
    }
}

/// The migrations of a track that a file has: version and checksum, in order. Empty for a file without the table.
///
/// # Errors
/// As [`DbError`] says.
fn migrations_applied(tx: &Tx<'_>, track: &str) -> Result<Vec<(u32, String)>, DbError> {
    tx.query(
        "SELECT version, checksum FROM _migrations WHERE track = ?1 ORDER BY version",
        crate::params![track],
        |row| Ok((u32::try_from(row.get::<i64>(0)?).unwrap_or(u32::MAX), row.get(1)?)),
    )
}

/// How a file's migrations differ from those that are known.
#[derive(Debug, thiserror::Error)]
pub enum TrackFault {
    /// It has more of them: a newer program wrote it.
    #[error("the file has {track} migration {version}, which this program does not know: it is newer")]
    Newer {
        /// Which track.
        track: &'static str,
        /// The first that is not known.
        version: u32,
    },
    /// One of them is another than the one that was applied.
    #[error("{track} migration {name} was edited after it was applied to this file")]
    Edited {
        /// Which track.
        track: &'static str,
        /// Its file name.
        name: String,
    },
    /// They cannot be read.
    #[error(transparent)]
    Query(#[from] DbError),
}

/// How many migrations of a track a file has, the first ones in order.
///
/// # Errors
/// [`TrackFault`] for a file that must not be touched.
pub fn count_applied(tx: &Tx<'_>, track: &Track) -> Result<usize, TrackFault> {
    let applied = migrations_applied(tx, track.name)?;
    for (index, (version, checksum)) in applied.iter().enumerate() {
        let Some(known) = track.migrations.get(index) else {
            return Err(TrackFault::Newer { track: track.name, version: *version });
        };
        if known.checksum() != *checksum {
            return Err(TrackFault::Edited { track: track.name, name: known.name.clone() });
        }
    }
    Ok(applied.len())
}

/// Applies what is missing of `track`, each migration in a transaction of its own. Foreign keys are off meanwhile, as
/// SQLite's procedure for changing tables demands, and checked before each commit.
pub(super) fn apply(connected: &Connected, track: &Track, now: Timestamp) -> Result<usize, MigrationError> {
    let place = |message: &DbError| MigrationError {
        file: track.name.to_owned(),
        line: 0,
        message: message.to_string(),
    };
    let tx = Tx::new(connected, now);
    tx.execute(
        "CREATE TABLE IF NOT EXISTS _migrations (track TEXT NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL,
           checksum TEXT NOT NULL, applied_at INTEGER NOT NULL, PRIMARY KEY (track, version))",
        &[],
    )
    .map_err(|e| place(&e))?;
    let have = migrations_applied(&tx, track.name).map_err(|e| place(&e))?.len();
    tx.execute("PRAGMA foreign_keys=OFF", &[]).map_err(|e| place(&e))?;
    let result = track
        .migrations
        .iter()
        .skip(have)
        .try_fold(0, |count, migration| apply_one(&tx, track, migration).map(|()| count + 1));
    if !connected.raw.is_autocommit() {
        let _ = connected.raw.execute_batch("ROLLBACK");
    }
    tx.execute("PRAGMA foreign_keys=ON", &[]).map_err(|e| place(&e))?;
    result
}

fn apply_one(tx: &Tx<'_>, track: &Track, migration: &Migration) -> Result<(), MigrationError> {
    let at = |line, error: &DbError| MigrationError {
        file: migration.name.clone(),
        line,
        message: error.to_string(),
    };
    tx.execute("BEGIN IMMEDIATE", &[]).map_err(|e| at(1, &e))?;
    // Asked again now that nobody else can: what another connection applied meanwhile is not applied twice.
    let applied = "SELECT 1 FROM _migrations WHERE track = ?1 AND version = ?2";
    let key = crate::params![track.name, migration.version];
    if tx.exists(applied, key).map_err(|e| at(1, &e))? {
        return tx.execute("ROLLBACK", &[]).map(drop).map_err(|e| at(1, &e));
    }
    tx.as_speaker(track.speaker(), || run_script(tx, &migration.name, &migration.sql))?;
    if track.speaker() == Speaker::Migration
        && let Some(what) = tx.find_reader_of_ours().map_err(|e| at(1, &e))?
    {
        let message = format!("the {what} reads tables whose names begin with _, which are not for apps");
        return Err(MigrationError { file: migration.name.clone(), line: 1, message });
    }
    let broken = tx
        .query("PRAGMA foreign_key_check", &[], |row| Ok((row.get::<String>(0)?, row.get::<String>(2)?)))
        .map_err(|e| at(1, &e))?;
    if let Some((table, parent)) = broken.first() {
        return Err(MigrationError {
            file: migration.name.clone(),
            line: 1,
            message: format!("leaves a row of {table} that refers to no row of {parent}"),
        });
    }
    tx.execute(
        "INSERT INTO _migrations (track, version, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        crate::params![track.name, migration.version, &migration.name, migration.checksum(), tx.now()],
    )
    .map_err(|e| at(1, &e))?;
    tx.execute("COMMIT", &[]).map_err(|e| at(1, &e))?;
    Ok(())
}

/// Runs the statements of `sql` one after the other and tells file and line of the first that fails.
pub(super) fn run_script(tx: &Tx<'_>, file: &str, sql: &str) -> Result<(), MigrationError> {
    let line_at = |offset: usize| {
        let upto = offset.min(sql.len());
        1 + sql.as_bytes().iter().take(upto).filter(|byte| **byte == b'\n').count()
    };
    let failed = |offset: usize, message: String| MigrationError {
        file: file.to_owned(),
        line: line_at(offset),
        message,
    };
    let mut position = 0;
    let mut batch = rusqlite::Batch::new(tx.connection(), sql);
    loop {
        let start = position + leading_blank(sql.get(position..).unwrap_or_default());
        let mut statement = match batch.next() {
            Ok(Some(statement)) => statement,
            Ok(None) => return Ok(()),
            Err(error) => {
                let (offset, message) = explain(error, start);
                return Err(failed(offset, message));
            }
        };
        let text = statement.expanded_sql().unwrap_or_default();
        let ran = statement.query([]).and_then(|mut rows| {
            while rows.next()?.is_some() {}
            Ok(())
        });
        ran.map_err(|error| failed(start, explain(error, start).1))?;
        position = sql
            .get(start..)
            .and_then(|rest| rest.find(text.trim_start()))
            .map_or(start, |found| start + found + text.trim_start().len());
    }
}

/// The message without the SQL around it, and where in the file it points.
fn explain(error: rusqlite::Error, start: usize) -> (usize, String) {
    match error {
        rusqlite::Error::SqlInputError { msg, offset, sql, .. } => {
            let blank = leading_blank(&sql);
            let inside = usize::try_from(offset).unwrap_or(blank);
            (start + inside.saturating_sub(blank), msg)
        }
        rusqlite::Error::SqliteFailure(code, message) => {
            let text = message.unwrap_or_else(|| code.to_string());
            let hint = if text.contains("not authorized") {
                " (transactions, ATTACH, VACUUM, most PRAGMAs and names beginning with _ are not for migrations)"
            } else {
                ""
            };
            (start, format!("{text}{hint}"))
        }
        other => (start, other.to_string()),
    }
}

/// Bytes of white space and comments before the first statement.
fn leading_blank(sql: &str) -> usize {
    let mut rest = sql;
    loop {
        let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';');
        rest = if trimmed.starts_with("--") {
            trimmed.split_once('\n').map_or("", |(_, after)| after)
        } else if trimmed.starts_with("/*") {
            trimmed.split_once("*/").map_or("", |(_, after)| after)
        } else {
            return sql.len() - trimmed.len();
        };
    }
}
