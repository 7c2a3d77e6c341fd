//! How many tenants and slugs one person can claim.

use serde_json::json;

use crate::harness::{Answer, Installation, MINUTE, Person, Server, Tenant};

fn create(person: &Person, slug: &str) -> Answer {
    person.client.post("/api/v1/tenants", json!({"name": slug, "slug": slug}))
}

/// A server on which one identity may own this many tenants.
fn serve_with(most: &str) -> Server {
    let installation = Installation::new();
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("TENANTRY_TENANTS_PER_IDENTITY", most);
    Server::spawn(&installation, command).unwrap()
}

#[test]
fn of_many_tenants_asked_for_at_once_a_person_gets_as_many_as_the_settings_say() {
    let server = serve_with("3");
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let ann = &ann;
        let one = |number| scope.spawn(move || create(ann, &format!("acme-{number}")).status);
        let all: Vec<_> = (0..10).map(one).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 2, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 8, "{statuses:?}");
    create(&ann, "more").expect_code(409, "too_many_tenants");
    // What was refused claimed nothing, and what others own does not count.
    let bob = server.join(&ann, &acme, "bob", "admin");
    create(&bob, "more").expect(201);
    // Whoever runs the installation is not bound, for others or for itself.
    let installation = server.installation();
    installation.run(&["tenant", "create", "given", "--owner", &ann.email]).expect_code(0);
    let operator = server.add_operator();
    for number in 0..4 {
        create(&operator, &format!("op-{number}")).expect(201);
    }
    // One has to go before there can be another, and a closed one is still there.
    ann.client.post("/api/v1/tenants/given/close", json!({"confirm": "given"})).expect(202);
    ann.client.post(&acme.path("/ownership-transfer"), json!({"to": bob.id})).expect(200);
    create(&ann, "fourth").expect_code(409, "too_many_tenants");
    installation.run(&["tenant", "erase", "given", "--confirm", "given", "--now"]).expect_code(0);
    create(&ann, "fourth").expect(201);
    create(&ann, "fifth").expect_code(409, "too_many_tenants");
    server.stop();
}

#[test]
fn where_the_settings_say_none_only_operators_make_tenants() {
    let server = serve_with("0");
    let body = json!({
        "email": "ann@example.com", "password": "ann-otter-juggles-nine-lanterns", "name": "ann",
        "tenant": {"name": "Acme", "slug": "acme"},
    });
    server.nobody().post("/api/v1/auth/sign-up", body).expect_code(409, "too_many_tenants");
    let ann = server.sign_up("ann");
    create(&ann, "acme").expect_code(409, "too_many_tenants");
    create(&server.add_operator(), "acme").expect(201);
    server.stop();
}

#[test]
fn a_person_who_tries_slug_after_slug_has_to_wait() {
    let installation = Installation::new();
    let server = installation.serve();
    server.sign_up_with_tenant("bob", "taken");
    let ann = server.sign_up("ann");
    for _ in 0..30 {
        create(&ann, "taken").expect_code(409, "slug_taken");
    }
    create(&ann, "free").expect_code(429, "too_many_new_tenants");
    create(&server.sign_up("cid"), "cids").expect(201);
    installation.advance_clock(MINUTE);
    create(&ann, "free").expect(201);
    server.stop();
}

#[test]
fn a_tenant_keeps_at_most_ten_slugs_and_may_go_back_to_each() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let rename = |slug: &str| {
        let tenant = Tenant { id: acme.id.clone(), slug: acme.id.clone() };
        ann.client.patch(&tenant.path(""), json!({"slug": slug}))
    };
    for number in 1..10 {
        rename(&format!("acme-{number}")).expect(200);
    }
    let refused = rename("acme-10").expect_code(409, "too_many_slugs");
    assert_eq!(refused.json["errors"][0]["field"], "slug", "{}", refused.text());
    assert_eq!(ann.client.get(&acme.path("")).expect(200).string("/slug"), "acme-9");
    for own in ["acme", "acme-5", "acme-5", "acme-9"] {
        assert_eq!(rename(own).expect(200).string("/slug"), own);
    }
    rename("acme-10").expect_code(409, "too_many_slugs");
    // What was refused is free for others.
    server.sign_up_with_tenant("bob", "acme-10");
    server.stop();
}
