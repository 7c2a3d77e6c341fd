//! Signed heads of audit logs: what a chain of hashes alone does not tell.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::export::export;
use crate::harness::{Client, DAY, Installation, Person, Server, Tenant, eventually};

fn busy() -> (Arc<Installation>, Server, Person, Tenant) {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    for name in ["Second", "Third", "Fourth"] {
        ann.client.patch(&acme.path(""), json!({"name": name})).expect(200);
    }
    (installation, server, ann, acme)
}

fn sign_in(server: &Server, person: &Person) -> Client {
    let body = json!({"email": person.email, "password": person.password});
    let token = server.nobody().post("/api/v1/auth/sign-in", body).expect(200).string("/access_token");
    server.nobody().bearer(&token)
}

/// The catalog, as whoever has the file has it: without the triggers.
fn catalog(installation: &Installation) -> rusqlite::Connection {
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let triggers: Vec<String> = catalog
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name LIKE 'audit%'")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .unwrap();
    assert!(triggers.len() >= 4, "{triggers:?}");
    for trigger in triggers {
        catalog.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    catalog
}

/// What `verify audit` says is wrong with the log of the tenant.
#[track_caller]
fn fault(installation: &Installation, tenant: &Tenant) -> String {
    let ran = installation.run(&["verify", "audit", "--tenant", &tenant.slug, "--json"]).expect_code(1);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer["ok"], false);
    answer["chains"][0]["fault"].as_str().unwrap().to_owned()
}

#[test]
fn a_log_is_signed_to_its_end_when_the_server_stops() {
    let (installation, server, _, acme) = busy();
    server.stop();
    let ran = installation.run(&["verify", "audit", "--tenant", &acme.slug, "--json"]).expect_code(0);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&answer["chains"][0]["entries"], &answer["chains"][0]["signed_to"]), (&json!(4), &json!(4)));
    installation.run(&["verify", "audit"]).expect_code(0);
    installation.run(&["verify", "audit", "--tenant", "nobody"]).expect_code(1);
    installation.run(&["verify", "audit", "--no-such-flag"]).expect_code(2);
}

#[test]
fn a_log_that_is_cut_at_its_end_is_noticed() {
    let (installation, server, _, acme) = busy();
    server.stop();
    let catalog = catalog(&installation);
    catalog.execute("DELETE FROM audit_entries WHERE chain = ?1 AND seq = 4", [&acme.id]).unwrap();
    assert!(fault(&installation, &acme).contains("entry 4 is missing"));
    // Also where the catalog is taken back as a whole: the ledger is no part of it.
    catalog.execute("DELETE FROM audit_checkpoints WHERE chain = ?1", [&acme.id]).unwrap();
    assert!(fault(&installation, &acme).contains("entry 4 is missing"));
    catalog.execute("DELETE FROM audit_entries WHERE chain = ?1", [&acme.id]).unwrap();
    installation.run(&["verify", "audit"]).expect_code(1);
}

#[test]
fn a_log_that_is_chained_anew_without_the_key_is_noticed() {
    let (installation, server, _, acme) = busy();
    server.stop();
    let catalog = catalog(&installation);
    // The end is taken off, and the program itself chains something else to what is left.
    for sql in [
        "DELETE FROM audit_entries WHERE chain = ?1 AND seq > 2",
        "DELETE FROM audit_checkpoints WHERE chain = ?1",
    ] {
        catalog.execute(sql, [&acme.id]).unwrap();
    }
    drop(catalog);
    installation.run(&["tenant", "suspend", &acme.slug]).expect_code(0);
    installation.run(&["tenant", "resume", &acme.slug]).expect_code(0);
    assert!(fault(&installation, &acme).contains("entry 4"));
}

#[test]
fn nothing_can_be_removed_from_a_log_while_its_triggers_stand() {
    let (installation, server, _, acme) = busy();
    server.stop();
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    for sql in [
        "DELETE FROM audit_entries WHERE chain = ?1",
        "UPDATE audit_entries SET actor = 'system' WHERE chain = ?1",
        "DELETE FROM audit_checkpoints WHERE chain = ?1",
        "UPDATE audit_checkpoints SET hash = '' WHERE chain = ?1",
    ] {
        let refused = catalog.execute(sql, [&acme.id]).map_err(|error| error.to_string());
        assert!(refused.as_ref().is_err_and(|why| why.contains("cannot be")), "{sql}: {refused:?}");
    }
}

