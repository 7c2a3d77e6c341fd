//! A file of another installation on its way in. It never becomes a file of ours: its rows are copied into one that our
//! migrations made, where every constraint of the app holds them.

mod tables;

use super::app::App;
use super::file::{APPLICATION_ID, system_track};
use super::layout::{make_directory, sync};
use super::migrate::require_room;
use super::tx::TenantTx;
use super::tx::files::NewFile;
use super::{Tenancy, provision, schema};
use crate::clock::Timestamp;
use crate::db::{Foreign, ForeignError, ForeignObject, Maintenance};
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::model::entitlements::Entitlements;
use crate::model::import::{ImportedTable, LeftOut, SchemaMatch};
use crate::model::table::Schema;
use crate::params;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long such a file is read in all, and how much longer for each mebibyte of it.
const READ_TIME: Duration = Duration::from_secs(60);
const READ_TIME_OF_MEBIBYTE: Duration = Duration::from_secs(1);
/// Problems that are told.
const MOST_PROBLEMS: usize = 50;

/// 422 for an import that is not taken, whatever is asked of it.
pub fn import_refused(why: impl std::fmt::Display) -> Error {
    Error::new(Kind::Invalid, "import_refused", format!("This file is not imported: {why}."))
}

/// What is wrong with data.db, as it is told.
fn fault(error: ForeignError) -> Error {
    match error {
        ForeignError::Taker(error) => error,
        ForeignError::Database(error) => error.into(),
        ForeignError::Kind(_) | ForeignError::Damaged(_) | ForeignError::Deadline => {
            import_refused(format!("data.db: {error}"))
        }
    }
}

/// The rows of a search index, as JSON objects: `None` in place of the second where the export has none of this name.
pub type SearchRows<'r> = dyn FnMut(&str, &mut dyn FnMut(serde_json::Map<String, serde_json::Value>) -> Result<()>) -> Result<bool>
    + 'r;

/// A foreign file, open.
pub struct Incoming {
    foreign: Foreign,
    objects: Vec<ForeignObject>,
    app: Arc<App>,
    now: Timestamp,
    /// How many of the app's migrations have made its tables, where they are the app's.
    step: Option<usize>,
}

/// A file of ours that was filled.
#[derive(Default)]
pub struct Filled {
    /// How its tables are to the app's.
    pub schema: SchemaMatch,
    /// What came over.
    pub tables: Vec<ImportedTable>,
    /// What did not.
    pub left_out: Vec<LeftOut>,
    /// What stands against using it.
    pub problems: Vec<String>,
    /// Bytes that its rows take, as storage is counted.
    pub stored_bytes: i64,
}

impl Filled {
    fn problem(&mut self, text: String) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(text);
        }
    }
}

impl Tenancy {
    /// Refuses to take in or unpack so many bytes that nothing would be left free on the disk. Blocks.
    ///
    /// # Errors
    /// 503 `no_room_for_imports`.
    pub fn require_room_for_import(&self, size: u64) -> Result<()> {
        require_room(&self.layout.tmp(), size, "no_room_for_imports")
    }

    /// Opens the database of an export, which lies alone in its directory, and looks at its schema. Blocks.
    ///
    /// # Errors
    /// 422 `import_refused`.
    pub fn open_incoming(&self, path: &Path) -> Result<Incoming> {
        let mebibytes = u32::try_from(std::fs::metadata(path)?.len() >> 20).unwrap_or(u32::MAX);
        let time = READ_TIME.saturating_add(READ_TIME_OF_MEBIBYTE.saturating_mul(mebibytes));
        let foreign = Foreign::open(path, APPLICATION_ID, time).map_err(fault)?;
        let objects = foreign.objects().map_err(fault)?;
        let found = schema::fingerprint_of(objects.iter().map(|object| {
            [&object.kind, &object.name, &object.table, object.sql.as_deref().unwrap_or_default()]
        }));
        let found = crate::model::hex::hex(&found);
        let step = provision::fingerprints(&self.app)?.iter().rposition(|known| *known == found);
        Ok(Incoming { foreign, objects, app: Arc::clone(&self.app), now: self.clock.now(), step })
    }

