//! The app's migrations: what is wrong with them is said before any tenant is touched.

use serde_json::json;

use crate::harness::{DAY, Installation, eventually};

const FIRST: (&str, &str) =
    ("0001_first.sql", "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;");

#[test]
fn a_syntax_error_stops_the_start_with_file_and_line_and_touches_no_tenant() {
    let installation = Installation::with_migrations(&[FIRST]);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.post(&acme.path("/records/customers"), json!({"name": "x"})).expect(201);
    server.stop();
    let before = std::fs::read(installation.tenant_file(&acme.id)).unwrap();
    let broken = installation.migrations().join("0002_broken.sql");
    std::fs::write(
        &broken,
        "CREATE TABLE half (id TEXT PRIMARY KEY) STRICT;\n\nCREATE TABEL other (id TEXT);\n",
    )
    .unwrap();
    let refused = installation.serve_refused().expect_code(1);
    assert!(refused.stderr.contains("0002_broken.sql"), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("0002_broken.sql:3") || refused.stderr.contains("line 3"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
    assert_eq!(std::fs::read(installation.tenant_file(&acme.id)).unwrap(), before, "the tenant was touched");
    std::fs::remove_file(broken).unwrap();
    let server = installation.serve();
    let client = server.nobody().bearer(&ann.access_token);
    client.get(&acme.path("/records/customers")).expect(200);
    client.get(&acme.path("/records/half")).expect(404);
    server.stop();
}

#[test]
fn what_a_migration_must_not_do_stops_the_start_and_its_file_is_named() {
    let forbidden = [
        "ATTACH 'other.db' AS other;",
        "VACUUM;",
        "BEGIN; CREATE TABLE x (id TEXT); COMMIT;",
        "CREATE TABLE x (id TEXT); COMMIT;",
        "CREATE TABLE x (id TEXT); ROLLBACK;",
        "SAVEPOINT x;",
        "PRAGMA writable_schema = ON;",
        "PRAGMA journal_mode = DELETE;",
        "PRAGMA foreign_keys = OFF;",
        "CREATE TABLE _hidden (id TEXT);",
        "CREATE VIEW _hidden AS SELECT 1;",
        "DROP TABLE _tenant;",
        "UPDATE _tenant SET id = 'x';",
        "CREATE TRIGGER t AFTER INSERT ON customers BEGIN DELETE FROM _tenant; END; INSERT INTO customers VALUES ('a', 'b');",
        "CREATE TEMP TABLE x (id TEXT);",
        "SELECT load_extension('x');",
        "UPDATE sqlite_schema SET sql = 'x';",
    ];
    for sql in forbidden {
        let installation = Installation::with_migrations(&[FIRST, ("0002_forbidden.sql", sql)]);
        let refused = installation.serve_refused().expect_code(1);
        assert!(refused.stderr.contains("0002_forbidden.sql"), "{sql}: {}", refused.stderr);
        assert!(!refused.stderr.contains("panicked"), "{sql}: {}", refused.stderr);
    }
}

#[test]
fn a_new_migration_reaches_tenants_that_were_made_before_it() {
    let installation = Installation::with_migrations(&[FIRST]);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.post(&acme.path("/records/customers"), json!({"name": "x"})).expect(201);
    server.stop();
    let sql = "ALTER TABLE customers ADD COLUMN city TEXT NOT NULL DEFAULT 'Paris';";
    std::fs::write(installation.migrations().join("0002_city.sql"), sql).unwrap();
    let server = installation.serve();
    let list = server.nobody().bearer(&ann.access_token).get(&acme.path("/records/customers")).expect(200);
    assert_eq!(list.string("/items/0/city"), "Paris");
    server.stop();
}

#[test]
fn a_migration_that_fails_for_one_tenants_data_makes_that_tenant_alone_unavailable() {
    let installation = Installation::with_migrations(&[FIRST]);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    for name in ["twice", "twice"] {
        ann.client.post(&acme.path("/records/customers"), json!({"name": name})).expect(201);
    }
    bob.client.post(&bolt.path("/records/customers"), json!({"name": "once"})).expect(201);
    server.stop();
    let sql = "CREATE UNIQUE INDEX customers_name_once ON customers (name);";
    std::fs::write(installation.migrations().join("0002_unique.sql"), sql).unwrap();
    let server = installation.serve();
    let (ann, bob) = (server.nobody().bearer(&ann.access_token), server.nobody().bearer(&bob.access_token));
    ann.get(&acme.path("/records/customers")).expect_code(503, "tenant_unavailable");
    bob.get(&bolt.path("/records/customers")).expect(200);
    bob.post(&bolt.path("/records/customers"), json!({"name": "once"})).expect(409);
    server.stop();
}

#[test]
fn a_file_that_is_migrated_as_it_is_opened_is_copied_before_and_rolled_back_to_that() {
    let installation = Installation::with_migrations(&[FIRST]);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.post(&acme.path("/records/customers"), json!({"name": "x"})).expect(201);
    let copies = installation.tenant_file(&acme.id).with_file_name("snapshots");
    assert!(!copies.exists());
    server.stop();
    let city = "ALTER TABLE customers ADD COLUMN city TEXT NOT NULL DEFAULT 'Paris';";
    std::fs::write(installation.migrations().join("0002_city.sql"), city).unwrap();
    let server = installation.serve();
    let customer = |server: &crate::harness::Server| {
        let client = server.nobody().bearer(&ann.access_token);
        client.get(&acme.path("/records/customers")).expect(200).json["items"][0].clone()
    };
    assert_eq!(customer(&server)["city"], "Paris");
    let kept =
        || -> Vec<_> { std::fs::read_dir(&copies).unwrap().flatten().map(|entry| entry.path()).collect() };
    let [copy] = &kept()[..] else { panic!("{:?}", kept()) };
    let copy = rusqlite::Connection::open(copy).unwrap();
    let columns: i64 =
        copy.query_row("SELECT count(*) FROM pragma_table_info('customers')", [], |row| row.get(0)).unwrap();
    let name: String = copy.query_row("SELECT name FROM customers", [], |row| row.get(0)).unwrap();
    assert_eq!((columns, name.as_str()), (2, "x"), "as it was before");
    drop(copy);
    // A file that lacks nothing is not copied.
    let server = server.restart();
    assert_eq!(customer(&server)["city"], "Paris");
    assert_eq!(kept().len(), 1);
    installation.run(&["migrate", "rollback", "--tenant", "acme"]).expect_code(0);
    let before = customer(&server);
    assert!(before["name"] == "x" && before["city"].is_null(), "{before}");
    server.stop();
    installation.advance_clock(8 * DAY);
    let server = installation.serve();
    eventually("the end of the copies", || (!copies.exists()).then_some(()));
    server.stop();
}
