//! Tenants that are held, closing or erased.

use serde_json::json;

use super::{Receiver, create_customer, installation, make, path_of, taken, until_received};
use crate::harness::{Call, HOUR, eventually};

#[test]
fn what_is_due_for_a_suspended_tenant_is_held_until_it_is_resumed() {
    let receiver =
        Receiver::open(|_, before| if before == 0 { (500, String::new(), String::new()) } else { taken() });
    let installation = installation();
    let server = installation.serve();
    let operator = server.add_operator();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (ben, bolt) = server.sign_up_with_tenant("ben", "bolt");
    make(&ann.client, &acme, &receiver.url("/acme"), &["record.created"]);
    make(&ben.client, &bolt, &receiver.url("/bolt"), &["record.created"]);
    create_customer(&ann.client, &acme, "One");
    until_received(&receiver, 1);
    operator.client.send(&Call::new("POST", "/api/v1/operator/tenants/acme/suspend")).expect(200);
    installation.advance_clock(HOUR);
    let ben = ben.sign_in_again();
    create_customer(&ben.client, &bolt, "Two");
    until_received(&receiver, 2);
    assert_eq!(receiver.received().iter().filter(|one| one.path == "/acme").count(), 1);
    let operator = operator.sign_in_again();
    operator.client.send(&Call::new("POST", "/api/v1/operator/tenants/acme/resume")).expect(200);
    let received = until_received(&receiver, 3);
    assert_eq!(received[2].path, "/acme");
    server.stop();
}

#[test]
fn a_closing_tenant_is_told_so_and_an_erased_one_leaves_nothing() {
    let receiver = Receiver::open(|_, _| taken());
    let installation = installation();
    let server = installation.serve();
    let operator = server.add_operator();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let made = make(&ann.client, &acme, &receiver.url("/"), &["tenant.closing"]);
    ann.client.post(&acme.path("/close"), json!({ "confirm": "acme" })).expect(202);
    let told = until_received(&receiver, 1).remove(0);
    assert_eq!(
        (&told.json["type"], &told.json["data"]["tenant_id"]),
        (&json!("tenant.closing"), &json!(acme.id))
    );
    assert!(told.json["data"]["erase_after"].is_string() && told.is_signed_with(&made.string("/secret")));
    ann.client.delete(&path_of(&acme, &made)).expect_code(409, "tenant_closing");
    let erase = Call::post("/api/v1/operator/tenants/acme/erase", json!({ "confirm": "acme" }));
    operator.client.send(&erase).expect(200);
    ann.client.get(&path_of(&acme, &made)).expect(404);
    assert!(!installation.tenant_file(&acme.id).exists());
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    for table in ["webhook_events", "webhook_tenants", "job_hints"] {
        let sql = format!("SELECT count(*) FROM {table} WHERE tenant_id = ?1");
        let left: i64 = catalog.query_row(&sql, [&acme.id], |row| row.get(0)).unwrap();
        assert_eq!(left, 0, "{table}");
    }
    server.stop();
}

#[test]
fn a_tenant_without_endpoints_has_nothing_noted_for_it() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    create_customer(&ann.client, &acme, "One");
    server.join(&ann, &acme, "ben", "viewer");
    let count = |file: std::path::PathBuf, sql: &str| -> i64 {
        rusqlite::Connection::open(file).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let catalog = installation.data().join("catalog.db");
    assert_eq!(count(catalog.clone(), "SELECT count(*) FROM webhook_events"), 0);
    assert_eq!(count(catalog, "SELECT count(*) FROM job_hints"), 0);
    assert_eq!(count(installation.tenant_file(&acme.id), "SELECT count(*) FROM _jobs"), 0);
    server.stop();
}

#[test]
fn a_tenant_that_is_left_alone_is_quiet_again() {
    let receiver = Receiver::open(|_, _| taken());
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    make(&ann.client, &acme, &receiver.url("/"), &["record.created"]);
    create_customer(&ann.client, &acme, "One");
    until_received(&receiver, 1);
    let runs = || -> i64 {
        let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
        file.query_row("SELECT count(*) FROM _jobs WHERE status IN ('running') OR due = 1", [], |row| {
            row.get(0)
        })
        .unwrap()
    };
    eventually("that nothing is due", || (runs() == 0).then_some(()));
    server.stop();
}
