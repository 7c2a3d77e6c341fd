//! Bringing a tenant's file up to date: as it is opened, or as one of the fleet.

mod copies;
mod one;
mod rehearsal;

pub(crate) use copies::name_of_damaged;
pub use copies::{KEEP_SNAPSHOTS, Snapshot};
pub(super) use copies::{copy_on_open, is_damaged, require_room};
pub use one::Migrated;
pub use rehearsal::Rehearsed;

use super::file::{APPLICATION_ID, Refusal, check_stamp, is_link, reason, system_track};
use super::file_standings::Noted;
use super::tx::changes::begin_anew;
use super::{App, Lease, Tenancy, schema};
use crate::catalog::{FileVersion, MigrationTarget, Tenant};
use crate::clock::Timestamp;
use crate::db::{Maintenance, Track};
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::model::hex::hex;
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::sync::Arc;

/// Applies what is missing: of ours, and of the app unless the file may stay behind it. Blocks.
pub(super) fn bring_up(path: &Path, app: Option<&App>, now: Timestamp) -> Result<(), Refusal> {
    apply_missing(&Maintenance::open(path)?, app, now)
}

fn apply_missing(file: &Maintenance, app: Option<&App>, now: Timestamp) -> Result<(), Refusal> {
    file.syncing_once(|| {
        file.migrate(&system_track(), now)?;
        let Some(app) = app else { return Ok(()) };
        if !file.is_current(&app.track)? {
            // Before, so that a crash in between costs readers a look at the tables, and never a change.
            file.write(now, begin_anew)?;
            file.migrate(&app.track, now)?;
        }
        Ok(())
    })
}

/// Reads what version a file has, if it is that of the tenant. Blocks.
pub(super) fn look(path: &Path, tenant: &Tenant, app: &App) -> Result<FileVersion, Refusal> {
    version_of(&open_of(path, tenant)?, app)
}

/// Opens a tenant's file, if it is that. Blocks.
fn open_of(path: &Path, tenant: &Tenant) -> Result<Maintenance, Refusal> {
    if is_link(path) {
        return Err(Refusal::Link);
    }
    let file = Maintenance::open(path)?;
    file.require_kind(APPLICATION_ID)?;
    file.read(|tx| Ok(check_stamp(tx, tenant.id, tenant.epoch)))??;
    Ok(file)
}

pub(super) fn version_of(file: &Maintenance, app: &App) -> Result<FileVersion, Refusal> {
    let (system, of_app) = (file.count_applied(&system_track())?, file.count_applied(&app.track)?);
    let fingerprint = file.read(schema::fingerprint)?;
    Ok(version(system, of_app, &fingerprint))
}

pub(super) fn version(system: usize, app: usize, fingerprint: &[u8; 32]) -> FileVersion {
    let count = |count| i64::try_from(count).unwrap_or(i64::MAX);
    FileVersion { system: count(system), app: count(app), fingerprint: hex(fingerprint) }
}

/// Digest of all migrations, of ours and of the app.
pub(super) fn digest(app: &App) -> String {
    let mut hash = Sha256::new();
    for migration in system_track().migrations.iter().chain(&app.track.migrations) {
        hash.update(migration.checksum());
    }
    hex(&hash.finalize())
}

impl Tenancy {
    /// The version of new files: where migrations lead.
    pub fn migration_target(&self) -> &MigrationTarget {
        &self.target
    }

    /// File names of the app's migrations, in order.
    pub fn migration_names(&self) -> impl Iterator<Item = &str> {
        self.app.track.migrations.iter().map(|migration| migration.name.as_str())
    }

    /// Lets files stay behind the app: they are served as they are until a run comes to them. Else they are migrated as
    /// they are opened.
    pub fn let_files_lag(&self, lag: bool) {
        self.standings.let_lag(lag);
    }

    /// Takes over how tenants stand, from the catalog.
    ///
    /// # Errors
    /// As the catalog says.
    pub async fn read_standings(&self) -> Result<()> {
        let digest = self.target.digest.clone();
        for (id, error) in self.catalog.read(move |tx| tx.list_standings(&digest)).await? {
            match error {
                None => self.standings.hold(id),
                Some(error) => self.standings.fail(id, error),
            }
        }
        Ok(())
    }

    /// Lets tenants go on that were held at their versions.
    pub fn release_held(&self, tenants: &[TenantId]) {
        tenants.iter().for_each(|id| self.standings.clear(*id));
    }

    /// Tells the catalog which files were migrated as they were opened, or could not be.
    pub(super) async fn tell_versions(&self) {
        for (id, noted) in self.standings.take_noted() {
            let digest = self.target.digest.clone();
            let told = self.catalog.write("note_version", move |tx| match &noted {
                Noted::Migrated { version, took_ms, copy } => {
                    tx.of(id).note_migrated(version, *took_ms, copy.as_ref().map(Snapshot::kept))
                }
                Noted::Failed { error, copy } => {
                    tx.of(id).note_migration_failed(None, &digest, error, copy.as_ref().map(Snapshot::kept))
                }
            });
            if let Err(error) = told.await {
                tracing::error!(tenant_id = %id, error = ?error, "the version of a tenant's file could not be noted");
            }
        }
    }

    /// The lease to migrate a tenant.
    pub(crate) fn lease_for_migration(tenant: TenantId) -> Lease {
        Lease::new(tenant)
    }

    pub(super) async fn with_file(&self, lease: &Lease) -> Result<Option<Arc<Tenant>>> {
        let tenant = self.catalog.tenant(&lease.tenant_id().to_string()).await;
        match tenant {
            Ok(tenant) if tenant.status.is_visible() => Ok(Some(tenant)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the version of a tenant's file; none where it has no file that may be looked at.
    ///
    /// # Errors
    /// What is wrong with the file, in words for the operator.
    pub async fn look_at_version(self: &Arc<Tenancy>, lease: Lease) -> Result<Option<FileVersion>> {
        let Some(tenant) = self.with_file(&lease).await? else { return Ok(None) };
        let tenancy = Arc::clone(self);
        super::blocking(move || {
            let path = tenancy.layout.tenant_file(tenant.id);
            let looked = tenancy.fences.unless_down(tenant.id, || Ok(look(&path, &tenant, &tenancy.app)))?;
            looked.map(Some).map_err(|refusal| Error::internal(reason(&refusal)))
        })
        .await
    }

    /// What schema each version of the app has, from none of its migrations to all: digests in hex.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn fingerprints_of_versions(self: &Arc<Tenancy>) -> Result<Vec<String>> {
        let tenancy = Arc::clone(self);
        super::blocking(move || super::provision::fingerprints(&tenancy.app)).await
    }
}

fn since(begun: std::time::Instant) -> i64 {
    i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX)
}

/// The app's migrations up to a version, for a file that is built step by step.
pub(super) fn steps(app: &App) -> impl Iterator<Item = Track> {
    (0..=app.track.migrations.len()).map(|count| app.track.up_to(count))
}
