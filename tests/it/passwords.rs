//! Which passwords are taken, and what a sign-up may say about oneself.

use serde_json::json;

use crate::harness::Installation;

#[test]
fn a_weak_password_is_refused_and_not_repeated() {
    let server = Installation::new().serve();
    let weak = ["", "zebra", "fourteen zebra", "zzzzzzzzzzzzzzzzzzzzzzzz", "zebra@example.com"];
    for password in weak {
        let body = json!({"email": "zebra@example.com", "password": password, "name": "Bob"});
        let answer = server.nobody().post("/api/v1/auth/sign-up", body).expect_refused_by_name("password");
        assert!(
            password.is_empty() || !answer.text().contains(password),
            "the answer repeats it: {answer:?}"
        );
    }
    server.stop();
}

#[test]
fn a_password_is_refused_with_the_reason() {
    let server = Installation::new().serve();
    let cases = [
        ("qwertyuiopasdfghjkl", "common", "lists of passwords"),
        ("BobMarlinSmith2026", "guessable", "your name"),
        ("harbour-pilots-2026", "guessable", "the name of the tenant"),
        ("Tenantry!Tenantry!", "guessable", "the name of this product"),
        ("seven.example.com!", "guessable", "your e-mail address"),
        ("ababcabababcabababc", "guessable", "repeats"),
    ];
    for (password, code, why) in cases {
        let body = json!({
            "email": "seven@example.com", "password": password, "name": "Bob Marlin Smith",
            "tenant": {"name": "Harbour Pilots", "slug": "pilots"},
        });
        let answer = server.nobody().post("/api/v1/auth/sign-up", body).expect(422);
        assert_eq!(answer.json["errors"][0]["code"], code, "{}", answer.text());
        assert!(answer.string("/errors/0/message").contains(why), "{}", answer.text());
    }
    server.stop();
}

#[test]
fn the_command_line_takes_no_common_password_either() {
    let installation = Installation::new();
    let add = |password: &str| {
        let arguments = ["operator", "add", "olive@example.com", "--password-stdin"];
        installation.run_with_input(&arguments, &format!("{password}\n"))
    };
    let refused = add("qwertyuiopasdfghjkl");
    assert!(refused.code != Some(0) && refused.stderr.contains("lists of passwords"), "{refused:?}");
    add("otter juggles nine lanterns").expect_code(0);
}

#[test]
fn a_password_of_many_kilobytes_is_refused_without_hashing_it() {
    let server = Installation::new().serve();
    let body = json!({"email": "bob@example.com", "password": "otter ".repeat(15_000), "name": "Bob"});
    server.nobody().post("/api/v1/auth/sign-up", body).expect_refused_by_name("password");
    let body = json!({"email": "bob@example.com", "password": "otter ".repeat(15_000)});
    server.nobody().post("/api/v1/auth/sign-in", body).expect_one_of(&[401, 422]);
    server.stop();
}

#[test]
fn nobody_makes_themselves_more_than_they_are_in_the_body_of_a_request() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let smuggled = [
        ("operator", json!(true)),
        ("role", json!("owner")),
        ("verified", json!(true)),
        ("id", json!("018f4d3c-7c1a-7000-8000-000000000000")),
        ("status", json!("active")),
        ("plan", json!("pro")),
        ("tenant_id", json!(acme.id)),
    ];
    for (field, value) in smuggled {
        let mut sign_up =
            json!({"email": "eve@example.com", "password": "eve juggles nine lanterns", "name": "Eve"});
        sign_up[field] = value.clone();
        server.nobody().post("/api/v1/auth/sign-up", sign_up).expect_refused_by_name(field);
        let mut create = json!({"name": "Other", "slug": "other"});
        create[field] = value.clone();
        ann.client.post("/api/v1/tenants", create).expect_refused_by_name(field);
        ann.client.patch("/api/v1/me", json!({field: value})).expect_refused_by_name(field);
        ann.client.patch(&acme.path(""), json!({field: value})).expect_refused_by_name(field);
        if field != "role" {
            let membership = ann.membership(&acme);
            ann.client
                .patch(&membership, json!({"role": "owner", field: value}))
                .expect_refused_by_name(field);
        }
    }
    let me = ann.client.get("/api/v1/me").expect(200);
    assert_eq!(me.json["operator"], false, "{}", me.text());
    assert_eq!(me.json["memberships"].as_array().map(Vec::len), Some(1), "{}", me.text());
    server.stop();
}
