//! Repeated requests with an Idempotency-Key.

use serde_json::{Value, json};

use super::send;
use crate::harness::{Answer, Client, DAY, Installation, MINUTE};

const KEY: &str = "idempotency-key";

#[track_caller]
fn post(client: &Client, path: &str, body: &Value, key: &str) -> Answer {
    send(client, "POST", path, Some(body), &[(KEY, key)])
}

/// What must be the same in both answers.
fn shown(answer: &Answer) -> (u16, String, Option<String>, Option<String>) {
    let header = |name| answer.header(name).map(str::to_owned);
    (answer.status, answer.text(), header("location"), header("etag"))
}

#[test]
fn a_repeated_request_is_answered_as_before_and_done_once() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let customers = acme.path("/records/customers");
    let count = || ann.client.get(&customers).json["items"].as_array().unwrap().len();
    let mut rows = 0;
    let operation = json!({"op": "create", "table": "customers", "record": {"name": "c"}});
    for (path, body, status, adds) in [
        (&customers, json!({"name": "a"}), 201, 1),
        (&customers, json!([{"name": "b"}, {"name": "b"}]), 201, 2),
        (&acme.path("/batch"), json!({"operations": [operation]}), 200, 1),
    ] {
        let key = format!("\"{rows}\"");
        let first = post(&ann.client, path, &body, &key).expect(status);
        rows += adds;
        assert_eq!((first.header("idempotency-replayed"), count()), (None, rows));
        for _ in 0..2 {
            let again = post(&ann.client, path, &body, &key);
            assert_eq!(shown(&again), shown(&first));
            assert_eq!((again.header("idempotency-replayed"), count()), (Some("true"), rows));
        }
        // The record has changed since; the answer is still that to the request.
        let minimal =
            send(&ann.client, "POST", path, Some(&body), &[(KEY, &key), ("prefer", "return=minimal")]);
        assert!(minimal.bytes.is_empty() && minimal.header("idempotency-replayed") == Some("true"));
        for (path, body) in
            [(path, &json!({"name": "other"})), (&acme.path("/records/notes"), &json!({"title": "other"}))]
        {
            let refused = post(&ann.client, path, body, &key);
            if path.ends_with("/batch") {
                refused.expect(422);
            } else {
                refused.expect_code(409, "idempotency_key_reused");
            }
        }
        assert_eq!(count(), rows);
    }
    server.stop();
}

#[test]
fn a_key_is_the_tenants_and_the_members_own() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let ben = server.join(&ann, &acme, "ben", "member");
    let vera = server.join(&ann, &acme, "vera", "viewer");
    let other = ann.create_tenant("other");
    let customers = acme.path("/records/customers");
    let body = json!({"name": "Ann's secret"});
    post(&ann.client, &customers, &body, "k").expect(201);
    let bens = post(&ben.client, &customers, &json!({"name": "Ben's"}), "k").expect(201);
    assert!(!bens.text().contains("secret"));
    assert_eq!(bens.header("idempotency-replayed"), None);
    let theirs = post(&ann.client, &other.path("/records/customers"), &body, "k").expect(201);
    assert_eq!(theirs.header("idempotency-replayed"), None, "another tenant's file");
    post(&vera.client, &customers, &body, "k").expect(403);
    post(&server.sign_up("stan").client, &customers, &body, "k").expect(404);
    post(&server.nobody(), &customers, &body, "k").expect(401);
    ann.client.patch(&ben.membership(&acme), json!({"role": "viewer"})).expect(200);
    post(&ben.client, &customers, &json!({"name": "Ben's"}), "k").expect(403);
    server.stop();
}

#[test]
fn what_was_refused_is_not_kept_and_what_is_old_is_forgotten() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let customers = acme.path("/records/customers");
    let body = json!({"id": "c", "name": "x"});
    post(&ann.client, &customers, &body, "first").expect(201);
    post(&ann.client, &customers, &body, "k").expect(409);
    ann.client.delete(&format!("{customers}/c")).expect(204);
    let done = post(&ann.client, &customers, &body, "k").expect(201);
    assert_eq!(done.header("idempotency-replayed"), None);
    ann.client.delete(&format!("{customers}/c")).expect(204);
    server.installation().advance_clock(DAY - MINUTE);
    let ann = ann.sign_in_again();
    assert_eq!(shown(&post(&ann.client, &customers, &body, "k")), shown(&done), "for a day");
    server.installation().advance_clock(2 * MINUTE);
    let later = post(&ann.client, &customers, &body, "k").expect(201);
    assert_eq!(later.header("idempotency-replayed"), None);
    for key in ["", "a b", &"x".repeat(256), "ä"] {
        post(&ann.client, &customers, &json!({"name": "x"}), key).expect_code(400, "bad_idempotency_key");
    }
    let twice = [(KEY, "a"), (KEY, "b")];
    send(&ann.client, "POST", &customers, Some(&json!({"name": "x"})), &twice)
        .expect_code(400, "bad_idempotency_key");
    post(&ann.client, &customers, &json!({"name": "x"}), &"x".repeat(255)).expect(201);
    server.stop();
}

#[test]
fn many_at_once_with_one_key_write_one_record() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let customers = acme.path("/records/customers");
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let create = || post(&ann.client, &customers, &json!({"name": "x"}), "k");
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(create)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| shown(answer) == shown(&answers[0])));
    assert_eq!(answers[0].status, 201);
    let fresh = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_none());
    assert_eq!(fresh.count(), 1);
    assert_eq!(ann.client.get(&customers).json["items"].as_array().unwrap().len(), 1);
    server.stop();
}

#[test]
fn an_answer_too_long_to_keep_is_repeated_without_its_body() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let customers = acme.path("/records/customers");
    let body = json!({"name": "x".repeat(1 << 20)});
    let first = post(&ann.client, &customers, &body, "k").expect(201);
    let again = post(&ann.client, &customers, &body, "k").expect(201);
    assert!(again.bytes.is_empty());
    assert_eq!(again.header("preference-applied"), Some("return=minimal"));
    assert_eq!(
        (again.header("location"), again.header("etag")),
        (first.header("location"), first.header("etag"))
    );
    server.stop();
}

#[test]
fn a_file_from_before_there_were_keys_learns_them() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    server.stop();
    let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
    // As the first version made it.
    let later: Vec<String> = file
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '\\_%' ESCAPE '\\'")
        .unwrap()
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap()
        .map(Result::unwrap)
        .filter(|name| !["_tenant", "_migrations"].contains(&name.as_str()))
        .collect();
    assert!(later.iter().any(|name| name == "_idempotency"), "{later:?}");
    for table in later {
        file.execute_batch(&format!("DROP TABLE {table}")).unwrap();
    }
    file.execute_batch("DELETE FROM _migrations WHERE name LIKE 'tenant/%' AND version > 1").unwrap();
    drop(file);
    let server = installation.serve();
    let ann = server.nobody().bearer(&ann.access_token);
    let customers = acme.path("/records/customers");
    let first = post(&ann, &customers, &json!({"name": "x"}), "k").expect(201);
    assert_eq!(shown(&post(&ann, &customers, &json!({"name": "x"}), "k")), shown(&first));
    server.stop();
}
