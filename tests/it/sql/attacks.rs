//! What a statement must not reach: other files, our tables, the engine's own, anything that writes.

use serde_json::{Value, json};

use super::{Bench, ask};
use crate::harness::Answer;

/// Statement, and what the refusal names.
pub const REFUSED: &[(&str, &str)] = &[
    ("ATTACH '/tmp/elsewhere.db' AS elsewhere", "ATTACH"),
    ("ATTACH ':memory:' AS elsewhere", "ATTACH"),
    ("DETACH main", "DETACH"),
    ("VACUUM", "read"),
    ("VACUUM INTO '/tmp/elsewhere.db'", "read"),
    ("VACUUM INTO ?1", "read"),
    ("SELECT load_extension('/tmp/x')", "load_extension"),
    ("SELECT load_extension('/tmp/x', 'y')", "load_extension"),
    ("PRAGMA writable_schema = ON", "PRAGMA"),
    ("PRAGMA query_only = OFF", "PRAGMA"),
    ("PRAGMA table_info(tickets)", "PRAGMA"),
    ("PRAGMA database_list", "PRAGMA"),
    ("PRAGMA hard_heap_limit = 0", "PRAGMA"),
    ("PRAGMA data_version", "PRAGMA"),
    ("PRAGMA trusted_schema(1)", "PRAGMA"),
    ("SELECT * FROM pragma_database_list", "pragma_database_list"),
    ("SELECT count(*) FROM pragma_table_list", "pragma_table_list"),
    ("SELECT count(*) FROM pragma_function_list()", "pragma_function_list"),
    ("SELECT * FROM pragma_table_info('_tenant')", "pragma_table_info"),
    ("SELECT * FROM sqlite_schema", "sqlite_master"),
    ("SELECT * FROM sqlite_master", "sqlite_master"),
    ("SELECT sql FROM main.sqlite_schema", "sqlite_master"),
    ("SELECT * FROM sqlite_temp_schema", "sqlite_temp_master"),
    ("SELECT count(*) FROM sqlite_schema", "sqlite"),
    ("SELECT * FROM sqlite_sequence", "sqlite_sequence"),
    ("SELECT * FROM dbstat", "dbstat"),
    ("SELECT count(*) FROM dbstat", "dbstat"),
    ("SELECT * FROM _tenant", "_tenant"),
    ("SELECT id FROM _tenant", "_tenant"),
    ("SELECT count(*) FROM _tenant", "_tenant"),
    ("SELECT 1 FROM main._migrations", "_migrations"),
    ("SELECT 1 FROM \"_MIGRATIONS\" AS harmless", "_MIGRATIONS"),
    ("SELECT (SELECT epoch FROM _tenant)", "_tenant"),
    ("SELECT 1 WHERE EXISTS (SELECT 1 FROM _tenant)", "_tenant"),
    ("WITH t AS (SELECT * FROM _tenant) SELECT * FROM t", "_tenant"),
    ("WITH open_tickets AS (SELECT id FROM _tenant) SELECT * FROM open_tickets", "_tenant"),
    ("SELECT * FROM (SELECT id FROM _tenant) AS open_tickets", "_tenant"),
    ("SELECT 1 UNION SELECT id FROM _tenant", "_tenant"),
    ("SELECT 1 ORDER BY (SELECT id FROM _tenant)", "_tenant"),
    ("SELECT * FROM json_each((SELECT id FROM _tenant))", "_tenant"),
    ("EXPLAIN QUERY PLAN SELECT * FROM _tenant", "_tenant"),
    // SQLite asks its authorizer nothing about columns that are joined by name.
    ("SELECT id FROM (SELECT '' AS id) FULL JOIN _tenant USING (id)", "not readable"),
    ("SELECT count(*) FROM (SELECT 1 AS epoch) NATURAL JOIN _tenant", "not readable"),
    ("SELECT sql FROM (SELECT '' AS sql) FULL JOIN sqlite_schema USING (sql)", "not readable"),
    ("SELECT name FROM (SELECT '' AS name) FULL JOIN pragma_table_list USING (name)", "USING"),
    ("SELECT id FROM (SELECT 0 AS id) FULL JOIN tickets_search_data USING (id)", "readable"),
    ("EXPLAIN SELECT 1", "EXPLAIN QUERY PLAN"),
    ("SELECT * FROM tickets_search_data", "tickets_search_data"),
    ("SELECT count(*) FROM tickets_search_data", "tickets_search_data"),
    ("SELECT k FROM tickets_search_config", "tickets_search_config"),
    ("SELECT c0 FROM handbook_content", "handbook_content"),
    ("INSERT INTO tickets (title) VALUES ('x')", "read"),
    ("INSERT INTO tickets_search (tickets_search) VALUES ('rebuild')", "read"),
    ("REPLACE INTO labels (id, name) VALUES (1, 'x')", "read"),
    ("UPDATE tickets SET title = 'x'", "read"),
    ("UPDATE tickets SET title = 'x' RETURNING title", "read"),
    ("DELETE FROM tickets", "read"),
    ("WITH x AS (SELECT 1) DELETE FROM tickets WHERE id IN x", "read"),
    ("CREATE TABLE mine (id)", "read"),
    ("CREATE TEMP TABLE mine (id)", "read"),
    ("CREATE TEMP VIEW mine AS SELECT * FROM _tenant", "read"),
    ("CREATE VIEW open_tickets2 AS SELECT 1", "read"),
    ("CREATE VIRTUAL TABLE temp.peek USING fts5vocab('main', 'tickets_search', 'row')", "read"),
    ("CREATE TRIGGER t AFTER INSERT ON tickets BEGIN SELECT 1; END", "read"),
    ("CREATE INDEX i ON tickets (title)", "read"),
    ("DROP TABLE tickets", "read"),
    ("DROP VIEW open_tickets", "read"),
    ("ALTER TABLE tickets RENAME TO mine", "read"),
    ("REINDEX", "read"),
    ("ANALYZE", "read"),
    ("BEGIN", "BEGIN"),
    ("BEGIN EXCLUSIVE", "BEGIN"),
    ("COMMIT", "COMMIT"),
    ("ROLLBACK", "ROLLBACK"),
    ("SAVEPOINT mine", "SAVEPOINT"),
    ("RELEASE mine", "SAVEPOINT"),
    ("EXPLAIN QUERY PLAN DELETE FROM tickets", "read"),
    ("SELECT 1; DROP TABLE tickets", "read"),
    ("SELECT 1; PRAGMA query_only = OFF", "PRAGMA"),
    ("SELECT fts5(?1)", "fts5"),
    ("SELECT fts3_tokenizer('simple')", "fts3_tokenizer"),
    ("SELECT sqlite_compileoption_get(1)", "sqlite_compileoption_get"),
    ("SELECT sqlite_source_id()", "sqlite_source_id"),
    ("SELECT last_insert_rowid()", "last_insert_rowid"),
    ("SELECT changes()", "changes"),
    ("SELECT rtreecheck('x')", "rtreecheck"),
    ("SELECT sqlite_log(1, 'x')", "sqlite_log"),
];

