//! Backups: which tenants were written since theirs, and what is in the store.

use super::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::Result;
use crate::id::{BackupId, TenantId};
use crate::model::backup::{Manifest, Retention};
use crate::params;

/// One backup that is whole.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Backup {
    /// Its id.
    pub id: BackupId,
    /// Whose it is; the catalog's where nobody is named.
    pub tenant_id: Option<TenantId>,
    /// The tenant's slug now.
    pub slug: Option<String>,
    /// What was committed before this moment is in it.
    pub taken_at: Timestamp,
    /// The epoch of the tenant then.
    pub epoch: i64,
    /// Migrations of ours that the file has.
    pub system: i64,
    /// Migrations of the app that it has.
    pub app: i64,
    /// The last change in it.
    pub change_seq: i64,
    /// The last usage event in it.
    pub event_seq: i64,
    /// Bytes of the database.
    pub size_bytes: i64,
    /// Bytes of it as stored.
    pub stored_bytes: i64,
    /// SHA-256 of the database, in hex.
    pub sha256: String,
    /// How many uploads it names.
    pub files: i64,
    /// Bytes of those.
    pub file_bytes: i64,
    /// Until when it is kept; the newest of a tenant as long as it is that.
    pub keep_until: Option<Timestamp>,
    /// When it was last restored to be looked at.
    pub verified_at: Option<Timestamp>,
    /// What was found wrong then.
    pub fault: Option<String>,
}

/// A tenant that was written since its last backup.
#[derive(Clone, Copy, Debug)]
pub struct DueBackup {
    /// Which.
    pub tenant: TenantId,
    /// The backup that was begun for it.
    pub id: BackupId,
    /// Up to which noted write it is going to be.
    pub writes: i64,
}

/// What became of a backup.
#[derive(Clone, Debug)]
pub struct StoredBackup {
    /// The backup that was begun.
    pub due: DueBackup,
    /// What is stored; nothing where the file was as in the backup before.
    pub manifest: Option<Manifest>,
    /// Sizes and times of the file before it.
    pub seen: String,
}

const COLUMNS: &str = "b.id, b.tenant_id, t.slug, b.taken_at, b.epoch, b.system, b.app, b.change_seq, b.event_seq, b.size_bytes, \
     b.stored_bytes, b.sha256, b.files, b.file_bytes, b.keep_until, b.verified_at, b.fault";
const FROM: &str = "backups b LEFT JOIN tenants t ON t.id = b.tenant_id";

