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
        for field in ["at", "actor", "session", "action", "target", "address"] {
            assert!(entry[field].is_string(), "no {field}: {entry}");
        }
    }
    let sessions = ann.client.get("/api/v1/auth/sessions").expect(200);
    assert_eq!(entries[0]["session"], sessions.json["items"][0]["id"], "{}", entries[0]);
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

/// What a spreadsheet, a terminal or a page would run.
const PAYLOADS: [&str; 4] =
    ["=HYPERLINK(\"http://evil.example\")", "+1+1", "@SUM(A1)", "<script>alert(1)</script>"];

#[test]
fn a_log_is_streamed_whole_as_csv_and_ndjson_and_what_others_wrote_stays_text() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    for name in PAYLOADS {
        let call = Call::patch(acme.path(""), json!({"name": name})).header("user-agent", name);
        ann.client.send(&call).expect(200);
    }
    let as_form =
        |form: &str| ann.client.send(&Call::get(acme.path("/audit")).header("accept", form)).expect(200);
    let csv = as_form("text/csv");
    assert!(csv.header("content-type").is_some_and(|value| value.starts_with("text/csv")), "{csv:?}");
    assert!(csv.header("content-disposition").is_some_and(|value| value.starts_with("attachment")));
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(csv.bytes.as_slice()).records().collect::<Result<_, _>>().unwrap();
    for cell in rows.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
    }
    let lines: Vec<Value> = as_form("application/x-ndjson")
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}")))
        .collect();
    // The download of the table is in the lines, and theirs too.
    assert_eq!(lines.len(), rows.len() + 1);
    for entry in &lines[..2] {
        assert_eq!(entry["action"], "audit.exported", "{entry}");
    }
    let all = ann.client.get(&acme.path("/audit?limit=500")).expect(200);
    assert_eq!(&lines, all.json["items"].as_array().unwrap());
    for refused in ["/audit?limit=1", "/audit?cursor=x"] {
        ann.client.send(&Call::get(acme.path(refused)).header("accept", "text/csv")).expect(400);
    }
    server.stop();
}

#[test]
fn filters_are_combined_and_nonsense_in_them_is_refused() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "admin");
    bob.client.patch(&acme.path(""), json!({"name": "Bob's"})).expect(200);
    ann.client.patch(&acme.path(""), json!({"name": "Ann's"})).expect(200);
    let count = |query: &str| {
        let log = ann.client.get(&acme.path(&format!("/audit?{query}"))).expect(200);
        log.json["items"].as_array().unwrap().len()
    };
    assert_eq!(count("action=tenant.changed"), 2);
    assert_eq!(count(&format!("action=tenant.changed&actor=identity:{}", bob.id)), 1);
    assert_eq!(count("action=tenant.*"), 3);
    assert_eq!(count("action=tenant"), 0, "half a name is none");
    assert_eq!(count("action=tenant.*&from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z"), 0);
    assert_eq!(count("from=2020-01-01T00:00:00Z&action=tenant.*"), 3);
    for (query, code) in [
        ("action=*", "bad_action"),
        ("action=Tenant%25", "bad_action"),
        ("actor=ann", "bad_actor"),
        ("actor=identity:%27", "bad_actor"),
        ("from=yesterday", "bad_time"),
        ("from=2020-01-02T00:00:00Z&to=2020-01-01T00:00:00Z", "bad_time"),
        ("colour=red", "unknown_parameter"),
    ] {
        ann.client.get(&acme.path(&format!("/audit?{query}"))).expect_code(400, code);
    }
    server.stop();
}

#[test]
fn the_log_of_the_installation_is_for_operators() {
    let server = Installation::new().serve();
    let (ann, _) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let log = operator.client.get("/api/v1/operator/audit?limit=1").expect(200);
    assert_eq!(log.json["items"][0]["action"], "session.begun");
    let cursor = log.string("/next_cursor");
    let next = operator.client.get(&format!("/api/v1/operator/audit?limit=500&cursor={cursor}")).expect(200);
    let actions: Vec<&Value> =
        next.json["items"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert!(actions.contains(&&json!("identity.signed_up")), "{actions:?}");
    let form = Call::get("/api/v1/operator/audit?action=operator.*").header("accept", "application/x-ndjson");
    assert_eq!(operator.client.send(&form).expect(200).text().lines().count(), 1);
    ann.client.get("/api/v1/operator/audit").expect_code(403, "operator_only");
    server.stop();
}

#[test]
fn an_operator_reads_the_log_of_a_tenant_with_the_same_filters_and_a_download_is_in_it() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    server.sign_up_with_tenant("bob", "other");
    let operator = server.add_operator();
    ann.client.patch(&acme.path(""), json!({"name": "Another"})).expect(200);
    let path = |more: &str| format!("/api/v1/operator/tenants/{}/audit{more}", acme.slug);
    let own = ann.client.get(&acme.path("/audit")).expect(200);
    let read = operator.client.get(&path("")).expect(200);
    assert_eq!(read.json["items"], own.json["items"], "as its own members read it, and not another's");
    assert!(!own.json["items"].as_array().unwrap().is_empty());
    let changed = operator.client.get(&path("?action=tenant.changed")).expect(200);
    assert_eq!(changed.json["items"].as_array().unwrap().len(), 1);
    let first = operator.client.get(&path("?limit=1")).expect(200);
    let cursor = first.string("/next_cursor");
    let second = operator.client.get(&path(&format!("?limit=1&cursor={cursor}"))).expect(200);
    assert_eq!(second.json["items"][0], own.json["items"][1]);
    let elsewhere = format!("/api/v1/operator/tenants/other/audit?limit=1&cursor={cursor}");
    operator.client.get(&elsewhere).expect_code(400, "bad_cursor");
    operator.client.send(&Call::get(path("")).header("accept", "text/csv")).expect(200);
    let newest = &ann.client.get(&acme.path("/audit?limit=1")).expect(200).json["items"][0];
    assert_eq!(newest["action"], "audit.exported");
    assert_eq!(newest["actor"], format!("operator:{}", operator.id));
    for (refused, status) in [("?action=Nonsense!", 400), ("?page=2", 400)] {
        operator.client.get(&path(refused)).expect(status);
    }
    operator.client.get("/api/v1/operator/tenants/nobody/audit").expect(404);
    ann.client.get(&path("")).expect(403);
    server.stop();
}
