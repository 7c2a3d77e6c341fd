//! Clones for staging: the data of a tenant, nothing that acts for it, and they go by themselves.

use serde_json::{Value, json};

use crate::audited_routes::AUDITED_OF_CLONES;
use crate::harness::{Call, Client, DAY, Installation, Tenant, eventually};

const PATH: &str = "/api/v1/operator/tenants/acme/clone";

fn count(client: &Client, tenant: &Tenant, what: &str) -> usize {
    let answer = client.get(&tenant.path(what)).expect(200);
    answer.json["items"].as_array().unwrap().len()
}

fn status(operator: &Client, selector: &str) -> Value {
    operator.get(&format!("/api/v1/operator/tenants/{selector}")).expect(200).json["status"].clone()
}

#[test]
fn a_clone_has_the_data_and_nothing_that_sends_bills_or_lets_in() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let dev = server.sign_up("dev");
    server.join(&ann, &acme, "cid", "viewer");
    ann.client.post(&acme.path("/records/customers"), json!({ "name": "Planted" })).expect(201);
    let file = Call::new("PUT", acme.path("/files/a.txt")).bytes("text/plain", "of Acme");
    ann.client.send(&file).expect_one_of(&[200, 201]);
    let hook = json!({ "url": "https://hooks.example.com/", "events": ["tenant.closing"] });
    ann.client.post(&acme.path("/webhook-endpoints"), hook).expect(201);
    let key = json!({ "name": "Import", "permissions": ["records:read"] });
    let key = ann.client.post(&acme.path("/api-keys"), key).expect(201).string("/key");
    ann.client
        .post(&acme.path("/invitations"), json!({ "email": "x@example.com", "role": "viewer" }))
        .expect(201);
    let job = json!({ "kind": "tenantry.export", "payload": {}, "run_at": "2030-01-01T00:00:00Z" });
    ann.client.post(&acme.path("/jobs"), job).expect(202);
    let nightly = json!({ "kind": "tenantry.export", "cron": "@daily" });
    ann.client.post(&acme.path("/schedules"), nightly).expect(201);
    let body = json!({ "as": "acme-staging", "owner": dev.email });
    let made = operator.client.post(PATH, body).expect(201).json;
    assert_eq!((&made["is_clone"], &made["copy_of"]), (&json!(true), &json!(acme.id)), "{made}");
    assert!(made["expires_at"].is_string(), "{made}");
    let clone = Tenant::from_json(&made);
    let rows = dev.client.get(&clone.path("/records/customers")).expect(200);
    assert_eq!(rows.string("/items/0/name"), "Planted");
    assert_eq!(dev.client.get(&clone.path("/files/a.txt")).expect(200).text(), "of Acme");
    assert_eq!(count(&dev.client, &clone, "/members"), 1);
    for what in ["/webhook-endpoints", "/api-keys", "/invitations", "/jobs", "/schedules"] {
        assert_eq!(count(&dev.client, &clone, what), 0, "{what}");
        assert_eq!(count(&ann.client, &acme, what), 1, "{what}");
    }
    ann.client.get(&clone.path("/records/customers")).expect(404);
    server.nobody().bearer(&key).get(&clone.path("/records/customers")).expect_one_of(&[401, 403, 404]);
    // One does not write into the other.
    dev.client.post(&clone.path("/records/customers"), json!({ "name": "Tried" })).expect(201);
    assert_eq!(count(&ann.client, &acme, "/records/customers"), 1);
    for log in
        ["/api/v1/operator/audit?limit=500", &clone.path("/audit?limit=500"), &acme.path("/audit?limit=500")]
    {
        let client = [&operator, &dev, &ann]
            [usize::from(log.contains("tenants")) + usize::from(log.contains("acme/"))];
        let log = client.client.get(log).expect(200).text();
        assert!(log.contains(AUDITED_OF_CLONES[0].1), "{log}");
    }
    server.stop();
}

#[test]
fn a_clone_goes_by_itself_unless_it_is_kept_and_goes_with_its_tenant() {
    let installation = Installation::new();
    let server = installation.serve();
    let (_, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    for slug in ["one", "two", "three"] {
        operator.client.post(PATH, json!({ "as": slug })).expect(201);
    }
    let path = |slug: &str| format!("/api/v1/operator/tenants/{slug}/clone");
    let clones = |slug: &str| {
        let answer = operator.client.get(&format!("/api/v1/operator/tenants/{slug}/clones")).expect(200);
        let items = answer.json["items"].as_array().unwrap().clone().into_iter();
        items.map(|item| item["slug"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(clones("acme"), ["three", "two", "one"]);
    assert!(clones("two").is_empty());
    operator.client.get("/api/v1/operator/tenants/nobody/clones").expect(404);
    let kept = operator.client.patch(&path("two"), json!({ "expires_at": null })).expect(200);
    assert_eq!(kept.json["expires_at"], Value::Null);
    let log = operator.client.get("/api/v1/tenants/two/audit?limit=500").expect(200).text();
    assert!(log.contains(AUDITED_OF_CLONES[1].1), "{log}");
    let arguments = ["tenant", "keep", "three", "--expires", "2w", "--json"];
    installation.run(&arguments).expect_code(0);
    installation.advance_clock(8 * DAY);
    let operator = operator.sign_in_again();
    eventually("the end of the clone", || (status(&operator.client, "one") == "erased").then_some(()));
    for slug in ["acme", "two", "three"] {
        assert_eq!(status(&operator.client, slug), "active", "{slug}");
    }
    let log = operator.client.get("/api/v1/operator/audit?limit=500").expect(200).text();
    assert!(log.contains("tenant.erased"), "{log}");
    installation.run(&["tenant", "erase", "acme", "--confirm", "acme", "--now"]).expect_code(0);
    for slug in ["two", "three"] {
        eventually("the end of the clone", || (status(&operator.client, slug) == "erased").then_some(()));
    }
    let receipt = operator.client.get(&format!("/api/v1/operator/erasures/{}", acme.id)).expect(200).text();
    assert_eq!(receipt.matches(": clone").count(), 2, "{receipt}");
    server.stop();
}

#[test]
fn what_cannot_be_cloned_or_kept_is_refused() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, _) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let client = &operator.client;
    ann.client.post(PATH, json!({ "as": "copy" })).expect(403);
    client.post("/api/v1/operator/tenants/nobody/clone", json!({ "as": "copy" })).expect(404);
    client.post(PATH, json!({})).expect_refused_by_name("as");
    client.post(PATH, json!({ "as": "No Slug" })).expect(422);
    client.post(PATH, json!({ "as": "acme" })).expect(409);
    client.post(PATH, json!({ "as": "copy", "owner": "x@example.com" })).expect_code(404, "unknown_owner");
    for time in ["2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z", "tomorrow"] {
        client.post(PATH, json!({ "as": "copy", "expires_at": time })).expect_refused_by_name("expires_at");
    }
    client.patch(PATH, json!({ "expires_at": null })).expect_code(409, "no_clone");
    client.post(PATH, json!({ "as": "copy" })).expect(201);
    let of_copy = "/api/v1/operator/tenants/copy/clone";
    client.post(of_copy, json!({ "as": "copy-2" })).expect_code(409, "is_clone");
    client.patch(of_copy, json!({})).expect_refused_by_name("expires_at");
    client
        .patch(of_copy, json!({ "expires_at": "2020-01-01T00:00:00Z" }))
        .expect_refused_by_name("expires_at");
    client.post("/api/v1/operator/tenants/acme/close", json!({})).expect(202);
    client.post(PATH, json!({ "as": "copy-2" })).expect_code(409, "wrong_status");
    server.stop();
}
