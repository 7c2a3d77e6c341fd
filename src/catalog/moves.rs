//! Where tenants live, and how they come from one volume to another: noted before, so that a crash leaves a tenant in one
//! place or the other.

use super::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::params;
use std::collections::BTreeMap;

/// Where a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveStatus {
    /// Copies are made; the tenant is where it was.
    Copying,
    /// It was given up before it was decided; what was copied goes.
    GivingUp,
    /// The tenant is on the other volume; what is left of it on the first goes.
    Moved,
    /// It is over.
    Done,
    /// It broke off: the tenant is where it was.
    Failed,
    /// It was given up: the tenant is where it was.
    GivenUp,
}

impl MoveStatus {
    fn parse(name: &str) -> MoveStatus {
        match name {
            "copying" => MoveStatus::Copying,
            "giving_up" => MoveStatus::GivingUp,
            "moved" => MoveStatus::Moved,
            "done" => MoveStatus::Done,
            "given_up" => MoveStatus::GivenUp,
            _ => MoveStatus::Failed,
        }
    }
}

/// The last move of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TenantMove {
    /// Whose.
    pub tenant_id: TenantId,
    /// The volume that it came from.
    pub from: String,
    /// The volume that it goes to.
    pub to: String,
    /// Where it is.
    pub status: MoveStatus,
    /// Files that were copied, the database among them.
    pub files: i64,
    /// Bytes of them.
    pub bytes: i64,
    /// Digest of the database as it was copied, in hex.
    pub sha256: Option<String>,
    /// Milliseconds that writes of the tenant waited.
    pub fenced_ms: Option<i64>,
    /// Why it broke off, or why something is left on the first volume.
    pub error: Option<String>,
    /// Who began it.
    pub started_by: String,
    /// When.
    pub started_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// Who gave it up.
    pub given_up_by: Option<String>,
    /// When.
    pub given_up_at: Option<Timestamp>,
}

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovedFiles {
    /// Files, the database among them.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Digest of the database, in hex.
    pub sha256: String,
}

const COLUMNS: &str = "tenant_id, from_volume, to_volume, status, files, bytes, sha256, fenced_ms, error, started_by, started_at, \
     ended_at, given_up_by, given_up_at";

fn tenant_move(row: &Row<'_>) -> Result<TenantMove, DbError> {
    Ok(TenantMove {
        tenant_id: row.get(0)?,
        from: row.get(1)?,
        to: row.get(2)?,
        status: MoveStatus::parse(&row.get::<String>(3)?),
        files: row.get(4)?,
        bytes: row.get(5)?,
        sha256: row.get(6)?,
        fenced_ms: row.get(7)?,
        error: row.get(8)?,
        started_by: row.get(9)?,
        started_at: row.get(10)?,
        ended_at: row.get(11)?,
        given_up_by: row.get(12)?,
        given_up_at: row.get(13)?,
    })
}

/// The code of what a move ends with that was given up.
pub const MOVE_GIVEN_UP: &str = "move_given_up";

/// 409 for who would go on with it.
pub fn move_given_up() -> Error {
    Error::conflict(MOVE_GIVEN_UP, "The move was given up. The tenant is where it was.")
}

fn open() -> Error {
    Error::conflict("move_open", "This tenant is being moved. Wait for the end of that.")
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl CatalogTx<'_> {
    /// Tenants that are not on the data directory itself, and where.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_tenants_elsewhere(&self) -> Result<Vec<(TenantId, String)>> {
        let sql = "SELECT id, volume FROM tenants WHERE volume <> 'data' AND status <> 'erased'";
        Ok(self.tx.query(sql, &[], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// How many tenants are on each volume.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_by_volume(&self) -> Result<BTreeMap<String, u64>> {
        let sql = "SELECT volume, count(*) FROM tenants WHERE status <> 'erased' GROUP BY volume";
        let counted = self.tx.query(sql, &[], |row| Ok((row.get(0)?, row.get::<i64>(1)?.unsigned_abs())))?;
        Ok(counted.into_iter().collect())
    }

    /// Moves that were begun and are not over.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_open_moves(&self) -> Result<Vec<TenantMove>> {
        let sql =
            format!("SELECT {COLUMNS} FROM tenant_moves WHERE status IN ('copying', 'giving_up', 'moved')");
        Ok(self.tx.query(&sql, &[], tenant_move)?)
    }
}

