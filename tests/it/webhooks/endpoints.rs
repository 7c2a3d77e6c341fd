//! Endpoints over the API.

use serde_json::json;

use super::{Receiver, deliveries, installation, make, path_of, taken};
use crate::harness::{Call, Installation};

#[test]
fn what_no_endpoint_can_be_is_refused_with_every_field() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let post = |body| ann.client.post(&acme.path("/webhook-endpoints"), body);
    let fields = |body| {
        let refused = post(body).expect(422);
        let errors = refused.json["errors"].as_array().unwrap().clone();
        let name = |error: &serde_json::Value| {
            format!("{} {}", error["field"].as_str().unwrap(), error["code"].as_str().unwrap())
        };
        errors.iter().map(name).collect::<Vec<_>>()
    };
    let bad = json!({ "url": "http://example.com/", "events": ["invoice.paid", "invoice.eaten"],
                      "description": "x".repeat(201) });
    assert_eq!(fields(bad), ["url not_https", "events[1] unknown_event_type", "description bad_text"]);
    let refused = post(json!({ "url": "https://example.com/", "events": ["invoice.eaten"] })).expect(422);
    assert!(refused.text().contains("invoice.eaten") && refused.text().contains("record.created"));
    assert_eq!(fields(json!({ "url": "https://example.com/", "events": [] })), ["events required"]);
    assert_eq!(fields(json!({ "url": "https://example.com/" })), ["events required"]);
    let test = json!({ "url": "https://example.com/", "events": ["webhook.test"] });
    assert_eq!(fields(test), ["events[0] unknown_event_type"]);
    for url in [
        "https://127.0.0.1/",
        "https://0x7f.1/",
        "https://[fd00:ec2::254]/",
        "https://169.254.169.254/latest",
    ] {
        let body = json!({ "url": url, "events": ["invoice.paid"] });
        assert_eq!(fields(body), ["url address_not_allowed"], "{url}");
    }
    post(json!({ "url": "https://example.com/", "events": ["invoice.paid"], "secret": "mine" })).expect(422);
    assert_eq!(ann.client.get(&acme.path("/webhook-endpoints")).expect(200).json["items"], json!([]));
    server.stop();
}

#[test]
fn endpoints_are_made_seen_changed_and_removed_and_their_secret_is_told_once() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let body = json!({ "url": "https://Hooks.Example.com/in#x", "events": ["invoice.paid", "invoice.paid"],
                       "description": "Books" });
    let call = Call::post(acme.path("/webhook-endpoints"), body).header("idempotency-key", "made-once");
    let made = ann.client.send(&call).expect(201);
    let secret = made.string("/secret");
    assert!(secret.starts_with("whsec_") && secret.len() == 6 + 44, "32 bytes in base64");
    assert_eq!(
        (made.string("/url").as_str(), &made.json["events"]),
        ("https://hooks.example.com/in", &json!(["invoice.paid"]))
    );
    assert_eq!(made.header("location").unwrap(), path_of(&acme, &made));
    ann.client.send(&call).expect_code(409, "secret_shown_once");
    let path = path_of(&acme, &made);
    let seen = ann.client.get(&path).expect(200);
    assert_eq!((seen.string("/status").as_str(), seen.json.get("secret")), ("enabled", None));
    let change = json!({ "description": "Ledger", "status": "disabled", "events": ["record.created"] });
    let changed = ann.client.patch(&path, change).expect(200);
    assert_eq!(
        [&changed.json["description"], &changed.json["disabled_reason"], &changed.json["events"]],
        [&json!("Ledger"), &json!("by_hand"), &json!(["record.created"])]
    );
    ann.client.post(&format!("{path}/test"), json!({})).expect_code(409, "endpoint_disabled");
    ann.client.patch(&path, json!({ "status": "asleep" })).expect(422);
    let enabled = ann.client.patch(&path, json!({ "status": "enabled" })).expect(200);
    assert_eq!(
        (enabled.string("/status").as_str(), &enabled.json["disabled_reason"]),
        ("enabled", &json!(null))
    );
    let rotated = ann.client.post(&format!("{path}/rotate-secret"), json!({})).expect(200);
    assert!(rotated.string("/secret") != secret && rotated.json["old_secret_until"].is_string());
    // Nobody of another tenant finds it, and no statement of the console.
    let (ben, bolt) = server.sign_up_with_tenant("ben", "bolt");
    let id = made.string("/id");
    ben.client.get(&bolt.path(&format!("/webhook-endpoints/{id}"))).expect(404);
    ben.client.get(&path).expect(404);
    let sql = json!({ "sql": "SELECT secret FROM _webhook_endpoints" });
    assert!(ann.client.post(&acme.path("/sql"), sql).status >= 400);
    let table = ann.client.get(&acme.path("/records/_webhook_endpoints"));
    table.expect(404);
    ann.client.delete(&path).expect(204);
    ann.client.get(&path).expect(404);
    ann.client.delete(&path).expect(404);
    let body = json!({ "url": "https://example.com/", "events": ["invoice.paid"] });
    for _ in 0..20 {
        ann.client.post(&acme.path("/webhook-endpoints"), body.clone()).expect(201);
    }
    ann.client.post(&acme.path("/webhook-endpoints"), body).expect_code(409, "too_many_endpoints");
    let member = server.join(&ann, &acme, "mia", "member");
    member.client.get(&acme.path("/webhook-endpoints")).expect(403);
    server.stop();
}

#[test]
fn deliveries_go_page_by_page_and_by_status_and_type() {
    let receiver = Receiver::open(|_, _| taken());
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let endpoint = path_of(&acme, &make(&ann.client, &acme, &receiver.url("/"), &["record.created"]));
    let mut ids: Vec<String> = Vec::new();
    for _ in 0..5 {
        ids.push(ann.client.post(&format!("{endpoint}/test"), json!({})).expect(202).string("/id"));
    }
    super::until_received(&receiver, 5);
    ids.reverse();
    let (mut found, mut path) = (Vec::new(), format!("{endpoint}/deliveries?type=webhook.test&limit=2"));
    loop {
        let page = ann.client.get(&path).expect(200);
        let items = page.json["items"].as_array().unwrap();
        found.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page.json["next_cursor"].as_str() else { break };
        path = format!("{endpoint}/deliveries?type=webhook.test&limit=2&cursor={next}");
    }
    assert_eq!(found, ids);
    let of = |filter: &str| ann.client.get(&format!("{endpoint}/deliveries?{filter}")).expect(200).json;
    assert_eq!(of("status=failed")["items"], json!([]));
    assert_eq!(of("type=record.created")["items"], json!([]));
    ann.client.get(&format!("{endpoint}/deliveries?status=lost")).expect_code(400, "bad_status");
    ann.client.get(&format!("{endpoint}/deliveries?type=lost")).expect_code(400, "unknown_event_type");
    assert_eq!(deliveries(&ann.client, &endpoint).len(), 5);
    server.stop();
}
