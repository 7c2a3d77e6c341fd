//! The feed of real files: what it tells, in which order, and for how long.

mod keeping;
mod order;
mod reading;
mod replay;

use super::keep::prune;
use super::*;
use crate::catalog::Actor;
use crate::clock::{Clock as _, DAY, ManualClock, Timestamp};
use crate::db::{AppTx, Database, DatabaseOptions, Maintenance, Migration, OpenError, Track};
use crate::error::{Error, Result};
use crate::model::table::{Schema, TableKind};
use crate::tenancy::schema::introspect;
use serde_json::Value as Json;
use std::sync::Arc;

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const KEEP: Keep = Keep { days: 30, bytes: 1 << 40 };

/// A tenant's file and its feed.
struct House {
    database: Arc<Database>,
    tracked: Arc<Tracked>,
    schema: Schema,
    clock: Arc<ManualClock>,
    keep: Keep,
    runtime: tokio::runtime::Runtime,
    _directory: tempfile::TempDir,
}

impl House {
    fn new(sql: &str) -> House {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.db");
        let file = Maintenance::create(&path, 7).unwrap();
        file.unsynced().unwrap();
        let ours = include_str!("../../../../../migrations/tenant/0003_changes.sql");
        file.migrate(&Track::system(&[("0003_changes.sql", ours)]), NOW).unwrap();
        let migrations = vec![Migration { version: 1, name: "1.sql".to_owned(), sql: sql.to_owned() }];
        file.migrate(&Track { name: "app", migrations }, NOW).unwrap();
        drop(file);
        let options = DatabaseOptions::of_tests();
        let clock = Arc::new(ManualClock::new(NOW));
        let shared: crate::clock::SharedClock = clock.clone();
        let database = Database::open(&path, options, shared, |_| Ok::<_, OpenError>(())).unwrap();
        let schema = database.read_blocking(introspect).unwrap();
        let (tracked, plan) = Tracked::new(&schema, &|_| None);
        database.capture(Arc::new(plan));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let tracked = Arc::new(tracked);
        House { database, tracked, schema, clock, keep: KEEP, runtime, _directory: directory }
    }

    /// One write.
    fn write<T: Send + 'static>(
        &self,
        act: impl Fn(AppTx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<(T, Option<i64>)> {
        let (tracked, keep) = (Arc::clone(&self.tracked), self.keep);
        self.runtime.block_on(self.database.write("test", move |tx| {
            let tx = TenantTx::new(tx);
            let result = act(tx.app())?;
            Ok((result, record_changes(tx, &tracked, Actor::System, &keep)?.last))
        }))
    }

    /// One write of these statements, of which none may fail.
    fn run(&self, statements: &'static [&'static str]) -> Option<i64> {
        let write = self.write(move |app| {
            for sql in statements {
                app.execute(sql, &[])?;
            }
            Ok(())
        });
        write.unwrap_or_else(|error| panic!("{statements:?}: {error:?}")).1
    }

    fn query(&self, since: Option<i64>) -> ChangeQuery {
        let tables = self.schema.tables().filter(|table| table.kind == TableKind::Table);
        let tables = tables.map(|table| (table.name.clone(), Arc::clone(table))).collect();
        ChangeQuery { since, tables, limit: usize::MAX, bytes: usize::MAX }
    }

    fn page(&self, query: &ChangeQuery) -> Result<ChangePage> {
        self.database.read_blocking(|tx| find_changes(&TenantTx::new(tx), query))
    }

    /// All changes after one.
    fn changes(&self, since: i64) -> Vec<Json> {
        let page = self.page(&self.query(Some(since))).unwrap();
        page.items.iter().map(|change| serde_json::from_str(&change.json).unwrap()).collect()
    }

    /// `create table/id`, ...
    fn told(&self, since: i64) -> Vec<String> {
        let told = |change: &Json| {
            let word = |field: &str| change[field].as_str().unwrap_or("-").to_owned();
            format!("{} {}/{}", word("op"), word("table"), word("id"))
        };
        self.changes(since).iter().map(told).collect()
    }

    fn last(&self) -> i64 {
        self.database.read_blocking(|tx| latest(&TenantTx::new(tx))).unwrap().last_seq
    }
}
