//! `telemetry.db`: what was counted of each tenant, by minutes, hours and days. Nothing that counts is kept here alone: it
//! may be deleted at any time, and is made anew where it is missing or damaged.

use super::totals::{CLASSES, Figure, NUMBERS, Totals};
use super::window::Window;
use crate::clock::{DAY, HOUR, MINUTE, SharedClock, Timestamp};
use crate::db::{
    Database, DatabaseOptions, DbError, Maintenance, OpenError, ReaderThreads, Row, Track, Tx, Value,
    WriteLimits,
};
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::params;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// `PRAGMA application_id` of the file: `TnTe`.
const APPLICATION_ID: i32 = 0x546e_5465;
/// Days that hours are kept.
const DAYS_OF_HOURS: i64 = 400;
/// Days that days are kept.
const DAYS_OF_DAYS: i64 = 5 * 366;
/// Points of one series at most.
pub const MOST_POINTS: i64 = 1_500;

/// One point of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// When it began.
    pub at: Timestamp,
    /// What was counted.
    pub totals: Totals,
}

/// The file, open.
pub struct Store {
    database: Arc<Database>,
    path: PathBuf,
}

impl Store {
    /// Opens the file in `directory`, and makes it where there is none or none that can be used. Blocks.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn open(directory: &Path, threads: ReaderThreads, clock: SharedClock) -> Result<Store> {
        let path = directory.join("telemetry.db");
        if path.exists() {
            match open(&path, threads.clone(), Arc::clone(&clock)) {
                Ok(database) => return Ok(Store { database, path }),
                Err(error) => {
                    tracing::warn!(error = ?error, "telemetry.db cannot be used and is made anew; what it held is lost");
                }
            }
        }
        remove(&path)?;
        let file = Maintenance::create(&path, APPLICATION_ID).map_err(Error::internal)?;
        file.migrate(&track(), clock.now()).map_err(Error::internal)?;
        drop(file);
        Ok(Store { database: open(&path, threads, clock)?, path })
    }

    /// Adds what was counted in a minute to the minute, its hour and its day, all tenants in one transaction.
    ///
    /// # Errors
    /// The disk refuses: nothing is added then.
    pub async fn add(&self, at: Timestamp, minute: Vec<(TenantId, Totals)>) -> Result<()> {
        let sql = upsert();
        let add = move |tx: &Tx<'_>| {
            let mut values: Vec<Value> = Vec::with_capacity(3 + NUMBERS);
            for window in Window::ALL {
                for (tenant, totals) in &minute {
                    values.clear();
                    values.extend([window.span().into(), window.begin(at).0.into(), (*tenant).into()]);
                    values.extend(totals.0.iter().map(|number| stored(*number).into()));
                    tx.execute(&sql, &values)?;
                }
            }
            Ok(())
        };
        self.database.write("add_minute", add).await
    }

    /// A series of one tenant: the points that begin within `[from, to)`, those alone of which there is something.
    ///
    /// # Errors
    /// As the database says.
    pub async fn series(
        &self,
        tenant: TenantId,
        window: Window,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Bucket>> {
        // Point by point: one look for each instead of all tenants of the whole time.
        let sql = format!(
            "WITH RECURSIVE points(at) AS (SELECT ?3 UNION ALL SELECT at + ?1 FROM points WHERE at + ?1 < ?4)
             SELECT at, {} FROM buckets WHERE span = ?1 AND tenant_id = ?2 AND at IN points ORDER BY at",
            columns().join(", ")
        );
        let from = window.begin(from);
        let read = move |tx: &Tx<'_>| {
            let values = params![window.span(), tenant, from, to];
            Ok(tx.query(&sql, values, |row| Ok(Bucket { at: row.get(0)?, totals: totals(row, 1)? }))?)
        };
        if from >= to {
            return Ok(Vec::new());
        }
        self.database.read_slow(read).await
    }

    /// What all tenants did in the minutes that begin at `from` or later.
    ///
    /// # Errors
    /// As the database says.
    pub async fn since(&self, from: Timestamp) -> Result<Vec<(TenantId, Totals)>> {
        let sums: Vec<String> = columns().iter().map(|column| format!("sum({column})")).collect();
        let sql = format!(
            "SELECT tenant_id, {} FROM buckets WHERE span = ?1 AND at >= ?2 GROUP BY tenant_id",
            sums.join(", ")
        );
        let read = move |tx: &Tx<'_>| {
            let values = params![MINUTE, from];
            Ok(tx.query(&sql, values, |row| Ok((row.get(0)?, totals(row, 1)?)))?)
        };
        self.database.read_slow(read).await
    }

    /// Removes what is older than it is kept: minutes after so many days.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn sweep(&self, days_of_minutes: i64) -> Result<()> {
        let sweep = move |tx: &Tx<'_>| {
            for (window, days) in [(MINUTE, days_of_minutes), (HOUR, DAYS_OF_HOURS), (DAY, DAYS_OF_DAYS)] {
                let before = tx.now().plus(-days * DAY);
                tx.execute("DELETE FROM buckets WHERE span = ?1 AND at < ?2", params![window, before])?;
            }
            Ok(())
        };
        self.database.write("sweep_telemetry", sweep).await
    }

    /// How many rows there are of a tenant.
    ///
    /// # Errors
    /// As the database says.
    pub async fn count(&self, tenant: TenantId) -> Result<u64> {
        self.database.read_slow(move |tx| Ok(count(tx, tenant)?)).await
    }

    /// Removes the rows of a tenant and tells how many there were. Freed pages are overwritten, the log is emptied.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn erase(&self, tenant: TenantId) -> Result<u64> {
        let erase = move |tx: &Tx<'_>| {
            let removed = count(tx, tenant)?;
            for window in Window::ALL {
                let values = params![tenant, window.span()];
                tx.execute(&format!("DELETE FROM buckets WHERE {OF_TENANT}"), values)?;
            }
            if count(tx, tenant)? != 0 {
                return Err(Error::internal("figures of an erased tenant are left"));
            }
            Ok(removed)
        };
        let removed = self.database.write("erase_telemetry", erase).await?;
        let path = self.path.clone();
        let emptied = tokio::task::spawn_blocking(move || {
            Ok::<bool, Error>(Maintenance::open(&path).map_err(Error::internal)?.checkpoint()?)
        });
        match emptied.await {
            Ok(Ok(true)) => Ok(removed),
            // It is tried again with the erasure.
            Ok(Ok(false)) => Err(Error::unavailable("telemetry_busy", "Try again shortly.", 1)),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(Error::internal(error)),
        }
    }

    /// Ends the use of the file. Blocks.
    pub fn close(&self) {
        self.database.close();
    }
}

