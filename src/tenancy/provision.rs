//! Making a tenant's file: a copy of a file that was migrated once, stamped with whose it is.

use super::app::App;
use super::file::{APPLICATION_ID, system_track};
use super::layout::{Layout, make_directory, sync};
use super::tx::TenantTx;
use super::{migrate, schema};
use crate::catalog::FileVersion;
use crate::clock::Timestamp;
use crate::db::Maintenance;
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::model::entitlements::Entitlements;
use crate::model::hex::hex;
use crate::model::table::Schema;
use crate::params;
use std::path::{Path, PathBuf};

/// A migrated and seeded file that nobody opens any more: safe to copy with plain file calls.
#[derive(Clone)]
pub(super) struct Template {
    path: PathBuf,
}

/// Whose file is to be made.
pub(super) struct NewFile {
    pub(super) id: TenantId,
    pub(super) epoch: i64,
    /// What the tenant may use.
    pub(super) entitlements: Option<Entitlements>,
}

impl Template {
    /// Runs all migrations and the seed on a new file.
    pub(super) fn build(layout: &Layout, app: &App, now: Timestamp) -> Result<Template> {
        let path = layout.tmp().join("template.db");
        make(&path, app, now)?;
        Ok(Template { path })
    }

    /// The version that files have which are made of it. Blocks.
    pub(super) fn version(&self, app: &App) -> Result<FileVersion> {
        let file = Maintenance::open(&self.path).map_err(Error::internal)?;
        migrate::version_of(&file, app).map_err(Error::internal)
    }

    /// Copies the template into the place of tenant `id`, with what the tenant may use. It appears there whole or not at
    /// all.
    pub(super) fn copy_to(&self, layout: &Layout, new: &NewFile, now: Timestamp) -> Result<()> {
        let working = layout.tmp().join(new.id.to_string());
        let copied = self.copy_by(&working, layout, new, now);
        if copied.is_err() {
            // On a full disk least of all may it wait for the next start.
            let _ = std::fs::remove_dir_all(&working);
        }
        copied
    }

    fn copy_by(&self, working: &Path, layout: &Layout, new: &NewFile, now: Timestamp) -> Result<()> {
        let id = new.id;
        make_directory(working)?;
        let file = working.join("data.db");
        std::fs::copy(&self.path, &file)?;
        let stamping = Maintenance::open(&file).map_err(Error::internal)?;
        stamping.unsynced()?;
        stamping.write(now, |tx| {
            tx.execute("INSERT INTO _tenant (id, epoch) VALUES (?1, ?2)", params![id, new.epoch])?;
            new.entitlements.as_ref().map_or(Ok(()), |entitled| TenantTx::new(tx).put_entitlements(entitled))
        })?;
        drop(stamping);
        sync(&file)?;
        move_into_place(layout, working, id)
    }
}

/// Moves a directory, whose files are on the disk to stay, into the place of tenant `id`: it appears there whole or not at all.
pub(super) fn move_into_place(layout: &Layout, working: &Path, id: TenantId) -> Result<()> {
    let place = layout.tenant(id);
    let shard = place.parent().map(Path::to_path_buf).unwrap_or_default();
    sync(working)?;
    if !shard.is_dir() {
        make_directory(&shard)?;
        sync(&layout.tenants())?;
    }
    if place.exists() {
        return Err(Error::internal(format!("tenant {id} has a directory already")));
    }
    std::fs::rename(working, &place)?;
    sync(&shard)
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
        read_schema(&file, app, now)?;
    }
    if let Some((name, sql)) = &app.seed {
        file.seed(name, sql, now).map_err(wrong)?;
    }
    Ok(())
}

/// The same on a file that is thrown away.
pub(super) fn try_out(app: &App) -> Result<()> {
    for_a_moment(app, |_| Ok(()))
}

/// The tables of such a file, as clients know them.
pub(super) fn schema_of(app: &App) -> Result<Schema> {
    for_a_moment(app, |path| {
        let file = Maintenance::open(path).map_err(Error::internal)?;
        read_schema(&file, app, Timestamp(0))
    })
}

/// What schema each version of the app has, from none of its migrations to all: digests in hex. Blocks.
pub(super) fn fingerprints(app: &App) -> Result<Vec<String>> {
    let now = Timestamp(0);
    in_a_directory(|path| {
        let file = Maintenance::create(path, APPLICATION_ID).map_err(Error::internal)?;
        file.unsynced()?;
        file.migrate(&system_track(), now).map_err(Error::internal)?;
        let of_step = |track| {
            file.migrate(&track, now).map_err(Error::internal)?;
            Ok(hex(&file.read(schema::fingerprint)?))
        };
        migrate::steps(app).map(of_step).collect()
    })
}

/// Makes a file, calls `act` with its path, and removes it.
fn for_a_moment<T>(app: &App, act: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    in_a_directory(|path| make(path, app, Timestamp(0)).and_then(|()| act(path)))
}

/// Calls `act` with the path of a file to be, and removes what is there afterwards.
fn in_a_directory<T>(act: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let now = Timestamp(0);
    let directory = std::env::temp_dir().join(format!("tenantry-check-{}", crate::id::uuid_v7(now)));
    make_directory(&directory)?;
    let path = directory.join("template.db");
    let done = act(&path);
    std::fs::remove_dir_all(&directory)?;
    done
}

/// The tables of a migrated file, with what app.toml says of their columns.
fn read_schema(file: &Maintenance, app: &App, now: Timestamp) -> Result<Schema> {
    let mut schema = file.write(now, |tx| Ok(schema::introspect(tx)))??;
    app.tables
        .restrict(&mut schema)
        .map_err(|error| Error::new(Kind::Malformed, "app_invalid", error.to_string()))?;
    Ok(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_fails_leaves_nothing_where_things_are_made() {
        let directory = tempfile::TempDir::new().unwrap();
        let layout = Layout::create(directory.path()).unwrap();
        let app = App::load(None).unwrap();
        let template = Template::build(&layout, &app, Timestamp(0)).unwrap();
        let left = || std::fs::read_dir(layout.tmp()).unwrap().flatten().map(|entry| entry.file_name());
        let before: Vec<_> = left().collect();
        let new = |id| NewFile { id, epoch: 1, entitlements: None };
        let id = TenantId::new(Timestamp(1));
        template.copy_to(&layout, &new(id), Timestamp(0)).unwrap();
        // Its place is taken: the copy is whole and cannot be moved there.
        assert!(template.copy_to(&layout, &new(id), Timestamp(0)).is_err());
        assert_eq!(left().collect::<Vec<_>>(), before);
        // The disk breaks off at the beginning.
        let broken = Template { path: layout.tmp().join("nothing.db") };
        assert!(broken.copy_to(&layout, &new(TenantId::new(Timestamp(2))), Timestamp(0)).is_err());
        assert_eq!(left().collect::<Vec<_>>(), before);
    }
}
