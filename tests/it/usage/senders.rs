//! Who may take an event back: whoever sent it, and operators.

use serde_json::{Value, json};

use super::{app_of_tests, event, installation, send, used};
use crate::audited_routes::AUDITED_WITH_METERS;
use crate::harness::{Call, Client, Tenant};

fn void(client: &Client, tenant: &Tenant, seq: i64) -> crate::harness::Answer {
    client.send(&Call::new("POST", tenant.path(&format!("/usage-events/{seq}/void"))))
}

#[test]
fn an_event_is_taken_back_by_who_sent_it_or_by_an_operator_and_by_nobody_else() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let ben = server.join(&ann, &acme, "ben", "member");
    let key = |name: &str| {
        let wanted = json!({ "name": name, "permissions": ["usage:write", "usage:read"] });
        let made = ann.client.post(&acme.path("/api-keys"), wanted).expect(201);
        server.nobody().bearer(&made.string("/key"))
    };
    let (product, other) = (key("Product"), key("Other"));
    let sent = |client: &Client, key: &str| {
        send(client, &acme, event("tokens", 5, key)).expect(201).json["seq"].as_i64().unwrap()
    };
    let (by_product, by_ben, by_ann) = (sent(&product, "a"), sent(&ben.client, "b"), sent(&ann.client, "c"));
    for (client, seq) in [
        (&ben.client, by_product),
        (&ann.client, by_product),
        (&other, by_product),
        (&ann.client, by_ben),
        (&product, by_ann),
        (&product, by_ben),
    ] {
        let refused = void(client, &acme, seq).expect_code(403, "not_the_sender");
        let detail = refused.string("/detail");
        assert!(detail.contains("same API key") && detail.contains("operator"), "{detail}");
    }
    assert_eq!(used(&ann.client, &acme, "tokens"), "15");
    void(&product, &acme, by_product).expect(201);
    void(&ben.client, &acme, by_ben).expect(201);
    assert_eq!(used(&ann.client, &acme, "tokens"), "5");
    let path = |seq: i64| format!("/api/v1/operator/tenants/acme/usage-events/{seq}/void");
    let correct = |client: &Client, seq: i64| client.send(&Call::new("POST", path(seq)));
    for client in [&ann.client, &product, &server.nobody()] {
        correct(client, by_ann).expect_one_of(&[401, 403]);
    }
    correct(&operator.client, 999).expect(404);
    let answer = correct(&operator.client, by_ann).expect(201);
    assert_eq!(answer.json, json!({ "seq": 6, "voids": by_ann, "status": "accepted" }));
    correct(&operator.client, by_ann).expect_code(409, "already_voided");
    assert_eq!(used(&ann.client, &acme, "tokens"), "0");
    let log = ann.client.get(&acme.path(&format!("/audit?action={}", AUDITED_WITH_METERS[0].1))).expect(200);
    let entries = log.json["items"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{}", log.text());
    assert!(entries[0].to_string().contains("operator:"), "{}", entries[0]);
    let read = ann.client.get(&acme.path(&format!("/usage-events/{by_product}"))).expect(200);
    assert!(read.string("/sent_by").starts_with("key:"), "{read:?}");
    server.stop();
    assert!(
        installation.run(&["verify", "usage", "--app", app_of_tests()]).expect_code(0).stdout.contains("OK")
    );
}

#[test]
fn of_an_event_of_before_only_an_operator_says_so_and_the_chain_holds() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    send(&ann.client, &acme, event("tokens", 5, "a")).expect(201);
    server.stop();
    // As it was before events had a sender.
    let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
    file.execute_batch("DROP TRIGGER _usage_events_are_immutable; UPDATE _usage_events SET sender = NULL;")
        .unwrap();
    assert!(file.execute("DELETE FROM _usage_senders", []).is_err());
    drop(file);
    let server = installation.serve();
    let operator = server.add_operator();
    let ann = ann.sign_in_again_at(&server);
    let read = ann.client.get(&acme.path("/usage-events/1")).expect(200);
    assert_eq!(read.json["sent_by"], Value::Null);
    void(&ann.client, &acme, 1).expect_code(403, "not_the_sender");
    // Also while its members can do nothing.
    let post = |path: &str| operator.client.send(&Call::new("POST", path));
    post("/api/v1/operator/tenants/acme/suspend").expect_one_of(&[200, 204]);
    post("/api/v1/operator/tenants/acme/usage-events/1/void").expect(201);
    server.stop();
    assert!(
        installation
            .run(&["verify", "usage", "--app", app_of_tests()])
            .expect_code(0)
            .stdout
            .contains("2 events")
    );
}
