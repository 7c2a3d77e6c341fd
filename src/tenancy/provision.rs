//! Making a tenant's file: a copy of a file that was migrated once, stamped with whose it is.

use super::app::App;
use super::file::{APPLICATION_ID, system_track};
use super::layout::{Layout, make_directory, sync};
use super::schema;
use crate::clock::Timestamp;
use crate::db::Maintenance;
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::params;
use std::path::{Path, PathBuf};

/// A migrated and seeded file that nobody opens any more: safe to copy with plain file calls.
#[derive(Clone)]
pub(super) struct Template {
    path: PathBuf,
}

impl Template {
    /// Runs all migrations and the seed on a new file.
    pub(super) fn build(layout: &Layout, app: &App, now: Timestamp) -> Result<Template> {
        let path = layout.tmp().join("template.db");
        make(&path, app, now)?;
        Ok(Template { path })
    }

    /// Copies the template into the place of tenant `id`. It appears there whole or not at all.
    pub(super) fn copy_to(&self, layout: &Layout, id: TenantId, epoch: i64, now: Timestamp) -> Result<()> {
        let place = layout.tenant(id);
        let shard = place.parent().map(Path::to_path_buf).unwrap_or_default();
        let working = layout.tmp().join(id.to_string());
        make_directory(&working)?;
        let file = working.join("data.db");
        std::fs::copy(&self.path, &file)?;
        let stamping = Maintenance::open(&file).map_err(Error::internal)?;
        stamping.unsynced()?;
        stamping.write(now, |tx| {
            tx.execute("INSERT INTO _tenant (id, epoch) VALUES (?1, ?2)", params![id, epoch])
        })?;
        drop(stamping);
        sync(&file)?;
        sync(&working)?;
        if !shard.is_dir() {
            make_directory(&shard)?;
            sync(&layout.tenants())?;
        }
        if place.exists() {
            return Err(Error::internal(format!("tenant {id} has a directory already")));
        }
        std::fs::rename(&working, &place)?;
        sync(&shard)
    }
}

/// Makes a file with our tables, the app's and the seed, and holds what app.toml says of tables against them.
fn make(path: &Path, app: &App, now: Timestamp) -> Result<()> {
    let wrong = |error: crate::db::MigrationError| {
        Error::new(Kind::Malformed, "app_migration_failed", error.to_string())
    };
    let file = Maintenance::create(path, APPLICATION_ID).map_err(Error::internal)?;
    file.unsynced()?;
    file.migrate(&system_track(), now).map_err(Error::internal)?;
    file.migrate(&app.track, now).map_err(wrong)?;
    if !app.tables.is_empty() {
        let mut schema = file.write(now, |tx| Ok(schema::introspect(tx)))??;
        app.tables
            .restrict(&mut schema)
            .map_err(|error| Error::new(Kind::Malformed, "app_invalid", error.to_string()))?;
    }
    if let Some((name, sql)) = &app.seed {
        file.seed(name, sql, now).map_err(wrong)?;
    }
    Ok(())
}

/// The same on a file that is thrown away.
pub(super) fn try_out(app: &App) -> Result<()> {
    let now = Timestamp(0);
    let directory = std::env::temp_dir().join(format!("tenantry-check-{}", crate::id::uuid_v7(now)));
    make_directory(&directory)?;
    let made = make(&directory.join("template.db"), app, now);
    std::fs::remove_dir_all(&directory)?;
    made
}
