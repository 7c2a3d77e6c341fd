//! The writer: group commit, savepoints, and the two traps of DESIGN 3.

use super::*;
use crate::db::{ConstraintKind, DbError, Tx};
use crate::error::{Error, Kind};
use crate::params;

const SCHEMA: &str = "
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
    CREATE TABLE parts (id INTEGER PRIMARY KEY, item INTEGER REFERENCES items (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE cards (code TEXT PRIMARY KEY ON CONFLICT ROLLBACK);
    CREATE TRIGGER items_no_bomb BEFORE INSERT ON items WHEN NEW.name = 'bomb'
    BEGIN SELECT RAISE(ROLLBACK, 'boom'); END;";

/// What one of many writers does.
#[derive(Clone, Copy)]
enum Deed {
    Good,
    /// Before it has changed anything.
    Refuses,
    /// The same in the middle of a statement.
    Repeats,
    Fails,
    Panics,
    LeavesOrphan,
    EndsTransaction,
    RollsBackByConflict,
}

async fn perform(bench: &Bench, deed: Deed, number: i64) -> Result<(), Error> {
    bench
        .database
        .write("test", move |tx| {
            let app = tx.app();
            match deed {
                Deed::Refuses => return Err(Error::conflict("test", "on purpose")),
                Deed::Repeats => {
                    let twice = "INSERT INTO items (id, name) VALUES (?1, 'a'), (?1, 'b')";
                    return Ok(app.execute(twice, params![number]).map(drop)?);
                }
                _ => {}
            }
            let name = match deed {
                Deed::EndsTransaction => "bomb".to_owned(),
                _ => format!("item {number}"),
            };
            app.execute("INSERT INTO items (id, name) VALUES (?1, ?2)", params![number, name])?;
            match deed {
                Deed::Good | Deed::EndsTransaction | Deed::Refuses | Deed::Repeats => Ok(()),
                Deed::Fails => Err(Error::conflict("test", "on purpose")),
                Deed::Panics => panic!("on purpose"),
                Deed::LeavesOrphan => {
                    Ok(app.execute("INSERT INTO parts (item) VALUES (?1)", params![-number]).map(drop)?)
                }
                Deed::RollsBackByConflict => {
                    app.execute("INSERT INTO cards (code) VALUES ('x')", params![])?;
                    Ok(app.execute("INSERT INTO cards (code) VALUES ('x')", params![]).map(drop)?)
                }
            }
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_neighbour_in_a_batch_feels_what_one_of_them_does() {
    let bench = Arc::new(Bench::new(SCHEMA));
    let deeds = [
        Deed::Refuses,
        Deed::Repeats,
        Deed::Fails,
        Deed::Panics,
        Deed::LeavesOrphan,
        Deed::EndsTransaction,
        Deed::RollsBackByConflict,
    ];
    for (first, deed) in (0..).step_by(1_000).zip(deeds) {
        let before = bench.count("items").await;
        let mut writers = tokio::task::JoinSet::new();
        for number in 1..=60 {
            let bench = Arc::clone(&bench);
            let deed = if number % 7 == 0 { deed } else { Deed::Good };
            writers.spawn(async move { (number % 7 == 0, perform(&bench, deed, first + number).await) });
        }
        while let Some(joined) = writers.join_next().await {
            let (guilty, result) = joined.unwrap();
            assert_eq!(result.is_err(), guilty, "{result:?}");
        }
        assert_eq!(bench.count("items").await, before + 60 - 8);
        assert_eq!(bench.count("parts").await, 0);
        assert_eq!(bench.count("cards").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_fails_before_it_changes_anything_makes_nobody_run_again() {
    use std::sync::atomic::{AtomicI64, Ordering};
    let bench = Arc::new(Bench::new(SCHEMA));
    let runs = Arc::new(AtomicI64::new(0));
    let mut writers = tokio::task::JoinSet::new();
    for number in 1_i64..=200 {
        let (bench, runs) = (Arc::clone(&bench), Arc::clone(&runs));
        writers.spawn(async move {
            let write = move |tx: &Tx<'_>| {
                runs.fetch_add(1, Ordering::SeqCst);
                // A name that is taken from the second on.
                let name = if number % 3 == 0 { "taken".to_owned() } else { format!("item {number}") };
                let insert = "INSERT INTO items (id, name) VALUES (?1, ?2)";
                Ok(tx.app().execute(insert, params![number, name]).map(drop)?)
            };
            bench.database.write("test", write).await.is_ok()
        });
    }
    let mut stored = 0;
    while let Some(joined) = writers.join_next().await {
        stored += i64::from(joined.unwrap());
    }
    assert_eq!((stored, bench.count("items").await), (200 - 66 + 1, 200 - 66 + 1));
    assert_eq!(runs.load(Ordering::SeqCst), 200);
}

#[tokio::test]
async fn a_deferred_key_that_is_violated_at_the_end_is_told_as_such() {
    let bench = Bench::new(SCHEMA);
    let error = perform(&bench, Deed::LeavesOrphan, 1).await.unwrap_err();
    let cause = error.cause().and_then(|cause| cause.downcast_ref::<DbError>());
    assert!(
        matches!(cause, Some(DbError::Constraint(constraint)) if constraint.kind == ConstraintKind::ForeignKey)
    );
    // The same writer goes on.
    perform(&bench, Deed::Good, 2).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_with_503_and_loses_nothing_that_it_took() {
    let bench = Arc::new(Bench::with(SCHEMA, WriteLimits { queue: 4, ..WriteLimits::default() }));
    let mut writers = tokio::task::JoinSet::new();
    for number in 1_i64..=200 {
        let bench = Arc::clone(&bench);
        writers.spawn(async move { perform(&bench, Deed::Good, number).await });
    }
    let mut taken = 0;
    while let Some(joined) = writers.join_next().await {
        match joined.unwrap() {
            Ok(()) => taken += 1,
            Err(error) => {
                assert_eq!((error.kind(), error.retry_after_s()), (Kind::Unavailable, Some(1)), "{error:?}");
            }
        }
    }
    assert!(taken >= 4, "{taken}");
    assert_eq!(bench.count("items").await, taken);
}

#[tokio::test]
async fn what_was_answered_is_in_the_file_after_it_is_opened_anew() {
    let bench = Bench::new(SCHEMA);
    perform(&bench, Deed::Good, 1).await.unwrap();
    let again = open(&bench.path(), WriteLimits::default()).unwrap();
    let found =
        again.read(|tx| Ok(tx.query_row("SELECT name FROM items", &[], |row| row.get::<String>(0))?)).await;
    assert_eq!(found.unwrap().as_deref(), Some("item 1"));
}

#[tokio::test]
async fn a_closed_database_answers_503_and_no_longer_holds_its_log() {
    let bench = Bench::new(SCHEMA);
    perform(&bench, Deed::Good, 1).await.unwrap();
    let database = Arc::clone(&bench.database);
    tokio::task::spawn_blocking(move || database.close()).await.unwrap();
    assert_eq!(perform(&bench, Deed::Good, 2).await.unwrap_err().kind(), Kind::Unavailable);
    let read = bench.database.read(|_| Ok(())).await;
    assert_eq!(read.unwrap_err().kind(), Kind::Unavailable);
    assert!(!bench.directory.path().join("data.db-wal").exists());
}

#[tokio::test]
async fn what_memory_holds_is_dropped_after_commit_and_only_then() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let bench = Bench::new(SCHEMA);
    let dropped = Arc::new(AtomicUsize::new(0));
    for (fails, expected) in [(true, 0), (false, 1)] {
        let counter = Arc::clone(&dropped);
        let result = bench
            .database
            .write("test", move |tx| {
                let counter = Arc::clone(&counter);
                tx.after_commit(move || {
                    counter.fetch_add(1, Ordering::SeqCst);
                });
                if fails { Err(Error::conflict("test", "on purpose")) } else { Ok(()) }
            })
            .await;
        assert_eq!(result.is_err(), fails);
        assert_eq!(dropped.load(Ordering::SeqCst), expected);
    }
}