fn backup(row: &Row<'_>) -> Result<Backup, DbError> {
    Ok(Backup {
        id: row.get(0)?,
        tenant_id: row.get(1)?,
        slug: row.get(2)?,
        taken_at: row.get(3)?,
        epoch: row.get(4)?,
        system: row.get(5)?,
        app: row.get(6)?,
        change_seq: row.get(7)?,
        event_seq: row.get(8)?,
        size_bytes: row.get(9)?,
        stored_bytes: row.get(10)?,
        sha256: row.get(11)?,
        files: row.get(12)?,
        file_bytes: row.get(13)?,
        keep_until: row.get(14)?,
        verified_at: row.get(15)?,
        fault: row.get(16)?,
    })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl CatalogTx<'_> {
    /// Notes that files of tenants were written.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_written(&self, tenants: &[TenantId]) -> Result<()> {
        for id in tenants {
            self.tx.execute(
                "INSERT INTO tenant_backups (tenant_id, writes) SELECT id, 1 FROM tenants WHERE id = ?1
                 ON CONFLICT (tenant_id) DO UPDATE SET writes = writes + 1",
                params![*id],
            )?;
        }
        Ok(())
    }

    /// Tenants that have a file, after `after`, each with what it looked like before its last backup.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_seen(&self, after: Option<TenantId>, limit: u32) -> Result<Vec<(TenantId, String)>> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        Ok(self.tx.query(
            "SELECT t.id, coalesce(b.seen, '') FROM tenants t LEFT JOIN tenant_backups b ON b.tenant_id = t.id
             WHERE t.id > ?1 AND t.status IN ('active', 'suspended', 'closing') ORDER BY t.id LIMIT ?2",
            params![after, limit],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }

    /// How many tenants were written since their last backup.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_due_backups(&self) -> Result<i64> {
        Ok(self.tx.count(
            "SELECT count(*) FROM tenant_backups b JOIN tenants t ON t.id = b.tenant_id
             WHERE b.writes <> b.covered AND t.status IN ('active', 'suspended', 'closing')",
            &[],
        )?)
    }

    /// Tenants after `after` that were written since their last backup, with how often that was noted.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_due_backups(&self, after: Option<TenantId>, limit: u32) -> Result<Vec<(TenantId, i64)>> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        Ok(self.tx.query(
            "SELECT b.tenant_id, b.writes FROM tenant_backups b JOIN tenants t ON t.id = b.tenant_id
             WHERE b.writes <> b.covered AND b.tenant_id > ?1 AND t.status IN ('active', 'suspended', 'closing')
             ORDER BY b.tenant_id LIMIT ?2",
            params![after, limit],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }

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
        let before = self.tx.query(
            "SELECT id, taken_at FROM backups
             WHERE (tenant_id = ?1 OR (?1 IS NULL AND tenant_id IS NULL)) AND is_whole = 1 AND keep_until IS NULL AND id <> ?2",
            params![manifest.tenant_id, manifest.id],
            |row| Ok((row.get::<BackupId>(0)?, row.get::<Timestamp>(1)?)),
        )?;
        for (before, taken_at) in before {
            let until = retention.until(taken_at, manifest.taken_at);
            self.tx.execute("UPDATE backups SET keep_until = ?2 WHERE id = ?1", params![before, until])?;
        }
        self.tx.execute(
            "UPDATE backups SET is_whole = 1, taken_at = ?2, epoch = ?3, system = ?4, app = ?5, change_seq = ?6, event_seq = ?7,
               size_bytes = ?8, stored_bytes = ?9, sha256 = ?10, files = ?11, file_bytes = ?12 WHERE id = ?1",
            params![
                manifest.id,
                manifest.taken_at,
                manifest.epoch,
                manifest.system,
                manifest.app,
                manifest.change_seq,
                manifest.event_seq,
                signed(manifest.size_bytes),
                signed(manifest.stored_bytes),
                manifest.sha256.as_str(),
                signed(manifest.files),
                signed(manifest.file_bytes)
            ],
        )?;
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

    /// Notes what came of restoring a backup to look at it.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_verified(&self, id: BackupId, fault: Option<&str>) -> Result<()> {
        self.tx.execute(
            "UPDATE backups SET verified_at = ?2, fault = ?3 WHERE id = ?1",
            params![id, self.now(), fault],
        )?;
        Ok(())
    }

    /// When a backup was last restored to be looked at, and was good.
    ///
    /// # Errors
    /// As the database says.
    pub fn last_verified_backup(&self) -> Result<Option<Timestamp>> {
        let sql = "SELECT max(verified_at) FROM backups WHERE verified_at IS NOT NULL AND fault IS NULL";
        Ok(self.tx.query_row(sql, &[], |row| row.get(0))?.flatten())
    }

    /// The newest backups of so many tenants and of the catalog, first those that were looked at longest ago.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_backups_to_verify(&self, limit: u32) -> Result<Vec<Backup>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM {FROM} WHERE b.is_whole = 1 AND b.keep_until IS NULL
             ORDER BY b.tenant_id IS NOT NULL, b.verified_at IS NOT NULL, b.verified_at, b.id LIMIT ?1"
        );
        Ok(self.tx.query(&sql, params![limit.saturating_add(1)], backup)?)
    }

    /// Until when backups of the catalog are kept that are followed by another one, if there are any.
    ///
    /// # Errors
    /// As the database says.
    pub fn catalog_backups_until(&self) -> Result<Option<Timestamp>> {
        let sql = "SELECT coalesce(max(keep_until), 0) FROM backups WHERE tenant_id IS NULL AND is_whole = 1 HAVING count(*) > 0";
        Ok(self.tx.query_row(sql, &[], |row| row.get(0))?)
    }

    /// Notes that backups of an erased tenant are still to be removed.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_backups_to_erase(&self, tenant: TenantId) -> Result<()> {
        self.tx.execute(
            "INSERT INTO backups_to_erase (tenant_id, noted_at) VALUES (?1, ?2) ON CONFLICT (tenant_id) DO NOTHING",
            params![tenant, self.now()],
        )?;
        Ok(())
    }

    /// Tenants of which backups are in the store.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_backed_up(&self) -> Result<Vec<TenantId>> {
        let sql = "SELECT DISTINCT tenant_id FROM backups WHERE tenant_id IS NOT NULL";
        Ok(self.tx.query(sql, &[], |row| row.get(0))?)
    }

    /// Notes that they were.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_backups_erased(&self, tenant: TenantId) -> Result<()> {
        self.tx.execute("DELETE FROM backups_to_erase WHERE tenant_id = ?1", params![tenant])?;
        self.tx.execute("DELETE FROM backups WHERE tenant_id = ?1", params![tenant])?;
        Ok(())
    }

    /// Erased tenants whose backups are still to be removed.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_backups_to_erase(&self) -> Result<Vec<TenantId>> {
        Ok(self
            .tx
            .query("SELECT tenant_id FROM backups_to_erase ORDER BY tenant_id", &[], |row| row.get(0))?)
    }

    /// Why tenants could not be backed up the last time: slugs and reasons.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_failed_backups(&self, limit: u32) -> Result<Vec<(String, String)>> {
        Ok(self.tx.query(
            "SELECT t.slug, b.error FROM tenant_backups b JOIN tenants t ON t.id = b.tenant_id
             WHERE b.error IS NOT NULL ORDER BY t.slug LIMIT ?1",
            params![limit],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
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

    /// How often it was noted that the tenant's file was written.
    ///
    /// # Errors
    /// As the database says.
    pub fn writes(&self) -> Result<i64> {
        let sql = "SELECT writes FROM tenant_backups WHERE tenant_id = ?1";
        Ok(self.tx().query_row(sql, params![self.tenant], |row| row.get(0))?.unwrap_or_default())
    }

    /// Notes that the tenant is backed up: by what was stored, or by the backup before.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_backed_up(&self, stored: &StoredBackup, retention: Retention) -> Result<()> {
        match &stored.manifest {
            Some(manifest) => self.catalog.finish_backup(manifest, retention)?,
            None => self.catalog.delete_backup(stored.due.id)?,
        }
        self.tx().execute(
            "UPDATE tenant_backups SET covered = ?2, seen = ?3, error = NULL WHERE tenant_id = ?1",
            params![self.tenant, stored.due.writes, stored.seen.as_str()],
        )?;
        Ok(())
    }

    /// Notes why the tenant could not be backed up; it stays due.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_backup_failed(&self, error: &str) -> Result<()> {
        self.tx().execute(
            "UPDATE tenant_backups SET error = ?2 WHERE tenant_id = ?1",
            params![self.tenant, error],
        )?;
        Ok(())
    }
}
