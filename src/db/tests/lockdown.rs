//! What the statements of an app cannot do, however they came to be, and what ends them.

use super::*;
use crate::db::{Copy, DbError, MigrationError, Value, keep_temporary_files_in};
use crate::error::Kind;

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);";

async fn refused(bench: &Bench, sql: &'static str) -> bool {
    let result = bench
        .database
        .write("test", move |tx| {
            let none: [Value; 0] = [];
            Ok(tx.app().execute(sql, &none).map(drop)?)
        })
        .await;
    result.is_err()
}

#[tokio::test]
async fn an_injected_statement_cannot_leave_its_file_nor_touch_our_tables() {
    let bench = Bench::new(SCHEMA);
    for sql in [
        "ATTACH '/tmp/elsewhere.db' AS elsewhere",
        "DETACH main",
        "VACUUM INTO '/tmp/elsewhere.db'",
        "SELECT load_extension('x')",
        "SELECT * FROM _ours",
        "INSERT INTO _ours (id) VALUES (1)",
        "UPDATE _ours SET id = 2",
        "DELETE FROM _migrations",
        "DROP TABLE items",
        "DROP TABLE _ours",
        "CREATE TABLE mine (id)",
        "CREATE TEMP TABLE mine (id)",
        "CREATE TRIGGER t AFTER INSERT ON items BEGIN DELETE FROM _ours; END",
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA foreign_keys = OFF",
        "UPDATE sqlite_schema SET sql = ''",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT mine",
    ] {
        assert!(refused(&bench, sql).await, "{sql}");
    }
    assert!(!refused(&bench, "INSERT INTO items (name) VALUES ('fine')").await);
    assert_eq!((bench.count("items").await, bench.count("_migrations").await), (1, 2));
}

#[test]
fn a_migration_cannot_do_what_is_ours_to_do_and_leaves_nothing_of_itself() {
    for sql in [
        "CREATE TABLE _mine (id);",
        "CREATE TABLE ok (id); DROP TABLE _ours;",
        "CREATE TABLE ok (id); COMMIT;",
        "ATTACH 'x' AS y;",
        "VACUUM;",
        "PRAGMA journal_mode = DELETE;",
        "CREATE TABLE ok (id); CREATE TRIGGER t AFTER INSERT ON ok BEGIN DELETE FROM _ours; END; INSERT INTO ok VALUES (1);",
        "CREATE TABLE ok (id); CREATE TABLE broken (",
    ] {
        let directory = TempDir::new().unwrap();
        let file = Maintenance::create(&directory.path().join("data.db"), APPLICATION_ID).unwrap();
        file.migrate(&track("system", "CREATE TABLE _ours (id INTEGER PRIMARY KEY);"), Timestamp(0)).unwrap();
        assert!(file.migrate(&track("app", sql), Timestamp(0)).is_err(), "{sql}");
        let left = file.write(Timestamp(0), |tx| {
            tx.query("SELECT name FROM sqlite_schema WHERE name = 'ok'", &[], |row| row.get::<String>(0))
        });
        assert_eq!(left.unwrap(), Vec::<String>::new(), "{sql}");
    }
}

/// The authorizer is not asked about columns that are joined by name.
#[test]
fn a_migration_cannot_make_views_and_triggers_that_join_our_tables() {
    const ON: &str = "CREATE TABLE ok (id INTEGER PRIMARY KEY, a TEXT);";
    for (sql, refused) in [
        ("CREATE VIEW v AS SELECT id FROM ok NATURAL FULL JOIN _ours;", true),
        ("CREATE VIEW v AS SELECT a FROM ok JOIN _ours USING (id);", true),
        ("CREATE VIEW w AS SELECT a FROM ok JOIN _ours USING (id); CREATE VIEW v AS SELECT a FROM w;", true),
        ("CREATE VIEW v AS SELECT count(*) AS n FROM _ours;", true),
        (
            "CREATE TRIGGER t AFTER UPDATE OF a ON ok BEGIN INSERT INTO ok (id) SELECT id FROM ok NATURAL FULL JOIN _ours; END;",
            true,
        ),
        (
            "CREATE TRIGGER t AFTER INSERT ON ok WHEN new.a IS NULL BEGIN UPDATE ok SET a = (SELECT max(id) FROM ok NATURAL FULL JOIN _ours); END;",
            true,
        ),
        (
            "CREATE TRIGGER t BEFORE DELETE ON ok BEGIN SELECT RAISE(ABORT, 'no') FROM ok JOIN _ours USING (id); END;",
            true,
        ),
        (
            "CREATE VIEW v AS SELECT 1 AS n; CREATE TRIGGER t INSTEAD OF INSERT ON v BEGIN INSERT INTO ok (id) SELECT id FROM ok NATURAL FULL JOIN _ours; END;",
            true,
        ),
        (
            "CREATE TABLE other (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT a FROM ok NATURAL JOIN other;",
            false,
        ),
        ("CREATE TABLE _ok (id); CREATE VIEW v AS SELECT a FROM ok;", true),
        (
            "CREATE VIEW v AS SELECT gone FROM ok; CREATE TRIGGER t AFTER INSERT ON ok BEGIN UPDATE ok SET a = '_ours'; END;",
            false,
        ),
    ] {
        let directory = TempDir::new().unwrap();
        let file = Maintenance::create(&directory.path().join("data.db"), APPLICATION_ID).unwrap();
        file.migrate(&track("system", "CREATE TABLE _ours (id INTEGER PRIMARY KEY);"), Timestamp(0)).unwrap();
        let made = file.migrate(&track("app", &format!("{ON}{sql}")), Timestamp(0));
        assert_eq!(made.is_err(), refused, "{sql}: {made:?}");
    }
}