    /// Makes a filled file, and the uploads beside it, those of a new tenant: they appear in its place whole or not at
    /// all. Blocks.
    ///
    /// # Errors
    /// The disk refuses; 409 `path_taken` for uploads whose names stand in each other's way.
    pub fn place_import(
        &self,
        id: TenantId,
        entitlements: Option<&Entitlements>,
        directory: &Path,
        uploads: &[NewFile],
    ) -> Result<()> {
        let file = directory.join("data.db");
        let stamping = Maintenance::open(&file).map_err(Error::internal)?;
        stamping.unsynced()?;
        stamping.fill(self.clock.now(), |tx| {
            tx.execute("INSERT INTO _tenant (id, epoch) VALUES (?1, 1)", params![id])?;
            let tx = TenantTx::new(tx);
            for upload in uploads {
                tx.put_file(upload)?;
            }
            Ok(entitlements.map_or(Ok(()), |entitled| tx.put_entitlements(entitled))?)
        })?;
        drop(stamping);
        sync(&file)?;
        sync(directory)?;
        let place = self.layout.tenant(id);
        let shard = place.parent().map(Path::to_path_buf).unwrap_or_default();
        if !shard.is_dir() {
            make_directory(&shard)?;
            sync(&self.layout.tenants())?;
        }
        if place.exists() {
            return Err(Error::internal(format!("tenant {id} has a directory already")));
        }
        std::fs::rename(directory, &place)?;
        sync(&shard)?;
        // Nothing was written by its writer that would ask for a backup.
        self.written.note(id, None);
        Ok(())
    }
}

impl Incoming {
    /// Makes a file in `directory` and copies the rows into it. Rows that belong to one of the `owners` of there belong to
    /// the one of here afterwards. `progress` is told how many rows are done. Blocks.
    ///
    /// # Errors
    /// 422 `import_refused` for a file that is damaged; the disk refuses. What the app's constraints refuse is told in
    /// [`Filled::problems`].
    pub fn fill(
        &self,
        directory: &Path,
        search: &mut SearchRows<'_>,
        owners: &BTreeMap<String, String>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Filled> {
        let newest = self.app.track.migrations.len();
        let step = self.step.unwrap_or(newest);
        let mut filled = Filled {
            schema: match self.step {
                Some(step) if step == newest => SchemaMatch::Same,
                Some(_) => SchemaMatch::Older,
                None => SchemaMatch::Different,
            },
            ..Filled::default()
        };
        let path = directory.join("data.db");
        let file = Maintenance::create(&path, APPLICATION_ID).map_err(Error::internal)?;
        file.unsynced()?;
        file.migrate(&system_track(), self.now).map_err(Error::internal)?;
        file.migrate(&self.app.track.up_to(step), self.now).map_err(Error::internal)?;
        file.for_filling()?;
        let schema = file.read(schema::introspect)?;
        tables::copy(self, &file, &schema, search, &mut filled, progress)?;
        if step < newest {
            // Triggers that migrations set off keep the indexes as they find them.
            tables::rebuild_search(self, &file, &schema)?;
        }
        for (table, parent) in file.broken_keys()? {
            filled.problem(format!(
                "Rows of {table} refer to rows of {parent} that are not in the export. Repair them where it comes from, \
                 and export again."
            ));
        }
        drop(file);
        if filled.problems.is_empty() {
            self.finish(&path, owners, &mut filled)?;
        }
        Ok(filled)
    }

    /// Brings a file with rows up to date, and hands its rows to their owners.
    fn finish(&self, path: &Path, owners: &BTreeMap<String, String>, filled: &mut Filled) -> Result<()> {
        let file = Maintenance::open(path).map_err(Error::internal)?;
        file.unsynced()?;
        if let Err(error) = file.migrate(&self.app.track, self.now) {
            if error.is_passing() {
                return Err(Error::internal(error));
            }
            filled.problem(format!(
                "It is of an earlier version of the app, and cannot be migrated: {error}. Migrate it where it comes \
                 from, and export again."
            ));
            return Ok(());
        }
        file.for_filling()?;
        let mut schema: Schema = file.read(schema::introspect)?;
        self.app
            .tables
            .restrict(&mut schema)
            .map_err(|error| Error::new(Kind::Malformed, "app_invalid", error.to_string()))?;
        tables::hand_over(&file, &schema, owners, self.now)?;
        tables::rebuild_search(self, &file, &schema)?;
        file.checkpoint()?;
        filled.stored_bytes = file.read(|tx| Ok(TenantTx::new(tx).stored_bytes()?))?;
        Ok(())
    }
}
