//! What is noted of one tenant's file.

use super::{COLUMNS, FileVersion, TenantVersion, tenant_version};
use crate::catalog::OfTenant;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::params;

impl OfTenant<'_> {
    /// The version of a file that is made in the place of a new tenant.
    ///
    /// # Errors
    /// As the database says.
    pub fn insert_version(&self, version: &FileVersion) -> Result<()> {
        self.tx().execute(
            "INSERT INTO tenant_versions (tenant_id, state, system, app, fingerprint, changed_at)
             VALUES (?1, 'known', ?2, ?3, ?4, ?5)",
            params![self.tenant, version.system, version.app, version.fingerprint.as_str(), self.now()],
        )?;
        Ok(())
    }

    /// The version of the tenant's file.
    ///
    /// # Errors
    /// As the database says.
    pub fn version(&self) -> Result<Option<TenantVersion>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM tenant_versions v JOIN tenants t ON t.id = v.tenant_id WHERE v.tenant_id = ?1"
        );
        Ok(self.tx().query_row(&sql, params![self.tenant], tenant_version)?)
    }

    /// Notes what was found in the file; one that failed or is held stays so.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_version(&self, version: &FileVersion) -> Result<()> {
        self.tx().execute(
            "UPDATE tenant_versions SET system = ?2, app = ?3, fingerprint = ?4, changed_at = ?5 WHERE tenant_id = ?1",
            params![self.tenant, version.system, version.app, version.fingerprint.as_str(), self.now()],
        )?;
        Ok(())
    }

    /// Notes the version of a file that was put in place, and whether the tenant stays at it.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_swapped(&self, version: &FileVersion, is_held: bool) -> Result<()> {
        let state = if is_held { "held" } else { "known" };
        self.tx().execute(
            "UPDATE tenant_versions SET state = ?2, target = '', error = NULL WHERE tenant_id = ?1",
            params![self.tenant, state],
        )?;
        self.note_version(version)
    }

    /// Notes that the file is going to be migrated.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_migrating(&self) -> Result<()> {
        self.tx().execute(
            "UPDATE tenant_versions SET state = 'migrating' WHERE tenant_id = ?1 AND state = 'known'",
            params![self.tenant],
        )?;
        Ok(())
    }

    /// Notes that the file was migrated, in so many milliseconds, and which copy was made before and is kept until then. One
    /// that is held stays so: only our own part of it was.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_migrated(
        &self,
        version: &FileVersion,
        took_ms: i64,
        snapshot: Option<(&str, Timestamp)>,
    ) -> Result<()> {
        self.tx().execute(
            "UPDATE tenant_versions SET state = CASE state WHEN 'held' THEN 'held' ELSE 'known' END, system = ?2, app = ?3,
               fingerprint = ?4, target = '', error = NULL, took_ms = ?5, snapshot = coalesce(?6, snapshot), snapshot_until = coalesce(?7, snapshot_until),
               changed_at = ?8
             WHERE tenant_id = ?1",
            params![
                self.tenant,
                version.system,
                version.app,
                version.fingerprint.as_str(),
                took_ms,
                snapshot.map(|(name, _)| name),
                snapshot.map(|(_, until)| until),
                self.now()
            ],
        )?;
        Ok(())
    }

    /// Notes that migrating the file failed, and which version it has now, where that could be read.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_migration_failed(
        &self,
        version: Option<&FileVersion>,
        digest: &str,
        error: &str,
        snapshot: Option<(&str, Timestamp)>,
    ) -> Result<()> {
        self.tx().execute(
            "UPDATE tenant_versions SET state = 'failed', system = coalesce(?2, system), app = coalesce(?3, app),
               fingerprint = coalesce(?4, fingerprint), target = ?5, error = ?6, snapshot = coalesce(?7, snapshot),
               snapshot_until = coalesce(?8, snapshot_until), changed_at = ?9
             WHERE tenant_id = ?1",
            params![
                self.tenant,
                version.map(|version| version.system),
                version.map(|version| version.app),
                version.map(|version| version.fingerprint.as_str()),
                digest,
                error,
                snapshot.map(|(name, _)| name),
                snapshot.map(|(_, until)| until),
                self.now()
            ],
        )?;
        Ok(())
    }

    /// Forgets the copy that was made before a migration.
    ///
    /// # Errors
    /// As the database says.
    pub fn forget_snapshot(&self) -> Result<()> {
        self.tx().execute(
            "UPDATE tenant_versions SET snapshot = NULL, snapshot_until = NULL WHERE tenant_id = ?1",
            params![self.tenant],
        )?;
        Ok(())
    }
}
