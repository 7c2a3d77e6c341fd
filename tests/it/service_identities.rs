//! Service identities: members that are programs.

use serde_json::json;

use crate::harness::Installation;

#[test]
fn a_service_acts_by_keys_that_outlive_who_made_them() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "admin");
    let path = acme.path("/service-identities");
    let service = bob.client.post(&path, json!({"name": "Sync", "role": "member"})).expect(201);
    let id = service.string("/identity_id");
    assert_eq!(service.string("/kind"), "service");
    assert!(service.json["email"].is_null());
    let key = json!({"name": "Nightly", "permissions": ["records:read", "records:write"], "identity_id": id});
    let key = bob.client.post(&acme.path("/api-keys"), key).expect(201);
    assert_eq!((key.string("/identity_id"), key.string("/created_by")), (id.clone(), bob.id.clone()));
    let program = server.nobody().bearer(&key.string("/key"));
    let records = acme.path("/records/customers");
    ann.client.delete(&bob.membership(&acme)).expect(204);
    program.post(&records, json!({"name": "Cid"})).expect(201);
    // Its role bounds its keys, as that of a person does.
    let member = acme.path(&format!("/members/{id}"));
    ann.client.patch(&member, json!({"role": "viewer"})).expect(200);
    program.post(&records, json!({"name": "Dan"})).expect(403);
    program.get(&records).expect(200);
    ann.client.delete(&member).expect(204);
    program.get(&records).expect_code(401, "api_key_invalid");
    let members = ann.client.get(&acme.path("/members")).expect(200);
    assert_eq!(members.json["items"].as_array().unwrap().len(), 1);
    server.stop();
}

#[test]
fn a_service_owns_nothing_and_has_no_more_than_its_role() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "admin");
    let path = acme.path("/service-identities");
    for (name, role) in [("Sync", "owner"), ("Sync", "nobody"), ("", "member")] {
        ann.client.post(&path, json!({"name": name, "role": role})).expect(422);
    }
    let service = ann.client.post(&path, json!({"name": "Sync", "role": "viewer"})).expect(201);
    let id = service.string("/identity_id");
    let member = acme.path(&format!("/members/{id}"));
    ann.client.patch(&member, json!({"role": "owner"})).expect_code(409, "service_cannot_own");
    let transfer = ann.client.post(&acme.path("/ownership-transfer"), json!({"to": id}));
    transfer.expect_code(409, "service_cannot_own");
    let key = |identity: &str, permission: &str| {
        let key = json!({"name": "K", "permissions": [permission], "identity_id": identity});
        ann.client.post(&acme.path("/api-keys"), key)
    };
    key(&id, "records:write").expect(422);
    key(&id, "records:read").expect(201);
    for other in [bob.id.as_str(), "x", "018f4d3c-7c1a-7000-8000-000000000000"] {
        key(other, "records:read").expect(422);
    }
    // An admin makes no service above itself, and none acts for a service of another tenant.
    ann.client
        .post(&acme.path("/roles"), json!({"name": "boss", "permissions": ["billing:manage"]}))
        .expect(201);
    bob.client.post(&path, json!({"name": "Sync", "role": "boss"})).expect(403);
    let bolt = ann.create_tenant("bolt");
    let theirs = json!({"name": "K", "permissions": ["records:read"], "identity_id": id});
    ann.client.post(&bolt.path("/api-keys"), theirs).expect(422);
    server.stop();
}

/// A tenant that asks people for a second factor lets its programs work on; erasure leaves nothing of them.
#[test]
fn a_service_needs_no_second_factor_and_goes_with_its_tenant() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let service =
        ann.client.post(&acme.path("/service-identities"), json!({"name": "Sync 4711", "role": "member"}));
    let id = service.expect(201).string("/identity_id");
    let key = json!({"name": "K", "permissions": ["records:read"], "identity_id": id});
    let key = ann.client.post(&acme.path("/api-keys"), key).expect(201).string("/key");
    crate::second_factor::App::enroll(&server, &ann.client);
    ann.client.patch(&acme.path(""), json!({"second_factor_required": true})).expect(200);
    let program = server.nobody().bearer(&key);
    program.get(&acme.path("/records/customers")).expect(200);
    ann.client.post(&acme.path("/close"), json!({"confirm": "acme"})).expect(202);
    installation.run(&["tenant", "erase", "acme", "--confirm", "acme", "--now"]).expect_code(0);
    program.get(&acme.path("/records/customers")).expect(401);
    server.stop();
    let catalog = std::fs::read(installation.data().join("catalog.db")).unwrap();
    assert!(!catalog.windows(9).any(|window| window == b"Sync 4711"), "the catalog still names it");
}
