//! What SQLite's pre-update hook tells, case by case: the feed of changes stands on it.

use super::*;
use crate::db::{CapturePlan, Captured, CapturedRow, RowOp, ValueRef};
use std::fmt::Write as _;

const SCHEMA: &str = "
    CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT UNIQUE, real REAL, twice AS (real * 2), n INTEGER, kept AS (n + 1) STORED);
    CREATE TABLE w (x TEXT, y INTEGER, z NUMERIC, PRIMARY KEY (y, x)) WITHOUT ROWID;
    CREATE TABLE parent (id TEXT PRIMARY KEY);
    CREATE TABLE child (id INTEGER PRIMARY KEY, parent TEXT REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE log (line TEXT);
    CREATE TABLE strict_one (id INTEGER PRIMARY KEY, name TEXT UNIQUE ON CONFLICT FAIL);
    CREATE VIEW v AS SELECT id, name FROM a;
    CREATE VIRTUAL TABLE words USING fts5 (text);
    CREATE TRIGGER v_insert INSTEAD OF INSERT ON v BEGIN INSERT INTO a (id, name) VALUES (NEW.id, NEW.name); END;
    CREATE TRIGGER child_log AFTER INSERT ON child BEGIN
      INSERT INTO log VALUES ('new child');
      UPDATE child SET id = id WHERE id = NEW.id;
    END;
    CREATE TRIGGER a_bomb AFTER INSERT ON a WHEN NEW.name = 'bomb' BEGIN SELECT RAISE(FAIL, 'boom'); END;
    CREATE TRIGGER a_abort BEFORE INSERT ON a WHEN NEW.name = 'abort' BEGIN
      INSERT INTO log VALUES ('gone again');
      SELECT RAISE(ABORT, 'boom');
    END;";

const TABLES: [&str; 6] = ["a", "w", "parent", "child", "log", "strict_one"];

fn bench() -> Bench {
    let bench = Bench::new(SCHEMA);
    let mut plan = CapturePlan::default();
    plan.add("a", 6, vec![0]);
    plan.add("w", 3, vec![1, 0]);
    plan.add("parent", 1, vec![0]);
    plan.add("child", 2, vec![0]);
    plan.add("log", 1, vec![]);
    plan.add("strict_one", 2, vec![0]);
    bench.database.capture(Arc::new(plan));
    bench
}

fn shown(value: Option<ValueRef<'_>>) -> String {
    match value {
        None => "?".to_owned(),
        Some(ValueRef::Null) => "null".to_owned(),
        Some(ValueRef::Integer(integer)) => integer.to_string(),
        Some(ValueRef::Real(real)) => format!("{real:?}"),
        Some(ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        Some(ValueRef::Blob(blob)) => format!("{blob:?}"),
    }
}

/// `+a(1,x)` created, `*a[1](1,y)` changed, `-a[1]` removed; `>` per level of triggers; `~` where in doubt.
fn line(row: CapturedRow<'_>) -> String {
    let (keys, columns) = [(1, 6), (2, 3), (1, 1), (1, 2), (0, 1), (1, 2)][row.table()];
    let mut text = ">".repeat(row.depth() as usize);
    if !row.is_certain() {
        text.push('~');
    }
    text.push(match row.op() {
        RowOp::Insert => '+',
        RowOp::Update => '*',
        RowOp::Delete => '-',
    });
    text.push_str(TABLES[row.table()]);
    if row.op() != RowOp::Insert {
        let old: Vec<String> = (0..keys).map(|part| shown(row.old_key(part))).collect();
        let _ = write!(text, "[{}]", old.join(","));
    }
    if row.op() != RowOp::Delete {
        let new: Vec<String> = (0..columns).map(|column| shown(row.new_value(column))).collect();
        let _ = write!(text, "({})", new.join(","));
    }
    text
}

fn lines(captured: &Captured) -> Vec<String> {
    assert!(captured.is_whole());
    captured.rows().map(line).collect()
}

/// Runs the statements in one write, of which some may fail, and tells what was captured.
async fn run(bench: &Bench, statements: &'static [&'static str]) -> Vec<String> {
    let write = bench.database.write("test", move |tx| {
        for sql in statements {
            let _ = tx.app().execute(sql, &[]);
        }
        let captured = tx.take_captured().unwrap();
        let lines = lines(&captured);
        tx.give_back(captured);
        Ok(lines)
    });
    write.await.unwrap()
}

#[tokio::test]
async fn every_row_is_told_whoever_changes_it() {
    let bench = bench();
    for (statements, expected) in [
        // Affinity is applied, stored columns are computed, virtual ones are not told. Whole doubles come as integers.
        (
            &["INSERT INTO a (id, name, real, n) VALUES (1, 'x', 5, '7')"] as &'static [&'static str],
            &["+a(1,x,5,?,7,8)"] as &[&str],
        ),
        (&["UPDATE a SET real = 6, n = '8' WHERE id = 1"], &["*a[1](1,x,6.0,?,8,9)"]),
        (&["UPDATE a SET id = 2"], &["*a[1](2,x,6.0,?,8,9)"]),
        // Conflicts that replace are deletes.
        (&["INSERT OR REPLACE INTO a (id, name) VALUES (3, 'x')"], &["-a[2]", "+a(3,x,null,?,null,null)"]),
        (&["INSERT OR REPLACE INTO a (id, name) VALUES (3, 'y')"], &["-a[3]", "+a(3,y,null,?,null,null)"]),
        (
            &["INSERT INTO a (id, name) VALUES (3, 'y') ON CONFLICT (id) DO UPDATE SET name = 'z'"],
            &["*a[3](3,z,null,?,null,null)"],
        ),
        (&["INSERT OR IGNORE INTO a (id, name) VALUES (3, 'y')"], &[]),
        // SQLite does not cut the table short behind the hook's back.
        (
            &["INSERT INTO a (id, name) VALUES (4, 'q')", "DELETE FROM a"],
            &["+a(4,q,null,?,null,null)", "-a[3]", "-a[4]"],
        ),
        (&["INSERT INTO w VALUES ('p', 1, '2.0')"], &["+w(p,1,2)"]),
        (&["UPDATE w SET z = '3.5'"], &["*w[1,p](p,1,3.5)"]),
        (&["UPDATE w SET y = 2"], &["*w[1,p](p,2,3.5)"]),
        (&["INSERT OR REPLACE INTO w VALUES ('p', 2, 9)"], &["-w[2,p]", "+w(p,2,9)"]),
        (&["DELETE FROM w"], &["-w[2,p]"]),
        (
            &["INSERT INTO parent VALUES ('p')", "INSERT INTO child VALUES (1, 'p')"],
            &["+parent(p)", "+child(1,p)", ">+log(new child)", ">*child[1](1,p)"],
        ),
        (&["UPDATE parent SET id = 'q'"], &["*parent[p](q)", ">*child[1](1,q)"]),
        (&["DELETE FROM parent"], &["-parent[q]", ">-child[1]"]),
        (&["INSERT INTO v VALUES (7, 'seven')"], &[">+a(7,seven,null,?,null,null)"]),
        // What a virtual table keeps behind itself is not in the plan.
        (&["INSERT INTO words VALUES ('some words')", "DELETE FROM words"], &[]),
    ] {
        assert_eq!(run(&bench, statements).await, expected, "{statements:?}");
    }
}