/// The rows of a tenant, `?1`, in windows of one length, `?2`; looked for moment by moment, as the key begins with the time.
const OF_TENANT: &str = "tenant_id = ?1 AND span = ?2 AND at IN (
    WITH RECURSIVE moments(at) AS (
      SELECT min(at) FROM buckets WHERE span = ?2
      UNION ALL
      SELECT (SELECT min(at) FROM buckets WHERE span = ?2 AND at > moments.at) FROM moments WHERE moments.at IS NOT NULL)
    SELECT at FROM moments WHERE at IS NOT NULL)";

fn count(tx: &Tx<'_>, tenant: TenantId) -> Result<u64, DbError> {
    let mut sum = 0;
    for window in Window::ALL {
        let values = params![tenant, window.span()];
        sum += tx.count(&format!("SELECT count(*) FROM buckets WHERE {OF_TENANT}"), values)?.unsigned_abs();
    }
    Ok(sum)
}

fn columns() -> Vec<String> {
    let named = Figure::ALL.iter().map(|figure| figure.name().to_owned());
    named.chain((0..CLASSES).map(|class| format!("latency_{class}"))).collect()
}

fn upsert() -> String {
    let columns = columns();
    let places: Vec<String> = (0..NUMBERS).map(|number| format!("?{}", number + 4)).collect();
    let added: Vec<String> =
        columns.iter().map(|column| format!("{column} = buckets.{column} + excluded.{column}")).collect();
    format!(
        "INSERT INTO buckets (span, at, tenant_id, {}) VALUES (?1, ?2, ?3, {})
         ON CONFLICT (span, at, tenant_id) DO UPDATE SET {}",
        columns.join(", "),
        places.join(", "),
        added.join(", ")
    )
}

fn totals(row: &Row<'_>, from: usize) -> Result<Totals, DbError> {
    let mut totals = Totals::default();
    for (place, number) in totals.0.iter_mut().enumerate() {
        *number = row.get::<i64>(from + place)?.unsigned_abs();
    }
    Ok(totals)
}

fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn track() -> Track {
    Track::system(&[(
        "telemetry/0001_buckets.sql",
        include_str!("../../migrations/telemetry/0001_buckets.sql"),
    )])
}

fn open(path: &Path, threads: ReaderThreads, clock: SharedClock) -> Result<Arc<Database>> {
    let file = Maintenance::open(path).map_err(Error::internal)?;
    file.require_kind(APPLICATION_ID).map_err(Error::internal)?;
    if !file.is_current(&track()).map_err(Error::internal)? {
        file.migrate(&track(), clock.now()).map_err(Error::internal)?;
    }
    // Damage to the beginning of the file shows here.
    file.read(|tx| Ok(tx.query("SELECT at FROM buckets ORDER BY span, at LIMIT 1", &[], |_| Ok(()))?))?;
    drop(file);
    let options = DatabaseOptions {
        application_id: APPLICATION_ID,
        readers: 2,
        cache_kib: 4_096,
        read_wait: Duration::from_secs(5),
        read_time: Duration::from_secs(10),
        write: WriteLimits { time: Duration::from_secs(60), ..WriteLimits::default() },
        threads,
    };
    Database::open(path, options, clock, |_| Ok::<(), OpenError>(())).map_err(Error::internal)
}

/// Removes the file with what lies beside it, the log first: left alone beside another file it would be replayed.
fn remove(path: &Path) -> Result<()> {
    for end in ["-wal", "-shm", ""] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