#[test]
fn what_is_older_than_the_settings_keep_it_goes_and_the_rest_is_checked_from_a_checkpoint_on() {
    let (installation, server, ann, acme) = busy();
    server.stop();
    std::fs::write(installation.data().join("tenantry.toml"), "audit_days = 30\n").unwrap();
    installation.advance_clock(20 * DAY);
    let server = installation.serve();
    sign_in(&server, &ann).patch(&acme.path(""), json!({"name": "Fifth"})).expect(200);
    server.stop();
    installation.advance_clock(12 * DAY);
    let server = installation.serve();
    let client = sign_in(&server, &ann);
    let actions = eventually("the end of old entries", || {
        let log = client.get(&acme.path("/audit")).expect(200);
        let entries = log.json["items"].as_array().unwrap().clone();
        (entries[0]["action"] == "audit.trimmed").then_some(entries)
    });
    let left: Vec<i64> = actions.iter().map(|entry| entry["seq"].as_i64().unwrap()).collect();
    assert_eq!(left, [6, 5], "{actions:?}");
    server.stop();
    installation.run(&["verify", "audit"]).expect_code(0);
    let catalog = catalog(&installation);
    catalog.execute("DELETE FROM audit_entries WHERE chain = ?1 AND seq = 5", [&acme.id]).unwrap();
    assert!(fault(&installation, &acme).contains("entry 5 is missing"));
}

#[test]
fn an_export_is_checked_without_the_installation() {
    let (installation, server, ann, acme) = busy();
    let (_, download) = export(&ann.client, &acme);
    server.stop();
    let file = installation.beside("acme.zip");
    std::fs::write(&file, &download.bytes).unwrap();
    let key = installation.beside("receipts.pub");
    std::fs::copy(installation.data().join("keys/receipts.pub"), &key).unwrap();
    let elsewhere = Installation::new();
    let (file, key) = (file.to_str().unwrap(), key.to_str().unwrap());
    let ran = elsewhere.run(&["verify", "export", file, "--key", key, "--json"]).expect_code(0);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer["audit"]["signed_to"], answer["audit"]["entries"], "{answer}");
    elsewhere.run(&["verify", "audit", file, "--key", key]).expect_code(0);
    // A key that somebody else trusts.
    let other = elsewhere.beside("other.pub");
    std::fs::write(&other, "00".repeat(32)).unwrap();
    elsewhere.run(&["verify", "audit", file, "--key", other.to_str().unwrap()]).expect_code(1);
    let log = crate::export::entries(&download.bytes)["audit.ndjson"].clone();
    let checkpoints = crate::export::entries(&download.bytes)["audit-checkpoints.ndjson"].clone();
    let beside = |name: &str, bytes: &[u8]| {
        std::fs::write(elsewhere.beside(name), bytes).unwrap();
        elsewhere.beside(name).to_str().unwrap().to_owned()
    };
    let signed = beside("audit-checkpoints.ndjson", &checkpoints);
    let check = |log: &[u8]| {
        let log = beside("audit.ndjson", log);
        elsewhere.run(&[
            "verify",
            "audit",
            &log,
            "--tenant-id",
            &acme.id,
            "--checkpoints",
            &signed,
            "--key",
            key,
        ])
    };
    check(&log).expect_code(0);
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    check(&lines[..lines.len() - 1].concat()).expect_code(1);
    check(&[&lines[..1], &lines[2..]].concat().concat()).expect_code(1);
    let changed = String::from_utf8(log.clone()).unwrap().replacen("tenant.changed", "tenant.charged", 1);
    let ran = check(changed.as_bytes()).expect_code(1);
    assert!(format!("{}{}", ran.stdout, ran.stderr).contains("entry 2"), "{ran:?}");
}
