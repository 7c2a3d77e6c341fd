//! What becomes of the write-ahead log while nobody reads, and while somebody reads for long.

use super::*;
use crate::params;

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, body BLOB)";
/// Bytes of one write: some 250 pages.
const BODY: i64 = 1_000_000;
const MEGABYTE: u64 = 1 << 20;

impl Bench {
    async fn write_note(&self) {
        let write = self.database.write("note", |tx| {
            let note = "INSERT INTO notes (body) VALUES (zeroblob(?1))";
            Ok(tx.app().execute(note, params![BODY]).map(drop)?)
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

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = crate::clock::monotonic();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_log_stays_short_while_nobody_reads_for_long() {
    let bench = Bench::new(SCHEMA);
    for _ in 0..40 {
        bench.write_note().await;
        assert!(bench.log() < 9 * MEGABYTE, "{}", bench.log());
    }
    assert!(bench.file() > 30 * MEGABYTE);
    assert_eq!(bench.count("notes").await, 40);
}

#[tokio::test]
async fn a_log_that_grew_under_a_long_read_is_moved_beside_the_writer_and_cut_bit_by_bit() {
    let bench = Bench::new(SCHEMA);
    bench.write_note().await;
    let reading = read_on(&bench);
    for _ in 0..40 {
        bench.write_note().await;
    }
    let longest = bench.log();
    assert!(longest > 39 * MEGABYTE && bench.file() < 3 * MEGABYTE, "{longest} {}", bench.file());
    drop(reading);
    // It is known when the other thread found somebody in its way; after that it is asked again by the next write.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    bench.write_note().await;
    until("the log was not moved", || bench.file() > 39 * MEGABYTE).await;
    assert!(bench.log() >= longest);
    let mut length = bench.log();
    for _ in 0..200 {
        bench.write_note().await;
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
async fn the_writer_moves_all_of_it_where_the_other_thread_gets_no_further() {
    let bench = Bench::new(SCHEMA);
    let big = || {
        bench.database.write("big", |tx| {
            let note = "INSERT INTO notes (body) VALUES (zeroblob(?1))";
            Ok(tx.app().execute(note, params![20 * BODY]).map(drop)?)
        })
    };
    // Each is too much for the writer, and comes as soon as the one before is done.
    for _ in 0..30 {
        big().await.unwrap();
    }
    assert!(bench.log() < 300 * MEGABYTE, "{} of 600 MB", bench.log());
    assert_eq!(bench.count("notes").await, 30);
}

#[tokio::test]
async fn whoever_closes_a_file_waits_for_its_log() {
    let bench = Bench::new(SCHEMA);
    let reading = read_on(&bench);
    for _ in 0..20 {
        bench.write_note().await;
    }
    drop(reading);
    bench.write_note().await;
    bench.database.close();
    // The last connection has removed the log: there was none beside it.
    assert!(!bench.path().with_extension("db-wal").exists());
    assert!(bench.file() > 20 * MEGABYTE);
}
