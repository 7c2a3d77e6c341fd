//! The engine against real schemas in real files.

mod dumps;
mod expanding;
mod faults;
mod figures;
mod filters;
mod fuzz;
mod grammars;
mod hidden;
mod inserting;
mod keys;
mod meters;
mod naive;
mod owners;
mod paging;
mod plans;
mod prefixes;
mod put;
mod reading;
mod searching;
mod shop;
#[cfg(target_os = "linux")]
mod sorting;
mod tickets;
mod totals;

use super::*;
use crate::clock::{SystemClock, Timestamp};
use crate::db::{Database, DatabaseOptions, Maintenance, Migration, OpenError, Track, Tx};
use crate::error::{Error, Result};
use crate::id::IdentityId;
use crate::model::table::{Schema, Table};
use crate::policy::{OWNER, TableRights};
use crate::tenancy::schema::{fingerprint, introspect};
use crate::tenancy::table_access::Caller;
use crate::tenancy::tx::changes::Tracked;
use crate::tenancy::{self, TableAccess};
use serde_json::{Value as Json, json};
use std::future::Future;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

/// Who writes, where the test does not say.
const ADA: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const EVE: &str = "01890a5d-ac96-774b-bcce-b302099a8058";

/// A tenant's file of some app, and a client of it.
struct App {
    rules: Arc<tenancy::App>,
    database: Arc<Database>,
    schema: Schema,
    fingerprint: [u8; 32],
    runtime: tokio::runtime::Runtime,
    _directory: tempfile::TempDir,
}

impl App {
    fn shop() -> App {
        App::from_directory("shop")
    }

    fn from_directory(name: &str) -> App {
        let directory =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps").join(name).join("migrations");
        let mut files: Vec<_> =
            std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        App::new(&files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect::<Vec<_>>())
    }

    fn sql(sql: &str) -> App {
        App::new(&[sql.to_owned()])
    }

    fn new(scripts: &[String]) -> App {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.db");
        let maintenance = Maintenance::create(&path, 7).unwrap();
        let migrations = scripts.iter().enumerate().map(|(index, sql)| Migration {
            version: u32::try_from(index).unwrap() + 1,
            name: format!("{index}.sql"),
            sql: sql.clone(),
        });
        maintenance.unsynced().unwrap();
        maintenance.migrate(&Track { name: "app", migrations: migrations.collect() }, NOW).unwrap();
        drop(maintenance);
        let options = DatabaseOptions::of_tests();
        let database =
            Database::open(&path, options, Arc::new(SystemClock), |_| Ok::<_, OpenError>(())).unwrap();
        let schema = database.read_blocking(introspect).unwrap();
        let fingerprint = database.read_blocking(fingerprint).unwrap();
        database.capture(Arc::new(Tracked::new(&schema, &|_| None).1));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let rules = Arc::new(tenancy::App::load(None).unwrap());
        App { rules, database, schema, fingerprint, runtime, _directory: directory }
    }

    fn table(&self, name: &str) -> TableAccess {
        self.table_for(self.schema.table(name).unwrap_or_else(|| panic!("no table {name}")), OWNER, ADA)
    }

    /// The table as somebody with this role has it.
    fn table_for(&self, table: &Arc<Table>, role: &str, identity: &str) -> TableAccess {
        let app = Arc::clone(&self.rules);
        let permissions = app.roles.permissions(role);
        let identity = IdentityId::parse(identity);
        TableAccess::new(
            Arc::clone(table),
            Caller {
                app,
                role: Some(role.into()),
                permissions: crate::policy::Held::all_of(permissions),
                identity,
            },
        )
    }

    /// Runs `act` in a transaction whose rows are captured, as those of a tenant's file are.
    fn write<T: Send + 'static>(
        &self,
        mut act: impl FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> {
        let database = Arc::clone(&self.database);
        let act = move |tx: &Tx<'_>| {
            let result = act(tx)?;
            drop(tx.take_captured());
            Ok(result)
        };
        async move { database.write("test", act).await }
    }

    /// The created record or records.
    fn post(&self, table: &str, body: &Json) -> Result<Json> {
        self.insert(table, body.to_string().as_bytes()).map(|inserted| read(&inserted.body))
    }

    fn insert(&self, table: &str, body: &[u8]) -> Result<Inserted> {
        let table = self.table(table);
        let new = NewRecords::parse(&table, body, NOW)?;
        self.runtime.block_on(self.write(move |tx| insert_records(tx.app(), &table, &new)))
    }

    /// The created record and the segment that names it.
    fn create(&self, table: &str, body: &Json) -> (Json, String) {
        let inserted = self.insert(table, body.to_string().as_bytes()).unwrap();
        (read(&inserted.body), inserted.keys[0].to_segment().unwrap())
    }

    fn patch(&self, table: &str, key: &str, body: &Json) -> Result<Option<Json>> {
        let table = self.table(table);
        let (key, patch) =
            (RecordKey::parse(&table, key)?, Patch::parse(&table, body.to_string().as_bytes())?);
        let written = self.write(move |tx| update_record(tx.app(), &table, &key, &patch));
        Ok(self.runtime.block_on(written)?.as_deref().map(read))
    }

    fn delete(&self, table: &str, key: &str) -> Result<bool> {
        let table = self.table(table);
        let key = RecordKey::parse(&table, key)?;
        self.runtime.block_on(self.write(move |tx| delete_record(tx.app(), &table, &key)))
    }

    fn get(&self, table: &str, key: &str) -> Result<Option<Json>> {
        let table = self.table(table);
        let key = RecordKey::parse(&table, key)?;
        let found = self.database.read_blocking(|tx| find_record(tx.app(), &table, &key, None))?;
        Ok(found.as_deref().map(read))
    }

    fn page(&self, table: &str, params: &[(&str, &str)]) -> Result<Json> {
        let table = self.table(table);
        let params: Vec<_> = params.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let context = context();
        let query = ListQuery::parse(&table, &params, &context, &self.readable())?;
        let body = self.database.read_blocking(|tx| list_records(tx.app(), &table, &query, &context))?;
        Ok(read(&body))
    }

    fn readable(&self) -> Readable {
        self.schema.tables().collect()
    }

    fn list(&self, table: &str, params: &[(&str, &str)]) -> Vec<Json> {
        let page = self.page(table, params).unwrap();
        page["items"].as_array().unwrap().clone()
    }

    /// Runs SQL as a founder would, beside the engine.
    fn execute(&self, sql: &'static str) {
        self.runtime.block_on(self.write(move |tx| Ok(tx.execute(sql, &[])?))).unwrap();
    }
}

fn context() -> CursorContext {
    CursorContext::new([3; 32], "tenant")
}

fn read(body: &[u8]) -> Json {
    serde_json::from_slice(body).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body)))
}

/// Field and code of each fault, in order of field.
fn faults_of(error: &Error) -> Vec<(String, String)> {
    let mut faults: Vec<_> =
        error.fields().iter().map(|field| (field.field.clone(), field.code.to_string())).collect();
    faults.sort();
    faults
}

fn pairs(faults: &[(&str, &str)]) -> Vec<(String, String)> {
    faults.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect()
}
