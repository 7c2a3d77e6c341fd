//! Repeated requests with an Idempotency-Key that are not about records.

use serde_json::{Value, json};

use crate::harness::{Answer, Call, Client, DAY, Installation};

#[track_caller]
fn post(client: &Client, path: &str, body: &Value, key: &str) -> Answer {
    let call = Call::new("POST", path).header("idempotency-key", key);
    client.send(&if body.is_null() { call } else { call.json(body) })
}

/// What must be the same in both answers.
fn shown(answer: &Answer) -> (u16, String, Option<String>, Option<String>) {
    let header = |name| answer.header(name).map(str::to_owned);
    (answer.status, answer.text(), header("location"), header("content-type"))
}

#[track_caller]
fn assert_replayed(answer: &Answer, first: &Answer) {
    assert_eq!(answer.header("idempotency-replayed"), Some("true"));
    assert_eq!(shown(answer), shown(first));
}

#[test]
fn what_a_tenants_request_made_is_made_once_and_answered_again() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (invitations, exports) = (acme.path("/invitations"), acme.path("/exports"));
    let count = |path: &str| ann.client.get(path).json["items"].as_array().unwrap().len();
    let invited = json!({"email": "ben@example.test", "role": "member"});
    for (path, body, status) in [(&invitations, &invited, 201), (&exports, &Value::Null, 202)] {
        let first = post(&ann.client, path, body, path).expect(status);
        assert_eq!(first.header("idempotency-replayed"), None);
        assert_replayed(&post(&ann.client, path, body, path), &first);
        // The same route by its other name.
        let short = path.replace("/tenants/acme", "");
        assert_replayed(&post(&ann.client.by_header(&acme), &short, body, path), &first);
        assert_eq!(count(path), 1);
        post(&ann.client, &acme.path("/reopen"), &Value::Null, path)
            .expect_code(409, "idempotency_key_reused");
    }
    let other = json!({"email": "eve@example.test", "role": "member"});
    post(&ann.client, &invitations, &other, &invitations).expect_code(409, "idempotency_key_reused");
    let record = json!({"name": "x"});
    post(&ann.client, &acme.path("/records/customers"), &record, &invitations)
        .expect_code(409, "idempotency_key_reused");
    post(&ann.client, &acme.path("/records/customers"), &record, "r").expect(201);
    post(&ann.client, &invitations, &other, "r").expect_code(409, "idempotency_key_reused");
    for key in ["", "a b"] {
        post(&ann.client, &invitations, &other, key).expect_code(400, "bad_idempotency_key");
    }
    assert_eq!(count(&invitations), 1);
    server.installation().advance_clock(DAY + 1);
    let ann = ann.sign_in_again();
    let later = post(&ann.client, &invitations, &other, &invitations).expect(201);
    assert_eq!(later.header("idempotency-replayed"), None);
    server.stop();
}

#[test]
fn a_tenant_is_made_once_also_by_many_at_once() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let body = json!({"name": "Acme"});
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let create = || post(&ann.client, "/api/v1/tenants", &body, "k");
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(create)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| shown(answer) == shown(&answers[0])));
    assert_eq!(answers[0].status, 201);
    let fresh = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_none());
    assert_eq!(fresh.count(), 1);
    assert_eq!(ann.client.get("/api/v1/tenants").json["items"].as_array().unwrap().len(), 1);
    post(&ann.client, "/api/v1/tenants", &json!({"name": "Other"}), "k")
        .expect_code(409, "idempotency_key_reused");
    // Another person's key is another key.
    let ben = server.sign_up("ben");
    let bens = post(&ben.client, "/api/v1/tenants", &body, "k").expect(201);
    assert_eq!(bens.header("idempotency-replayed"), None);
    assert_ne!(bens.string("/id"), answers[0].string("/id"));
    server.stop();
}

#[test]
fn who_may_no_longer_ask_is_not_answered_as_before() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let ben = server.join(&ann, &acme, "ben", "admin");
    let (path, body) = (acme.path("/invitations"), json!({"email": "eve@example.test", "role": "member"}));
    let first = post(&ben.client, &path, &body, "k").expect(201);
    let other = json!({"email": "una@example.test", "role": "member"});
    let anns = post(&ann.client, &path, &other, "k").expect(201);
    assert_eq!(anns.header("idempotency-replayed"), None, "a key is its sender's own");
    assert_replayed(&post(&ben.client, &path, &body, "k"), &first);
    ann.client.patch(&ben.membership(&acme), json!({"role": "member"})).expect(200);
    post(&ben.client, &path, &body, "k").expect(403);
    ann.client.delete(&ben.membership(&acme)).expect(204);
    post(&ben.client, &path, &body, "k").expect(404);
    post(&server.nobody(), &path, &body, "k").expect(401);
    server.stop();
}

#[test]
fn what_was_refused_may_be_tried_again_with_its_key() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let reopen = acme.path("/reopen");
    post(&ann.client, &reopen, &Value::Null, "k").expect_code(409, "not_closing");
    ann.client.post(&acme.path("/close"), json!({"confirm": "acme"})).expect(202);
    let done = post(&ann.client, &reopen, &Value::Null, "k").expect(200);
    assert_replayed(&post(&ann.client, &reopen, &Value::Null, "k"), &done);
    server.stop();
}

/// The server dies between claim and answer: whether the request was done is not known, so it is not done again.
#[test]
fn a_request_that_was_broken_off_is_not_done_again() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let body = json!({"email": "ben@example.test", "role": "member"});
    post(&ann.client, &acme.path("/invitations"), &body, "k").expect(201);
    post(&ann.client, "/api/v1/tenants", &json!({"name": "Two"}), "k").expect(201);
    let installation = std::sync::Arc::clone(server.installation());
    server.stop();
    for file in [installation.tenant_file(&acme.id), installation.data().join("catalog.db")] {
        let file = rusqlite::Connection::open(file).unwrap();
        // Its answer never came to be.
        let changed =
            file.execute("UPDATE _idempotency SET status = 0, body = NULL WHERE key = 'k'", []).unwrap();
        assert_eq!(changed, 1);
    }
    let server = installation.serve();
    let client = server.nobody().bearer(&ann.access_token);
    let (invitations, body) = (acme.path("/invitations"), &body);
    for (path, body) in [(invitations.as_str(), body), ("/api/v1/tenants", &json!({"name": "Two"}))] {
        post(&client, path, body, "k").expect_code(409, "idempotency_outcome_unknown");
        post(&client, path, &json!({"name": "Three"}), "k").expect_code(409, "idempotency_key_reused");
    }
    server.stop();
    // An answer that holds a secret is kept without its body.
    let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
    file.execute("UPDATE _idempotency SET status = 201 WHERE key = 'k'", []).unwrap();
    drop(file);
    let server = installation.serve();
    let client = server.nobody().bearer(&ann.access_token);
    post(&client, &invitations, body, "k").expect_code(409, "secret_shown_once");
    server.stop();
}