#[tokio::test]
async fn what_a_failed_statement_did_is_in_doubt() {
    let bench = bench();
    for (statements, expected) in [
        // Not undone:
        (
            &["INSERT INTO a (id, name) VALUES (8, 'bomb')"] as &'static [&'static str],
            &["~+a(8,bomb,null,?,null,null)"] as &[&str],
        ),
        (
            &["INSERT INTO strict_one VALUES (1, 'a'), (2, 'b'), (3, 'a')"],
            &["~+strict_one(1,a)", "~+strict_one(2,b)"],
        ),
        // Undone:
        (&["INSERT INTO a (id, name) VALUES (9, 'abort')"], &[">~+log(gone again)"]),
        (
            &["INSERT INTO child VALUES (11, 'nobody')", "INSERT INTO log VALUES ('after')"],
            &["~+child(11,nobody)", ">~+log(new child)", ">~*child[11](11,nobody)", "+log(after)"],
        ),
        (&["INSERT INTO a (id, name) VALUES (8, 'again')"], &[]),
    ] {
        assert_eq!(run(&bench, statements).await, expected, "{statements:?}");
    }
}

#[tokio::test]
async fn a_write_that_does_not_take_what_it_changed_fails() {
    let bench = bench();
    let forgetful = bench
        .database
        .write("forgetful", |tx| Ok(tx.app().execute("INSERT INTO log VALUES ('x')", &[]).map(drop)?));
    assert_eq!(forgetful.await.unwrap_err().code(), "internal");
    assert_eq!(bench.count("log").await, 0);
    // What it left behind is not the next one's.
    assert_eq!(run(&bench, &["INSERT INTO log VALUES ('y')"]).await, ["+log(y)"]);
}
