//! What an endpoint is told is what whoever made it may know, then and now.

use serde_json::{Value, json};

use super::{Receiver, create_customer, deliveries, installation, make, path_of, taken, until_received};
use crate::audited_routes::AUDITED_WITH_A_RECEIVER;
use crate::harness::{Client, Person, Tenant, eventually, letters_to};

/// A role of the tenant.
#[track_caller]
fn define(owner: &Person, tenant: &Tenant, name: &str, permissions: &[&str]) {
    let role = json!({ "name": name, "permissions": permissions });
    owner.client.post(&tenant.path("/roles"), role).expect(201);
}

/// Waits for a delivery of that type in that state, and tells where it is found.
#[track_caller]
fn delivery_that_is(client: &Client, endpoint: &str, kind: &str, status: &str) -> String {
    let found = eventually(status, || {
        let all = deliveries(client, endpoint);
        all.into_iter().find(|one| {
            (&one["type"], &one["status"], &one["attempt_count"]) == (&json!(kind), &json!(status), &json!(1))
        })
    });
    format!("{endpoint}/deliveries/{}", found["id"].as_str().unwrap())
}

#[test]
fn who_only_manages_webhooks_neither_sees_nor_sends_what_they_may_not_know() {
    let receiver = Receiver::open(|_, before| match before {
        0 => (200, String::new(), "I got Ada".to_owned()),
        1 => (503, "Retry-After: 7200\r\n".to_owned(), String::new()),
        _ => taken(),
    });
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    define(&ann, &acme, "hooks", &["webhooks:manage"]);
    let dan = server.join(&ann, &acme, "dan", "hooks");
    for (event, permission) in [
        ("record.created", "records:read"),
        ("member.added", "members:read"),
        ("usage.limit_reached", "usage:read"),
        ("spend_cap.reached", "usage:read"),
        ("invoice.finalized", "billing:read"),
        ("subscription.changed", "billing:read"),
        ("export.ready", "tenant:export"),
    ] {
        let body = json!({ "url": receiver.url("/dan"), "events": ["tenant.closing", event] });
        let refused = dan.client.post(&acme.path("/webhook-endpoints"), body).expect(403);
        assert_eq!(refused.string("/permission"), permission, "{event}");
    }
    make(&dan.client, &acme, &receiver.url("/dan"), &["tenant.closing"]);
    let endpoint = path_of(&acme, &make(&ann.client, &acme, &receiver.url("/ann"), &["record.created"]));
    create_customer(&ann.client, &acme, "Ada Lovelace");
    let sent = delivery_that_is(&ann.client, &endpoint, "record.created", "delivered");
    create_customer(&ann.client, &acme, "Grace Hopper");
    let waits = delivery_that_is(&ann.client, &endpoint, "record.created", "pending");
    let shown = dan.client.get(&sent).expect(200);
    assert_eq!(
        (&shown.json["payload"], shown.string("/payload_needs").as_str()),
        (&Value::Null, "records:read")
    );
    assert!(!shown.text().contains("Ada"), "{}", shown.text());
    let whole = ann.client.get(&sent).expect(200);
    assert_eq!((&whole.json["payload_needs"], whole.text().contains("Ada Lovelace")), (&Value::Null, true));
    let refused = dan.client.post(&format!("{sent}/replay"), json!({})).expect(403);
    assert_eq!(refused.string("/permission"), "records:read");
    let elsewhere = json!({ "url": receiver.url("/dan") });
    dan.client.patch(&endpoint, elsewhere.clone()).expect(403);
    dan.client.patch(&endpoint, json!({ "status": "enabled" })).expect(403);
    let kept = dan.client.patch(&endpoint, json!({ "description": "Books" })).expect(200);
    assert_eq!(kept.string("/acts_for"), format!("identity:{}", ann.id));
    // Who asks for less and for elsewhere gets nothing of what was on its way, nor has anybody else it sent there.
    let less = json!({ "url": receiver.url("/dan"), "events": ["tenant.closing"] });
    let changed = dan.client.patch(&endpoint, less).expect(200);
    assert_eq!(
        (&changed.json["withheld_events"], changed.string("/acts_for")),
        (&json!(1), format!("identity:{}", dan.id))
    );
    assert_eq!(ann.client.get(&waits).expect(200).string("/status"), "withheld");
    for gone in [&sent, &waits] {
        ann.client.post(&format!("{gone}/replay"), json!({})).expect_code(409, "terms_changed");
    }
    ann.client.post(&format!("{endpoint}/test"), json!({})).expect(202);
    let received = until_received(&receiver, 3);
    assert!(
        received.iter().all(|one| one.path == "/ann" || one.json["type"] == "webhook.test"),
        "{received:?}"
    );
    let tried = delivery_that_is(&ann.client, &endpoint, "webhook.test", "delivered");
    ann.client.post(&format!("{tried}/replay"), json!({})).expect(202);
    for (_, action) in AUDITED_WITH_A_RECEIVER {
        let log = ann.client.get(&acme.path(&format!("/audit?action={action}"))).expect(200);
        assert_eq!(log.json["items"].as_array().unwrap().len(), 1, "{action}");
    }
    server.stop();
}