impl OfTenant<'_> {
    /// Notes that the tenant is going to another volume.
    ///
    /// # Errors
    /// 409 `move_open`; 409 `swap_open` while another file is put in the place of its own.
    pub fn begin_move(&self, from: &str, to: &str, by: &str) -> Result<()> {
        if self.tx().exists("SELECT 1 FROM tenant_swaps WHERE tenant_id = ?1", params![self.tenant])? {
            return Err(super::swaps::swap_open());
        }
        let begun = self.tx().execute(
            "INSERT INTO tenant_moves (tenant_id, from_volume, to_volume, status, started_by, started_at)
             VALUES (?1, ?2, ?3, 'copying', ?4, ?5)
             ON CONFLICT (tenant_id) DO UPDATE SET from_volume = ?2, to_volume = ?3, status = 'copying', files = 0, bytes = 0,
               sha256 = NULL, fenced_ms = NULL, error = NULL, started_by = ?4, started_at = ?5, ended_at = NULL, given_up_by = NULL,
               given_up_at = NULL
             WHERE status IN ('done', 'failed', 'given_up')",
            params![self.tenant, from, to, by, self.now()],
        )?;
        if begun == 1 { Ok(()) } else { Err(open()) }
    }

    /// Refuses what would be done to a file that is being moved.
    ///
    /// # Errors
    /// 409 `move_open`.
    pub fn refuse_open_move(&self) -> Result<()> {
        let sql = "SELECT 1 FROM tenant_moves WHERE tenant_id = ?1 AND status IN ('copying', 'moved')";
        if self.tx().exists(sql, params![self.tenant])? { Err(open()) } else { Ok(()) }
    }

    /// From here on the tenant is on the other volume, with the next epoch: whoever holds the file of before holds nothing.
    ///
    /// # Errors
    /// 404 when the tenant is gone, of another epoch by now, or not in use any more; 409 `move_given_up`.
    pub fn decide_move(&self, epoch: i64, moved: &MovedFiles) -> Result<()> {
        let decided = self.tx().execute(
            "UPDATE tenant_moves SET status = 'moved', files = ?2, bytes = ?3, sha256 = ?4
             WHERE tenant_id = ?1 AND status = 'copying'",
            params![self.tenant, count(moved.files), count(moved.bytes), &moved.sha256],
        )?;
        let raised = self.tx().execute(
            "UPDATE tenants SET epoch = ?2, volume = (SELECT to_volume FROM tenant_moves WHERE tenant_id = ?1)
             WHERE id = ?1 AND epoch = ?2 - 1 AND status IN ('active', 'suspended', 'closing')",
            params![self.tenant, epoch],
        )?;
        if (decided, raised) != (1, 1) {
            let is_given_up = self.last_move()?.is_some_and(|last| last.status == MoveStatus::GivingUp);
            return Err(if is_given_up { move_given_up() } else { Error::not_found() });
        }
        self.catalog.forget_tenant(self.tenant)
    }

    /// Notes how long writes waited.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_fence(&self, milliseconds: i64) -> Result<()> {
        self.tx().execute(
            "UPDATE tenant_moves SET fenced_ms = ?2 WHERE tenant_id = ?1",
            params![self.tenant, milliseconds],
        )?;
        Ok(())
    }

    /// Notes that a move under way is given up: the move, if that is news.
    ///
    /// # Errors
    /// 404 where there was none; 409 `move_decided` where the tenant is on the other volume already, `move_over` where it broke off.
    pub fn give_up_move(&self, by: &str) -> Result<Option<TenantMove>> {
        let last = self.last_move()?.ok_or_else(Error::not_found)?;
        match last.status {
            MoveStatus::Copying => {}
            MoveStatus::GivingUp | MoveStatus::GivenUp => return Ok(None),
            MoveStatus::Moved | MoveStatus::Done => {
                let detail = format!("The tenant is on the volume {} already. Move it back.", last.to);
                return Err(Error::conflict("move_decided", detail));
            }
            MoveStatus::Failed => {
                let detail = format!("That move broke off; the tenant is on the volume {}.", last.from);
                return Err(Error::conflict("move_over", detail));
            }
        }
        self.tx().execute(
            "UPDATE tenant_moves SET status = 'giving_up', given_up_by = ?2, given_up_at = ?3 WHERE tenant_id = ?1",
            params![self.tenant, by, self.now()],
        )?;
        Ok(Some(last))
    }

    /// Notes that a move is over: with an error before it was decided, it failed. One that was given up has no error.
    ///
    /// # Errors
    /// As the database says.
    pub fn end_move(&self, error: Option<&str>) -> Result<()> {
        self.tx().execute(
            "UPDATE tenant_moves SET ended_at = ?3, error = CASE WHEN status <> 'giving_up' THEN ?2 END,
               status = CASE status WHEN 'moved' THEN 'done' WHEN 'giving_up' THEN 'given_up' ELSE 'failed' END
             WHERE tenant_id = ?1 AND status IN ('copying', 'giving_up', 'moved')",
            params![self.tenant, error, self.now()],
        )?;
        Ok(())
    }

    /// Notes why something is left on the volume that the tenant came from.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_left_of_move(&self, error: &str) -> Result<()> {
        self.tx().execute(
            "UPDATE tenant_moves SET error = ?2 WHERE tenant_id = ?1 AND status = 'moved'",
            params![self.tenant, error],
        )?;
        Ok(())
    }

    /// The last move of the tenant.
    ///
    /// # Errors
    /// As the database says.
    pub fn last_move(&self) -> Result<Option<TenantMove>> {
        let sql = format!("SELECT {COLUMNS} FROM tenant_moves WHERE tenant_id = ?1");
        Ok(self.tx().query_row(&sql, params![self.tenant], tenant_move)?)
    }
}
