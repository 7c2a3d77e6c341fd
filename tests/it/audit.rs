//! The audit log: complete, chained, and each tenant's own.

use serde_json::{Value, json};

use crate::harness::{Call, Installation};

#[test]
fn acts_are_in_the_log_newest_first_and_each_continues_the_one_before() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "viewer");
    ann.client.patch(&bob.membership(&acme), json!({"role": "member"})).expect(200);
    ann.client.delete(&bob.membership(&acme)).expect(204);
    let log = ann.client.get(&acme.path("/audit")).expect(200);
    let entries = log.json["items"].as_array().unwrap();
    assert!(entries.len() >= 5, "created, invited, joined, changed, removed: {}", log.text());
    for pair in entries.windows(2) {
        assert_eq!(pair[0]["prev_hash"], pair[1]["hash"]);
        assert_eq!(pair[0]["seq"].as_i64().unwrap(), pair[1]["seq"].as_i64().unwrap() + 1);
    }
    let first = entries.last().unwrap();
    assert_eq!(
        (first["seq"].as_i64(), first["prev_hash"].as_str()),
        (Some(1), Some("0".repeat(64).as_str()))
    );
    for entry in entries {
        for field in ["at", "actor", "action", "target", "address"] {
            assert!(entry[field].is_string(), "no {field}: {entry}");
        }
    }
    assert!(entries[0]["actor"].as_str().unwrap().contains(&ann.id), "{}", entries[0]);
    server.stop();
}

#[test]
fn the_log_is_filtered_by_action() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.patch(&acme.path(""), json!({"name": "=Formula"})).expect(200);
    ann.invite(&server, &acme, "bob@example.com", "viewer");
    let all = ann.client.get(&acme.path("/audit")).expect(200);
    let newest = all.string("/items/0/action");
    let filtered = ann.client.get(&acme.path(&format!("/audit?action={newest}"))).expect(200);
    let items = filtered.json["items"].as_array().unwrap();
    assert!(
        !items.is_empty() && items.iter().all(|item| item["action"] == newest.as_str()),
        "{}",
        filtered.text()
    );
    assert!(items.len() < all.json["items"].as_array().unwrap().len());
    server.stop();
}

#[test]
fn a_log_as_it_was_written_is_verified_and_a_changed_or_shortened_one_is_not() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.patch(&acme.path(""), json!({"name": "Another name"})).expect(200);
    ann.client.patch(&acme.path(""), json!({"name": "A third name"})).expect(200);
    server.stop();
    installation.run(&["verify", "audit"]).expect_code(0);
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    // Whoever can write the file can also take the triggers out.
    let triggers: Vec<String> = catalog
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit_entries'")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .unwrap();
    for trigger in triggers {
        catalog.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    let change = |sql: &str| assert!(catalog.execute(sql, [&acme.id]).unwrap() > 0, "{sql} changed nothing");
    change("UPDATE audit_entries SET actor = 'system' WHERE chain = ?1 AND seq = 2");
    installation.run(&["verify", "audit"]).expect_code(1);
    change("DELETE FROM audit_entries WHERE chain = ?1 AND seq = 2");
    installation.run(&["verify", "audit"]).expect_code(1);
}

#[test]
fn a_refused_act_changes_nothing_and_is_not_told_as_done() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "viewer");
    let head = || ann.client.get(&acme.path("/audit?limit=1")).expect(200).json["items"][0]["action"].clone();
    let before = head();
    bob.client.patch(&acme.path(""), json!({"name": "Bob's"})).expect(403);
    bob.client.delete(&ann.membership(&acme)).expect(403);
    assert_eq!(head(), before);
    server.stop();
}

#[test]
fn the_audit_log_is_read_as_csv_and_ndjson() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.patch(&acme.path(""), json!({"name": "=Formula"})).expect(200);
    let all = ann.client.get(&acme.path("/audit")).expect(200);
    let csv = ann.client.send(&Call::get(acme.path("/audit")).header("accept", "text/csv")).expect(200);
    assert!(csv.header("content-type").is_some_and(|value| value.starts_with("text/csv")), "{csv:?}");
    assert_eq!(
        csv::Reader::from_reader(csv.bytes.as_slice()).records().count(),
        all.json["items"].as_array().unwrap().len()
    );
    let ndjson =
        ann.client.send(&Call::get(acme.path("/audit")).header("accept", "application/x-ndjson")).expect(200);
    for line in ndjson.text().lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert!(entry["hash"].is_string(), "{entry}");
    }
    server.stop();
}
