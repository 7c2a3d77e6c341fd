//! An export becomes a tenant again, whole, and nothing else of it gets in.

mod asking;
mod hostile;
mod rows;
mod steps;
mod turns;

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;

use crate::export::{entries, export};
use crate::harness::{Answer, Call, Client, Tenant, eventually};

type Entries = BTreeMap<String, Vec<u8>>;

/// A request that brings a file.
fn bring(fields: &[(&str, &str)], file: &[u8]) -> Call {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("--frame\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(head.as_bytes());
    }
    body.extend_from_slice(
        b"--frame\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.zip\"\r\nContent-Type: application/zip\r\n\r\n",
    );
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--frame--\r\n");
    Call::new("POST", "/api/v1/imports").bytes("multipart/form-data; boundary=frame", body)
}

/// Waits until an import is worked off.
#[track_caller]
fn worked_off(client: &Client, asked: &Answer) -> Value {
    let path = asked.header("location").expect("where it is").to_owned();
    eventually("the end of the import", || {
        let import = client.get(&path).expect(200).json;
        let waits = ["queued", "running"].contains(&import["status"].as_str().unwrap());
        (!waits).then_some(import)
    })
}

/// Imports a file and waits.
#[track_caller]
fn import(client: &Client, fields: &[(&str, &str)], file: &[u8]) -> Value {
    worked_off(client, &client.send(&bring(fields, file)).expect(202))
}

#[track_caller]
fn exported(client: &Client, tenant: &Tenant) -> Entries {
    entries(&export(client, tenant).1.bytes)
}

fn zip_of(entries: &Entries) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(name.as_str(), SimpleFileOptions::default().unix_permissions(0o600)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The manifest says of every entry what it is.
fn vouch(entries: &mut Entries) {
    let mut manifest: Value = serde_json::from_slice(&entries["manifest.json"]).unwrap();
    let listed = entries.iter().filter(|(name, _)| *name != "manifest.json").map(|(name, bytes)| {
        let digest =
            Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        json!({"path": name, "size_bytes": bytes.len(), "sha256": digest})
    });
    manifest["files"] = listed.collect();
    entries.insert("manifest.json".to_owned(), manifest.to_string().into_bytes());
}

/// The export with another database, for which the manifest vouches.
fn with_database(entries: &Entries, change: impl FnOnce(&rusqlite::Connection)) -> Vec<u8> {
    let mut entries = entries.clone();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("data.db");
    std::fs::write(&file, &entries["data.db"]).unwrap();
    let database = rusqlite::Connection::open(&file).unwrap();
    change(&database);
    drop(database);
    entries.insert("data.db".to_owned(), std::fs::read(&file).unwrap());
    vouch(&mut entries);
    zip_of(&entries)
}

fn tenant_of(import: &Value) -> Tenant {
    assert_eq!(import["status"], "ready", "{import:#}");
    Tenant::from_json(&import["tenant"])
}