#[test]
fn whatever_is_not_reading_what_one_may_read_is_refused_by_name() {
    let bench = Bench::with_tickets();
    all_are_refused(&bench, |sql, params| bench.sql_with(sql, params));
    bench.server.stop();
}

/// Whoever `asks`, each is refused by name, and nothing was changed.
pub fn all_are_refused(bench: &Bench, asks: impl Fn(&str, Value) -> Answer) {
    let installation = bench.server.installation();
    let before = (bench.rows("SELECT count(*), sum(id), max(title) FROM tickets"), listing(installation));
    let mut wrong = Vec::new();
    for (sql, named) in REFUSED {
        let params = if sql.contains("?1") { json!(["/tmp/elsewhere.db"]) } else { json!([]) };
        let answer = asks(sql, params);
        let detail = answer.json["detail"].as_str().unwrap_or_default();
        if (answer.status, answer.code()) != (403, "sql_not_allowed") || !detail.contains(named) {
            wrong.push(format!("{sql}: {} {}", answer.status, answer.text()));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), REFUSED.len(), wrong.join("\n"));
    let after = (bench.rows("SELECT count(*), sum(id), max(title) FROM tickets"), listing(installation));
    assert_eq!(before, after);
    assert!(!std::path::Path::new("/tmp/elsewhere.db").exists());
}

/// The tenants' files.
fn listing(installation: &crate::harness::Installation) -> Vec<std::path::PathBuf> {
    let directories = installation.tenant_directories();
    let files = directories.iter().flat_map(|directory| std::fs::read_dir(directory).unwrap());
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_view_reads_what_it_is_made_of_and_nothing_of_sqlite() {
    let migration = "
        CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
        CREATE VIEW fine AS WITH named AS (SELECT name FROM items) SELECT name FROM named;
        CREATE VIEW schema AS SELECT name, sql FROM sqlite_schema;
        CREATE VIEW listed AS SELECT name FROM pragma_table_list;";
    let bench = Bench::of(crate::harness::Installation::with_migrations(&[("0001_views.sql", migration)]));
    bench.insert("items", json!({"name": "one"}));
    assert_eq!(bench.rows("SELECT * FROM fine"), json!([["one"]]));
    for (sql, code) in [
        ("SELECT * FROM schema", "sql_not_allowed"),
        // SQLite itself keeps views from such tables, and the schema from being written to.
        ("SELECT * FROM listed", "sql_error"),
        ("UPDATE sqlite_schema SET sql = ''", "sql_error"),
    ] {
        assert_eq!(bench.sql(sql).expect_one_of(&[400, 403]).code(), code, "{sql}");
    }
    bench.server.stop();
}

#[test]
fn only_those_with_the_permission_run_statements() {
    let bench = Bench::with_tickets();
    let join = |name: &str, role: &str| bench.server.join(&bench.ann, &bench.acme, name, role).client;
    let (admin, member, viewer) = (join("adam", "admin"), join("mia", "member"), join("vera", "viewer"));
    ask(&admin, &bench.acme, "SELECT count(*) FROM tickets", json!([])).expect(200);
    for client in [member, viewer] {
        let answer = ask(&client, &bench.acme, "SELECT 1", json!([])).expect(403);
        assert_eq!(answer.json["permission"], "records:sql");
    }
    let (_, other) = bench.server.sign_up_with_tenant("otto", "other");
    ask(&bench.ann.client, &other, "SELECT 1", json!([])).expect(404);
    bench.server.stop();
}
