//! Who may sign up, as app.toml says.

use std::sync::Arc;

use serde_json::json;

use crate::harness::{Answer, Installation, Server};

/// An installation whose app.toml is this.
fn with_app(toml: &str) -> Arc<Installation> {
    let installation =
        Installation::with_migrations(&[("0001_notes.sql", "CREATE TABLE notes (id TEXT PRIMARY KEY);")]);
    std::fs::write(installation.migrations().parent().unwrap().join("app.toml"), toml).unwrap();
    installation
}

fn sign_up(server: &Server, email: &str) -> Answer {
    let body = json!({"email": email, "password": "eve juggles nine lanterns", "name": "Zoe"});
    server.nobody().post("/api/v1/auth/sign-up", body)
}

/// A tenant of an operator's, who may always make accounts.
fn operators_tenant(server: &Server) -> (crate::harness::Person, crate::harness::Tenant) {
    let operator = server.add_operator();
    let tenant = operator.create_tenant("acme");
    (operator, tenant)
}

#[test]
fn where_signing_up_is_closed_an_invitation_does_not_open_it() {
    let server = with_app("public_signup = \"closed\"").serve();
    let (operator, acme) = operators_tenant(&server);
    operator.invite(&server, &acme, "bob@example.com", "member");
    for email in ["bob@example.com", "eve@example.com", "not an address"] {
        sign_up(&server, email).expect_code(403, "sign_up_closed");
    }
    server.stop();
}

#[test]
fn pages_are_told_who_may_sign_up() {
    for (toml, mode) in [
        ("name = \"Shop\"", "open"),
        ("public_signup = \"invited\"", "invited"),
        ("public_signup = \"domains\"\nsignup_domains = [\"example.com\"]", "domains"),
        ("public_signup = \"closed\"", "closed"),
    ] {
        let server = with_app(toml).serve();
        let told = server.nobody().get("/api/v1/auth/sign-up").expect(200);
        // The domains are nobody's business.
        assert_eq!(told.json, json!({ "mode": mode }));
        server.stop();
    }
}

#[test]
fn where_it_needs_an_invitation_only_an_open_one_for_this_address_will_do() {
    let installation = with_app("public_signup = \"invited\"");
    let server = installation.serve();
    let (operator, acme) = operators_tenant(&server);
    sign_up(&server, "bob@example.com").expect_code(403, "sign_up_closed");
    let token = operator.invite(&server, &acme, "bob@example.com", "member");
    sign_up(&server, "bobby@example.com").expect_code(403, "sign_up_closed");
    let bob = sign_up(&server, "Bob@Example.com").expect(201);
    server
        .nobody()
        .bearer(&bob.string("/access_token"))
        .post("/api/v1/invitations/accept", json!({"token": token}))
        .expect(200);
    operator.invite(&server, &acme, "cleo@example.com", "member");
    let list = operator.client.get(&acme.path("/invitations")).expect(200);
    operator.client.delete(&acme.path(&format!("/invitations/{}", list.string("/items/0/id")))).expect(204);
    sign_up(&server, "cleo@example.com").expect_code(403, "sign_up_closed");
    server.stop();
}

#[test]
fn where_domains_are_named_their_people_may_and_who_was_invited() {
    let installation =
        with_app("public_signup = \"domains\"\nsignup_domains = [\"Example.com\", \"sub.example.org\"]");
    let server = installation.serve();
    let (operator, acme) = operators_tenant(&server);
    for email in [
        "eve@example.net",
        "eve@notexample.com",
        "eve@x.example.com",
        "eve@example.org",
        "eve@example.com.evil.test",
    ] {
        sign_up(&server, email).expect_code(403, "sign_up_closed");
    }
    sign_up(&server, "ann@example.com").expect(201);
    sign_up(&server, "ben@SUB.example.org").expect(201);
    operator.invite(&server, &acme, "cleo@elsewhere.test", "member");
    sign_up(&server, "cleo@elsewhere.test").expect(201);
    assert!(installation.log().contains("nobody proves that an address is theirs"));
    server.stop();
}

#[test]
fn a_mode_that_makes_no_sense_stops_the_start_and_names_the_place() {
    for (toml, named) in [
        ("public_signup = \"anyone\"", "public_signup"),
        ("public_signup = \"domains\"", "signup_domains"),
        ("public_signup = \"domains\"\nsignup_domains = []", "signup_domains"),
        ("public_signup = \"domains\"\nsignup_domains = [\"@example.com\"]", "@example.com"),
        ("public_signup = \"domains\"\nsignup_domains = [\"*.example.com\"]", "*.example.com"),
        ("signup_domains = [\"example.com\"]", "signup_domains"),
    ] {
        let installation = with_app(toml);
        let refused = installation.serve_refused();
        assert!(refused.stderr.contains("app.toml") && refused.stderr.contains(named), "{toml}: {refused:?}");
        assert!(!installation.data().exists(), "nothing was made");
    }
}
