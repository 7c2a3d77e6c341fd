//! Migrations of the fleet: what was asked for, and how far each got.

use super::{CatalogTx, MigrationTarget};
use crate::clock::Timestamp;
use crate::db::{DbError, OnConstraint, Row};
use crate::error::{Error, Result};
use crate::id::{MigrationRunId, TenantId};
use crate::params;

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MigrationStatus {
    /// Under way, or taken up at the next start.
    Running,
    /// Too much went wrong: it waits to be resumed or cancelled.
    Halted,
    /// All were migrated, or failed.
    Done,
    /// Given up.
    Cancelled,
}

impl MigrationStatus {
    const fn name(self) -> &'static str {
        match self {
            MigrationStatus::Running => "running",
            MigrationStatus::Halted => "halted",
            MigrationStatus::Done => "done",
            MigrationStatus::Cancelled => "cancelled",
        }
    }

    /// Whether it has not ended.
    pub const fn is_open(self) -> bool {
        matches!(self, MigrationStatus::Running | MigrationStatus::Halted)
    }

    fn parse(name: &str) -> MigrationStatus {
        use MigrationStatus as S;
        [S::Running, S::Halted, S::Done]
            .into_iter()
            .find(|status| status.name() == name)
            .unwrap_or(S::Cancelled)
    }
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MigrationStage {
    /// A few, of which all must be good.
    Canary,
    /// All others.
    Fleet,
}

/// What a run is asked to do.
#[derive(Clone, Debug)]
pub struct NewMigrationRun {
    /// Where it leads.
    pub target: MigrationTarget,
    /// Who goes first.
    pub canaries: Vec<TenantId>,
    /// Tenants that are migrated at once.
    pub parallel: i64,
    /// Errors at which it halts, in hundredths of a percent.
    pub halt_at: i64,
    /// Files up to this size, in bytes, are copied before; all where nothing is said.
    pub snapshot_bytes: Option<i64>,
    /// Who asked.
    pub started_by: String,
}

/// One migration of the fleet.
#[derive(Clone, Debug, serde::Serialize)]
pub struct MigrationRun {
    /// Its id.
    pub id: MigrationRunId,
    /// Where it is.
    pub status: MigrationStatus,
    /// Whose turn it is.
    pub stage: MigrationStage,
    /// Migrations of ours that files have after it.
    pub system: i64,
    /// Migrations of the app that files have after it.
    pub app: i64,
    /// Digest of all migrations.
    #[serde(skip)]
    pub target: String,
    /// Tenants that are migrated at once.
    pub parallel: i64,
    /// Errors at which it halts, in hundredths of a percent.
    #[serde(rename = "halt_at_errors", serialize_with = "percent")]
    pub halt_at: i64,
    /// Files up to this size, in bytes, are copied before; all where nothing is said.
    pub snapshot_bytes: Option<i64>,
    /// How many tenants go first.
    pub canaries: i64,
    /// How many were migrated.
    pub migrated: i64,
    /// How many failed.
    pub failed: i64,
    /// Both together when it was begun or resumed.
    #[serde(skip)]
    pub base: i64,
    /// How many had failed then.
    #[serde(skip)]
    pub base_failed: i64,
    /// Why it was halted.
    pub reason: Option<String>,
    /// Who asked for it.
    pub started_by: String,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Hundredths of a percent as people write them.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn percent<S: serde::Serializer>(hundredths: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    let (whole, part) = (hundredths / 100, hundredths % 100);
    match part {
        0 => serializer.collect_str(&format_args!("{whole}%")),
        _ if part % 10 == 0 => serializer.collect_str(&format_args!("{whole}.{}%", part / 10)),
        _ => serializer.collect_str(&format_args!("{whole}.{part:02}%")),
    }
}

const COLUMNS: &str = "id, status, stage, system, app, target, parallel, halt_at, snapshot_bytes, canaries, migrated, \
     failed, base, base_failed, reason, started_by, started_at, ended_at";

fn run(row: &Row<'_>) -> Result<MigrationRun, DbError> {
    Ok(MigrationRun {
        id: row.get(0)?,
        status: MigrationStatus::parse(&row.get::<String>(1)?),
        stage: match row.get::<String>(2)?.as_str() {
            "canary" => MigrationStage::Canary,
            _ => MigrationStage::Fleet,
        },
        system: row.get(3)?,
        app: row.get(4)?,
        target: row.get(5)?,
        parallel: row.get(6)?,
        halt_at: row.get(7)?,
        snapshot_bytes: row.get(8)?,
        canaries: row.get(9)?,
        migrated: row.get(10)?,
        failed: row.get(11)?,
        base: row.get(12)?,
        base_failed: row.get(13)?,
        reason: row.get(14)?,
        started_by: row.get(15)?,
        started_at: row.get(16)?,
        ended_at: row.get(17)?,
    })
}

impl CatalogTx<'_> {
    /// Begins a run.
    ///
    /// # Errors
    /// 409 `migration_open` while another has not ended.
    pub fn insert_migration_run(&self, new: &NewMigrationRun) -> Result<MigrationRun> {
        let id = MigrationRunId::new(self.now());
        let canaries = i64::try_from(new.canaries.len()).unwrap_or(i64::MAX);
        let stage = if new.canaries.is_empty() { "fleet" } else { "canary" };
        let MigrationTarget { version, digest } = &new.target;
        self.tx
            .execute(
                "INSERT INTO migration_runs (id, status, is_open, stage, system, app, target, parallel, halt_at,
                   snapshot_bytes, canaries, started_by, started_at)
                 VALUES (?1, 'running', 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                params![
                    id,
                    stage,
                    version.system,
                    version.app,
                    digest.as_str(),
                    new.parallel,
                    new.halt_at,
                    new.snapshot_bytes,
                    canaries,
                    new.started_by.as_str(),
                    self.now()
                ],
            )
            .on_constraint("migration_runs.is_open", || {
                Error::conflict(
                    "migration_open",
                    "A migration of the fleet is under way or halted. Wait for its end, resume it, or cancel it.",
                )
            })?;
        for tenant in &new.canaries {
            self.tx.execute(
                "INSERT INTO migration_canaries (run_id, tenant_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                params![id, *tenant],
            )?;
        }
        self.find_migration_run(id)?.ok_or_else(Error::not_found)
    }

