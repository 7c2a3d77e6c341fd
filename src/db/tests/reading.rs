use super::{APPLICATION_ID, Bench, Database, DatabaseOptions, ReaderThreads};
use crate::clock::SystemClock;
use crate::db::Tx;
use crate::error::Result;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LONG: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT sum(i) FROM n";

fn count_long(tx: &Tx<'_>) -> Result<i64> {
    Ok(tx.query_row(LONG, &[], |row| row.get(0))?.unwrap_or_default())
}

fn open(bench: &Bench, threads: ReaderThreads) -> Arc<Database> {
    let options = DatabaseOptions {
        application_id: APPLICATION_ID,
        read_time: Duration::from_secs(60),
        threads,
        ..DatabaseOptions::of_tests()
    };
    Database::open::<super::OpenError>(&bench.path(), options, Arc::new(SystemClock), |_| Ok(())).unwrap()
}

/// Policy and niceness of this thread, as the system tells them (`proc_pid_stat(5)`).
#[cfg(target_os = "linux")]
fn policy_and_niceness() -> (String, String) {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let field = |number: usize| fields.split(' ').nth(number - 3).unwrap().to_owned();
    (field(41), field(19))
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_long_read_runs_on_idle_cores_and_begins_again_where_there_are_none() {
    let bench = Bench::new("CREATE TABLE t (id INTEGER PRIMARY KEY) STRICT;");
    let (idle, normal) = ("5", "0");
    for (threads, expected) in
        [(ReaderThreads::new(1), vec![idle]), (ReaderThreads::all_starved(), vec![idle, normal])]
    {
        let (database, ran) = (open(&bench, threads), Arc::new(Mutex::new(Vec::new())));
        let noted = Arc::clone(&ran);
        let read = database.read_slow(move |tx| {
            noted.lock().unwrap().push(policy_and_niceness());
            count_long(tx)
        });
        assert_eq!(read.await.unwrap(), 50_000 * 50_001 / 2);
        let ran = ran.lock().unwrap();
        let policies: Vec<_> = ran.iter().map(|(policy, _)| policy.as_str()).collect();
        // Where something else has all cores, any read begins again.
        assert!(policies == expected || policies == [idle, normal], "{policies:?}");
        if let [_, (_, niceness)] = &ran[..] {
            assert!(niceness.parse::<i32>().unwrap() >= 10, "{niceness}");
        }
    }
}

#[tokio::test]
async fn a_read_that_fails_without_starving_fails_once() {
    let bench = Bench::new("CREATE TABLE t (id INTEGER PRIMARY KEY) STRICT;");
    let database = open(&bench, ReaderThreads::all_starved());
    let mut times = 0;
    let failed = database.read_slow(move |_| -> Result<()> {
        times += 1;
        Err(crate::error::Error::internal(format!("{times}")))
    });
    assert_eq!(failed.await.unwrap_err().cause().map(ToString::to_string), Some("1".to_owned()));
}