#[test]
fn a_mistake_in_a_migration_is_told_with_file_and_line() {
    let cases: [(&str, usize); 4] = [
        ("CREATE TABLE a (id);\n\n-- fine\nCREATE TABLE b (id,);\n", 4),
        ("CREATE TABLE a (id);\nCREATE TABLE a (id);", 2),
        ("SELECT nothing;", 1),
        (
            "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p INTEGER NOT NULL);\nINSERT INTO c VALUES (NULL);",
            3,
        ),
    ];
    for (sql, line) in cases {
        let directory = TempDir::new().unwrap();
        let file = Maintenance::create(&directory.path().join("data.db"), APPLICATION_ID).unwrap();
        let error: MigrationError = file.migrate(&track("app", sql), Timestamp(0)).unwrap_err();
        assert_eq!((error.file.as_str(), error.line), ("0001_test.sql", line), "{sql}: {error}");
    }
}

#[tokio::test]
async fn a_read_that_does_not_end_is_ended_and_the_next_one_is_served() {
    let bench = Bench::new(SCHEMA);
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let result =
        bench.database.read(move |tx| Ok(tx.query_row(endless, &[], |row| row.get::<i64>(0))?)).await;
    assert_eq!(result.unwrap_err().kind(), Kind::DeadlinePassed);
    assert_eq!(bench.count("items").await, 0);
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let bench = Bench::new(SCHEMA);
    let result =
        bench.database.read(|tx| Ok(tx.execute("INSERT INTO items (name) VALUES ('x')", &[])?)).await;
    assert!(result.is_err());
    assert_eq!(bench.count("items").await, 0);
}

#[test]
fn a_file_of_another_kind_or_none_at_all_is_not_opened_nor_made() {
    let directory = TempDir::new().unwrap();
    let missing = directory.path().join("missing.db");
    assert!(matches!(open(&missing, WriteLimits::default()), Err(OpenError::Missing)));
    assert!(!missing.exists());
    let foreign = directory.path().join("foreign.db");
    drop(Maintenance::create(&foreign, APPLICATION_ID + 1).unwrap());
    assert!(matches!(open(&foreign, WriteLimits::default()), Err(OpenError::Foreign(_))));
    let garbage = directory.path().join("garbage.db");
    std::fs::write(&garbage, [7; 8_192]).unwrap();
    assert!(matches!(open(&garbage, WriteLimits::default()), Err(OpenError::Database(DbError::Corrupt(_)))));
}

#[tokio::test]
async fn a_copy_on_its_way_out_holds_the_records_under_their_numbers_and_nothing_of_ours() {
    let bench = Bench::new("CREATE TABLE bare (name TEXT);");
    bench
        .database
        .write("test", |tx| {
            tx.execute("INSERT INTO bare (rowid, name) VALUES (7, 'seven'), (9, 'nine')", &[])?;
            Ok(tx.execute("INSERT INTO _ours (id) VALUES (424242)", &[])?)
        })
        .await
        .unwrap();
    let target = bench.directory.path().join("copy.db");
    Maintenance::open(&bench.path()).unwrap().copy_with_pauses(&target).unwrap();
    let copy = Copy::without_system_tables(&target).unwrap();
    let rows = copy.read(|tx| Ok(tx.query("SELECT rowid FROM bare", &[], |row| row.get::<i64>(0))?)).unwrap();
    let ours = copy
        .read(|tx| {
            Ok(tx.query("SELECT name FROM sqlite_schema WHERE substr(name, 1, 1) = '_'", &[], |row| {
                row.get::<String>(0)
            })?)
        })
        .unwrap();
    copy.close();
    assert_eq!((rows, ours), (vec![7, 9], Vec::new()));
    assert!(!bench.directory.path().join("copy.db-wal").exists());
}

#[test]
fn what_does_not_fit_into_memory_goes_where_it_was_told() {
    let directory = TempDir::new().unwrap();
    let setting = || {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.query_row("PRAGMA temp_store_directory", [], |row| row.get::<_, String>(0)).unwrap()
    };
    keep_temporary_files_in(directory.path()).unwrap();
    assert_eq!(setting(), directory.path().to_string_lossy());
    assert!(keep_temporary_files_in(&directory.path().join("missing")).is_err());
    assert_eq!(setting(), directory.path().to_string_lossy());
}