    /// A run.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_migration_run(&self, id: MigrationRunId) -> Result<Option<MigrationRun>> {
        let sql = format!("SELECT {COLUMNS} FROM migration_runs WHERE id = ?1");
        Ok(self.tx.query_row(&sql, params![id], run)?)
    }

    /// The run that has not ended, if there is one.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_open_migration_run(&self) -> Result<Option<MigrationRun>> {
        let sql = format!("SELECT {COLUMNS} FROM migration_runs WHERE is_open = 1");
        Ok(self.tx.query_row(&sql, &[], run)?)
    }

    /// Runs, newest first, those before `before`.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_migration_runs(
        &self,
        before: Option<MigrationRunId>,
        limit: u32,
    ) -> Result<Vec<MigrationRun>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM migration_runs WHERE (?1 IS NULL OR id < ?1) ORDER BY id DESC LIMIT ?2"
        );
        Ok(self.tx.query(&sql, params![before, limit], run)?)
    }

    /// Counts one tenant of a run.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_migration(&self, id: MigrationRunId, good: bool) -> Result<()> {
        let (migrated, failed) = (i64::from(good), i64::from(!good));
        self.tx.execute(
            "UPDATE migration_runs SET migrated = migrated + ?2, failed = failed + ?3 WHERE id = ?1",
            params![id, migrated, failed],
        )?;
        Ok(())
    }

    /// Goes on from the canaries to all others.
    ///
    /// # Errors
    /// As the database says.
    pub fn open_migration_to_fleet(&self, id: MigrationRunId) -> Result<()> {
        self.tx.execute("UPDATE migration_runs SET stage = 'fleet' WHERE id = ?1", params![id])?;
        self.tx.execute("DELETE FROM migration_canaries WHERE run_id = ?1", params![id])?;
        Ok(())
    }

    /// Changes where an open run is. False if it was not in one of `from`.
    ///
    /// # Errors
    /// As the database says.
    pub fn change_migration_status(
        &self,
        id: MigrationRunId,
        from: &[MigrationStatus],
        to: MigrationStatus,
        reason: Option<&str>,
    ) -> Result<bool> {
        let Some(now) = self.find_migration_run(id)? else { return Ok(false) };
        if !from.contains(&now.status) {
            return Ok(false);
        }
        let ended_at = (!to.is_open()).then(|| self.now());
        self.tx.execute(
            "UPDATE migration_runs SET status = ?2, is_open = ?3, reason = ?4, ended_at = ?5 WHERE id = ?1",
            params![id, to.name(), to.is_open(), reason, ended_at],
        )?;
        if to == MigrationStatus::Running {
            self.tx.execute(
                "UPDATE migration_runs SET base = migrated + failed, base_failed = failed WHERE id = ?1",
                params![id],
            )?;
        }
        if !to.is_open() {
            self.tx.execute("DELETE FROM migration_canaries WHERE run_id = ?1", params![id])?;
        }
        if to != MigrationStatus::Running {
            self.settle_migrating()?;
        }
        Ok(true)
    }
}
