//! API keys: what they open, and what they never do.

use serde_json::{Value, json};

use crate::harness::{Answer, Call, Client, Installation, Person, Tenant};
use crate::second_factor::App;

fn make(person: &Person, tenant: &Tenant, body: Value) -> Answer {
    person.client.post(&tenant.path("/api-keys"), body)
}

/// A key of that person and its id.
#[track_caller]
fn key_of(person: &Person, tenant: &Tenant, permissions: &[&str]) -> (Client, String) {
    let made = make(person, tenant, json!({"name": "Import", "permissions": permissions})).expect(201);
    (person.client.nobody().bearer(&made.string("/key")), made.string("/id"))
}

fn customer(name: &str) -> Value {
    json!({"name": name, "email": format!("{name}@example.com")})
}

const ALL_RECORDS: &[&str] = &["records:read", "records:write", "audit:read"];

#[test]
fn a_key_lives_as_long_as_it_is_not_deleted_and_is_told_once() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let made = make(&ann, &acme, json!({"name": "Import", "permissions": ["records:read"]})).expect(201);
    let (key, id) = (made.string("/key"), made.string("/id"));
    installation.plant_secret(&key);
    assert!(key.starts_with(&format!("tnt_{id}_")), "the form");
    let program = server.nobody().bearer(&key);
    program.get(&acme.path("/records/customers")).expect(200);
    program.by_header(&acme).get(&acme.path("/records/customers")).expect(200);
    let refused = program.post(&acme.path("/records/customers"), customer("bob")).expect(403);
    assert_eq!(refused.string("/permission"), "records:write");
    let listed = ann.client.get(&acme.path("/api-keys")).expect(200);
    let audited = ann.client.get(&acme.path("/audit")).expect(200);
    for answer in [&listed, &audited] {
        assert!(!answer.text().contains(&key[42..]), "{}", answer.text());
    }
    assert_eq!(listed.string("/items/0/id"), id);
    assert!(listed.json["items"][0]["last_used_at"].is_string(), "{}", listed.text());
    assert!(audited.text().contains("api_key.created"));
    ann.client.delete(&acme.path(&format!("/api-keys/{id}"))).expect(204);
    program.get(&acme.path("/records/customers")).expect_code(401, "api_key_invalid");
    ann.client.delete(&acme.path(&format!("/api-keys/{id}"))).expect(404);
    server.stop();
    installation.assert_log_keeps_secrets();
}

#[test]
fn a_key_that_is_not_whole_or_not_right_is_refused() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let permissions = json!({"name": "Import", "permissions": ["records:read"]});
    let (one, two) =
        (make(&ann, &acme, permissions.clone()).expect(201), make(&ann, &acme, permissions).expect(201));
    let (one_key, two_key) = (one.string("/key"), two.string("/key"));
    let mixed = format!("{}{}", &one_key[..41], &two_key[41..]);
    for text in [&one_key[..one_key.len() - 1], "tnt_", "tnt_x_y", &mixed] {
        let answer = server.nobody().bearer(text).get(&acme.path("/records/customers"));
        answer.expect_code(401, "api_key_malformed");
    }
    server.stop();
}

#[test]
fn a_key_opens_one_tenant_and_nothing_of_the_person() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bolt = ann.create_tenant("bolt");
    let (program, _) = key_of(&ann, &acme, ALL_RECORDS);
    program.get(&bolt.path("/records/customers")).expect(404);
    for path in ["/api/v1/me", "/api/v1/tenants", "/api/v1/auth/sessions", "/api/v1/operator/tenants"] {
        program.get(path).expect_code(403, "api_key_not_allowed");
    }
    program.post("/api/v1/auth/sign-out", json!({})).expect_code(403, "api_key_not_allowed");
    program.delete(&ann.membership(&acme)).expect(403);
    server.stop();
}

