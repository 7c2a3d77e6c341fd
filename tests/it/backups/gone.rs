//! Restoring where the file in place is gone or damaged: it is given up when somebody says so, and no number is given twice.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{files_below, listed, ran};
use crate::harness::{Client, Installation, Person, Server, Tenant};

const APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/apps/metered");

fn metered() -> Arc<Installation> {
    let installation = Installation::with_app_of_tests("metered");
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), "backup_hours = 0\n").unwrap();
    installation
}

fn use_gigabytes(client: &Client, tenant: &Tenant, key: &str) -> i64 {
    let event = json!({ "meter": "gigabytes", "quantity": "1", "idempotency_key": key });
    let answer = client.post(&tenant.path("/usage-events"), event).expect(201);
    answer.json["seq"].as_i64().unwrap_or_else(|| panic!("{answer:?}"))
}

fn note(client: &Client, tenant: &Tenant, text: &str) {
    client.post(&tenant.path("/records/notes"), json!({ "text": text })).expect(201);
}

fn notes(client: &Client, tenant: &Tenant) -> Vec<String> {
    let list = client.get(&tenant.path("/records/notes?order=id")).expect(200).json;
    list["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap().to_owned()).collect()
}

/// Where the changes end now.
fn last_change(client: &Client, tenant: &Tenant) -> i64 {
    let page = client.get(&tenant.path("/changes?limit=500")).expect(200).json;
    page["items"].as_array().unwrap().last().unwrap()["seq"].as_i64().unwrap()
}

struct House {
    installation: Arc<Installation>,
    ann: Person,
    acme: Tenant,
    backup: String,
    /// The last numbers that were given before the file is lost.
    change: i64,
    event: i64,
}

/// A tenant that has a backup and was written since.
fn house() -> (House, Server) {
    let installation = metered();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    note(&ann.client, &acme, "of then");
    use_gigabytes(&ann.client, &acme, "then");
    ran(&installation, &["backup", "run", "--app", APP], 0);
    let backup = listed(&installation, &acme).remove(0)["id"].as_str().unwrap().to_owned();
    note(&ann.client, &acme, "of later");
    let event = use_gigabytes(&ann.client, &acme, "later");
    let change = last_change(&ann.client, &acme);
    (House { installation, ann, acme, backup, change, event }, server)
}

fn restore(house: &House, more: &[&str], code: i32) -> Value {
    let arguments = ["restore", "--tenant", "acme", "--backup", &house.backup, "--app", APP];
    let ran = house.installation.run(&[&arguments[..], more, &["--json"]].concat()).expect_code(code);
    match code {
        0 => serde_json::from_str(ran.stdout.trim()).unwrap(),
        _ => json!(ran.stderr),
    }
}

/// Spoils what is in the pages of one table, and leaves the rest of the file as it is.
fn spoil(path: &std::path::Path, table: &str) {
    let file = rusqlite::Connection::open(path).unwrap();
    file.execute_batch("PRAGMA journal_mode = DELETE").unwrap();
    let one = |sql: &str| file.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap() as usize;
    let size = one("PRAGMA page_size");
    let page = one(&format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}'"));
    drop(file);
    let mut bytes = std::fs::read(path).unwrap();
    bytes[(page - 1) * size..page * size].fill(0xee);
    std::fs::write(path, bytes).unwrap();
}

/// What was given up is told, nothing is counted on from where it was, and what follows is sound.
fn goes_on(house: &House, restored: &Value, server: &Server) {
    let House { installation, acme, .. } = house;
    assert!(restored["discarded"].is_null(), "{restored}");
    let lost = |name: &str| restored["lost"][name].as_i64().unwrap_or_else(|| panic!("{restored}"));
    assert!(lost("changes_before") > house.change && lost("events_before") > house.event, "{restored}");
    let ann = house.ann.sign_in_again_at(server);
    assert_eq!(notes(&ann.client, acme), ["of then"]);
    // Who follows the changes reads everything anew; nobody takes new ones for old ones.
    let since = acme.path(&format!("/changes?since={}", house.change));
    ann.client.get(&since).expect_code(410, "changes_gone");
    note(&ann.client, acme, "afterwards");
    assert!(last_change(&ann.client, acme) > house.change);
    // The key was used in what is lost.
    assert!(use_gigabytes(&ann.client, acme, "later") > house.event);
    for what in ["usage", "billing"] {
        ran(installation, &["verify", what, "--app", APP], 0);
    }
    let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
    let sound: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let told = ann.client.get(&acme.path("/audit?action=tenant.restored")).expect(200).json;
    let details: Value = serde_json::from_str(told["items"][0]["details"].as_str().unwrap()).unwrap();
    assert_eq!(details["lost"], restored["lost"], "{told:#}");
}

#[test]
fn a_file_that_is_gone_is_given_up_when_somebody_says_so_and_no_number_is_given_twice() {
    let (house, server) = house();
    let operator = server.add_operator();
    let path = "/api/v1/operator/tenants/acme/restore";
    let body = json!({ "backup": house.backup, "discard_live": true });
    // What can be read is not given up by a slip.
    operator.client.post(path, body.clone()).expect_code(409, "file_sound");
    let beside = json!({ "backup": house.backup, "discard_live": true, "as": "acme-then" });
    operator.client.post(path, beside).expect_refused_by_name("discard_live");
    assert_eq!(notes(&house.ann.client, &house.acme), ["of then", "of later"]);
    let file = house.installation.tenant_file(&house.acme.id);
    server.stop();
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", file.display()));
    }
    let refused = restore(&house, &[], 1);
    assert!(refused.as_str().unwrap().contains("--discard-live"), "{refused}");
    assert!(!file.exists());
    let server = house.installation.serve();
    let operator = operator.sign_in_again_at(&server);
    operator.client.post(path, json!({ "backup": house.backup })).expect_code(409, "file_missing");
    let restored = operator.client.post(path, body).expect(200).json;
    goes_on(&house, &restored, &server);
    server.stop();
}

#[test]
fn a_damaged_file_is_told_and_put_away_when_it_is_given_up() {
    let (house, server) = house();
    server.stop();
    let file = house.installation.tenant_file(&house.acme.id);
    spoil(&file, "_usage_events");
    // Behind the header, which says how the file was opened last.
    let content = |path: &std::path::Path| std::fs::read(path).unwrap().split_off(100);
    let damaged = content(&file);
    // It opens, and what it has counted cannot be taken over.
    let refused = restore(&house, &[], 1);
    assert!(refused.as_str().unwrap().contains("--discard-live"), "{refused}");
    assert!(content(&file) == damaged, "what is refused changes nothing");
    let restored = restore(&house, &["--discard-live"], 0);
    let kept = files_below(&file.with_file_name("snapshots"));
    let is_it =
        |path: &std::path::PathBuf| path.to_string_lossy().contains("damaged-") && content(path) == damaged;
    assert!(kept.iter().any(is_it), "{kept:?}");
    let server = house.installation.serve();
    goes_on(&house, &restored, &server);
    server.stop();
}
