//! What comes over, value by value.

use serde_json::{Value, json};

use super::{bring, export, exported, import, tenant_of, vouch, with_database, worked_off, zip_of};
use crate::harness::{Call, Installation, Tenant, letters_to};

const SQL: &str = "
CREATE TABLE things (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, big INTEGER, bytes BLOB, ratio REAL,
  half INTEGER AS (big / 2), loud TEXT AS (upper(title)) STORED, parent INTEGER REFERENCES things (id));
CREATE TABLE prices (region TEXT, sku TEXT, cents INTEGER NOT NULL CHECK (cents >= 0), PRIMARY KEY (region, sku)) WITHOUT ROWID;
CREATE TABLE lines (text TEXT);
CREATE TABLE seen (title TEXT);
CREATE INDEX things_by_half ON things (half);
CREATE TRIGGER things_seen AFTER INSERT ON things BEGIN INSERT INTO seen VALUES (NEW.title); END;
CREATE VIRTUAL TABLE things_fts USING fts5 (title, content='things', content_rowid='id');
CREATE TRIGGER things_fts_in AFTER INSERT ON things BEGIN
  INSERT INTO things_fts (rowid, title) VALUES (NEW.id, NEW.title);
END;
CREATE TRIGGER things_fts_out AFTER DELETE ON things BEGIN
  INSERT INTO things_fts (things_fts, rowid, title) VALUES ('delete', OLD.id, OLD.title);
END;
CREATE VIRTUAL TABLE notes_fts USING fts5 (body);
CREATE TRIGGER lines_noted AFTER INSERT ON lines BEGIN INSERT INTO notes_fts (rowid, body) VALUES (NEW.rowid, NEW.text); END;
CREATE VIEW titles AS SELECT title FROM things;
INSERT INTO prices VALUES ('made', 'by a migration', 1);
";