#[test]
fn a_key_never_mints_and_holds_no_more_than_its_maker() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "admin");
    let new = |permissions: Value| json!({"name": "Import", "permissions": permissions});
    for never in ["keys:manage", "members:manage", "roles:manage", "tenant:close", "ownership:transfer"] {
        make(&ann, &acme, new(json!([never]))).expect(422);
    }
    for bad in [json!([]), json!(["no:such"]), json!("records:read"), json!([1])] {
        make(&ann, &acme, new(bad)).expect(422);
    }
    let refused = make(&bob, &acme, new(json!(["billing:manage"]))).expect(403);
    assert_eq!(refused.string("/permission"), "billing:manage");
    for end in ["2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "soon"] {
        make(&ann, &acme, json!({"name": "I", "permissions": ["records:read"], "expires_at": end}))
            .expect(422);
    }
    let (program, id) = key_of(&ann, &acme, ALL_RECORDS);
    program.get(&acme.path("/api-keys")).expect(403);
    program.post(&acme.path("/api-keys"), new(json!(["records:read"]))).expect(403);
    program.delete(&acme.path(&format!("/api-keys/{id}"))).expect(403);
    program.post(&acme.path("/invitations"), json!({"email": "x@example.com", "role": "viewer"})).expect(403);
    server.stop();
}

#[test]
fn a_key_is_cut_down_with_its_holder() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "admin");
    let (program, _) = key_of(&bob, &acme, ALL_RECORDS);
    let created = program.post(&acme.path("/records/customers"), customer("cid")).expect(201);
    assert!(created.json["id"].is_string() || created.json["id"].is_number());
    program.get(&acme.path("/audit")).expect(200);
    ann.client.patch(&bob.membership(&acme), json!({"role": "viewer"})).expect(200);
    program.get(&acme.path("/audit")).expect(403);
    program.post(&acme.path("/records/customers"), customer("dan")).expect(403);
    program.get(&acme.path("/records/customers")).expect(200);
    ann.client.delete(&bob.membership(&acme)).expect(204);
    program.get(&acme.path("/records/customers")).expect(401);
    server.stop();
}

#[test]
fn a_key_ends_when_it_was_said_to_and_needs_a_fresh_sign_in() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let end = server.nobody().get("/livez").expect(200).header("date").map(str::to_owned);
    let today = jiff::fmt::rfc2822::parse(&end.unwrap()).unwrap().timestamp();
    let end = (today + jiff::SignedDuration::from_hours(1)).to_string();
    let body = json!({"name": "Import", "permissions": ["records:read"], "expires_at": end});
    let program = server.nobody().bearer(&make(&ann, &acme, body.clone()).expect(201).string("/key"));
    let path = acme.path("/records/customers");
    program.get(&path).expect(200);
    installation.advance_clock(50 * 60_000);
    program.get(&path).expect(200);
    let ann = ann.sign_in_again();
    let (lasting, id) = key_of(&ann, &acme, ALL_RECORDS);
    installation.advance_clock(11 * 60_000);
    program.get(&path).expect_code(401, "api_key_invalid");
    lasting.get(&path).expect(200);
    // The session goes on, but whoever holds it may be somebody else by now.
    let refreshed = json!({"refresh_token": ann.refresh_token});
    let refreshed = server.nobody().post("/api/v1/auth/refresh", refreshed).expect(200);
    let ann = Person { client: server.nobody().bearer(&refreshed.string("/access_token")), ..ann };
    make(&ann, &acme, body).expect_code(403, "step_up_required");
    let one = acme.path(&format!("/api-keys/{id}"));
    ann.client.delete(&one).expect_code(403, "step_up_required");
    ann.client.get(&acme.path("/api-keys")).expect(200);
    server.stop();
}

/// A key whose secret is another, with a checksum that is right: it has to be looked up.
#[test]
fn a_key_with_another_secret_is_refused() {
    use sha2::{Digest as _, Sha256};
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let key = make(&ann, &acme, json!({"name": "Import", "permissions": ["records:read"]})).expect(201);
    let key = key.string("/key");
    let (id, secret) = key.rsplit_once('_').unwrap();
    let forged = format!("{id}_{}", "7".repeat(secret.len() - 8));
    let sum = Sha256::digest(&forged);
    let checksum = format!("{:08x}", u32::from_be_bytes([sum[0], sum[1], sum[2], sum[3]]));
    let path = acme.path("/records/customers");
    let answer = server.nobody().bearer(&format!("{forged}{checksum}")).get(&path);
    answer.expect_code(401, "api_key_invalid");
    server.nobody().bearer(&key).get(&path).expect(200);
    server.stop();
}

