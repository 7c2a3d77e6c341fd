//! A console on a real file, of which not everything is readable.

use super::*;
use crate::clock::Timestamp;
use crate::db::{FromValue as _, Maintenance, Migration, Track, Value};
use crate::fuzzing::{explore, hostile};
use std::path::PathBuf;
use tempfile::TempDir;

/// No app can make such a view.
const OURS: &str = "CREATE TABLE _ours (id INTEGER PRIMARY KEY); CREATE VIEW ours AS SELECT id FROM _ours;";

const SCHEMA: &str = "
    CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, salary INTEGER);
    CREATE TABLE open (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE secrets (id INTEGER PRIMARY KEY, word TEXT);
    CREATE TABLE odd (rowid TEXT, shown TEXT);
    CREATE TABLE json_tree (leaf TEXT);
    CREATE VIEW payroll AS SELECT count(*) AS people, sum(salary) AS salaries FROM people;
    CREATE VIEW words AS WITH hidden AS (SELECT word FROM secrets) SELECT length(word) AS letters FROM hidden;
    CREATE VIEW over AS SELECT salaries FROM payroll;
    CREATE VIEW withheld AS SELECT word FROM secrets;
    CREATE VIRTUAL TABLE found USING fts5 (word, content = 'secrets', content_rowid = 'id');
    INSERT INTO people VALUES (1, 'ann', 100), (2, 'bob', 50);
    INSERT INTO secrets VALUES (1, 'sesame');
    INSERT INTO odd VALUES ('r', 's');
    INSERT INTO found (found) VALUES ('rebuild');";

struct Bench {
    _directory: TempDir,
    path: PathBuf,
}

impl Bench {
    fn new() -> Bench {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("data.db");
        let file = Maintenance::create(&path, 1).unwrap();
        for (name, sql) in [("app", SCHEMA), ("system", OURS)] {
            let migration = Migration { version: 1, name: "0001.sql".to_owned(), sql: sql.to_owned() };
            file.migrate(&Track { name, migrations: vec![migration] }, Timestamp(0)).unwrap();
        }
        drop(file);
        Bench { _directory: directory, path }
    }

    fn run(&self, sql: &str) -> Result<Vec<Vec<Value>>, ConsoleError> {
        let mut readable = Readable::default();
        readable.add("payroll", ["people", "salaries"]);
        readable.add("words", ["letters"]);
        readable.add("over", ["salaries"]);
        readable.add("found", ["word", "found", "rank", "rowid"]);
        self.ask(sql, readable)
    }

    /// The same without the views and the index of what is withheld.
    fn ask(&self, sql: &str, mut readable: Readable) -> Result<Vec<Vec<Value>>, ConsoleError> {
        readable.add("People", ["id", "name", "rowid"]);
        readable.add("open", ["id", "name", "rowid"]);
        readable.add("odd", ["shown"]);
        readable.add("ours", ["id"]);
        let console = Console::open(&self.path, readable).unwrap();
        let mut rows = Vec::new();
        let none = ConsoleParams::Positional(Vec::new());
        console.run(
            sql,
            &none,
            Duration::from_secs(5),
            |_| {},
            |row| {
                let values =
                    (0..row.columns()).map(|column| Ok(Value::from_value(row.value(column)?).unwrap()));
                rows.push(values.collect::<Result<_, DbError>>()?);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(rows)
    }
}

#[test]
fn what_is_readable_is_read_through_views_and_indexes_as_they_are_made() {
    let bench = Bench::new();
    let number = |n: i64| vec![vec![Value::Integer(n)]];
    for (sql, expected) in [
        ("SELECT count(*) FROM people", number(2)),
        ("SELECT PEOPLE.ID FROM People AS p2, PEOPLE WHERE p2.id = 1 AND people.rowid = 2", number(2)),
        ("SELECT salaries FROM payroll", number(150)),
        ("SELECT salaries FROM over", number(150)),
        ("SELECT letters FROM words", number(6)),
        ("SELECT rowid FROM found('sesame')", number(1)),
        ("SELECT length(word) FROM found", number(6)),
        ("SELECT count(*) FROM odd", number(1)),
        ("SELECT count(*) FROM open AS a JOIN open AS b USING (id) NATURAL JOIN open", number(0)),
        ("WITH mine AS (SELECT id FROM people) SELECT count(*) FROM mine", number(2)),
    ] {
        assert_eq!(bench.run(sql).unwrap_or_else(|error| panic!("{sql}: {error}")), expected, "{sql}");
    }
}

#[test]
fn what_is_withheld_is_reached_in_no_way() {
    let bench = Bench::new();
    for sql in [
        "SELECT salary FROM people",
        "SELECT * FROM people",
        "SELECT id FROM open NATURAL FULL JOIN secrets",
        "SELECT 1 FROM open NATURAL JOIN secrets",
        "SELECT 1 FROM people WHERE salary > 70",
        "SELECT id FROM people ORDER BY salary",
        "SELECT count(salary) FROM people",
        "SELECT p.name FROM people AS p JOIN people AS q ON p.salary = q.id",
        "SELECT p.name FROM people AS p JOIN people AS q USING (salary)",
        "SELECT p.name FROM people AS p NATURAL JOIN people AS q",
        // SQLite asks nobody about columns that are joined by name.
        "SELECT count(*) FROM people JOIN (SELECT 100 AS salary) USING (salary)",
        "SELECT salary FROM (SELECT 1 AS salary WHERE 0) RIGHT JOIN people USING (salary)",
        "SELECT salary FROM people FULL JOIN (SELECT 1 AS salary) USING (salary)",
        "SELECT count(*) FROM (SELECT 'sesame' AS word) NATURAL JOIN secrets",
        "SELECT word FROM (SELECT '' AS word) FULL JOIN secrets USING (word)",
        "SELECT id FROM (SELECT 0 AS id) FULL JOIN _ours USING (id)",
        "SELECT count(*) FROM (SELECT 1 AS id) JOIN _ours USING (id)",
        "SELECT name FROM (SELECT '' AS name) FULL JOIN sqlite_schema USING (name)",
        "SELECT name FROM (SELECT '' AS name) FULL JOIN pragma_table_list USING (name)",
        "SELECT path FROM (SELECT '' AS path) FULL JOIN dbstat USING (path)",
        "SELECT id FROM (SELECT 0 AS id) FULL JOIN found_docsize USING (id)",
        "SELECT * FROM (SELECT 0 AS id) FULL JOIN ours USING (id)",
        "SELECT word FROM (SELECT '' AS word) FULL JOIN withheld USING (word)",
        "SELECT word FROM (SELECT '' AS word) FULL JOIN found USING (word)",
        "SELECT 1 FROM dbstat('main')",
        "SELECT (SELECT salary FROM people)",
        "SELECT id FROM people GROUP BY salary",
        "SELECT sum(id) OVER (ORDER BY salary) FROM people",
        "SELECT count(*) FROM secrets",
        "SELECT 1 FROM secrets",
        "SELECT word FROM withheld",
        "SELECT count(*) FROM withheld",
        "SELECT id FROM ours",
        "SELECT rowid FROM odd",
        "SELECT oid FROM odd",
        "SELECT leaf FROM json_tree",
        "SELECT count(*) FROM json_tree",
        "SELECT block FROM found_data",
        // A common table expression that is called like a view reads as its author, not as the view.
        "WITH payroll AS (SELECT salary FROM people) SELECT salary FROM payroll",
        "WITH payroll AS (SELECT salary FROM people) SELECT * FROM payroll, main.payroll",
        "WITH words AS (SELECT word FROM secrets) SELECT * FROM words",
        "WITH/**/words AS (SELECT word FROM secrets) SELECT * FROM words",
        "wItH RECURSIVE \"words\" AS MATERIALIZED (SELECT word FROM secrets) SELECT * FROM words",
        "SELECT * FROM (WITH words AS (SELECT word FROM secrets) SELECT * FROM words)",
        "SELECT * FROM (SELECT word FROM secrets) AS words",
        "SELECT (SELECT word FROM (SELECT word FROM secrets) AS words) FROM words",
        "SELECT letters FROM words WHERE letters = (SELECT length(word) FROM secrets)",
        "SELECT letters FROM words JOIN secrets ON 1",
    ] {
        let answer = bench.run(sql);
        assert!(matches!(answer, Err(ConsoleError::Refused(_))), "{sql}: {answer:?}");
    }
}

#[test]
fn a_view_of_what_is_withheld_is_not_read_where_its_name_may_be_borrowed() {
    let bench = Bench::new();
    for sql in ["WITH mine AS (SELECT 1) SELECT letters FROM words", "SELECT letters, 'with' FROM words"] {
        assert!(matches!(bench.run(sql), Err(ConsoleError::Refused(_))), "{sql}");
    }
}

#[test]
fn nothing_is_written_though_nobody_looks() {
    let bench = Bench::new();
    let before = std::fs::read(&bench.path).unwrap();
    let console = Console::open(&bench.path, Readable::default()).unwrap();
    console
        .raw
        .authorizer(None::<fn(rusqlite::hooks::AuthContext<'_>) -> rusqlite::hooks::Authorization>)
        .unwrap();
    for sql in [
        "DELETE FROM people",
        "UPDATE people SET name = 'x'",
        "PRAGMA query_only = OFF; DELETE FROM people",
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema",
        "ATTACH '/tmp/elsewhere.db' AS elsewhere",
        "COMMIT; VACUUM INTO '/tmp/elsewhere.db'",
        "CREATE TABLE mine (id)",
    ] {
        assert!(console.raw.execute_batch(sql).is_err(), "{sql}");
    }
    drop(console);
    assert_eq!(before, std::fs::read(&bench.path).unwrap());
}

#[test]
fn any_statement_is_answered_or_refused_and_tells_nothing_of_what_is_withheld() {
    #[rustfmt::skip]
    const TOKENS: &[&str] = &[
        "SELECT ", " FROM ", " WHERE ", " JOIN ", " NATURAL ", " FULL JOIN ", " USING (id)", " USING (word)",
        " ON 1", "WITH ", " AS ", "(", ")", ",", ";", "*", "--", "/*", "*/", "'", "\"", "`", "[", "]", "?",
        ":a", "people", "open", "secrets", "odd", "payroll", "words", "found", "_ours", "ours", "withheld",
        "sqlite_schema", "pragma_table_list", "dbstat", "found_data", "found_content", "salary", "word",
        "name", "id", "rowid", "main.", "temp.", " UNION SELECT ", " ORDER BY ", " GROUP BY ", " IN ",
        " EXISTS ", " LIMIT 1", " OVER ()", "count(*)", "max(", "hex(", "zeroblob(9)", "load_extension('x')",
        "json_each(", "json_group_array(", "INSERT INTO ", "DELETE FROM ", "UPDATE ", " SET ",
        "ATTACH 'x' AS y", "PRAGMA ", "EXPLAIN ", "EXPLAIN QUERY PLAN ", "BEGIN", "1", "NULL", " = ", " || ",
        " MATCH ", "\0", "é", " RETURNING *", "VALUES (1)", " INDEXED BY ", " NOT ", " COLLATE NOCASE",
    ];
    #[rustfmt::skip]
    const GOOD: &[&str] = &[
        "SELECT id, name FROM people", "SELECT * FROM open NATURAL JOIN people",
        "SELECT count(*) FROM people WHERE id IN (SELECT id FROM open)",
        "WITH a AS (SELECT id FROM people) SELECT * FROM a",
        "SELECT name, (SELECT max(id) FROM open) FROM people ORDER BY 1", "SELECT * FROM people",
        "SELECT max(salary) FROM people", "SELECT word FROM secrets",
        "SELECT 1 FROM people WHERE salary = 100", "SELECT * FROM withheld",
        "SELECT id FROM people JOIN secrets USING (id)", "EXPLAIN QUERY PLAN SELECT * FROM people",
        "SELECT value FROM json_each('[1,2]')", "SELECT id FROM open FULL JOIN _ours USING (id)",
        "SELECT shown, rowid FROM odd", "SELECT name FROM people GROUP BY name HAVING count(salary) > 0",
        "WITH payroll AS (SELECT 1) SELECT * FROM payroll", "SELECT id FROM open NATURAL FULL JOIN secrets",
        "SELECT word FROM (SELECT '' AS word) FULL JOIN secrets USING (word)",
        "SELECT p.name FROM people AS p JOIN people AS q USING (salary)",
        "SELECT salary FROM people FULL JOIN (SELECT 1 AS salary) USING (salary)",
    ];
    let (one, other) = (Bench::new(), Bench::new());
    Maintenance::open(&other.path)
        .unwrap()
        .write(Timestamp(0), |tx| {
            tx.execute("UPDATE people SET salary = salary * 7 + id", &[])?;
            tx.execute("INSERT INTO secrets VALUES (2, 'other'), (3, 'more')", &[])?;
            tx.execute("INSERT INTO _ours VALUES (1), (2)", &[])
        })
        .unwrap();
    explore("any_statement_is_answered", &hostile(GOOD, TOKENS), |sql| {
        let ask = |bench: &Bench| match bench.ask(&sql, Readable::default()) {
            Ok(rows) => format!("{rows:?}"),
            Err(error @ ConsoleError::File(_)) => panic!("{error:?}"),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(ask(&one), ask(&other));
    });
}
