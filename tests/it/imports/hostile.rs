//! Files that were made to harm.

use std::io::{Cursor, Write as _};

use serde_json::Value;
use zip::write::SimpleFileOptions;

use super::{Entries, exported, import, vouch, with_database, zip_of};
use crate::harness::{Client, Installation, Server};

type Writer = zip::ZipWriter<Cursor<Vec<u8>>>;

fn house() -> (Server, Client, Entries) {
    let server = Installation::with_migrations(&[(
        "0001_first.sql",
        "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL CHECK (name <> 'never'));
         CREATE TABLE seen (name TEXT);",
    )])
    .serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    for id in ["c1", "c2"] {
        let row = serde_json::json!({"id": id, "name": "Planted"});
        ann.client.post(&acme.path("/records/customers"), row).expect(201);
    }
    let entries = exported(&ann.client, &acme);
    (server, ann.client, entries)
}

/// Refused with these words, and no tenant is made.
#[track_caller]
fn refused(client: &Client, what: &str, zip: &[u8], words: &str) {
    let import = import(client, &[("preview", "true")], zip);
    let error = import["error"].as_str().unwrap_or_default().to_owned();
    assert_eq!(import["status"], "failed", "{what}: {import:#}");
    assert!(error.contains(words), "{what}: {error}");
    assert_eq!(client.get("/api/v1/tenants").expect(200).json["items"].as_array().unwrap().len(), 1);
}

#[test]
fn zip_files_that_lie_or_lead_elsewhere_are_refused() {
    let (server, client, good) = house();
    let with = |name: &str, bytes: &[u8]| {
        let mut entries = good.clone();
        entries.insert(name.to_owned(), bytes.to_vec());
        vouch(&mut entries);
        zip_of(&entries)
    };
    for name in [
        "../evil",
        "/etc/passwd",
        "files/../../evil",
        "files/a\\b",
        "files/a\0b",
        "files//a",
        "files/.",
        "tables/../x.csv",
        "tables/a/b.csv",
        "data.db-wal",
        "data.db-journal",
        "DATA.DB",
        "files/",
        "other.txt",
        "C:\\evil",
    ] {
        refused(&client, name, &with(name, b"x"), "is none that an export has");
    }
    let changed = |change: &dyn Fn(&mut Entries)| {
        let mut entries = good.clone();
        change(&mut entries);
        zip_of(&entries)
    };
    let manifest = |entries: &mut Entries, change: &dyn Fn(&mut Value)| {
        let mut manifest: Value = serde_json::from_slice(&entries["manifest.json"]).unwrap();
        change(&mut manifest);
        entries.insert("manifest.json".to_owned(), manifest.to_string().into_bytes());
    };
    for (what, zip, words) in [
        ("nothing", Vec::new(), "no zip file"),
        ("no zip", vec![b'x'; 5_000], "no zip file"),
        ("cut off", zip_of(&good)[..2_000].to_vec(), "no zip file"),
        ("no manifest", changed(&|entries| drop(entries.remove("manifest.json"))), "no manifest.json"),
        (
            "no database",
            {
                let mut entries = good.clone();
                entries.remove("data.db");
                vouch(&mut entries);
                zip_of(&entries)
            },
            "no data.db",
        ),
        (
            "unlisted",
            changed(&|entries| drop(entries.insert("files/a".to_owned(), vec![1]))),
            "manifest.json lists",
        ),
        (
            "other content",
            changed(&|entries| drop(entries.insert("invoices.ndjson".to_owned(), b"x".to_vec()))),
            "invoices.ndjson",
        ),
        (
            "other format",
            changed(&|entries| {
                manifest(entries, &|manifest| manifest["format"] = "tenantry.export.v9".into());
            }),
            "another format",
        ),
        (
            "lying size",
            changed(&|entries| {
                manifest(entries, &|manifest| manifest["files"][0]["size_bytes"] = 1.into());
            }),
            "does not have the size",
        ),
        ("a bomb", with("files/zeros", &vec![0; 40 << 20]), "far more than its bytes can"),
    ] {
        refused(&client, what, &zip, words);
    }
    server.stop();
}