#[test]
fn a_repeated_request_for_a_key_makes_no_second_one_and_shows_no_secret() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let body = json!({"name": "Import", "permissions": ["records:read"]});
    let call = Call::post(acme.path("/api-keys"), body).header("idempotency-key", "once");
    ann.client.send(&call).expect(201);
    ann.client.send(&call).expect_code(409, "secret_shown_once");
    let listed = ann.client.get(&acme.path("/api-keys")).expect(200);
    assert_eq!(listed.json["items"].as_array().unwrap().len(), 1);
    server.stop();
}

/// The same Idempotency-Key of two keys names two requests.
#[test]
fn keys_of_one_person_are_told_apart() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let ((one, one_id), (two, two_id)) = (key_of(&ann, &acme, ALL_RECORDS), key_of(&ann, &acme, ALL_RECORDS));
    let create = |name: &str| {
        Call::post(acme.path("/records/customers"), customer(name)).header("idempotency-key", "same")
    };
    one.send(&create("bob")).expect(201);
    two.send(&create("cid")).expect(201);
    two.send(&create("dan")).expect_code(409, "idempotency_key_reused");
    let changes = ann.client.get(&acme.path("/changes?since=0")).expect(200);
    let actors: Vec<&str> =
        changes.json["items"].as_array().unwrap().iter().map(|one| one["actor"].as_str().unwrap()).collect();
    assert_eq!(actors, [format!("key:{one_id}"), format!("key:{two_id}")]);
    server.stop();
}

#[test]
fn a_stream_of_a_deleted_key_ends() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (program, id) = key_of(&ann, &acme, ALL_RECORDS);
    let stream = program.stream(&acme.path("/changes"), None);
    stream.position();
    let began = std::time::Instant::now();
    ann.client.delete(&acme.path(&format!("/api-keys/{id}"))).expect(204);
    while stream.next_or_end().is_some() {}
    assert!(began.elapsed() < std::time::Duration::from_secs(2), "{:?}", began.elapsed());
    server.stop();
}

/// A tenant that asks its members for a second factor is not entered by a key of one who has none.
#[test]
fn a_key_is_no_way_around_the_second_factor() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (program, _) = key_of(&ann, &acme, ALL_RECORDS);
    let bob = server.join(&ann, &acme, "bob", "admin");
    let (of_bob, _) = key_of(&bob, &acme, ALL_RECORDS);
    App::enroll(&server, &ann.client);
    ann.client.patch(&acme.path(""), json!({"second_factor_required": true})).expect(200);
    program.get(&acme.path("/records/customers")).expect(200);
    of_bob.get(&acme.path("/records/customers")).expect_code(403, "second_factor_required");
    server.stop();
}

#[test]
fn a_tenant_has_a_hundred_keys_at_most() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (program, _) = key_of(&ann, &acme, ALL_RECORDS);
    for _ in 1..100 {
        make(&ann, &acme, json!({"name": "Import", "permissions": ["records:read"]})).expect(201);
    }
    let more = make(&ann, &acme, json!({"name": "Import", "permissions": ["records:read"]}));
    more.expect_code(409, "too_many_keys");
    program.get(&acme.path("/records/customers")).expect(200);
    server.stop();
}

#[test]
fn a_deleted_key_is_refused_while_others_use_it() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let path = acme.path("/records/customers");
    for _ in 0..30 {
        let (program, id) = key_of(&ann, &acme, ALL_RECORDS);
        std::thread::scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| while program.get(&path).status == 200 {});
            }
            ann.client.delete(&acme.path(&format!("/api-keys/{id}"))).expect(204);
            program.get(&path).expect_code(401, "api_key_invalid");
        });
    }
    server.stop();
}
