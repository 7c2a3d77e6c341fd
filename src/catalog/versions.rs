//! What version each tenant's file has, as far as anybody has looked.

mod of_tenant;

use super::CatalogTx;
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::Result;
use crate::id::TenantId;
use crate::params;

/// How far a file is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FileVersion {
    /// Migrations of ours that it has; 0 where nobody has looked.
    pub system: i64,
    /// Migrations of the app that it has.
    pub app: i64,
    /// SHA-256 of the app's part of its schema, in hex.
    #[serde(skip)]
    pub fingerprint: String,
}

/// Where migrations lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationTarget {
    /// The version of a new file.
    pub version: FileVersion,
    /// Digest of all migrations.
    pub digest: String,
}

/// What is known of a file's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VersionState {
    /// It is as it says, current or not.
    Known,
    /// It is being migrated, or that was cut off.
    Migrating,
    /// Migrating it failed: it is not served.
    Failed,
    /// It was rolled back and stays where it is.
    Held,
}

impl VersionState {
    fn parse(name: &str) -> VersionState {
        match name {
            "migrating" => VersionState::Migrating,
            "failed" => VersionState::Failed,
            "held" => VersionState::Held,
            _ => VersionState::Known,
        }
    }
}

/// The version of one tenant's file.
#[derive(Clone, Debug, serde::Serialize)]
pub struct TenantVersion {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its slug.
    pub slug: String,
    /// What is known of it.
    pub state: VersionState,
    /// Which it is.
    #[serde(flatten)]
    pub version: FileVersion,
    /// What went wrong.
    pub error: Option<String>,
    /// How long its last migration took.
    pub took_ms: Option<i64>,
    /// The copy that was made before.
    pub snapshot: Option<String>,
    /// Until when that is kept.
    pub snapshot_until: Option<Timestamp>,
    /// When this was found out.
    pub changed_at: Timestamp,
}

/// How many tenants have a version.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct VersionCount {
    /// What is known of them.
    pub state: VersionState,
    /// Migrations of ours that they have; 0 where nobody has looked.
    pub system: i64,
    /// Migrations of the app that they have.
    pub app: i64,
    /// How many.
    pub tenants: i64,
}

const COLUMNS: &str = "v.tenant_id, t.slug, v.state, v.system, v.app, v.fingerprint, v.error, v.took_ms, v.snapshot, \
     v.snapshot_until, v.changed_at";

/// Tenants that have a file which may be migrated.
const WITH_FILE: &str = "t.status IN ('active', 'suspended', 'closing')";

/// Versions that a run leads on from; ?1 to ?3 are the target.
const PENDING: &str = "((v.state IN ('known', 'migrating') AND (v.system <> ?1 OR v.app <> ?2)) \
     OR (v.state = 'failed' AND v.target <> ?3))";

fn tenant_version(row: &Row<'_>) -> Result<TenantVersion, DbError> {
    let snapshot: Option<String> = row.get(8)?;
    Ok(TenantVersion {
        tenant_id: row.get(0)?,
        slug: row.get(1)?,
        state: VersionState::parse(&row.get::<String>(2)?),
        version: FileVersion { system: row.get(3)?, app: row.get(4)?, fingerprint: row.get(5)? },
        error: row.get(6)?,
        took_ms: row.get(7)?,
        snapshot_until: row.get::<Option<Timestamp>>(9)?.filter(|_| snapshot.is_some()),
        snapshot,
        changed_at: row.get(10)?,
    })
}

