//! Whatever is asked, the file stays as it is.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Bench;

const WORDS: &[&str] = &[
    "SELECT",
    "*",
    "FROM",
    "tickets",
    "people",
    "open_tickets",
    "tickets_search",
    "_tenant",
    "sqlite_schema",
    "WHERE",
    "id",
    "=",
    "1",
    "(",
    ")",
    ",",
    ";",
    "WITH",
    "RECURSIVE",
    "x",
    "AS",
    "UNION ALL",
    "VALUES",
    "ORDER BY",
    "LIMIT",
    "INSERT INTO",
    "UPDATE",
    "SET",
    "title",
    "DELETE FROM",
    "RETURNING",
    "REPLACE INTO",
    "ATTACH",
    "'x'",
    "PRAGMA",
    "query_only",
    "OFF",
    "writable_schema",
    "VACUUM",
    "INTO",
    "CREATE TEMP TABLE",
    "DROP TABLE",
    "ALTER TABLE",
    "RENAME TO",
    "BEGIN",
    "COMMIT",
    "SAVEPOINT",
    "EXPLAIN",
    "QUERY PLAN",
    "REINDEX",
    "ANALYZE",
    "load_extension",
    "json_each",
    "MATCH",
    "count",
    "?1",
    "--",
    "/*",
    "*/",
    "\"",
    "ON CONFLICT DO NOTHING",
];

/// Statements that begin like one and go on at random.
fn statement() -> impl Strategy<Value = String> {
    let begin = prop::sample::select(
        &[
            "SELECT * FROM tickets",
            "DELETE FROM tickets",
            "INSERT INTO labels (name) VALUES ('y')",
            "UPDATE people SET handle = 'x'",
            "PRAGMA",
            "WITH x AS (SELECT 1)",
            "CREATE TABLE mine (id)",
            "SELECT 1;",
            "",
        ][..],
    );
    (begin, prop::collection::vec(prop::sample::select(WORDS), 0..12))
        .prop_map(|(begin, words)| format!("{begin} {}", words.join(" ")))
}

#[test]
fn random_statements_never_write() {
    let bench = Bench::with_tickets();
    let file = bench.server.installation().tenant_file(&bench.acme.id);
    let digest = || {
        // A copy is read, never the live files.
        let parts = ["", "-wal"].map(|end| {
            let live = file.with_file_name(format!("data.db{end}"));
            let copy = bench.server.installation().beside(&format!("copy{end}"));
            let copied = std::process::Command::new("cp").arg(&live).arg(&copy).status();
            assert!(copied.unwrap().success());
            std::fs::read(copy).unwrap()
        });
        parts.map(Sha256::digest)
    };
    let mut runner = TestRunner::deterministic();
    let before = digest();
    for _ in 0..150 {
        let sql = statement().new_tree(&mut runner).unwrap().current();
        let answer = bench.sql_with(&sql, if sql.contains("?1") { json!([1]) } else { json!([]) });
        assert!([200, 400, 403, 504].contains(&answer.status), "{sql}: {}", answer.text());
    }
    assert_eq!(before, digest());
    bench.server.stop();
}
