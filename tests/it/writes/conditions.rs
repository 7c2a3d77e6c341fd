//! Entity tags, and requests that depend on them.

use std::collections::BTreeSet;

use serde_json::json;

use super::{etag, send};
use crate::harness::{Call, Installation};

#[test]
fn a_tag_changes_with_the_record_and_with_nothing_else() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let path = acme.path("/records/customers/c");
    let created = ann.client.send(&Call::put(&path, json!({"name": "x", "created_at": "now"}))).expect(201);
    let tag = etag(&created);
    for same in [
        ann.client.get(&path),
        ann.client.get(&format!("{path}?fields=name")),
        ann.client.get(&format!("{path}?fields=email,id")),
        ann.client.by_header(&acme).get("/api/v1/records/customers/c"),
        ann.client.patch(&path, json!({})),
        ann.client.patch(&path, json!({"name": "x"})),
    ] {
        assert_eq!(etag(&same.expect(200)), tag);
    }
    assert_eq!(ann.client.get(&format!("{path}?fields=name")).json, json!({"name": "x"}));
    let changed = ann.client.patch(&path, json!({"email": "e"})).expect(200);
    assert_ne!(etag(&changed), tag);
    assert_ne!(etag(&ann.client.get(&format!("{path}?fields=name"))), tag, "though the field is as it was");
    ann.client.patch(&path, json!({"email": null})).expect(200);
    assert_eq!(etag(&ann.client.get(&path)), tag, "as it was before");
    // The same record under the same key of another table or tenant is another.
    let notes = acme.path("/records/notes/c");
    let other = ann.create_tenant("other");
    let elsewhere = other.path("/records/customers/c");
    let body = json!({"name": "x", "created_at": "now"});
    let theirs = etag(&ann.client.send(&Call::put(&elsewhere, body)).expect(201));
    let note =
        etag(&ann.client.send(&Call::put(&notes, json!({"title": "x", "created_at": "now"}))).expect(201));
    assert_eq!(BTreeSet::from([&tag, &theirs, &note]).len(), 3);
    assert_eq!(ann.client.get(&elsewhere).json, ann.client.get(&path).json);
    send(&ann.client, "PATCH", &elsewhere, Some(&json!({})), &[("if-match", &tag)]).expect(412);
    server.stop();
}

#[test]
fn conditions_decide_whether_anything_happens() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let path = |id: &str| acme.path(&format!("/records/customers/{id}"));
    let body = json!({"name": "x", "created_at": "now"});
    ann.client.send(&Call::put(path("c"), body.clone())).expect(201);
    let tag = etag(&ann.client.get(&path("c")));
    let (weak, list, stale) = (format!("W/{tag}"), format!("\"a,b\", {tag}"), "\"stale\"".to_owned());
    let (is, not) = ("if-match", "if-none-match");
    for (method, id, header, value, status) in [
        ("GET", "c", not, tag.as_str(), 304),
        ("GET", "c", not, &weak, 304),
        ("GET", "c", not, &list, 304),
        ("GET", "c", not, "*", 304),
        ("GET", "c", not, &stale, 200),
        ("GET", "c", is, &stale, 412),
        ("GET", "c", is, &tag, 200),
        ("GET", "c", not, "unquoted", 400),
        ("GET", "nobody", not, "*", 404),
        ("PATCH", "c", is, &stale, 412),
        ("PATCH", "c", is, &weak, 412),
        ("PATCH", "c", is, "unquoted", 400),
        ("PATCH", "c", is, &tag, 200),
        ("PATCH", "c", is, &list, 200),
        ("PATCH", "c", is, "*", 200),
        ("PATCH", "c", not, &tag, 412),
        ("PATCH", "nobody", is, "*", 404),
        ("PATCH", "nobody", is, &tag, 404),
        ("PUT", "c", is, &stale, 412),
        ("PUT", "c", is, &tag, 200),
        ("PUT", "c", not, "*", 412),
        ("PUT", "nobody", is, "*", 412),
        ("PUT", "nobody", is, &tag, 412),
        ("PUT", "new", not, "*", 201),
        ("PUT", "new", not, "*", 412),
        ("DELETE", "c", is, &stale, 412),
        ("DELETE", "c", is, &weak, 412),
        ("DELETE", "nobody", is, "*", 404),
        ("DELETE", "c", is, &tag, 204),
    ] {
        let body = ["PATCH", "PUT"].contains(&method).then_some(&body);
        let answer = send(&ann.client, method, &path(id), body, &[(header, value)]);
        assert_eq!(answer.status, status, "{method} {id} {header}: {value}: {}", answer.text());
        match status {
            304 => assert!(answer.bytes.is_empty() && etag(&answer) == tag),
            412 => assert_eq!(answer.code(), "precondition_failed"),
            400 => assert_eq!(answer.code(), "bad_precondition"),
            _ => {}
        }
    }
    ann.client.get(&path("c")).expect(404);
    ann.client.get(&path("nobody")).expect(404);
    for all in ["/records/customers", "/batch"] {
        let answer = send(&ann.client, "POST", &acme.path(all), Some(&json!({})), &[("if-match", "*")]);
        answer.expect_code(400, "precondition_unsupported");
    }
    let two = Call::patch(path("new"), json!({})).header(is, "\"a\"").header(is, "\"b\"");
    ann.client.send(&two).expect(412);
    server.stop();
}

#[test]
fn of_many_who_change_what_they_read_one_wins() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let path = acme.path("/records/customers/c");
    ann.client.send(&Call::put(&path, json!({"name": "first"}))).expect(201);
    for _ in 0..3 {
        let tag = etag(&ann.client.get(&path));
        let statuses: Vec<(u16, String)> = std::thread::scope(|scope| {
            let patch = |name: String| {
                let answer =
                    send(&ann.client, "PATCH", &path, Some(&json!({"name": name})), &[("if-match", &tag)]);
                (answer.status, name)
            };
            let threads: Vec<_> = (0..20).map(|n| scope.spawn(move || patch(format!("{n}")))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won: Vec<_> = statuses.iter().filter(|(status, _)| *status == 200).collect();
        assert_eq!(won.len(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|(status, _)| [200, 412].contains(status)), "{statuses:?}");
        assert_eq!(ann.client.get(&path).json["name"].as_str(), Some(won[0].1.as_str()));
        ann.client.patch(&path, json!({"name": "again"})).expect(200);
    }
    server.stop();
}
