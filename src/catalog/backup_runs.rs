//! Rounds of backups: when they were, and what came of them.

use super::CatalogTx;
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::Result;
use crate::id::BackupRunId;
use crate::params;

/// Rounds that are remembered.
const MOST: i64 = 1_000;

/// Where a round is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupRunStatus {
    /// Under way.
    Running,
    /// All that was due is stored.
    Done,
    /// Something could not be stored.
    Failed,
    /// The server ended in the middle; the next one does what is left.
    CutOff,
}

impl BackupRunStatus {
    const fn name(self) -> &'static str {
        match self {
            BackupRunStatus::Running => "running",
            BackupRunStatus::Done => "done",
            BackupRunStatus::Failed => "failed",
            BackupRunStatus::CutOff => "cut_off",
        }
    }

    fn parse(name: &str) -> BackupRunStatus {
        use BackupRunStatus as S;
        [S::Running, S::Done, S::Failed].into_iter().find(|status| status.name() == name).unwrap_or(S::CutOff)
    }
}

/// What a round has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct BackupTally {
    /// Tenants that were written since their last backup.
    pub tenants: i64,
    /// Of which another backup was stored.
    pub stored: i64,
    /// That were as in the backup before.
    pub unchanged: i64,
    /// That could not be backed up.
    pub failed: i64,
    /// Bytes that were stored, of databases and uploads.
    pub stored_bytes: i64,
    /// Older backups that had had their time and were removed.
    pub pruned: i64,
}

/// How the last rounds of all tenants went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastRounds {
    /// When the last one was begun that stored all that was due.
    pub done: Option<Timestamp>,
    /// How many were begun since, none of which did.
    pub failed: u32,
    /// When the last one of those was begun.
    pub last_failed: Option<Timestamp>,
}

/// One round.
#[derive(Clone, Debug, serde::Serialize)]
pub struct BackupRun {
    /// Its id.
    pub id: BackupRunId,
    /// Where it is.
    pub status: BackupRunStatus,
    /// What it has come to.
    #[serde(flatten)]
    pub tally: BackupTally,
    /// What went wrong with it as a whole.
    pub error: Option<String>,
    /// Who asked for it.
    pub started_by: String,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

const COLUMNS: &str = "id, status, tenants, stored, unchanged, failed, stored_bytes, pruned, error, started_by, started_at, ended_at";

fn run(row: &Row<'_>) -> Result<BackupRun, DbError> {
    Ok(BackupRun {
        id: row.get(0)?,
        status: BackupRunStatus::parse(&row.get::<String>(1)?),
        tally: BackupTally {
            tenants: row.get(2)?,
            stored: row.get(3)?,
            unchanged: row.get(4)?,
            failed: row.get(5)?,
            stored_bytes: row.get(6)?,
            pruned: row.get(7)?,
        },
        error: row.get(8)?,
        started_by: row.get(9)?,
        started_at: row.get(10)?,
        ended_at: row.get(11)?,
    })
}

impl CatalogTx<'_> {
    /// Begins a round, `of_all` tenants or of one. One that the end of a server cut off is noted as such, and the oldest are
    /// forgotten, but for the last of all that was done.
    ///
    /// # Errors
    /// As the database says.
    pub fn insert_backup_run(&self, id: BackupRunId, started_by: &str, of_all: bool) -> Result<()> {
        self.end_cut_off_backup_runs()?;
        self.tx.execute(
            "DELETE FROM backup_runs WHERE id <= (SELECT id FROM backup_runs ORDER BY id DESC LIMIT 1 OFFSET ?1)
               AND rowid <> (SELECT coalesce(max(rowid), 0) FROM backup_runs WHERE of_all = 1 AND status = 'done')",
            params![MOST - 1],
        )?;
        self.tx.execute(
            "INSERT INTO backup_runs (id, status, started_by, started_at, of_all) VALUES (?1, 'running', ?2, ?3, ?4)",
            params![id, started_by, self.now(), i64::from(of_all)],
        )?;
        Ok(())
    }

    /// Notes which rounds the end of a server cut off: all that run, while nobody does.
    ///
    /// # Errors
    /// As the database says.
    pub fn end_cut_off_backup_runs(&self) -> Result<()> {
        self.tx.execute(
            "UPDATE backup_runs SET status = 'cut_off', ended_at = ?1 WHERE status = 'running'",
            params![self.now()],
        )?;
        Ok(())
    }

    /// Notes what a round has come to, and with `ended` that it is over.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_backup_run(
        &self,
        id: BackupRunId,
        tally: &BackupTally,
        status: BackupRunStatus,
        error: Option<&str>,
    ) -> Result<()> {
        let ended_at = (status != BackupRunStatus::Running).then(|| self.now());
        self.tx.execute(
            "UPDATE backup_runs SET status = ?2, tenants = ?3, stored = ?4, unchanged = ?5, failed = ?6, stored_bytes = ?7,
               pruned = ?8, error = ?9, ended_at = ?10 WHERE id = ?1",
            params![
                id,
                status.name(),
                tally.tenants,
                tally.stored,
                tally.unchanged,
                tally.failed,
                tally.stored_bytes,
                tally.pruned,
                error,
                ended_at
            ],
        )?;
        Ok(())
    }

    /// A round.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_backup_run(&self, id: BackupRunId) -> Result<Option<BackupRun>> {
        let sql = format!("SELECT {COLUMNS} FROM backup_runs WHERE id = ?1");
        Ok(self.tx.query_row(&sql, params![id], run)?)
    }

    /// Rounds, newest first, those before `before`.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_backup_runs(&self, before: Option<BackupRunId>, limit: u32) -> Result<Vec<BackupRun>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM backup_runs WHERE (?1 IS NULL OR id < ?1) ORDER BY id DESC LIMIT ?2"
        );
        Ok(self.tx.query(&sql, params![before, limit], run)?)
    }

    /// How the last rounds of all tenants went, in the order in which they were begun, whatever clocks said.
    ///
    /// # Errors
    /// As the database says.
    pub fn last_rounds(&self) -> Result<LastRounds> {
        let done = self.tx.query_row(
            "SELECT rowid, started_at FROM backup_runs WHERE of_all = 1 AND status = 'done' ORDER BY rowid DESC LIMIT 1",
            &[],
            |row| Ok((row.get::<i64>(0)?, row.get::<Timestamp>(1)?)),
        )?;
        let since = done.map_or(0, |(number, _)| number);
        let failed = self.tx.query(
            "SELECT started_at FROM backup_runs WHERE of_all = 1 AND rowid > ?1 ORDER BY rowid",
            params![since],
            |row| row.get::<Timestamp>(0),
        )?;
        Ok(LastRounds {
            done: done.map(|(_, begun)| begun),
            failed: u32::try_from(failed.len()).unwrap_or(u32::MAX),
            last_failed: failed.last().copied(),
        })
    }
}
