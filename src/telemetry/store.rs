//! `telemetry.db`: what was counted of each tenant, by minutes, hours and days. Nothing that counts is kept here alone: it
//! may be deleted at any time, and is made anew where it is missing or damaged.

use super::totals::{CLASSES, Figure, NUMBERS, Totals};
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

/// How long the time is that one point of a series is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day of UTC.
    Day,
}

impl Window {
    /// All of them.
    pub const ALL: [Window; 3] = [Window::Minute, Window::Hour, Window::Day];

    /// Its length, in milliseconds.
    pub const fn span(self) -> i64 {
        match self {
            Window::Minute => MINUTE,
            Window::Hour => HOUR,
            Window::Day => DAY,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Window::Minute => "minute",
            Window::Hour => "hour",
            Window::Day => "day",
        }
    }

    /// The window of that name.
    pub fn parse(name: &str) -> Option<Window> {
        Window::ALL.into_iter().find(|window| window.name() == name)
    }

    /// The beginning of the one in which a moment lies.
    pub fn begin(self, moment: Timestamp) -> Timestamp {
        Timestamp(moment.0.div_euclid(self.span()) * self.span())
    }
}

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
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const DAY_ONE: i64 = 20_000 * DAY;

    fn open_in(directory: &Path, now: i64) -> Store {
        Store::open(directory, ReaderThreads::new(1), Arc::new(ManualClock::new(Timestamp(now)))).unwrap()
    }

    fn some(requests: u64) -> Totals {
        let mut totals = Totals::default();
        totals.0[Figure::Requests as usize] = requests;
        totals.0[NUMBERS - 1] = 1;
        totals
    }

    #[tokio::test]
    async fn a_minute_is_added_to_its_hour_and_day_and_read_back_by_tenant() {
        let directory = tempfile::tempdir().unwrap();
        let store = open_in(directory.path(), DAY_ONE);
        let (one, other) = (TenantId::new(Timestamp(1)), TenantId::new(Timestamp(2)));
        let at = |minute: i64| Timestamp(DAY_ONE + minute * MINUTE);
        store.add(at(0), vec![(one, some(3)), (other, some(50))]).await.unwrap();
        store.add(at(59), vec![(one, some(4))]).await.unwrap();
        store.add(at(59), vec![(one, some(1))]).await.unwrap();
        store.add(at(60), vec![(one, some(6))]).await.unwrap();
        let series = async |window, to| {
            let all = store.series(one, window, at(0), to).await.unwrap();
            all.iter().map(|bucket| (bucket.at, bucket.totals.get(Figure::Requests))).collect::<Vec<_>>()
        };
        assert_eq!(series(Window::Minute, at(61)).await, [(at(0), 3), (at(59), 5), (at(60), 6)]);
        assert_eq!(series(Window::Minute, at(59)).await, [(at(0), 3)]);
        assert_eq!(series(Window::Hour, at(61)).await, [(at(0), 8), (at(60), 6)]);
        assert_eq!(series(Window::Day, at(61)).await, [(at(0), 14)]);
        let mut since = store.since(at(59)).await.unwrap();
        since.sort_by_key(|(tenant, _)| *tenant);
        assert_eq!(
            since.iter().map(|(id, sum)| (*id, sum.get(Figure::Requests))).collect::<Vec<_>>(),
            [(one, 11)]
        );
        assert_eq!(since[0].1.latency()[CLASSES - 1], 3);
        store.close();
    }

    #[tokio::test]
    async fn an_erased_tenant_leaves_nothing_and_takes_nothing_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let store = open_in(directory.path(), DAY_ONE);
        let (one, other) = (TenantId::new(Timestamp(1)), TenantId::new(Timestamp(2)));
        for minute in 0..130 {
            let at = Timestamp(DAY_ONE + minute * MINUTE);
            store.add(at, vec![(one, some(1)), (other, some(1))]).await.unwrap();
        }
        assert_eq!(store.count(one).await.unwrap(), 130 + 3 + 1);
        assert_eq!(store.erase(one).await.unwrap(), 134);
        assert_eq!((store.count(one).await.unwrap(), store.count(other).await.unwrap()), (0, 134));
        store.close();
        let needle = one.to_string();
        for name in ["telemetry.db", "telemetry.db-wal"] {
            let bytes = std::fs::read(directory.path().join(name)).unwrap_or_default();
            assert!(!bytes.windows(needle.len()).any(|window| window == needle.as_bytes()), "in {name}");
        }
    }

    #[tokio::test]
    async fn minutes_hours_and_days_are_kept_for_as_long_as_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let store = open_in(directory.path(), DAY_ONE);
        let tenant = TenantId::new(Timestamp(1));
        let ago = |days: i64| Timestamp(DAY_ONE - days * DAY);
        for days in [29, 31, 399, 401, 2_000] {
            store.add(ago(days), vec![(tenant, some(1))]).await.unwrap();
        }
        store.sweep(30).await.unwrap();
        let left = async |window: Window, days: i64| {
            store.series(tenant, window, ago(days), ago(days - 1)).await.unwrap().len()
        };
        assert_eq!((left(Window::Minute, 29).await, left(Window::Minute, 31).await), (1, 0));
        assert_eq!((left(Window::Hour, 399).await, left(Window::Hour, 401).await), (1, 0));
        assert_eq!((left(Window::Day, 401).await, left(Window::Day, 2_000).await), (1, 0));
        store.close();
    }

    #[tokio::test]
    async fn a_file_that_is_missing_damaged_or_of_another_kind_is_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("telemetry.db");
        let tenant = TenantId::new(Timestamp(1));
        let keeps = async |store: &Store| {
            store.add(Timestamp(DAY_ONE), vec![(tenant, some(1))]).await.unwrap();
            assert_eq!(store.count(tenant).await.unwrap(), 3);
            store.close();
        };
        keeps(&open_in(directory.path(), DAY_ONE)).await;
        let kept = open_in(directory.path(), DAY_ONE);
        assert_eq!(kept.count(tenant).await.unwrap(), 3);
        kept.close();
        drop(kept);
        for damage in [Vec::new(), vec![7; 100_000], std::fs::read(&path).unwrap()[..5_000].to_vec()] {
            std::fs::write(&path, damage).unwrap();
            keeps(&open_in(directory.path(), DAY_ONE)).await;
        }
        std::fs::remove_file(&path).unwrap();
        keeps(&open_in(directory.path(), DAY_ONE)).await;
    }
}
