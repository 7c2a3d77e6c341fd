//! An export holds all of a tenant and nothing else.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::{Answer, Call, Client, HOUR, Installation, Tenant, eventually};

/// Asks for an export, waits until it is ready and downloads it.
#[track_caller]
pub fn export(client: &Client, tenant: &Tenant) -> (String, Answer) {
    let created = client.send(&Call::new("POST", tenant.path("/exports"))).expect(202);
    let path = tenant.path(&format!("/exports/{}", created.string("/id")));
    eventually("the export", || {
        let export = client.get(&path).expect(200);
        let status = export.string("/status");
        assert_ne!(status, "failed", "{}", export.text());
        (status == "ready").then_some(())
    });
    let download = client.get(&format!("{path}/download")).expect(200);
    (path, download)
}

pub fn entries(zip: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn every_file_of_an_export_is_in_its_manifest_with_its_digest() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.post(&acme.path("/records/customers"), json!({"name": "Planted 4711"})).expect(201);
    let (_, download) = export(&ann.client, &acme);
    assert!(download.header("content-disposition").is_some_and(|value| value.starts_with("attachment")));
    assert_eq!(download.header("x-content-type-options"), Some("nosniff"));
    let entries = entries(&download.bytes);
    for name in ["data.db", "tables/customers.ndjson", "tables/customers.csv", "members.csv", "audit.ndjson"]
    {
        assert!(entries.contains_key(name), "no {name} among {:?}", entries.keys());
    }
    let manifest: Value = serde_json::from_slice(&entries["manifest.json"]).unwrap();
    let manifest = manifest.to_string();
    for (name, bytes) in entries.iter().filter(|(name, _)| *name != "manifest.json") {
        assert!(manifest.contains(&format!("\"{name}\"")), "{name} is not in {manifest}");
        assert!(manifest.contains(&hex(&Sha256::digest(bytes))), "not the digest of {name}: {manifest}");
    }
    server.stop();
}

#[test]
fn an_export_holds_the_records_and_neither_system_tables_nor_secrets() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    ann.client.post(&acme.path("/records/customers"), json!({"name": "Planted of Acme"})).expect(201);
    bob.client.post(&bolt.path("/records/customers"), json!({"name": "Planted of Bolt"})).expect(201);
    let invitation = ann.invite(&server, &acme, "cid@example.com", "viewer");
    let (_, download) = export(&ann.client, &acme);
    let entries = entries(&download.bytes);
    let line: Value = serde_json::from_slice(entries["tables/customers.ndjson"].trim_ascii_end()).unwrap();
    assert_eq!(line["name"], "Planted of Acme");
    let file = installation.beside("exported.db");
    std::fs::write(&file, &entries["data.db"]).unwrap();
    let database = rusqlite::Connection::open(&file).unwrap();
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM customers WHERE name = 'Planted of Acme'"), 1);
    assert_eq!(count("SELECT count(*) FROM sqlite_schema WHERE name LIKE '\\_%' ESCAPE '\\'"), 0);
    assert_eq!(count("SELECT count(*) FROM sqlite_schema WHERE type = 'table'"), 4);
    let integrity: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
    for (name, bytes) in &entries {
        let holds = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
        for secret in
            ["Planted of Bolt", &invitation, &ann.password, &ann.refresh_token, "$argon2", &bob.email]
        {
            assert!(!holds(secret), "{name} holds {secret}");
        }
    }
    server.stop();
}

#[test]
fn a_cell_of_an_exported_table_is_no_formula() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    for name in ["=HYPERLINK(\"x\")", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "plain"] {
        ann.client.post(&acme.path("/records/customers"), json!({"name": name})).expect(201);
    }
    let (_, download) = export(&ann.client, &acme);
    let entries = entries(&download.bytes);
    let mut reader = csv::Reader::from_reader(entries["tables/customers.csv"].as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), 6);
    for cell in rows.iter().flatten() {
        let starts_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        assert!(!starts_formula || cell.parse::<f64>().is_ok(), "{cell:?}");
    }
    let exact = String::from_utf8(entries["tables/customers.ndjson"].clone()).unwrap();
    assert!(exact.contains("=HYPERLINK"), "the other form is exact: {exact}");
    server.stop();
}

#[test]
fn an_export_ends_after_three_days() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (path, _) = export(&ann.client, &acme);
    installation.advance_clock(73 * HOUR);
    // What has expired is swept at the start and every minute from then on.
    let server = server.restart();
    let body = json!({"refresh_token": ann.refresh_token});
    let token = server.nobody().post("/api/v1/auth/refresh", body).expect(200).string("/access_token");
    let client = server.nobody().bearer(&token);
    eventually("the end of the export", || {
        (client.get(&path).expect(200).string("/status") == "expired").then_some(())
    });
    client.get(&format!("{path}/download")).expect_one_of(&[404, 409, 410]);
    server.stop();
}

#[test]
fn an_export_survives_a_kill_in_the_middle() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let created = ann.client.send(&Call::new("POST", acme.path("/exports"))).expect(202);
    let installation = std::sync::Arc::clone(server.installation());
    server.kill();
    let server = installation.serve();
    let client = server.nobody().bearer(&ann.access_token);
    let path = acme.path(&format!("/exports/{}", created.string("/id")));
    eventually("an end of the export", || {
        let status = client.get(&path).expect(200).string("/status");
        ["ready", "failed"].contains(&status.as_str()).then_some(())
    });
    export(&client, &acme);
    server.stop();
}