#[test]
fn links_directories_doubles_ciphers_and_a_million_entries_are_refused() {
    let (server, client, good) = house();
    let zip = |write: &dyn Fn(&mut Writer)| {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in &good {
            zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        write(&mut zip);
        zip.finish().unwrap().into_inner()
    };
    let link =
        zip(&|zip| zip.add_symlink("files/link", "/etc/passwd", SimpleFileOptions::default()).unwrap());
    refused(&client, "a link", &link, "is a link");
    let directory = zip(&|zip| zip.add_directory("files/a", SimpleFileOptions::default()).unwrap());
    refused(&client, "a directory", &directory, "none that an export has");
    // Two entries of one name: the second is renamed in the bytes of the file.
    let mut double = zip(&|zip| {
        zip.start_file("dAta.db", SimpleFileOptions::default()).unwrap();
        zip.write_all(b"x").unwrap();
    });
    let places: Vec<usize> = (0..double.len() - 7).filter(|at| &double[*at..*at + 7] == b"dAta.db").collect();
    places.iter().for_each(|at| double[at + 1] = b'a');
    refused(&client, "a double", &double, "one name");
    // The bit that says encrypted, in both places of the last entry.
    let mut cipher = zip(&|_| {});
    let last = |signature: &[u8]| {
        (0..cipher.len() - 4).rev().find(|at| cipher[*at..].starts_with(signature)).unwrap()
    };
    let (local, central) = (last(b"PK\x03\x04"), last(b"PK\x01\x02"));
    cipher[local + 6] |= 1;
    cipher[central + 8] |= 1;
    refused(&client, "a cipher", &cipher, "is encrypted");
    // An end that speaks of a million entries.
    let mut many = zip(&|_| {});
    let end = many.len() - 22;
    let mut tail = Vec::new();
    tail.extend_from_slice(b"PK\x06\x06");
    tail.extend_from_slice(&44_u64.to_le_bytes());
    tail.extend_from_slice(&[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    tail.extend_from_slice(&1_000_000_u64.to_le_bytes());
    tail.extend_from_slice(&1_000_000_u64.to_le_bytes());
    tail.extend_from_slice(&[0; 16]);
    tail.extend_from_slice(b"PK\x06\x07\0\0\0\0");
    tail.extend_from_slice(&(end as u64).to_le_bytes());
    tail.extend_from_slice(&1_u32.to_le_bytes());
    many.splice(end..end, tail);
    refused(&client, "a million", &many, "1000000 entries");
    server.stop();
}

#[test]
fn databases_that_are_none_of_an_export_are_refused() {
    let (server, client, good) = house();
    let bytes = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut entries = good.clone();
        change(entries.get_mut("data.db").unwrap());
        vouch(&mut entries);
        zip_of(&entries)
    };
    let sql = |text: &str| {
        with_database(&good, |file| {
            file.pragma_update(None, "writable_schema", "ON").unwrap();
            file.execute_batch(text).unwrap();
        })
    };
    let page = 4_096;
    for (what, zip, words) in [
        ("no database", bytes(&|file| *file = vec![b'x'; 8_192]), "no SQLite database"),
        ("empty", bytes(&Vec::clear), "no SQLite database"),
        ("of another kind", bytes(&|file| file[68] = 1), "no file of a tenant"),
        ("with a log", bytes(&|file| (file[18], file[19]) = (2, 2)), "write-ahead log"),
        ("cut off", bytes(&|file| file.truncate(file.len() - page)), "its size"),
        ("a longer one", bytes(&|file| file.extend_from_slice(&[0; 4_096])), "its size"),
        ("pages of rubbish", bytes(&|file| file[page..].fill(0x5a)), "damaged"),
        ("a broken schema", bytes(&|file| file[120..page].fill(0x41)), "damaged"),
        (
            "a view in place of a table",
            sql("DROP TABLE customers; CREATE VIEW customers AS SELECT '1' AS id, 'x' AS name;"),
            "is a view in it",
        ),
        (
            "a virtual table in place of a table",
            sql("DROP TABLE customers; CREATE VIRTUAL TABLE customers USING fts5 (id, name);"),
            "is a virtual table in it",
        ),
        (
            "a table in the pages of another",
            sql("UPDATE sqlite_schema SET rootpage = 1 WHERE name = 'customers';"),
            "damaged",
        ),
        (
            "nonsense",
            sql("UPDATE sqlite_schema SET sql = 'CREATE TABLE customers (' WHERE name = 'customers';"),
            "damaged",
        ),
    ] {
        refused(&client, what, &zip, words);
    }
    server.stop();
}

#[test]
fn nothing_that_a_foreign_schema_says_is_run() {
    let (server, client, good) = house();
    // Each of these takes minutes wherever it is computed, inside one step of SQLite.
    let endless = "instr(hex(zeroblob(20000000)), hex(zeroblob(9000000)) || 'x')";
    let zip = with_database(&good, |file| {
        let made = format!(
            "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL,
               slow INTEGER AS ({endless}) VIRTUAL NOT NULL CHECK (slow > {endless}))"
        );
        // Put there without a word of SQLite's, which would compute it.
        file.pragma_update(None, "writable_schema", "ON").unwrap();
        file.execute("UPDATE sqlite_schema SET sql = ?1 WHERE name = 'customers'", [made]).unwrap();
    });
    let made = import(&client, &[("slug", "safe")], &zip);
    assert_eq!(made["preview"]["tables"][0]["rows"], 2, "{made:#}");
    super::tenant_of(&made);
    let zip = with_database(&good, |file| {
        file.execute_batch(
            "CREATE TRIGGER evil AFTER INSERT ON customers BEGIN INSERT INTO seen VALUES ('evil'); END;",
        )
        .unwrap();
    });
    let made = import(&client, &[("slug", "safe-2")], &zip);
    let tenant = super::tenant_of(&made);
    let rows = |table: &str| {
        client.get(&tenant.path(&format!("/records/{table}"))).expect(200).json["items"].clone()
    };
    assert_eq!(rows("customers").as_array().unwrap().len(), 2);
    assert_eq!(rows("seen"), serde_json::json!([]));
    server.stop();
}

#[test]
fn rows_that_break_the_rules_of_here_are_told_and_not_taken() {
    let (server, client, good) = house();
    let changed = |text: &str| {
        with_database(&good, |file| {
            file.execute_batch(&format!("PRAGMA ignore_check_constraints = ON; {text}")).unwrap();
        })
    };
    for (zip, words) in [
        (changed("INSERT INTO customers VALUES ('c3', 'never');"), "breaks the rule"),
        (
            changed(
                "CREATE TABLE c (id TEXT, name TEXT); INSERT INTO c VALUES ('a', 'x'), ('a', 'y'); DROP TABLE customers;
                 ALTER TABLE c RENAME TO customers;",
            ),
            "has a value twice",
        ),
    ] {
        let seen = import(&client, &[("preview", "true"), ("slug", "other")], &zip);
        assert_eq!(seen["preview"]["can_be_applied"], false, "{seen:#}");
        assert!(seen["preview"]["problems"][0].as_str().unwrap().contains(words), "{seen:#}");
        let path = format!("/api/v1/imports/{}", seen["id"].as_str().unwrap());
        client.post(&format!("{path}/apply"), serde_json::json!({})).expect(202);
        let failed = crate::harness::eventually("a refusal", || {
            let import = client.get(&path).expect(200).json;
            (import["status"] == "failed").then_some(import)
        });
        assert!(failed["error"].as_str().unwrap().contains(words), "{failed:#}");
    }
    assert_eq!(client.get("/api/v1/tenants").expect(200).json["items"].as_array().unwrap().len(), 1);
    server.stop();
}
