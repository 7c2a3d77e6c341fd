//! The seam against a real file: what neighbours in a batch must not feel, and what an injected statement cannot do.

mod capture;
mod checkpoints;
mod lockdown;
mod reading;
mod writing;

use super::{
    Database, DatabaseOptions, Maintenance, Migration, OpenError, ReaderThreads, Track, WriteLimits,
};
use crate::clock::{SharedClock, SystemClock, Timestamp};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const APPLICATION_ID: i32 = 0x7465_7374;

/// A file with these tables of the app, open.
struct Bench {
    directory: TempDir,
    database: Arc<Database>,
}

impl Bench {
    fn new(schema: &str) -> Bench {
        Bench::with(schema, WriteLimits::default())
    }

    fn with(schema: &str, write: WriteLimits) -> Bench {
        let directory = TempDir::new().unwrap();
        let file = Maintenance::create(&directory.path().join("data.db"), APPLICATION_ID).unwrap();
        file.migrate(&track("system", "CREATE TABLE _ours (id INTEGER PRIMARY KEY);"), Timestamp(0)).unwrap();
        file.migrate(&track("app", schema), Timestamp(0)).unwrap();
        drop(file);
        let database = open(&directory.path().join("data.db"), write).unwrap();
        Bench { directory, database }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("data.db")
    }

    async fn count(&self, table: &'static str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.database
            .read(move |tx| Ok(tx.query_row(&sql, &[], |row| row.get(0))?.unwrap_or(-1)))
            .await
            .unwrap()
    }
}

fn track(name: &'static str, sql: &str) -> Track {
    Track {
        name,
        migrations: vec![Migration { version: 1, name: "0001_test.sql".to_owned(), sql: sql.to_owned() }],
    }
}

fn open(path: &std::path::Path, write: WriteLimits) -> Result<Arc<Database>, OpenError> {
    let options = DatabaseOptions {
        application_id: APPLICATION_ID,
        readers: 2,
        cache_kib: 256,
        read_wait: Duration::from_millis(200),
        read_time: Duration::from_millis(300),
        write,
        threads: ReaderThreads::new(1),
    };
    let clock: SharedClock = Arc::new(SystemClock);
    Database::open(path, options, clock, |_| Ok(()))
}
