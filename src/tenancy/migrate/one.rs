//! Migrating the file of one tenant, as one of the fleet.

use super::copies::{snapshot_of_before, take_snapshot};
use super::{Snapshot, apply_missing, open_of, since, version_of};
use crate::catalog::{FileVersion, Tenant};
use crate::clock::monotonic;
use crate::db::DbError;
use crate::error::{Error, Kind, Result};
use crate::fault;
use crate::tenancy::file::reason;
use crate::tenancy::open_files::Gate;
use crate::tenancy::{Lease, Tenancy, aside};
use std::sync::Arc;

/// What became of one tenant in a migration.
#[derive(Debug)]
pub enum Migrated {
    /// Its file is up to date.
    Done {
        /// The version that it has now.
        version: FileVersion,
        /// Milliseconds that it took.
        took_ms: i64,
        /// Name of the copy that was made before.
        snapshot: Option<String>,
        /// Which file of the tenant that was.
        epoch: i64,
    },
    /// It could not be brought there, and is not served.
    Failed {
        /// The version that it has now, where that can be read.
        version: Option<FileVersion>,
        /// What went wrong.
        error: String,
        /// Name of the copy that was made before.
        snapshot: Option<String>,
        /// Which file of the tenant that was.
        epoch: i64,
    },
    /// The tenant has no file any more, is being erased, or was rolled back and stays where it is.
    Gone,
}

impl Tenancy {
    /// Migrates a tenant's file. Its own writes wait meanwhile, its reads go on; whoever uses it afterwards sees the new
    /// schema. Files of up to `snapshot_bytes` are copied before; all where nothing is said. Goes on to its end even if
    /// nobody waits for it.
    ///
    /// # Errors
    /// It is not done, and may be another time: there is no room for the copy, or the catalog does not answer.
    pub async fn migrate_tenant(
        self: &Arc<Tenancy>,
        lease: Lease,
        snapshot_bytes: Option<i64>,
    ) -> Result<Migrated> {
        let tenancy = Arc::clone(self);
        let migrating = async move {
            let gate = tenancy.files.gate(lease.tenant_id()).await;
            // Behind the gate: another file may have been put in its place until now.
            let Some(tenant) = tenancy.with_file(&lease).await? else { return Ok(Migrated::Gone) };
            if tenancy.standings.is_held(tenant.id) {
                return Ok(Migrated::Gone);
            }
            gate.drain().await?;
            let working = Arc::clone(&tenancy);
            let of = Arc::clone(&tenant);
            let migrated = aside(move || {
                fault::hold("migration_gated", of.id);
                working.fences.unless_down(of.id, || working.migrate_blocking(&of, snapshot_bytes))
            })
            .await;
            tenancy.after_migration(&tenant, &gate, migrated)
        };
        tokio::spawn(migrating).await.unwrap_or_else(|error| Err(Error::internal(error)))
    }

    fn after_migration(
        &self,
        tenant: &Tenant,
        gate: &Gate<'_>,
        migrated: Result<Migrated>,
    ) -> Result<Migrated> {
        self.written.note(tenant.id, None);
        match &migrated {
            Ok(Migrated::Done { .. }) => {
                self.standings.clear(tenant.id);
                gate.replace();
            }
            Ok(Migrated::Failed { error, .. }) => {
                tracing::error!(
                    alarm = "tenant_unavailable", tenant_id = %tenant.id, reason = %error,
                    "a tenant's file could not be migrated and is not served"
                );
                self.standings.fail(tenant.id, error.clone());
                gate.replace();
            }
            Err(error) if error.kind() == Kind::NotFound => return Ok(Migrated::Gone),
            Ok(Migrated::Gone) => {}
            // Some of it may have been done.
            Err(_) => gate.replace(),
        }
        migrated
    }

    fn migrate_blocking(&self, tenant: &Tenant, snapshot_bytes: Option<i64>) -> Result<Migrated> {
        let (path, begun, epoch) = (self.layout.tenant_file(tenant.id), monotonic(), tenant.epoch);
        let opened = open_of(&path, tenant).and_then(|file| Ok((version_of(&file, &self.app)?, file)));
        let (before, file) = match opened {
            Ok(opened) => opened,
            Err(refusal) if refusal.is_passing() => return Err(Error::internal(refusal)),
            Err(refusal) => {
                return Ok(Migrated::Failed {
                    version: None,
                    error: reason(&refusal),
                    snapshot: None,
                    epoch,
                });
            }
        };
        let target = &self.target.version;
        if (before.system, before.app) == (target.system, target.app) {
            // A run that was cut off here may not have come to that.
            file.syncing_once(|| Ok::<_, DbError>(()))?;
            let snapshot = snapshot_of_before(&self.layout, tenant.id);
            return Ok(Migrated::Done { version: before, took_ms: 0, snapshot, epoch });
        }
        let (size, now) = (std::fs::metadata(&path)?.len(), self.clock.now());
        let is_copied = snapshot_bytes.is_none_or(|most| i64::try_from(size).is_ok_and(|size| size <= most));
        let snapshot = is_copied.then(|| Snapshot::of(&before, now));
        if let Some(snapshot) = &snapshot {
            take_snapshot(&file, size, &self.layout.tenant_snapshots(tenant.id), snapshot)?;
        }
        let snapshot = snapshot.map(|snapshot| snapshot.name);
        fault::hold("migration", tenant.id);
        let done = apply_missing(&file, Some(&self.app), now).and_then(|()| version_of(&file, &self.app));
        Ok(match done {
            Ok(version) => Migrated::Done { version, took_ms: since(begun), snapshot, epoch },
            Err(refusal) if refusal.is_passing() => return Err(Error::internal(refusal)),
            Err(refusal) => Migrated::Failed {
                version: version_of(&file, &self.app).ok(),
                error: reason(&refusal),
                snapshot,
                epoch,
            },
        })
    }
}
