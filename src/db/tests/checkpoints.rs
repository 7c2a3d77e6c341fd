//! What becomes of the write-ahead log while nobody reads, and while somebody reads for long.

use super::*;
use crate::db::DbError;
use crate::params;

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, body BLOB)";
/// Bytes of one write: some 250 pages.
const BODY: i64 = 1_000_000;
const MEGABYTE: u64 = 1 << 20;

impl Bench {
    async fn write_note(&self, bytes: i64) {
        let write = self.database.write("note", move |tx| {
            let note = "INSERT INTO notes (body) VALUES (zeroblob(?1))";
            Ok(tx.app().execute(note, params![bytes]).map(drop)?)
        });
        write.await.unwrap();
    }

    fn log(&self) -> u64 {
        std::fs::metadata(self.path().with_extension("db-wal")).map_or(0, |found| found.len())
    }

    fn file(&self) -> u64 {
        std::fs::metadata(self.path()).unwrap().len()
    }
}

/// A connection that reads what was there when it began, for as long as it lives.
fn read_on(bench: &Bench) -> rusqlite::Connection {
    let reading = rusqlite::Connection::open(bench.path()).unwrap();
    reading.execute_batch("BEGIN").unwrap();
    let _: i64 = reading.query_row("SELECT count(*) FROM notes", [], |row| row.get(0)).unwrap();
    reading
}

#[tokio::test]
async fn a_log_stays_short_while_nobody_reads_for_long() {
    let bench = Bench::new(SCHEMA);
    for _ in 0..40 {
        bench.write_note(BODY).await;
        assert!(bench.log() < 9 * MEGABYTE, "{}", bench.log());
    }
    assert!(bench.file() > 30 * MEGABYTE);
    assert_eq!(bench.count("notes").await, 40);
}

#[tokio::test]
async fn a_log_that_grew_under_a_long_read_is_moved_beside_the_writer_and_cut_bit_by_bit() {
    let bench = Bench::new(SCHEMA);
    bench.write_note(BODY).await;
    let reading = read_on(&bench);
    for _ in 0..40 {
        bench.write_note(BODY).await;
    }
    let longest = bench.log();
    assert!(longest > 39 * MEGABYTE && bench.file() < 3 * MEGABYTE, "{longest} {}", bench.file());
    drop(reading);
    let begun = crate::clock::monotonic();
    while bench.file() <= 39 * MEGABYTE {
        assert!(begun.elapsed() < Duration::from_secs(20), "the log was not moved");
        bench.write_note(1).await;
        // The other thread is asked once a second, by whoever writes.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut length = bench.log();
    assert!(length + 5 * MEGABYTE > longest, "from {longest} to {length} at once");
    for _ in 0..200 {
        bench.write_note(BODY).await;
        assert!(length <= bench.log() + 5 * MEGABYTE, "from {length} to {} at once", bench.log());
        length = bench.log();
        if length <= 16 * MEGABYTE {
            break;
        }
    }
    assert_eq!(length, 16 * MEGABYTE);
    bench.database.close();
    assert_eq!(bench.log(), 0);
}

#[tokio::test]
async fn whoever_closes_a_file_leaves_no_log() {
    let bench = Bench::new(SCHEMA);
    // Too much for the writer: the other thread is asked, or at it.
    bench.write_note(20 * BODY).await;
    bench.database.close();
    assert!(!bench.path().with_extension("db-wal").exists());
    assert!(bench.file() > 19 * MEGABYTE);
}

#[tokio::test]
async fn what_is_synced_once_is_in_the_file_or_in_its_log_where_somebody_reads() {
    let bench = Bench::new(SCHEMA);
    bench.write_note(1).await;
    let add = |end: Result<(), DbError>| {
        let file = Maintenance::open(&bench.path()).unwrap();
        let note = "INSERT INTO notes (body) VALUES (zeroblob(?1))";
        let add = || file.write(Timestamp(0), |tx| tx.execute(note, params![BODY]).map(drop));
        let done = file.syncing_once(|| add().and_then(|()| add()).and(end));
        let level = file.read(|tx| Ok(tx.count("PRAGMA synchronous", &[])?)).unwrap();
        // FULL again.
        assert_eq!(level, 2);
        done
    };
    add(Ok(())).unwrap();
    let file = bench.file();
    assert!(file > 2_000_000, "{file}");
    let reading = read_on(&bench);
    add(Ok(())).unwrap();
    assert!(bench.file() == file && bench.log() > 2_000_000, "{} {}", bench.file(), bench.log());
    drop(reading);
    // What was committed before something failed is there as well.
    add(Err(DbError::Interrupted)).unwrap_err();
    assert!(bench.file() > 6_000_000, "{}", bench.file());
    assert_eq!(bench.count("notes").await, 7);
}
