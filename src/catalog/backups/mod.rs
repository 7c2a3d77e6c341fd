//! Backups: which tenants were written since theirs, and what is in the store.

mod due;
mod erased;
mod verified;

pub use due::{DueBackup, StoredBackup};

use super::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::Result;
use crate::id::{BackupId, TenantId};
use crate::model::backup::{BackupSummary, Manifest, Retention};
use crate::params;

/// One backup that is whole.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Backup {
    /// What is told of it; its slug is that of now.
    #[serde(flatten)]
    pub summary: BackupSummary,
    /// Until when it is kept; the newest of a tenant as long as it is that.
    pub keep_until: Option<Timestamp>,
    /// When it was last restored to be looked at.
    pub verified_at: Option<Timestamp>,
    /// What was found wrong then.
    pub fault: Option<String>,
}

const COLUMNS: &str = "b.id, b.tenant_id, t.slug, b.taken_at, b.epoch, b.system, b.app, b.change_seq, b.event_seq, b.size_bytes, \
     b.stored_bytes, b.sha256, b.files, b.file_bytes, b.keep_until, b.verified_at, b.fault";
const FROM: &str = "backups b LEFT JOIN tenants t ON t.id = b.tenant_id";

fn backup(row: &Row<'_>) -> Result<Backup, DbError> {
    Ok(Backup {
        summary: BackupSummary {
            id: row.get(0)?,
            tenant_id: row.get(1)?,
            slug: row.get(2)?,
            taken_at: row.get(3)?,
            epoch: row.get(4)?,
            system: row.get(5)?,
            app: row.get(6)?,
            change_seq: row.get(7)?,
            event_seq: row.get(8)?,
            size_bytes: row.get::<i64>(9)?.unsigned_abs(),
            stored_bytes: row.get::<i64>(10)?.unsigned_abs(),
            sha256: row.get(11)?,
            files: row.get::<i64>(12)?.unsigned_abs(),
            file_bytes: row.get::<i64>(13)?.unsigned_abs(),
        },
        keep_until: row.get(14)?,
        verified_at: row.get(15)?,
        fault: row.get(16)?,
    })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl CatalogTx<'_> {
    /// Notes that a backup is begun, of a tenant or of the catalog: what is stored of it counts once it is whole.
    ///
    /// # Errors
    /// As the database says.
    pub fn begin_backup(&self, id: BackupId, tenant: Option<TenantId>) -> Result<()> {
        self.tx.execute(
            "INSERT INTO backups (id, tenant_id, is_whole, taken_at) VALUES (?1, ?2, 0, ?3)",
            params![id, tenant, self.now()],
        )?;
        Ok(())
    }

    /// Backups that were begun and are not whole: what a crash left.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_begun_backups(&self) -> Result<Vec<(BackupId, Option<TenantId>)>> {
        Ok(self.tx.query("SELECT id, tenant_id FROM backups WHERE is_whole = 0", &[], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?)
    }

    /// Whether a backup was begun and is not whole.
    ///
    /// # Errors
    /// As the database says.
    pub fn is_begun_backup(&self, id: BackupId) -> Result<bool> {
        Ok(self.tx.exists("SELECT 1 FROM backups WHERE id = ?1 AND is_whole = 0", params![id])?)
    }

    /// Notes that a backup is whole, and the newest. What was that before is kept as long as `retention` says from now on, also
    /// where its id is later because a clock went back.
    ///
    /// # Errors
    /// As the database says.
    pub fn finish_backup(&self, manifest: &Manifest, retention: Retention) -> Result<()> {
        let told = &manifest.summary;
        let before = self.tx.query(
            "SELECT id, taken_at FROM backups
             WHERE (tenant_id = ?1 OR (?1 IS NULL AND tenant_id IS NULL)) AND is_whole = 1 AND keep_until IS NULL AND id <> ?2",
            params![told.tenant_id, told.id],
            |row| Ok((row.get::<BackupId>(0)?, row.get::<Timestamp>(1)?)),
        )?;
        for (before, taken_at) in before {
            let until = retention.until(taken_at, told.taken_at);
            self.tx.execute("UPDATE backups SET keep_until = ?2 WHERE id = ?1", params![before, until])?;
        }
        self.note_whole(manifest)
    }

    fn note_whole(&self, manifest: &Manifest) -> Result<()> {
        let told = &manifest.summary;
        self.tx.execute(
            "UPDATE backups SET is_whole = 1, taken_at = ?2, epoch = ?3, system = ?4, app = ?5, change_seq = ?6, event_seq = ?7,
               size_bytes = ?8, stored_bytes = ?9, sha256 = ?10, files = ?11, file_bytes = ?12 WHERE id = ?1",
            params![
                told.id,
                told.taken_at,
                told.epoch,
                told.system,
                told.app,
                told.change_seq,
                told.event_seq,
                signed(told.size_bytes),
                signed(told.stored_bytes),
                told.sha256.as_str(),
                signed(told.files),
                signed(told.file_bytes)
            ],
        )?;
        Ok(())
    }

    /// Enters a backup that is in the store and not known here to be whole: this catalog was restored from one of before. One that
    /// another one followed already has its time from then on. To be called in the order in which they were made.
    ///
    /// # Errors
    /// As the database says.
    pub fn adopt_backup(&self, manifest: &Manifest, retention: Retention) -> Result<()> {
        let told = &manifest.summary;
        self.tx.execute(
            "INSERT INTO backups (id, tenant_id, is_whole, taken_at) VALUES (?1, ?2, 0, ?3) ON CONFLICT (id) DO NOTHING",
            params![told.id, told.tenant_id, told.taken_at],
        )?;
        let followed_at = self.tx.query_row(
            "SELECT min(taken_at) FROM backups
             WHERE (tenant_id = ?1 OR (?1 IS NULL AND tenant_id IS NULL)) AND is_whole = 1 AND id <> ?2 AND taken_at > ?3",
            params![told.tenant_id, told.id, told.taken_at],
            |row| row.get::<Option<Timestamp>>(0),
        )?;
        let Some(followed_at) = followed_at.flatten() else { return self.finish_backup(manifest, retention) };
        self.note_whole(manifest)?;
        let until = retention.until(told.taken_at, followed_at);
        self.tx.execute("UPDATE backups SET keep_until = ?2 WHERE id = ?1", params![told.id, until])?;
        Ok(())
    }

    /// Ids of whole backups of a tenant, or of the catalog.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_ids_of_backups(&self, of: Option<TenantId>) -> Result<Vec<BackupId>> {
        let sql = "SELECT id FROM backups
                   WHERE (tenant_id = ?1 OR (?1 IS NULL AND tenant_id IS NULL)) AND is_whole = 1";
        Ok(self.tx.query(sql, params![of], |row| row.get(0))?)
    }

    /// Forgets all backups: the store is another one from now on. All tenants are due.
    ///
    /// # Errors
    /// As the database says.
    pub fn forget_backups(&self) -> Result<()> {
        self.tx.execute("DELETE FROM backups", &[])?;
        self.tx.execute("UPDATE tenant_backups SET writes = covered + 1, seen = ''", &[])?;
        Ok(())
    }

    /// Forgets a backup that is not in the store any more.
    ///
    /// # Errors
    /// As the database says.
    pub fn delete_backup(&self, id: BackupId) -> Result<()> {
        self.tx.execute("DELETE FROM backups WHERE id = ?1", params![id])?;
        Ok(())
    }

    /// Backups that have had their time.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_backups_to_prune(&self, limit: u32) -> Result<Vec<Backup>> {
        let sql =
            format!("SELECT {COLUMNS} FROM {FROM} WHERE b.keep_until <= ?1 ORDER BY b.keep_until LIMIT ?2");
        Ok(self.tx.query(&sql, params![self.now(), limit], backup)?)
    }

    /// A backup that is whole.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_backup(&self, id: BackupId) -> Result<Option<Backup>> {
        let sql = format!("SELECT {COLUMNS} FROM {FROM} WHERE b.id = ?1 AND b.is_whole = 1");
        Ok(self.tx.query_row(&sql, params![id], backup)?)
    }

    /// Backups that are whole, of all or of one tenant, newest first, those before `before`.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_backups(
        &self,
        of: Option<TenantId>,
        before: Option<BackupId>,
        limit: u32,
    ) -> Result<Vec<Backup>> {
        let whose = if of.is_some() { "b.tenant_id = ?1" } else { "?1 IS NULL" };
        let sql = format!(
            "SELECT {COLUMNS} FROM {FROM} WHERE {whose} AND b.is_whole = 1 AND (?2 IS NULL OR b.id < ?2)
             ORDER BY b.id DESC LIMIT ?3"
        );
        Ok(self.tx.query(&sql, params![of, before, limit], backup)?)
    }
}

impl OfTenant<'_> {
    /// The newest backup of the tenant that was taken at `at` or before.
    ///
    /// # Errors
    /// As the database says.
    pub fn backup_at(&self, at: Timestamp) -> Result<Option<Backup>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM {FROM} WHERE b.tenant_id = ?1 AND b.is_whole = 1 AND b.taken_at <= ?2
             ORDER BY b.id DESC LIMIT 1"
        );
        Ok(self.tx().query_row(&sql, params![self.tenant, at], backup)?)
    }

    /// The tenant's backup that was made last, whatever clocks said.
    ///
    /// # Errors
    /// As the database says.
    pub fn newest_backup(&self) -> Result<Option<Backup>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM {FROM} WHERE b.tenant_id = ?1 AND b.is_whole = 1
             ORDER BY b.keep_until IS NOT NULL, b.id DESC LIMIT 1"
        );
        Ok(self.tx().query_row(&sql, params![self.tenant], backup)?)
    }
}