/// Every row of a table as text, with its rowid where it has one.
fn dump(file: &rusqlite::Connection, sql: &str) -> Vec<String> {
    let mut statement = file.prepare(sql).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let cells: Vec<String> = (0..columns).map(|at| format!("{:?}", row.get_ref(at).unwrap())).collect();
        Ok(cells.join(" | "))
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn everything_of_an_export_comes_back_and_nothing_runs_or_bills_twice() {
    let installation = Installation::with_migrations(&[("0001_all.sql", SQL)]);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let post = |table: &str, body: Value| ann.client.post(&acme.path(&format!("/records/{table}")), body);
    post("things", json!({"title": "first", "big": "9007199254740993", "bytes": "AAEC_w", "ratio": 0.1}))
        .expect(201);
    post("things", json!({"title": "second ☃", "big": -3, "parent": 1})).expect(201);
    let gone = post("things", json!({"title": "gone"})).expect(201).json["id"].as_i64().unwrap();
    ann.client.delete(&acme.path(&format!("/records/things/{gone}"))).expect(204);
    post("prices", json!({"region": "eu", "sku": "a,b", "cents": 5})).expect(201);
    post("lines", json!({"text": "needle"})).expect(201);
    let upload = Call::new("PUT", acme.path("/files/dir/a%20b.txt")).bytes("text/plain", "hello");
    ann.client.send(&upload).expect(201);
    let (_, download) = export(&ann.client, &acme);
    let made = import(&ann.client, &[("name", "Again"), ("slug", "again")], &download.bytes);
    let again = tenant_of(&made);
    assert_eq!(made["preview"]["schema"], "same", "{made:#}");
    assert_eq!(made["preview"]["source"]["slug"], "acme");
    let read = ann.client.get(&again.path("/files/dir/a%20b.txt")).expect(200);
    assert_eq!(
        (read.text(), read.header("content-type")),
        ("hello".to_owned(), Some("text/plain; charset=utf-8"))
    );
    let found = ann.client.get(&again.path("/records/things?q=first&fields=id")).expect(200);
    assert_eq!(found.json["items"], json!([{"id": 1}]));
    let log = ann.client.get(&again.path("/audit?action=tenant.imported")).expect(200);
    let details = log.string("/items/0/details");
    assert!(details.contains(made["sha256"].as_str().unwrap()), "{details}");
    let members = ann.client.get(&again.path("/members")).expect(200);
    assert_eq!(members.json["items"].as_array().unwrap().len(), 1);
    // The number of the one that is gone is not given again.
    let next = ann.client.post(&again.path("/records/things"), json!({"title": "next"})).expect(201);
    assert_eq!(next.json["id"].as_i64().unwrap(), gone + 1);
    ann.client.delete(&again.path(&format!("/records/things/{}", gone + 1))).expect(204);
    assert_eq!(std::fs::read_dir(installation.data().join("imports")).unwrap().count(), 0);
    let id = ann.client.get(&again.path("")).expect(200).string("/id");
    server.stop();
    let open = |id: &str| rusqlite::Connection::open(installation.tenant_file(id)).unwrap();
    let (before, after) = (open(&acme.id), open(&id));
    for sql in [
        "SELECT * FROM things ORDER BY id",
        "SELECT half, loud FROM things ORDER BY id",
        "SELECT * FROM prices ORDER BY region, sku",
        "SELECT rowid, * FROM lines ORDER BY rowid",
        "SELECT rowid, body FROM notes_fts WHERE notes_fts MATCH 'needle'",
        "SELECT count(*) FROM seen WHERE title <> 'next'",
        "SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' ORDER BY name",
        "SELECT files, bytes FROM _files_total",
        "PRAGMA integrity_check",
    ] {
        assert_eq!(dump(&before, sql), dump(&after, sql), "{sql}");
    }
    assert_eq!(dump(&after, "SELECT count(*) FROM _usage_events WHERE meter = 'none'"), ["Integer(0)"]);
    assert_eq!(dump(&after, "SELECT count(*) FROM _jobs"), ["Integer(0)"]);
    assert_eq!(dump(&after, "PRAGMA foreign_key_check"), Vec::<String>::new());
}

#[test]
fn an_export_of_an_earlier_version_is_migrated() {
    let first =
        ("0001_first.sql", "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;");
    let old = Installation::with_migrations(&[first]);
    let server = old.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.post(&acme.path("/records/customers"), json!({"id": "c1", "name": "Ada"})).expect(201);
    let (_, download) = export(&ann.client, &acme);
    server.stop();
    let second = "ALTER TABLE customers ADD COLUMN loud TEXT; UPDATE customers SET loud = upper(name);";
    let server = Installation::with_migrations(&[first, ("0002_loud.sql", second)]).serve();
    let bob = server.sign_up("bob");
    let made = import(&bob.client, &[("slug", "here")], &download.bytes);
    assert_eq!(made["preview"]["schema"], "older", "{made:#}");
    let row = bob.client.get(&tenant_of(&made).path("/records/customers/c1")).expect(200);
    assert_eq!(row.json["loud"], "ADA");
    server.stop();
}

#[test]
fn columns_and_tables_that_are_unknown_here_stay_behind_and_are_named() {
    let server = Installation::with_migrations(&[(
        "0001_first.sql",
        "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT DEFAULT 'Paris') STRICT;",
    )])
    .serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.post(&acme.path("/records/customers"), json!({"id": "c1", "name": "Ada"})).expect(201);
    let entries = exported(&ann.client, &acme);
    let changed = with_database(&entries, |file| {
        file.execute_batch(
            "ALTER TABLE customers DROP COLUMN city; ALTER TABLE customers ADD COLUMN shoe INTEGER;
             CREATE TABLE more (id INTEGER PRIMARY KEY);",
        )
        .unwrap();
    });
    let made = import(&ann.client, &[("slug", "other")], &changed);
    let table = &made["preview"]["tables"][0];
    assert_eq!((&table["unknown_columns"], &table["missing_columns"]), (&json!(["shoe"]), &json!(["city"])));
    assert!(made["preview"]["left_out"].to_string().contains("table more"), "{made:#}");
    let row = ann.client.get(&tenant_of(&made).path("/records/customers/c1")).expect(200);
    assert_eq!(row.json, json!({"id": "c1", "name": "Ada", "city": "Paris"}));
    let without = with_database(&entries, |file| {
        file.execute_batch("ALTER TABLE customers DROP COLUMN name;").unwrap();
    });
    let failed = import(&ann.client, &[("slug", "less")], &without);
    assert_eq!(failed["status"], "failed");
    assert!(failed["error"].as_str().unwrap().contains("no column name"), "{failed:#}");
    server.stop();
}

#[test]
fn rows_of_the_owner_are_theirs_again_and_others_are_invited_when_asked() {
    let server = Installation::with_app_of_tests("agency").serve();
    let (olga, acme) = server.sign_up_with_tenant("olga", "acme");
    let mia = server.join(&olga, &acme, "mia", "member");
    olga.client.post(&acme.path("/records/clients"), json!({"id": "c1", "name": "One"})).expect(201);
    for (person, id) in [(&olga, "olgas"), (&mia, "mias")] {
        person.client.post(&acme.path("/records/notes"), json!({"id": id, "body": id})).expect(201);
    }
    let (_, download) = export(&olga.client, &acme);
    server.stop();
    let there = Installation::with_app_of_tests("agency");
    let server = there.serve();
    let new_olga = server.sign_up("olga");
    let file = there.beside("acme.zip");
    std::fs::write(&file, &download.bytes).unwrap();
    let arguments =
        ["tenant", "import", file.to_str().unwrap(), "--owner", "olga@example.com", "--slug", "there"];
    let previewed = there.run(&[&arguments[..], &["--preview", "--json"]].concat()).expect_code(0);
    let preview: Value = serde_json::from_str(previewed.stdout.trim()).unwrap();
    assert_eq!(preview["preview"]["can_be_applied"], true);
    assert_eq!(preview["preview"]["members"][1]["known"], false, "{preview:#}");
    there.run(&[&arguments[..], &["--invite-members", "--json"]].concat()).expect_code(0);
    let new = Tenant { id: String::new(), slug: "there".to_owned() };
    let me = new_olga.client.get("/api/v1/me").expect(200).string("/id");
    let notes = new_olga.client.get(&new.path("/records/notes?order=id")).expect(200);
    let owner = |at: usize| notes.json["items"][at].to_string();
    assert!(owner(1).contains(&me) && !owner(0).contains(&me), "{}", notes.text());
    let members = new_olga.client.get(&new.path("/members")).expect(200);
    assert_eq!(members.json["items"].as_array().unwrap().len(), 1, "nobody is a member without asking");
    assert_eq!(letters_to(&there, "mia@example.com").len(), 1);
    server.stop();
}

#[test]
fn a_preview_makes_nothing_until_it_is_applied() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.post(&acme.path("/records/customers"), json!({"name": "Planted 4711"})).expect(201);
    let mut entries = exported(&ann.client, &acme);
    let bob = server.sign_up("bob");
    let asked = bob.client.send(&bring(&[("preview", "true")], &zip_of(&entries))).expect(202);
    let path = asked.header("location").unwrap().to_owned();
    let seen = worked_off(&bob.client, &asked);
    assert_eq!(
        (&seen["status"], &seen["preview"]["can_be_applied"]),
        (&json!("previewed"), &json!(true)),
        "{seen:#}"
    );
    let person = &seen["preview"]["members"][0];
    assert_eq!((&person["email"], &person["you"]), (&json!("ann@example.com"), &json!(false)));
    assert_eq!(person.get("known"), None, "whether she has an account is not for him");
    assert_eq!(bob.client.get("/api/v1/tenants").expect(200).json["items"], json!([]));
    // Only who made it knows of it.
    for call in [Call::get(&path), Call::post(format!("{path}/apply"), json!({})), Call::delete(&path)] {
        ann.client.send(&call).expect(404);
    }
    bob.client.post(&format!("{path}/apply"), json!({"slug": "bobs"})).expect(202);
    let made = worked_off(&bob.client, &asked);
    let rows = bob.client.get(&tenant_of(&made).path("/records/customers")).expect(200);
    assert_eq!(rows.json["items"][0]["name"], "Planted 4711");
    bob.client.post(&format!("{path}/apply"), json!({})).expect_code(409, "import_not_previewed");
    // An upload that is missing is named.
    entries.insert("files.ndjson".to_owned(), b"{\"path\":\"a.txt\",\"sha256\":\"00\"}\n".to_vec());
    vouch(&mut entries);
    let made = import(&bob.client, &[("slug", "bobs-2")], &zip_of(&entries));
    assert!(made["preview"]["left_out"].to_string().contains("upload a.txt"), "{made:#}");
    server.stop();
}
