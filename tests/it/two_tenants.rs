//! Two tenants with the same ids inside, as every tenant has them.

use serde_json::json;

use crate::harness::{Call, Installation};

#[test]
fn the_same_id_in_two_tenants_is_two_records() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    let path = "/records/customers/same";
    ann.client.post(&acme.path("/records/customers"), json!({"id": "same", "name": "of Acme"})).expect(201);
    bob.client.post(&bolt.path("/records/customers"), json!({"id": "same", "name": "of Bolt"})).expect(201);
    for _ in 0..3 {
        assert_eq!(ann.client.get(&acme.path(path)).expect(200).string("/name"), "of Acme");
        assert_eq!(bob.client.get(&bolt.path(path)).expect(200).string("/name"), "of Bolt");
    }
    ann.client.delete(&acme.path(path)).expect(204);
    assert_eq!(bob.client.get(&bolt.path(path)).expect(200).string("/name"), "of Bolt");
    ann.client.get(&acme.path(path)).expect(404);
    server.stop();
}

#[test]
fn one_person_in_two_tenants_has_the_role_of_each_in_each() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    ann.accept(&bob.invite(&server, &bolt, &ann.email, "viewer")).expect(200);
    let create = |path: String| ann.client.post(&path, json!({"name": "x"})).status;
    assert_eq!(create(acme.path("/records/customers")), 201);
    assert_eq!(create(bolt.path("/records/customers")), 403);
    let by_header =
        |tenant| ann.client.by_header(tenant).post("/api/v1/records/customers", json!({"name": "x"})).status;
    assert_eq!(by_header(&acme), 201);
    assert_eq!(by_header(&bolt), 403);
    server.stop();
}

#[test]
fn ids_of_one_tenant_are_unknown_in_another() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    ann.invite(&server, &acme, "cid@example.com", "viewer");
    let invitation = ann.client.get(&acme.path("/invitations")).expect(200).string("/items/0/id");
    let export = ann.client.send(&Call::new("POST", acme.path("/exports"))).expect(202).string("/id");
    for call in [
        Call::delete(bolt.path(&format!("/invitations/{invitation}"))),
        Call::get(bolt.path(&format!("/exports/{export}"))),
        Call::get(bolt.path(&format!("/exports/{export}/download"))),
        Call::patch(ann.membership(&bolt), json!({"role": "viewer"})),
        Call::delete(ann.membership(&bolt)),
    ] {
        bob.client.send(&call).expect(404);
    }
    for list in ["/invitations", "/exports", "/audit", "/members"] {
        let text = bob.client.get(&bolt.path(list)).expect(200).text();
        for foreign in [&invitation, &export, &acme.id, &ann.id, &ann.email] {
            assert!(!text.contains(foreign.as_str()), "{list} tells {foreign}: {text}");
        }
    }
    assert_eq!(ann.client.get(&acme.path("/invitations")).expect(200).string("/items/0/id"), invitation);
    server.stop();
}

#[test]
fn a_cursor_of_one_tenant_is_refused_in_another() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let (acme, bolt) = (ann.create_tenant("acme"), ann.create_tenant("bolt"));
    for tenant in [&acme, &bolt] {
        let items: Vec<_> =
            (0..3).map(|number| json!({"name": format!("{} {number}", tenant.slug)})).collect();
        ann.client.post(&tenant.path("/records/customers"), json!(items)).expect(201);
    }
    let page = ann.client.get(&acme.path("/records/customers?limit=1")).expect(200);
    let cursor = page.string("/next_cursor");
    ann.client.get(&acme.path(&format!("/records/customers?limit=1&cursor={cursor}"))).expect(200);
    let answer = ann.client.get(&bolt.path(&format!("/records/customers?limit=1&cursor={cursor}")));
    answer.expect_one_of(&[400, 410, 422]);
    server.stop();
}
