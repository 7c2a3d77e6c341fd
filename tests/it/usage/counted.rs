//! What Tenantry counts itself: requests, bytes, seats.

use serde_json::json;

use super::{installation, limit, used};
use crate::harness::{Call, eventually};

#[test]
fn requests_are_counted_without_touching_the_tenants_file_and_survive_a_restart() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let eve = server.sign_up("eve");
    for _ in 0..20 {
        ann.client.get(&acme.path("/records/notes")).expect(200);
        // Who is not let in is not counted.
        eve.client.get(&acme.path("/records/notes")).expect(404);
    }
    server.stop();
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    let counted: i64 = used(&ann.client, &acme, "api.requests").parse().unwrap();
    assert!((20..=22).contains(&counted), "{counted}");
    let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
    let events: i64 = file.query_row("SELECT count(*) FROM _usage_events", [], |row| row.get(0)).unwrap();
    assert_eq!(events, 0);
    drop(file);
    server.stop();
}

#[test]
fn a_limit_of_requests_refuses_the_product_and_not_the_way_out() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let document =
        json!({ "title": "Tiny", "limits": { "api.requests": { "hard": "30", "window": "day" } } });
    let put =
        Call::put("/api/v1/operator/plans/tiny", json!({ "document": document, "expected_version": 0 }));
    operator.client.send(&put).expect(201);
    ann.client.send(&Call::put(acme.path("/subscription"), json!({ "plan": "tiny" }))).expect(200);
    let refused = eventually("a refusal", || {
        let answer = ann.client.get(&acme.path("/records/notes")).expect_one_of(&[200, 402]);
        (answer.status == 402).then_some(answer)
    });
    refused.expect_code(402, "limit_reached");
    ann.client.get(&acme.path("/members")).expect(200);
    ann.client.get(&acme.path("/subscription")).expect(200);
    assert!(limit(&ann.client, &acme, "api.requests")["percent"].as_i64().unwrap() >= 100);
    ann.client.send(&Call::put(acme.path("/subscription"), json!({ "plan": "large" }))).expect(200);
    eventually("the larger plan to count", || {
        (ann.client.get(&acme.path("/records/notes")).status == 200).then_some(())
    });
    server.stop();
}

#[test]
fn seats_are_the_most_that_there_were() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let ben = server.join(&ann, &acme, "ben", "member");
    ann.client.delete(&ben.membership(&acme)).expect(204);
    assert_eq!(used(&ann.client, &acme, "seats"), "2");
    let limits = ann.client.get(&acme.path("/limits")).expect(200);
    assert_eq!(limits.json["seats"], json!({ "used": 1, "limit": null }));
    server.stop();
}
