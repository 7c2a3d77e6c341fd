//! Who does not pay can only read, and pay.

use super::*;
use crate::harness::{Call, eventually};

fn status(client: &Client, tenant: &Tenant) -> String {
    client.get(&tenant.path("/subscription")).expect(200).string("/status")
}

#[test]
fn an_overdue_tenant_is_read_only_until_it_pays() {
    let (installation, server, ann, acme) = begin();
    let operator = server.add_operator();
    set_clock(&installation, "2026-06-01T01:00:00Z");
    close(&installation, &["--final"]);
    server.stop();
    // Due on the 15th.
    set_clock(&installation, "2026-06-16T00:00:00Z");
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    eventually("past due", || (status(&ann.client, &acme) == "past_due").then_some(()));
    tokens(&ann.client, &acme, 1, "still");
    server.stop();
    set_clock(&installation, "2026-06-29T02:00:00Z");
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    let event = json!({ "meter": "tokens", "quantity": 1, "idempotency_key": "a" });
    let refused = eventually("payment is asked for", || {
        let answer = ann.client.post(&acme.path("/usage-events"), event.clone());
        (answer.status == 402).then_some(answer)
    });
    assert_eq!(refused.code(), "payment_required");
    ann.client.get(&acme.path("/tables")).expect(200);
    ann.client.send(&Call::new("POST", acme.path("/exports"))).expect(202);
    // What has to do with money stays open.
    let later = json!({ "plan": "free", "when": "period_end" });
    ann.client.send(&Call::put(acme.path("/subscription"), later)).expect(200);
    let invoice = list(&ann.client, &acme).remove(0);
    let operator = operator.sign_in_again_at(&server);
    let paid = format!("/api/v1/operator/invoices/{}/mark-paid", invoice["id"].as_str().unwrap());
    operator.client.send(&Call::new("POST", paid)).expect(200);
    ann.client.post(&acme.path("/usage-events"), event).expect(201);
    assert_eq!(status(&ann.client, &acme), "active");
}
