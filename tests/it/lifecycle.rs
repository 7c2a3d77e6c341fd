//! The states of a tenant: suspended, closing, reopened, erased when its time is up.

use serde_json::json;

use crate::harness::{Call, DAY, Installation, Person, Tenant, eventually};

fn create(person: &Person, tenant: &Tenant) -> crate::harness::Answer {
    person.client.post(&tenant.path("/records/customers"), json!({"name": "x"}))
}

#[test]
fn a_tenant_is_usable_in_the_answer_to_its_sign_up() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    create(&ann, &acme).expect(201);
    let tenant = ann.client.get(&acme.path("")).expect(200);
    assert_eq!((tenant.string("/status"), tenant.string("/slug")), ("active".to_owned(), "acme".to_owned()));
    server.stop();
}

#[test]
fn a_suspended_tenant_is_read_only_until_it_is_resumed() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    let installation = server.installation();
    installation.run(&["tenant", "suspend", "acme"]).expect_code(0);
    create(&ann, &acme).expect_code(409, "tenant_suspended");
    ann.client.get(&acme.path("/records/customers")).expect(200);
    assert_eq!(ann.client.get(&acme.path("")).expect(200).string("/status"), "suspended");
    ann.sign_in_again();
    create(&bob, &bolt).expect(201);
    installation.run(&["tenant", "resume", "acme"]).expect_code(0);
    create(&ann, &acme).expect(201);
    server.stop();
}

#[test]
fn closing_needs_the_slug_and_can_be_taken_back() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let close = |body| ann.client.post(&acme.path("/close"), body);
    close(json!({})).expect_refused_by_name("confirm");
    close(json!({"confirm": "other"})).expect_refused_by_name("confirm");
    create(&ann, &acme).expect(201);
    let closing = close(json!({"confirm": "acme"})).expect(202);
    assert!(closing.json["erase_after"].is_string(), "{}", closing.text());
    create(&ann, &acme).expect_code(409, "tenant_closing");
    ann.client.get(&acme.path("/records/customers")).expect(200);
    assert_eq!(ann.client.get(&acme.path("")).expect(200).string("/status"), "closing");
    ann.client.send(&Call::new("POST", acme.path("/exports"))).expect(202);
    let reopened = ann.client.send(&Call::new("POST", acme.path("/reopen"))).expect(200);
    assert_eq!(reopened.string("/status"), "active");
    create(&ann, &acme).expect(201);
    ann.client.send(&Call::new("POST", acme.path("/reopen"))).expect(409);
    server.stop();
}

#[test]
fn a_closed_tenant_is_erased_when_its_days_of_grace_are_over_and_not_before() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.post(&acme.path("/close"), json!({"confirm": "acme"})).expect(202);
    installation.advance_clock(29 * DAY);
    let server = server.restart();
    let before = server.nobody().bearer(&signed_in_later(&server, &ann));
    assert_eq!(before.get(&acme.path("")).expect(200).string("/status"), "closing");
    installation.advance_clock(2 * DAY);
    let server = server.restart();
    eventually("the erasure", || (!installation.tenant_directory(&acme.id).exists()).then_some(()));
    server.nobody().bearer(&signed_in_later(&server, &ann)).get(&acme.path("")).expect(404);
    server.stop();
}

fn signed_in_later(server: &crate::harness::Server, person: &Person) -> String {
    let body = json!({"email": person.email, "password": person.password});
    server.nobody().post("/api/v1/auth/sign-in", body).expect(200).string("/access_token")
}

#[test]
fn a_reopened_tenant_is_not_erased_when_the_old_date_comes() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.post(&acme.path("/close"), json!({"confirm": "acme"})).expect(202);
    ann.client.send(&Call::new("POST", acme.path("/reopen"))).expect(200);
    installation.advance_clock(40 * DAY);
    let server = server.restart();
    let later = server.nobody().bearer(&signed_in_later(&server, &ann));
    assert_eq!(later.get(&acme.path("")).expect(200).string("/status"), "active");
    server.stop();
}

#[test]
fn name_slug_time_zone_and_settings_of_a_tenant_are_changed_and_nonsense_is_refused_by_name() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let change = json!({"name": "Acme 2", "timezone": "Europe/Berlin", "settings": {"colour": "green"}});
    let changed = ann.client.patch(&acme.path(""), change).expect(200);
    assert_eq!(changed.json["timezone"], "Europe/Berlin");
    assert_eq!(changed.json["settings"], json!({"colour": "green"}));
    for (field, value) in [
        ("timezone", json!("Mars/Olympus")),
        ("slug", json!("..")),
        ("name", json!("")),
        ("plan", json!("gold")),
    ] {
        ann.client.patch(&acme.path(""), json!({field: value})).expect_refused_by_name(field);
    }
    server.stop();
}
