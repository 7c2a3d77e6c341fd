//! Jobs over the API, done by a service of the developer.

mod again;
mod desk;
mod embedded;
mod ends;
mod fair;
mod handlers;
mod kills;
mod limit;
mod states;

use std::sync::Arc;

use desk::{Desk, done};
use serde_json::{Value, json};

use crate::harness::{Answer, Client, HOUR, Installation, Tenant, eventually};

/// An installation whose app has the kind `render`, done at the desk, with more lines for it.
fn installation(desk: &Desk, more: &str) -> Arc<Installation> {
    let installation = Installation::with_migrations(&[]);
    let app = format!("[jobs.render]\nurl = \"{}\"\n{more}\n", desk.url());
    std::fs::write(installation.migrations().parent().unwrap().join("app.toml"), app).unwrap();
    installation
}

#[track_caller]
fn enqueue(client: &Client, tenant: &Tenant, more: &Value) -> Answer {
    let mut body = json!({ "kind": "render", "payload": { "page": 1 } });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    client.post(&tenant.path("/jobs"), body).expect(202)
}

#[track_caller]
fn job(client: &Client, tenant: &Tenant, id: &str) -> Value {
    client.get(&tenant.path(&format!("/jobs/{id}"))).expect(200).json
}

/// Waits until a job is there.
#[track_caller]
fn until(client: &Client, tenant: &Tenant, id: &str, status: &str) -> Value {
    eventually(status, || {
        let job = job(client, tenant, id);
        (job["status"] == status).then_some(job)
    })
}

/// By the clock of this machine, which the server's begins with.
fn in_an_hour() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    tenantry::clock::Timestamp(i64::try_from(now).unwrap() + HOUR).to_string()
}

#[test]
fn what_no_job_can_be_is_refused_with_every_field() {
    let desk = Desk::open(|_, _| done());
    let installation = installation(&desk, "");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let body = json!({
        "kind": "paint", "payload": "x".repeat(70_000), "run_at": "tomorrow", "priority": 101,
        "idempotency_key": "_ours",
    });
    let refused = ann.client.post(&acme.path("/jobs"), body).expect(422);
    let fields: Vec<&str> =
        refused.json["errors"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["kind", "payload", "run_at", "priority", "idempotency_key"]);
    ann.client.post(&acme.path("/jobs"), json!({"kind": "render", "who": 1})).expect(422);
    ann.client.post(&acme.path("/jobs"), json!({"kind": "render", "priority": 1.5})).expect(422);
    ann.client.get(&acme.path("/jobs?status=done")).expect_code(400, "bad_status");
    assert!(desk.posted().is_empty());
    server.stop();
}

#[test]
fn lists_go_page_by_page_and_by_status_and_kind() {
    let desk = Desk::open(|_, _| done());
    let installation = installation(&desk, &format!("[jobs.other]\nurl = \"{}\"", desk.url()));
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let too_late = json!({ "kind": "render", "run_at": "2099-01-01T00:00:00Z" });
    ann.client.post(&acme.path("/jobs"), too_late).expect(422);
    let later = json!({ "run_at": in_an_hour() });
    let mut ids: Vec<String> = (0..5).map(|_| enqueue(&ann.client, &acme, &later).string("/id")).collect();
    ids.reverse();
    let mut found = Vec::new();
    let mut path = "/jobs?status=queued&kind=render&limit=2".to_owned();
    loop {
        let page = ann.client.get(&acme.path(&path)).expect(200);
        let items = page.json["items"].as_array().unwrap();
        found.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        assert!(items.iter().all(|item| item.get("payload").is_none()));
        let Some(next) = page.json["next_cursor"].as_str() else { break };
        path = format!("/jobs?status=queued&kind=render&limit=2&cursor={next}");
    }
    assert_eq!(found, ids);
    let none = ann.client.get(&acme.path("/jobs?kind=other")).expect(200);
    assert_eq!(none.json["items"], json!([]));
    let ben = server.join(&ann, &acme, "ben", "viewer");
    ben.client.get(&acme.path("/jobs")).expect(200);
    ben.client.post(&acme.path(&format!("/jobs/{}/cancel", ids[0])), json!({})).expect(403);
    let other = ann.create_tenant("other");
    ann.client.get(&other.path(&format!("/jobs/{}", ids[0]))).expect(404);
    server.stop();
}
