//! What is told that does not come from records.

use serde_json::json;

use super::{Receiver, lets_send, make, taken};
use crate::export::export;
use crate::harness::receiver::Received;
use crate::harness::{Call, Installation, eventually};

#[track_caller]
fn of_type(receiver: &Receiver, kind: &str) -> Received {
    eventually(kind, || receiver.received().into_iter().find(|one| one.json["type"] == kind))
}

#[test]
fn members_exports_invoices_subscriptions_and_limits_are_told() {
    let receiver = Receiver::open(|_, _| taken());
    let installation = Installation::with_app_of_tests("metered");
    lets_send(&installation);
    let server = installation.serve();
    let operator = server.add_operator();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (ben, bolt) = server.sign_up_with_tenant("ben", "bolt");
    let all = [
        "member.added",
        "member.removed",
        "invoice.finalized",
        "invoice.paid",
        "subscription.changed",
        "export.ready",
    ];
    make(&ann.client, &acme, &receiver.url("/acme"), &all);
    make(&ben.client, &bolt, &receiver.url("/bolt"), &all);
    let cid = server.join(&ann, &acme, "cid", "viewer");
    let told = of_type(&receiver, "member.added");
    let data = json!({ "tenant_id": acme.id, "identity_id": cid.id, "role": "viewer" });
    assert_eq!((&told.json["data"], told.path.as_str()), (&data, "/acme"));
    ann.client.delete(&cid.membership(&acme)).expect(204);
    assert_eq!(of_type(&receiver, "member.removed").json["data"], data);
    export(&ann.client, &acme);
    assert!(of_type(&receiver, "export.ready").json["data"]["export_id"].is_string());
    let send = |call: Call| operator.client.send(&call).expect_one_of(&[200, 201]);
    let dear = |version: i64| {
        let document = json!({"title": "Team", "fee_cents": "1000000000000"});
        Call::put("/api/v1/operator/plans/team", json!({"document": document, "expected_version": version}))
    };
    send(dear(0));
    for plan in ["team", "small"] {
        send(Call::put("/api/v1/operator/tenants/acme/subscription", json!({"plan": plan})));
    }
    eventually("the change to team", || {
        let received = receiver.received();
        let mut changed = received.iter().filter(|one| one.json["type"] == "subscription.changed");
        changed
            .find(|one| one.json["data"]["plan"] == "team" && one.json["data"]["to"]["plan"] == "team")
            .map(|_| ())
    });
    let closed = send(Call::post("/api/v1/operator/periods/close", json!({"tenant": "acme", "final": true})));
    let invoice = closed.json["invoices"][0].as_str().unwrap();
    let finalized = of_type(&receiver, "invoice.finalized");
    assert_eq!(finalized.json["data"]["invoice_id"], invoice);
    assert!(finalized.json["data"]["total_cents"].as_i64().unwrap() > 0);
    send(Call::new("POST", format!("/api/v1/operator/invoices/{invoice}/mark-paid")));
    assert_eq!(of_type(&receiver, "invoice.paid").json["data"]["invoice_id"], invoice);
    assert!(
        receiver.received().iter().all(|one| one.path == "/acme" && one.json["data"]["tenant_id"] == acme.id)
    );
    server.stop();
}

#[test]
fn a_limit_is_told_at_its_threshold_and_when_it_is_used_up() {
    let receiver = Receiver::open(|_, _| taken());
    let installation = Installation::with_app_of_tests("metered");
    lets_send(&installation);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let all = ["usage.threshold_reached", "usage.limit_reached", "spend_cap.reached"];
    make(&ann.client, &acme, &receiver.url("/"), &all);
    let mut number = 0;
    let mut use_up = |quantity: i64| {
        number += 1;
        let event =
            json!({"meter": "tokens", "quantity": quantity, "idempotency_key": format!("event-{number}")});
        ann.client.post(&acme.path("/usage-events"), event).expect(201);
    };
    use_up(80);
    let told = of_type(&receiver, "usage.threshold_reached");
    let data = &told.json["data"];
    assert_eq!(
        (&data["meter"], &data["threshold_percent"], &data["used"]),
        (&json!("tokens"), &json!(80), &json!("80"))
    );
    use_up(20);
    assert_eq!(of_type(&receiver, "usage.limit_reached").json["data"]["threshold_percent"], 100);
    assert!(receiver.received().iter().all(|one| one.json["type"] != "spend_cap.reached"));
    server.stop();
}