impl CatalogTx<'_> {
    /// How many tenants have which version: from an index alone.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_versions(&self) -> Result<Vec<VersionCount>> {
        Ok(self.tx.query(
            "SELECT state, app, system, count(*) FROM tenant_versions GROUP BY state, app, system
             ORDER BY state, app, system",
            &[],
            |row| {
                Ok(VersionCount {
                    state: VersionState::parse(&row.get::<String>(0)?),
                    app: row.get(1)?,
                    system: row.get(2)?,
                    tenants: row.get(3)?,
                })
            },
        )?)
    }

    /// Tenants that are to be migrated to `target`, in the order of their ids, those after `after`; of the open run's
    /// canaries where `canaries` says so.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_tenants_to_migrate(
        &self,
        target: &MigrationTarget,
        canaries: bool,
        after: Option<TenantId>,
        limit: u32,
    ) -> Result<Vec<TenantId>> {
        let first =
            if canaries { "AND v.tenant_id IN (SELECT tenant_id FROM migration_canaries)" } else { "" };
        let sql = format!(
            "SELECT v.tenant_id FROM tenant_versions v JOIN tenants t ON t.id = v.tenant_id
             WHERE v.tenant_id > ?4 AND {PENDING} AND {WITH_FILE} {first} ORDER BY v.tenant_id LIMIT ?5"
        );
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let MigrationTarget { version, digest } = target;
        Ok(self.tx.query(
            &sql,
            params![version.system, version.app, digest.as_str(), after, limit],
            |row| row.get(0),
        )?)
    }

    /// Tenants of a plan that are to be migrated.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_tenants_of_plan_to_migrate(
        &self,
        target: &MigrationTarget,
        plan: &str,
        limit: u32,
    ) -> Result<Vec<TenantId>> {
        let sql = format!(
            "SELECT v.tenant_id FROM tenant_versions v JOIN tenants t ON t.id = v.tenant_id
             WHERE t.plan = ?4 AND {PENDING} AND {WITH_FILE} ORDER BY v.tenant_id LIMIT ?5"
        );
        let MigrationTarget { version, digest } = target;
        Ok(self.tx.query(
            &sql,
            params![version.system, version.app, digest.as_str(), plan, limit],
            |row| row.get(0),
        )?)
    }

    /// Tenants into whose files nobody has looked.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_tenants_of_unknown_version(
        &self,
        after: Option<TenantId>,
        limit: u32,
    ) -> Result<Vec<TenantId>> {
        let sql = format!(
            "SELECT v.tenant_id FROM tenant_versions v JOIN tenants t ON t.id = v.tenant_id
             WHERE v.state = 'known' AND v.app = 0 AND v.system = 0 AND v.tenant_id > ?1 AND {WITH_FILE}
             ORDER BY v.tenant_id LIMIT ?2"
        );
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        Ok(self.tx.query(&sql, params![after, limit], |row| row.get(0))?)
    }

    /// Tenants in a state, in the order of their ids, those after `after`.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_versions(
        &self,
        state: VersionState,
        after: Option<TenantId>,
        limit: u32,
    ) -> Result<Vec<TenantVersion>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM tenant_versions v JOIN tenants t ON t.id = v.tenant_id
             WHERE v.state = ?1 AND v.tenant_id > ?2 ORDER BY v.tenant_id LIMIT ?3"
        );
        let state = match state {
            VersionState::Known => "known",
            VersionState::Migrating => "migrating",
            VersionState::Failed => "failed",
            VersionState::Held => "held",
        };
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        Ok(self.tx.query(&sql, params![state, after, limit], tenant_version)?)
    }

    /// Tenants that are not served because the migrations of this digest failed on them, with the errors, and those that
    /// are held.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_standings(&self, digest: &str) -> Result<Vec<(TenantId, Option<String>)>> {
        Ok(self.tx.query(
            "SELECT tenant_id, CASE state WHEN 'failed' THEN coalesce(error, '') END FROM tenant_versions
             WHERE state = 'held' OR (state = 'failed' AND target = ?1)",
            params![digest],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }

    /// Tenants whose schema is another than the migrations make: `fingerprints` are those of each version from 0.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_drift(&self, fingerprints: &[String], limit: u32) -> Result<Vec<TenantVersion>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM tenant_versions v JOIN tenants t ON t.id = v.tenant_id
             WHERE v.app = ?1 AND v.fingerprint <> ?2 AND v.system > 0 AND {WITH_FILE} ORDER BY v.tenant_id LIMIT ?3"
        );
        let mut found = Vec::new();
        for (app, fingerprint) in (0_i64..).zip(fingerprints) {
            found.extend(self.tx.query(&sql, params![app, fingerprint.as_str(), limit], tenant_version)?);
        }
        Ok(found)
    }

    /// How many that failed a run would try again, because the migrations are others now or somebody asked for it.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_failures_to_retry(&self, target: &MigrationTarget) -> Result<i64> {
        let sql = format!("SELECT count(*) FROM tenant_versions v WHERE v.state = 'failed' AND {PENDING}");
        let MigrationTarget { version, digest } = target;
        Ok(self.tx.count(&sql, params![version.system, version.app, digest.as_str()])?)
    }

    /// Takes up those that failed: they count as to be migrated. Returns how many.
    ///
    /// # Errors
    /// As the database says.
    pub fn retry_failed_versions(&self) -> Result<u64> {
        Ok(self.tx.execute("UPDATE tenant_versions SET target = '' WHERE state = 'failed'", &[])? as u64)
    }

    /// Lets those go on that were rolled back and held: they count as to be migrated. Returns them.
    ///
    /// # Errors
    /// As the database says.
    pub fn release_held_versions(&self) -> Result<Vec<TenantId>> {
        let held =
            self.tx
                .query("SELECT tenant_id FROM tenant_versions WHERE state = 'held'", &[], |row| row.get(0))?;
        self.tx.execute("UPDATE tenant_versions SET state = 'known' WHERE state = 'held'", &[])?;
        Ok(held)
    }

    /// Says of those that were being migrated that they are not any more.
    ///
    /// # Errors
    /// As the database says.
    pub fn settle_migrating(&self) -> Result<()> {
        self.tx.execute("UPDATE tenant_versions SET state = 'known' WHERE state = 'migrating'", &[])?;
        Ok(())
    }

    /// Tenants of whose copies some have had their time, or may have.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_expired_snapshots(&self, limit: u32) -> Result<Vec<TenantId>> {
        Ok(self.tx.query(
            "SELECT tenant_id FROM tenant_versions WHERE snapshot_until < ?1
             ORDER BY snapshot_until LIMIT ?2",
            params![self.now(), limit],
            |row| row.get(0),
        )?)
    }
}