#[test]
fn an_endpoint_is_told_no_more_than_its_maker_may_know_now_and_ends_with_them() {
    let receiver = Receiver::open(|_, _| taken());
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let adam = server.join(&ann, &acme, "adam", "admin");
    let events = ["record.created", "member.added"];
    let endpoint = path_of(&acme, &make(&adam.client, &acme, &receiver.url("/adam"), &events));
    let key = json!({ "name": "Import", "permissions": ["webhooks:manage", "records:read"] });
    let key = ann.client.post(&acme.path("/api-keys"), key).expect(201);
    let program = server.nobody().bearer(&key.string("/key"));
    let of_key = path_of(&acme, &make(&program, &acme, &receiver.url("/key"), &["record.created"]));
    create_customer(&ann.client, &acme, "One");
    until_received(&receiver, 2);
    define(&ann, &acme, "watch", &["webhooks:manage", "members:read"]);
    ann.client.patch(&adam.membership(&acme), json!({ "role": "watch" })).expect(200);
    ann.client.delete(&acme.path(&format!("/api-keys/{}", key.string("/id")))).expect(204);
    create_customer(&ann.client, &acme, "Two");
    let of = |path: &str, name: &str| ann.client.get(path).expect(200).json[name].clone();
    eventually("that it is withheld", || (of(&endpoint, "withheld_events") == 1).then_some(()));
    eventually("that the key's is disabled", || (of(&of_key, "status") == "disabled").then_some(()));
    assert_eq!(of(&of_key, "disabled_reason"), "maker_gone");
    // What they may know still is told.
    server.join(&ann, &acme, "eve", "viewer");
    let received = until_received(&receiver, 3);
    assert_eq!((received[2].path.as_str(), &received[2].json["type"]), ("/adam", &json!("member.added")));
    ann.client.delete(&adam.membership(&acme)).expect(204);
    server.join(&ann, &acme, "kim", "viewer");
    eventually("that it is disabled", || (of(&endpoint, "disabled_reason") == "maker_gone").then_some(()));
    eventually("letters", || {
        let letters = letters_to(&installation, "ann@example.com");
        let told = letters.iter().filter(|letter| letter.contains("switched off"));
        (told.count() == 2).then_some(())
    });
    let log = ann.client.get(&acme.path("/audit?action=webhook_endpoint.disabled")).expect(200);
    assert_eq!(log.json["items"].as_array().unwrap().len(), 2);
    // Whoever has it go on answers for it.
    let enabled = ann.client.patch(&endpoint, json!({ "status": "enabled" })).expect(200);
    assert_eq!(enabled.string("/acts_for"), format!("identity:{}", ann.id));
    create_customer(&ann.client, &acme, "Three");
    eventually("the next", || {
        let received = receiver.received();
        received.iter().any(|one| one.json["data"]["record"]["name"] == "Three").then_some(())
    });
    assert!(receiver.received().iter().all(|one| one.json["data"]["record"]["name"] != "Two"));
    server.stop();
}
