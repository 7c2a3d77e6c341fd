//! Usage and invoices where a tenant's file is given up: they go on after a gap, and both are verified.

use serde_json::json;

use super::{back_up, listed, ran};
use crate::harness::Installation;

const RESTORE: &str = "/api/v1/operator/tenants/acme/restore";

#[test]
fn usage_and_invoices_of_a_lost_file_go_on_after_a_gap_and_are_verified() {
    let app = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/apps/billed");
    let installation = Installation::with_app_of_tests("billed");
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), "backup_hours = 0\n").unwrap();
    let set_clock = |at: &str| {
        installation.set_clock(at.parse::<jiff::Timestamp>().unwrap().as_millisecond());
    };
    let close = || ran(&installation, &["plan", "close-period", "--final", "--app", app], 0);
    let verify = |what: &str| ran(&installation, &["verify", what, "--app", app], 0);
    set_clock("2026-05-01T00:00:00Z");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let event =
        |quantity: i64, key: &str| json!({ "meter": "tokens", "quantity": quantity, "idempotency_key": key });
    let events = acme.path("/usage-events");
    ann.client.post(&events, event(300, "a")).expect(201);
    set_clock("2026-06-02T00:00:00Z");
    close();
    let ann = ann.sign_in_again();
    back_up(&installation);
    let taken = listed(&installation, &acme).remove(0);
    ann.client.post(&events, event(500, "b")).expect(201);
    let issued = ann.client.get(&acme.path("/invoices")).expect(200).json;
    assert_eq!(issued["items"].as_array().unwrap().len(), 1, "{issued}");
    server.stop();
    let lost = installation.tenant_file(&acme.id);
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(lost.with_file_name(format!("data.db{ending}")));
    }
    let server = installation.serve();
    let (ann, operator) = (ann.sign_in_again_at(&server), operator.sign_in_again_at(&server));
    let asked = json!({ "backup": taken["id"], "discard_live": true });
    let lost = operator.client.post(RESTORE, asked).expect(200).json["lost"].clone();
    assert_eq!(lost["events_after"], taken["event_seq"]);
    verify("usage");
    verify("billing");
    assert_eq!(ann.client.get(&acme.path("/invoices")).expect(200).json, issued);
    // What was sent since is sent again, and counted: nobody knows of it. What the backup knows of is not counted twice.
    ann.client.post(&events, event(300, "a")).expect_one_of(&[200, 201]);
    ann.client.post(&events, event(7, "b")).expect(201);
    let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
    let seqs: Vec<(i64, String)> = file
        .prepare("SELECT seq, meter FROM _usage_events WHERE seq > ?1 ORDER BY seq")
        .unwrap()
        .query_map([lost["events_after"].as_i64().unwrap()], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    drop(file);
    let beyond = lost["events_before"].as_i64().unwrap();
    assert_eq!(seqs.first().map(|(seq, _)| *seq), Some(beyond), "{seqs:?}");
    let counted: Vec<_> = seqs.iter().filter(|(_, meter)| meter == "tokens").collect();
    assert!(matches!(counted[..], [(seq, _)] if *seq > beyond), "{seqs:?}");
    set_clock("2026-07-02T00:00:00Z");
    close();
    let ann = ann.sign_in_again();
    let invoices = ann.client.get(&acme.path("/invoices")).expect(200).json;
    assert_eq!(invoices["items"].as_array().unwrap().len(), 2, "{invoices}");
    assert_eq!(invoices["items"][1], issued["items"][0]);
    verify("usage");
    verify("billing");
    server.stop();
}
