//! Erasure: nothing is left, nothing comes back, and there is a proof.

mod again;
mod page;
mod stores;

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Call, Installation, Server, Tenant};

const PLANTED: &str = "Planted Customer 4711";

/// Erases at once, on the command line beside the running server, and returns the receipt.
#[track_caller]
pub fn erase(server: &Server, tenant: &Tenant) -> Value {
    let slug = tenant.slug.as_str();
    server.installation().run(&["tenant", "erase", slug, "--confirm", slug, "--now"]).expect_code(0);
    let operator = server.add_operator();
    let answer = operator.client.get(&format!("/api/v1/operator/erasures/{}", tenant.id)).expect(200);
    if answer.json["statement"].is_string() { answer.json } else { answer.json["receipt"].clone() }
}

/// Files below a directory that hold a word.
pub fn files_with(directory: &Path, word: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_type().unwrap().is_dir() {
            files_with(&entry.path(), word, found);
        } else if std::fs::read(entry.path())
            .is_ok_and(|bytes| bytes.windows(word.len()).any(|window| window == word.as_bytes()))
        {
            found.push(entry.path().display().to_string());
        }
    }
}

#[test]
fn an_erased_tenant_leaves_no_byte_of_its_records_and_no_other_tenant_notices() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    for number in 0..50 {
        ann.client
            .post(&acme.path("/records/customers"), json!({"name": format!("{PLANTED} {number}")}))
            .expect(201);
    }
    bob.client.post(&bolt.path("/records/customers"), json!({"name": "of Bolt"})).expect(201);
    ann.client.send(&Call::new("POST", acme.path("/exports"))).expect(202);
    let directory = installation.tenant_directory(&acme.id);
    assert!(directory.exists());
    erase(&server, &acme);
    assert!(!directory.exists());
    ann.client.get(&acme.path("")).expect(404);
    ann.client.get(&acme.path("/records/customers")).expect(404);
    let me = ann.client.get("/api/v1/me").expect(200);
    assert_eq!(me.json["memberships"], json!([]), "{}", me.text());
    bob.client.get(&bolt.path("/records/customers")).expect(200);
    server.stop();
    let mut found = Vec::new();
    files_with(&installation.data(), PLANTED, &mut found);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_slug_must_be_repeated_and_known() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    for arguments in [
        vec!["tenant", "erase", "acme", "--now"],
        vec!["tenant", "erase", "acme", "--confirm", "Acme", "--now"],
        vec!["tenant", "erase", "bolt", "--confirm", "bolt", "--now"],
        vec!["tenant", "erase", "../acme", "--confirm", "../acme", "--now"],
    ] {
        let ran = installation.run(&arguments);
        assert!(matches!(ran.code, Some(1 | 2)), "{arguments:?}: {ran:?}");
    }
    ann.client.get(&acme.path("/records/customers")).expect(200);
    server.stop();
}

#[test]
fn the_receipt_is_verified_offline_and_a_changed_one_is_not() {
    let installation = Installation::new();
    let server = installation.serve();
    let (_, acme) = server.sign_up_with_tenant("ann", "acme");
    let receipt = erase(&server, &acme);
    server.stop();
    let statement: Value = serde_json::from_str(receipt["statement"].as_str().unwrap()).unwrap();
    assert_eq!(statement["tenant_id"], acme.id, "{statement}");
    assert!(statement["removed"].as_array().is_some_and(|removed| !removed.is_empty()), "{statement}");
    let elsewhere = Installation::new();
    let verify = |name: &str, receipt: &Value| {
        let file = elsewhere.beside(name);
        std::fs::write(&file, receipt.to_string()).unwrap();
        elsewhere.run(&["verify", "receipt", file.to_str().unwrap()])
    };
    verify("as-it-is.json", &receipt).expect_code(0);
    let mut changed = receipt.clone();
    changed["statement"] = json!(receipt["statement"].as_str().unwrap().replace(&acme.id, "another"));
    verify("changed.json", &changed).expect_code(1);
    let mut unsigned = receipt.clone();
    unsigned["signature"] = json!("00".repeat(64));
    verify("unsigned.json", &unsigned).expect_code(1);
    verify("nothing.json", &json!({})).expect_code(1);
    elsewhere.run(&["verify", "receipt", "/nowhere"]).expect_code(1);
}

#[test]
fn an_erased_tenants_slug_is_never_given_again_and_its_file_is_not_taken_back() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.post(&acme.path("/records/customers"), json!({"name": PLANTED})).expect(201);
    let server = server.restart();
    let directory = installation.tenant_directory(&acme.id);
    let kept = installation.beside("kept.db");
    // A copy of the file at rest; the server has not opened it yet.
    std::fs::copy(directory.join("data.db"), &kept).unwrap();
    erase(&server, &acme);
    let ann = server.nobody().bearer(&ann.access_token);
    ann.post("/api/v1/tenants", json!({"name": "Acme", "slug": "acme"})).expect(409);
    server.stop();
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::copy(&kept, directory.join("data.db")).unwrap();
    let server = installation.serve();
    let ann = server.nobody().bearer(&ann_token(&ann, &server));
    ann.get(&acme.path("")).expect(404);
    ann.get(&format!("/api/v1/tenants/{}/records/customers", acme.id)).expect(404);
    server.stop();
}

/// Signs in anew: the address is Ann's.
fn ann_token(_: &crate::harness::Client, server: &Server) -> String {
    let body = json!({"email": "ann@example.com", "password": "ann-otter-juggles-nine-lanterns"});
    server.nobody().post("/api/v1/auth/sign-in", body).expect(200).string("/access_token")
}

#[test]
fn an_erasure_without_now_keeps_the_days_of_grace() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    installation.run(&["tenant", "erase", "acme", "--confirm", "acme"]).expect_code(0);
    assert_eq!(ann.client.get(&acme.path("")).expect(200).string("/status"), "closing");
    assert!(installation.tenant_file(&acme.id).exists());
    server.stop();
}

#[test]
fn an_export_that_is_on_its_way_leaves_nothing_behind_an_erasure() {
    let installation = Installation::new();
    let server = installation.serve();
    for round in 0..5 {
        let (ann, acme) = server.sign_up_with_tenant(&format!("ann{round}"), &format!("acme-{round}"));
        let rows: Vec<Value> =
            (0..1_000).map(|number| serde_json::json!({"name": format!("Customer {number}")})).collect();
        ann.client.post(&acme.path("/records/customers"), Value::from(rows)).expect(201);
        ann.client.send(&Call::new("POST", acme.path("/exports"))).expect(202);
        erase(&server, &acme);
        let exports = installation.data().join("exports").join(&acme.id);
        assert!(!exports.exists(), "an export outlived its tenant");
        let left: Vec<_> = std::fs::read_dir(installation.data().join("tmp"))
            .unwrap()
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("export-")), "{left:?}");
    }
    server.stop();
}
